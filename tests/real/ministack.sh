#!/usr/bin/env bash
# ministack on 127.0.0.1: S3, Secrets Manager, IAM and STS that refuse unknown, inactive and deleted keys.
#
#   ministack.sh start        install (once) and start
#   ministack.sh env          shell exports: its endpoint and region
#   ministack.sh status|log   "running" or "stopped"; the end of its log
#   ministack.sh stop         end it and remove everything it wrote
#
# Requests without a key or with the key "test" are root's and are not checked: use keys of IAM users.
# Settings: CREDSWAP_MINISTACK_PORT (a free one), CREDSWAP_CACHE, CREDSWAP_STATE.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MINISTACK_VERSION=1.5.33
DIR=$STATE/ministack
ENV=$CACHE/ministack-$MINISTACK_VERSION
# The argument is only there to tell this process from others.
MINISTACK='import sys; del sys.argv[1:]; from ministack.app import main; main()'

main() {
    case ${1-}/$# in
        start/1) start ;;
        stop/1) stop ;;
        status/1) if running "$DIR"; then echo running; else echo stopped; fi ;;
        env/1) [ -e "$DIR/env" ] || die "not started"; cat "$DIR/env" ;;
        log/1) [ -e "$DIR/log" ] || die "not started"; tail -n 40 "$DIR/log" ;;
        *) usage ;;
    esac
}

start() {
    if running "$DIR" && [ -e "$DIR/env" ]; then return; fi
    need python3 ps
    fetch_once "${ENV##*/}" install
    stop
    mkdir -p "$DIR/tmp"
    local port=${CREDSWAP_MINISTACK_PORT:-$(free_port)}
    # An environment of its own: the caller's AWS keys would become root's here. What else ministack would open
    # (MQTT, SFTP) or look for (Docker) is turned off.
    env -i PATH="$PATH" HOME="$DIR" TMPDIR="$DIR/tmp" AUTH=true BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" \
        IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 DOCKER_HOST="unix://$DIR/no-docker" LOG_LEVEL=WARNING \
        "$ENV/bin/python" -c "$MINISTACK" "$DIR" >"$DIR/log" 2>&1 </dev/null &
    echo $! >"$DIR/pid"
    wait_until_ready "http://127.0.0.1:$port"
    printf 'export CREDSWAP_ENDPOINT_URL=http://127.0.0.1:%s\nexport AWS_REGION=us-east-1\n' "$port" >"$DIR/env"
}

stop() {
    end "$DIR" 10
    rm -rf "$DIR"
}

install() {
    python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check "ministack==$MINISTACK_VERSION"
}

wait_until_ready() {
    local deadline=$((SECONDS + 60))
    until "$ENV/bin/python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1] + "/_ministack/health", timeout=2)' "$1" 2>/dev/null; do
        running "$DIR" || die "did not start: $(reason "$DIR/log")"
        [ "$SECONDS" -lt "$deadline" ] || die "did not answer within 60 s"
        sleep 0.2
    done
}

main "$@"
