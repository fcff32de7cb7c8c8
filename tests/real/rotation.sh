#!/usr/bin/env bash
# Runs the rotation function and three uploaders on real servers: Apache Kafka, and ministack and moto in turn.
#
#   rotation.sh [ministack|moto ...]        default: both
#
# The binary of the example rotation_lambda is invoked through Lambda's Runtime API, as Secrets Manager and a schedule do,
# beside processes of the examples s3_uploader, reporting_consumer and reporting_consumer.py. Fails unless everything listed in lambda_rotation.py
# holds, and if the output of a process contains a secret.
# Always stops the servers and removes what they wrote.
# Settings: EXAMPLES (target/release/examples).

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

EXAMPLES=${EXAMPLES:-$HERE/../../target/release/examples}
REPORTS=credswap.usage

main() {
    local server example
    [ $# -gt 0 ] || set -- ministack moto
    for server in "$@"; do
        case $server in ministack | moto) ;; *) usage ;; esac
    done
    for example in rotation_lambda s3_uploader reporting_consumer; do
        [ -x "$EXAMPLES/$example" ] || die "no $EXAMPLES/$example: cargo build --release --all-features --example $example"
    done
    temporary_state clean
    start_all kafka "$@"
    # shellcheck source=/dev/null
    . "$STATE/kafka/env"
    for server in "$@"; do
        rotate_on "$server"
    done
    echo "real servers: rotations and retirements by the function passed on $*"
}

rotate_on() {
    local aws=$STATE/aws-$1 failed=0
    # Each server starts without usage reports.
    "$HERE/kafka.sh" topic "$REPORTS-$1" 3 cleanup.policy=compact,delete message.timestamp.type=LogAppendTime
    "$HERE/kafka.sh" acl add "publisher:read:topic:$REPORTS-$1" "publisher:write:topic:$REPORTS-$1" \
        "consumer:write:topic:$REPORTS-$1" "straggler:write:topic:$REPORTS-$1"
    mkdir -p "$aws/logs"
    drive "$1" "$aws" || failed=1
    no_secret_in "$aws" "$aws/logs"
    if [ "$failed" = 1 ]; then
        tail -v -n 12 "$aws"/logs/*.log >&2 || true
        die "the rotation on $1 failed"
    fi
    "$HERE/$1.sh" stop
}

# In a subshell, and each command only if the one before succeeded: errexit has no effect here.
drive() (
    # shellcheck source=/dev/null
    . "$STATE/$1/env" &&
        export CREDSWAP_SERVER=$1 CREDSWAP_REPORTS_TOPIC=$REPORTS-$1 &&
        "$PYTHON" "$HERE/rotate.py" "$2" setup &&
        enforce "$1" &&
        "$PYTHON" "$HERE/lambda_rotation.py" "$2" "$EXAMPLES"
)

enforce() {
    case $1 in moto) "$HERE/moto.sh" enforce ;; esac
}

clean() {
    stop_all kafka ministack moto
}

main "$@"
