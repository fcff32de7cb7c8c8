#!/usr/bin/env bash
# The rotation function on real servers: Apache Kafka, and ministack and moto in turn.
#
#   rotation.sh [ministack|moto ...]        both without an argument
#
# The binary of the example rotation_lambda is driven through Lambda's Runtime API as Secrets Manager and a schedule would;
# lambda_rotation.py says what must hold. Fails unless it does, and if a secret is in what function or consumer wrote.
# Always stops the servers and removes what they wrote.
# Settings: EXAMPLES (target/release/examples).

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

EXAMPLES=${EXAMPLES:-$HERE/../../target/release/examples}
REPORTS=credswap.fleet

main() {
    local server example
    [ $# -gt 0 ] || set -- ministack moto
    for server in "$@"; do
        case $server in ministack | moto) ;; *) usage ;; esac
    done
    for example in rotation_lambda reporting_consumer; do
        [ -x "$EXAMPLES/$example" ] || die "no $EXAMPLES/$example: cargo build --release --all-features --example $example"
    done
    need mktemp
    trap clean EXIT
    trap 'exit 130' INT TERM
    STATE=$(mktemp -d "${TMPDIR:-/tmp}/credswap-real.XXXXXX")
    export CREDSWAP_STATE=$STATE CREDSWAP_SECRET_ID=prod/uploader
    python_env
    "$HERE/kafka.sh" start
    # shellcheck source=/dev/null
    . "$STATE/kafka/env"
    for server in "$@"; do
        rotate_on "$server"
    done
    echo "real servers: rotation and retirement by the function on $*"
}

rotate_on() {
    local aws=$STATE/aws-$1
    "$HERE/$1.sh" start
    # Each server begins with an empty fleet.
    "$HERE/kafka.sh" topic "$REPORTS-$1" 3 cleanup.policy=compact message.timestamp.type=LogAppendTime
    "$HERE/kafka.sh" acl add "publisher:read:topic:$REPORTS-$1" "publisher:write:topic:$REPORTS-$1" "consumer:write:topic:$REPORTS-$1"
    (
        # shellcheck source=/dev/null
        . "$STATE/$1/env"
        export CREDSWAP_SERVER=$1 CREDSWAP_REPORTS_TOPIC=$REPORTS-$1
        "$PYTHON" "$HERE/rotate.py" "$aws" setup
        if [ "$1" = moto ]; then "$HERE/moto.sh" enforce; fi
        "$PYTHON" "$HERE/lambda_rotation.py" "$aws" "$EXAMPLES/rotation_lambda" "$EXAMPLES/reporting_consumer"
    ) || {
        tail -n 20 "$aws"/*.log >&2 || true
        die "the rotation on $1 failed"
    }
    if cat "$aws/secrets" "$STATE"/kafka/*.password | grep -qFf - "$aws"/*.log; then
        die "a secret is in what function or consumer wrote"
    fi
    "$HERE/$1.sh" stop
}

clean() {
    [ -n "${CREDSWAP_STATE-}" ] || return 0
    local server
    for server in kafka ministack moto; do
        "$HERE/$server.sh" stop || true
    done
    rm -rf "$STATE"
}

main "$@"
