#!/usr/bin/env bash
# The tests that need Apache Kafka itself, its ACLs and its times, and are ignored elsewhere.
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
    local said
    said=$(cd "$HERE/../.." && cargo test --all-features --test all -- --ignored --exact \
        fleet::kafka::real::consumers_need_write_and_the_authority_both)
    printf '%s\n' "$said"
    # A name that is no test's would pass as well.
    grep -q '1 passed' <<<"$said" || die "the test did not run"
}

clean() {
    stop_all kafka
}

main "$@"
