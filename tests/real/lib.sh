# Functions that the scripts of this folder share. Sourced, never run.
#
# Downloads are kept in $CREDSWAP_CACHE, outside the repository.
# The files of running servers (passwords, keys, data, logs) are in $CREDSWAP_STATE and are removed when the servers stop.
# shellcheck shell=bash disable=SC2034,SC2153

set -euo pipefail
umask 077
# Nothing is written into the folder of the scripts.
export PYTHONDONTWRITEBYTECODE=1

CACHE=${CREDSWAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/credswap}
STATE=${CREDSWAP_STATE:-$CACHE/state}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# reason LOG: prints the line of a log that most likely explains a failure.
reason() {
    grep -m 1 -E 'ERROR|Error:|Exception:' "$1" || tail -n 1 "$1"
}

usage() {
    # The usage is the comment at the top of the calling script.
    sed -n '2,/^$/{s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || die "$tool is not installed: install it first"
    done
}

# fetch_once NAME FUNCTION: runs FUNCTION DIR unless it has succeeded for this NAME, which includes the version.
fetch_once() {
    local dir=$CACHE/$1
    mkdir -p "$CACHE"
    (
        # Concurrent runs must not fill the same folder.
        if command -v flock >/dev/null; then flock 9; fi
        if [ ! -e "$dir/.complete" ]; then
            rm -rf "$dir"
            mkdir -p "$dir"
            "$2" "$dir" >"$CACHE/$1.log" 2>&1 || die "could not fetch $1: $(reason "$CACHE/$1.log")"
            touch "$dir/.complete"
        fi
    ) 9>"$CACHE/$1.lock"
}

python_env() {
    need python3 cksum
    # The name includes the versions: a changed pin creates a new environment.
    PYTHON_ENV=python-$(cksum <"$HERE/requirements.txt" | cut -d ' ' -f 1)
    fetch_once "$PYTHON_ENV" install_python_env
    PYTHON=$CACHE/$PYTHON_ENV/bin/python
}

install_python_env() {
    python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check -r "$HERE/requirements.txt"
}

# Prints a free port below the range of outgoing connections: otherwise a client that retries the port of a stopped server
# could connect to itself, and the port would be taken when the server restarts.
free_port() {
    python3 - <<'PYTHON'
import random, socket
while True:
    with socket.socket() as candidate:
        try:
            candidate.bind(("127.0.0.1", random.randint(15000, 30000)))
        except OSError:
            continue
        print(candidate.getsockname()[1])
        break
PYTHON
}

# temporary_state FUNCTION: creates a state folder for this run, and calls FUNCTION at its end, however it ends.
temporary_state() {
    need mktemp
    STATE=$(mktemp -d "${TMPDIR:-/tmp}/credswap-real.XXXXXX")
    export CREDSWAP_STATE=$STATE CREDSWAP_BUCKET=credswap-uploads CREDSWAP_SECRET_ID=prod/uploader
    # shellcheck disable=SC2064
    trap "$1" EXIT
    trap 'exit 130' INT TERM
}

# start_all SERVER ...: starts them concurrently; each prints its own error.
start_all() {
    local server pid starting=() failed=0
    python_env
    for server in "$@"; do
        "$HERE/$server.sh" start &
        starting+=($!)
    done
    for pid in "${starting[@]}"; do
        wait "$pid" || failed=1
    done
    [ "$failed" = 0 ] || exit 1
}

# stop_all SERVER ...: stops them and removes the state folder.
stop_all() {
    local server
    for server in "$@"; do
        "$HERE/$server.sh" stop || true
    done
    rm -rf "$STATE"
}

# no_secret_in AWS FILE-OR-FOLDER ...: fails if they contain a secret that rotate.py listed in the folder AWS, or a Kafka
# password.
no_secret_in() {
    local secrets found=0
    secrets=$(cat "$1/secrets" "$STATE"/kafka/*.password) || die "the list of secrets is missing"
    shift
    grep -rqFf - -- "$@" <<<"$secrets" || found=$?
    case $found in
        0) die "the output contains a secret" ;;
        1) ;;
        *) die "the output cannot be searched for secrets" ;;
    esac
}

random_password() {
    openssl rand -hex 24
}

# running DIR: succeeds while the process in DIR/pid is running and was started for DIR.
running() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 1
    ps -p "$pid" -o args= 2>/dev/null | grep -qF -- "$1"
}

send() {
    running "$2" || die "not running"
    kill -s "$1" "$(cat "$2/pid")"
}

# end DIR SECONDS: terminates the process, and kills it after SECONDS. Succeeds if there is none.
end() {
    local deadline=$((SECONDS + $2))
    running "$1" || return 0
    send TERM "$1"
    send CONT "$1"
    while running "$1"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            send KILL "$1"
            deadline=$((SECONDS + 5))
        fi
        sleep 0.1
    done
}

# For servers of AWS APIs that are Python packages (ministack.sh, moto.sh). Their scripts set DIR, SERVER (name and version),
# PACKAGE (for pip), HEALTH (a path that answers when the server is ready) and PORT (may be empty), and define serve PORT,
# which replaces the shell with the server.

python_server() {
    case ${1-}/$# in
        start/1) start_python_server ;;
        stop/1) stop_python_server ;;
        status/1) if running "$DIR"; then echo running; else echo stopped; fi ;;
        env/1) started && cat "$DIR/env" ;;
        log/1) [ -e "$DIR/log" ] || die "not started"; tail -n 40 "$DIR/log" ;;
        *) usage ;;
    esac
}

started() {
    [ -e "$DIR/env" ] || die "not started"
}

start_python_server() {
    if running "$DIR" && [ -e "$DIR/env" ]; then return; fi
    need python3 ps
    fetch_once "$SERVER" install_python_server
    stop_python_server
    mkdir -p "$DIR/tmp"
    local port=${PORT:-$(free_port)} url
    url=http://127.0.0.1:$port
    serve "$port" >"$DIR/log" 2>&1 </dev/null &
    echo $! >"$DIR/pid"
    wait_until_ready "$url$HEALTH"
    printf 'export CREDSWAP_ENDPOINT_URL=%s\nexport AWS_REGION=us-east-1\n' "$url" >"$DIR/env"
}

stop_python_server() {
    end "$DIR" 10
    rm -rf "$DIR"
}

install_python_server() {
    python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check "$PACKAGE"
}

wait_until_ready() {
    local deadline=$((SECONDS + 60))
    until python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=2)' "$1" 2>/dev/null; do
        running "$DIR" || die "did not start: $(reason "$DIR/log")"
        [ "$SECONDS" -lt "$deadline" ] || die "did not answer within 60 s"
        sleep 0.2
    done
}
