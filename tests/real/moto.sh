#!/usr/bin/env bash
# moto on 127.0.0.1: S3, Secrets Manager, IAM, STS, Parameter Store and KMS, with two keys per user, their last use, and policies.
#
#   moto.sh start             install (once) and start; requests are not authorized yet
#   moto.sh enforce           from now on, requests need the key of an IAM user with permission
#   moto.sh env               shell exports: endpoint and region
#   moto.sh status|log        "running" or "stopped"; the end of its log
#   moto.sh stop              stop it and remove everything it wrote
#
# Inactive keys are accepted; only deleted ones are rejected.
# Settings: CREDSWAP_MOTO_PORT (default: a free one), CREDSWAP_CACHE, CREDSWAP_STATE.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSION=5.2.5
SERVER=moto-$VERSION
PACKAGE="moto[server,s3,secretsmanager,iam,sts]==$VERSION"
HEALTH=/moto-api/data.json
DIR=$STATE/moto
PORT=${CREDSWAP_MOTO_PORT-}
# The second argument identifies the process.
MOTO='import sys; port = sys.argv[1]; from moto.server import main; main(["-H", "127.0.0.1", "-p", port])'

serve() {
    exec env -i PATH="$PATH" HOME="$DIR" TMPDIR="$DIR/tmp" "$CACHE/$SERVER/bin/python" -c "$MOTO" "$1" "$DIR"
}

enforce() {
    # shellcheck source=/dev/null
    . "$DIR/env"
    python3 - "$CREDSWAP_ENDPOINT_URL/moto-api/reset-auth" <<'PYTHON'
import sys, urllib.request as r
r.urlopen(r.Request(sys.argv[1], b"0", {"Content-Type": "text/plain"}), timeout=10)
PYTHON
}

case ${1-}/$# in
    enforce/1) started && enforce ;;
    *) python_server "$@" ;;
esac
