#!/usr/bin/env bash
# Runs the tests that need PostgreSQL, and are ignored otherwise, and the example, on a server of their own on 127.0.0.1
# (SCRAM-SHA-256).
#
#   postgres.sh
#
# Needs Debian's package postgresql (or initdb and pg_ctl on the PATH). Always stops the server and removes what it wrote.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    [ $# -eq 0 ] || usage
    PATH=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1):$PATH
    need cargo openssl python3 initdb pg_ctl
    temporary_state clean
    DIR=$STATE/postgres
    start
    local output
    output=$(cd "$HERE/../.." && cargo test --all-features --test all -- --ignored --nocapture --test-threads 1 sql::real::)
    printf '%s\n' "$output"
    # A filter that matches no test would pass as well.
    grep -Eq ' [1-9][0-9]* passed' <<<"$output" || die "the test did not run"
    (cd "$HERE/../.." && DATABASE=$CREDSWAP_POSTGRES timeout 300 cargo run --quiet --all-features --example postgres_pool)
}

start() {
    local port password
    port=$(free_port)
    password=$(random_password)
    mkdir "$DIR"
    printf '%s\n' "$password" >"$DIR/password"
    if [ "$(id -u)" = 0 ]; then
        # PostgreSQL does not run as root: its user may enter this folder, and owns what is inside.
        chmod 711 "$STATE"
        chown -R postgres "$DIR"
    fi
    as_server initdb -D "$DIR/data" -A scram-sha-256 --pwfile="$DIR/password" -U postgres >"$DIR.log" 2>&1 ||
        die "could not create the database: $(reason "$DIR.log")"
    as_server pg_ctl -D "$DIR/data" -l "$DIR/server.log" -w \
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$DIR -c fsync=off" start >"$DIR.log" 2>&1 ||
        die "did not start: $(reason "$DIR.log")"
    export CREDSWAP_POSTGRES="host=127.0.0.1 port=$port user=postgres dbname=postgres password=$password"
}

clean() {
    if [ -e "${DIR-}/data/postmaster.pid" ]; then as_server pg_ctl -D "$DIR/data" -m immediate stop >/dev/null || true; fi
    rm -rf "$STATE"
}

# as_server COMMAND ...: runs it as a user who may run the server.
as_server() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

main "$@"
