#!/usr/bin/env bash
# Runs the uploader on real servers, Apache Kafka and ministack, while a common rotation function rotates its key.
#
#   run.sh [uploader argument ...]      the arguments are appended to those below
#
# Fails unless the uploader exits with 0, every rotation took place while it ran, every old key was deleted and is
# rejected, and the uploader's output contains no secret. Always stops the servers and removes what they wrote.
# Settings: UPLOADER (target/release/examples/s3_uploader), DURATION 40, ROTATIONS 2, ROTATE_EVERY 13, RETIRE_AFTER 12.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

UPLOADER=${UPLOADER:-$HERE/../../target/release/examples/s3_uploader}
DURATION=${DURATION:-40}
# How long the uploader may take after its duration: reading everything back takes as long as uploading it, and longer on
# a busy machine.
GRACE=300

uploader=
rotating=

main() {
    case ${1-} in -h | --help) usage ;; esac
    local command
    read -ra command <<<"$UPLOADER"
    command -v "${command[0]}" >/dev/null || die "no uploader at ${command[0]}: cargo build --release --example s3_uploader"
    need timeout
    temporary_state clean
    AWS=$STATE/aws

    start_all kafka ministack
    # shellcheck source=/dev/null
    . "$STATE/kafka/env" && . "$STATE/ministack/env"
    "$PYTHON" "$HERE/rotate.py" "$AWS" setup

    start_uploader "${command[@]}" -- "$@"
    local rotated=0 in_time=0 status=0
    # In the background, with wait: the shell would handle a signal only after a foreground command has ended.
    rotate &
    rotating=$!
    wait "$rotating" || rotated=$?
    # In time: the uploader was still running when the last old key was deleted.
    kill -0 "$uploader" 2>/dev/null || in_time=1
    [ "$rotated" -eq 0 ] || kill "$uploader" 2>/dev/null || true
    wait "$uploader" || status=$?
    uploader=

    no_secret_in "$AWS" "$STATE/uploader.log"
    cat "$STATE/uploader.log"
    case $in_time/$rotated/$status in
        0/0/0)
            grep -E 'event → first request .* [0-9.]+ ms / ' "$STATE/uploader.log" >/dev/null ||
                die "the uploader did not measure the time from an event to its first request"
            summary
            ;;
        */*/124) die "the uploader did not end within $((DURATION + GRACE)) s" ;;
        1/*/0) die "the uploader ended before the last old key was deleted (DURATION=$DURATION)" ;;
        1/* | 0/0/*) die "the uploader failed with exit status $status" ;;
        *) die "the rotations failed" ;;
    esac
}

# start_uploader COMMAND ... -- ARGUMENT ...
start_uploader() {
    local command=()
    while [ "$1" != -- ]; do
        command+=("$1")
        shift
    done
    shift
    (
        # The uploader gets only the reader's key: the key that it uploads with must come from the secret.
        # shellcheck source=/dev/null
        . "$AWS/reader.env"
        exec timeout --kill-after 5 "$((DURATION + GRACE))" "${command[@]}" \
            --secret-id "$CREDSWAP_SECRET_ID" --bucket "$CREDSWAP_BUCKET" --endpoint-url "$CREDSWAP_ENDPOINT_URL" \
            --bootstrap-servers "$CREDSWAP_KAFKA_BOOTSTRAP_SERVERS" --topic "$CREDSWAP_KAFKA_TOPIC" \
            --kafka-username consumer --kafka-password-file "$CREDSWAP_KAFKA_CONSUMER_PASSWORD_FILE" \
            --ca-file "$CREDSWAP_KAFKA_CA_FILE" --duration "$DURATION" "$@"
    ) >"$STATE/uploader.log" 2>&1 </dev/null &
    uploader=$!
}

rotate() {
    # shellcheck source=/dev/null
    (. "$AWS/rotator.env" && "$PYTHON" "$HERE/rotate.py" "$AWS" run --rotations "${ROTATIONS:-2}" \
        --every "${ROTATE_EVERY:-13}" --retire-after "${RETIRE_AFTER:-12}" --beside "$uploader") | tee "$STATE/rotations.log"
}

summary() {
    echo "real servers: $(grep -c 'deleted and rejected' "$STATE/rotations.log") rotations under load, old keys deleted and rejected, uploader exit status 0"
}

clean() {
    # The rotations end when the uploader has ended.
    if [ -n "$uploader" ]; then
        kill "$uploader" 2>/dev/null || true
        wait "$uploader" $rotating 2>/dev/null || true
    fi
    stop_all kafka ministack
}

main "$@"
