#!/usr/bin/env bash
# ministack on 127.0.0.1: S3, Secrets Manager, IAM, STS, Parameter Store and KMS, which reject unknown, inactive and deleted keys.
#
#   ministack.sh start        install (once) and start
#   ministack.sh env          shell exports: endpoint and region
#   ministack.sh status|log   "running" or "stopped"; the end of its log
#   ministack.sh stop         stop it and remove everything it wrote
#
# Requests without a key or with the key "test" are the root user's and are not authorized: use keys of IAM users.
# Settings: CREDSWAP_MINISTACK_PORT (default: a free one), CREDSWAP_CACHE, CREDSWAP_STATE.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSION=1.5.33
SERVER=ministack-$VERSION
PACKAGE=ministack==$VERSION
HEALTH=/_ministack/health
DIR=$STATE/ministack
PORT=${CREDSWAP_MINISTACK_PORT-}
# The argument identifies the process.
MINISTACK='import sys; del sys.argv[1:]; from ministack.app import main; main()'

serve() {
    # An empty environment: ministack would take the caller's AWS keys as the root user's. Its other servers (MQTT, SFTP)
    # and Docker are switched off.
    exec env -i PATH="$PATH" HOME="$DIR" TMPDIR="$DIR/tmp" AUTH=true BIND_HOST=127.0.0.1 GATEWAY_PORT="$1" \
        IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 DOCKER_HOST="unix://$DIR/no-docker" LOG_LEVEL=WARNING \
        "$CACHE/$SERVER/bin/python" -c "$MINISTACK" "$DIR"
}

python_server "$@"
