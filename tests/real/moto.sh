#!/usr/bin/env bash
# moto on 127.0.0.1: S3, Secrets Manager, IAM and STS that know two keys per user, their last use, and policies.
#
#   moto.sh start             install (once) and start; nothing is checked yet
#   moto.sh enforce           from now on each request must be signed by a key of an IAM user that may do it
#   moto.sh env               shell exports: its endpoint and region
#   moto.sh status|log        "running" or "stopped"; the end of its log
#   moto.sh stop              end it and remove everything it wrote
#
# An inactive key is accepted all the same: only a deleted one is refused.
# Settings: CREDSWAP_MOTO_PORT (a free one), CREDSWAP_CACHE, CREDSWAP_STATE.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MOTO_VERSION=5.2.5
DIR=$STATE/moto
ENV=$CACHE/moto-$MOTO_VERSION
# The argument is only there to tell this process from others.
MOTO='import sys; port = sys.argv[1]; from moto.server import main; main(["-H", "127.0.0.1", "-p", port])'

main() {
    case ${1-}/$# in
        start/1) start ;;
        enforce/1) started && enforce ;;
        stop/1) stop ;;
        status/1) if running "$DIR"; then echo running; else echo stopped; fi ;;
        env/1) started && cat "$DIR/env" ;;
        log/1) [ -e "$DIR/log" ] || die "not started"; tail -n 40 "$DIR/log" ;;
        *) usage ;;
    esac
}

started() {
    [ -e "$DIR/env" ] || die "not started"
}

start() {
    if running "$DIR" && [ -e "$DIR/env" ]; then return; fi
    need python3 ps
    fetch_once "${ENV##*/}" install
    stop
    mkdir -p "$DIR/tmp"
    local port=${CREDSWAP_MOTO_PORT:-$(free_port)}
    env -i PATH="$PATH" HOME="$DIR" TMPDIR="$DIR/tmp" "$ENV/bin/python" -c "$MOTO" "$port" "$DIR" >"$DIR/log" 2>&1 </dev/null &
    echo $! >"$DIR/pid"
    wait_until_ready "http://127.0.0.1:$port"
    printf 'export CREDSWAP_ENDPOINT_URL=http://127.0.0.1:%s\nexport AWS_REGION=us-east-1\n' "$port" >"$DIR/env"
}

enforce() {
    # shellcheck source=/dev/null
    . "$DIR/env"
    "$ENV/bin/python" - "$CREDSWAP_ENDPOINT_URL/moto-api/reset-auth" <<'PYTHON'
import sys, urllib.request as r
r.urlopen(r.Request(sys.argv[1], b"0", {"Content-Type": "text/plain"}), timeout=10)
PYTHON
}

stop() {
    end "$DIR" 10
    rm -rf "$DIR"
}

install() {
    python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check "moto[server,s3,secretsmanager,iam,sts]==$MOTO_VERSION"
}

wait_until_ready() {
    local deadline=$((SECONDS + 60))
    until "$ENV/bin/python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1] + "/moto-api/data.json", timeout=2)' "$1" 2>/dev/null; do
        running "$DIR" || die "did not start: $(reason "$DIR/log")"
        [ "$SECONDS" -lt "$deadline" ] || die "did not answer within 60 s"
        sleep 0.2
    done
}

main "$@"
