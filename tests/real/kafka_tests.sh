#!/usr/bin/env bash
# Runs the tests that need Apache Kafka (ACLs, timestamps, compression, transactions, many partitions), and are ignored
# otherwise.
#
#   kafka_tests.sh
#
# Always stops the broker and removes what it wrote.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

REPORTS=credswap.usage

main() {
    [ $# -eq 0 ] || usage
    need cargo
    temporary_state clean
    start_all kafka
    "$HERE/kafka.sh" topic "$REPORTS" 3 cleanup.policy=compact,delete message.timestamp.type=LogAppendTime
    "$HERE/kafka.sh" acl add "publisher:write:topic:$REPORTS" "consumer:read:topic:$REPORTS"
    # shellcheck source=/dev/null
    . "$STATE/kafka/env"
    local output
    output=$(cd "$HERE/../.." && cargo test --all-features --test all -- --ignored kafka::real::)
    printf '%s\n' "$output"
    # A filter that matches no test would pass as well.
    grep -Eq ' [1-9][0-9]* passed' <<<"$output" || die "the test did not run"
}

clean() {
    stop_all kafka
}

main "$@"
