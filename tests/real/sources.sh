#!/usr/bin/env bash
# Runs the tests of sources that need servers, and are ignored otherwise: Parameter Store, KMS and S3 of ministack and moto
# in turn.
#
#   sources.sh [ministack|moto ...]      default: both
#
# Always stops the servers and removes what they wrote.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    local server
    [ $# -gt 0 ] || set -- ministack moto
    for server in "$@"; do
        case $server in ministack | moto) ;; *) usage ;; esac
    done
    need cargo
    temporary_state clean
    start_all "$@"
    for server in "$@"; do
        fetch_from "$server" || die "the sources failed on $server"
    done
    echo "real servers: Parameter Store, KMS and S3 as sources passed on $*"
}

# In a subshell; errexit has no effect here.
fetch_from() (
    export CREDSWAP_SERVER=$1
    # shellcheck source=/dev/null
    . "$STATE/$1/env"
    cd "$HERE/../.." || exit 1
    output=$(cargo test --all-features --test all -- --ignored source::real::)
    status=$?
    printf '%s\n' "$output"
    # A filter that matches no test would pass as well.
    [ "$status" = 0 ] && grep -Eq ' [1-9][0-9]* passed' <<<"$output"
)

clean() {
    stop_all ministack moto
}

main "$@"
