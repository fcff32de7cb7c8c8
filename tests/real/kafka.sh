#!/usr/bin/env bash
# One Apache Kafka broker on 127.0.0.1, configured like MSK: SASL_SSL, SCRAM, ACLs that deny by default.
#
#   kafka.sh start            download (once), create passwords, certificates, the topic and ACLs, and start
#   kafka.sh env              shell exports: its address, its CA, its users' password files
#   kafka.sh acl ...          add|remove USER:OPERATION:RESOURCE:NAME ..., list
#   kafka.sh topic NAME N [KEY=VALUE ...]   create a topic with N partitions
#   kafka.sh kill|restart     SIGKILL; stop it if it runs and start it again with the same port and data
#   kafka.sh pause|resume     SIGSTOP, SIGCONT
#   kafka.sh status|log       "running" or "stopped"; the end of its log
#   kafka.sh stop             stop it and remove everything it wrote
#
# Users: admin (super user), publisher (may write), consumer and straggler (may read), nobody (no permissions).
# Settings: CREDSWAP_KAFKA_PORT (default: a free one), CREDSWAP_KAFKA_TOPIC (s3.test.secret.manager), CREDSWAP_CACHE, CREDSWAP_STATE.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KAFKA_VERSION=4.4.0
SLF4J_VERSION=1.7.36
DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
USERS=(admin publisher consumer straggler nobody)
DIR=$STATE/kafka
JAVA=(java -XX:+UseSerialGC "${KAFKA_JIT:--XX:TieredStopAtLevel=1}" -XX:-UsePerfData -cp "$CACHE/kafka-$KAFKA_VERSION/jars/*"
    -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true)

main() {
    case ${1-}/$# in
        start/1) start ;;
        stop/1) stop ;;
        status/1) if running "$DIR"; then echo running; else echo stopped; fi ;;
        env/1) started && cat "$DIR/env" ;;
        log/1) started && tail -n 40 "$DIR/log" ;;
        kill/1) send KILL "$DIR" ;;
        pause/1) send STOP "$DIR" ;;
        resume/1) send CONT "$DIR" ;;
        restart/1) started && end "$DIR" 20 && launch ;;
        acl/* | topic/[3-9]) started && python_env && admin "$@" ;;
        *) usage ;;
    esac
}

start() {
    if running "$DIR" && [ -e "$DIR/ready" ]; then return; fi
    need java mvn openssl python3 ps
    python_env
    fetch_once "kafka-$KAFKA_VERSION" fetch_jars
    stop
    mkdir -p "$DIR"
    local topic=${CREDSWAP_KAFKA_TOPIC:-s3.test.secret.manager} port=${CREDSWAP_KAFKA_PORT:-$(free_port)}
    make_passwords
    make_certificates >"$DIR/tls.log" 2>&1 || die "could not make certificates: $(reason "$DIR/tls.log")"
    write_config "$port" "$(free_port)" >"$DIR/server.properties"
    write_env "$port" "$topic" >"$DIR/env"
    format
    launch
    admin topic "$topic" 3
    admin acl add "publisher:write:topic:$topic" "consumer:read:topic:$topic" "straggler:read:topic:$topic"
    touch "$DIR/ready"
}

stop() {
    end "$DIR" 20
    rm -rf "$DIR"
}

fetch_jars() {
    # slf4j-simple: the server logs through slf4j, and its Maven packages include no binding.
    cat >"$1/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>credswap</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$KAFKA_VERSION</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>$SLF4J_VERSION</version></dependency>
  </dependencies>
</project>
POM
    mvn --batch-mode --quiet --file "$1/pom.xml" "$DEPENDENCY_PLUGIN:copy-dependencies" \
        -DincludeScope=runtime -DoutputDirectory="$1/jars"
}

make_passwords() {
    local user
    for user in "${USERS[@]}"; do random_password >"$DIR/$user.password"; done
}

# Creates a CA, the broker's certificate, and a second CA that signs nothing, for clients that must fail.
make_certificates() (
    cd "$DIR" || exit
    for ca in ca wrong-ca; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj "/CN=credswap test $ca" \
            -addext keyUsage=critical,keyCertSign -keyout "$ca.key" -out "$ca.pem"
    done
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=broker -keyout broker.key -out broker.csr
    echo subjectAltName=DNS:localhost,IP:127.0.0.1 >san
    openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 7 -extfile san -out broker.crt
    cat broker.key broker.crt >broker.pem
    rm -f ./*ca.key broker.key broker.csr broker.crt san ./*.srl
    # errexit has no effect here: this fails if anything above failed.
    openssl verify -CAfile ca.pem broker.pem
)

write_config() {
    local login=org.apache.kafka.common.security.scram.ScramLoginModule
    cat <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=SASL_SSL://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=SASL_SSL://localhost:$1
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SSL
inter.broker.listener.name=SASL_SSL
controller.listener.names=CONTROLLER
log.dirs=$DIR/data
# A killed broker can restart only after its old session has expired: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500

ssl.keystore.type=PEM
ssl.keystore.location=$DIR/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=$DIR/ca.pem
listener.name.controller.ssl.client.auth=required

sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$login required username="admin" password="$(cat "$DIR/admin.password")";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$login required;

authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:admin;User:CN=broker

auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES
}

write_env() {
    local user
    echo "export CREDSWAP_KAFKA_BOOTSTRAP_SERVERS=localhost:$1"
    echo "export CREDSWAP_KAFKA_TOPIC=$2"
    printf 'export CREDSWAP_KAFKA_CA_FILE=%q\n' "$DIR/ca.pem"
    printf 'export CREDSWAP_KAFKA_WRONG_CA_FILE=%q\n' "$DIR/wrong-ca.pem"
    for user in "${USERS[@]}"; do
        printf 'export CREDSWAP_KAFKA_%s_PASSWORD_FILE=%q\n' "${user^^}" "$DIR/$user.password"
    done
}

# Users must exist before the first login, so they are created when the storage is formatted. The arguments are in a file,
# because every user of the machine can read command lines.
format() {
    local user mechanism arguments=$DIR/format id
    # 16 bytes in base64, without characters that could start an option.
    id=$(openssl rand -base64 16 | tr '+/' 'AB' | cut -c 1-22)
    {
        printf '%s\n' format --config "$DIR/server.properties" --cluster-id "$id"
        for user in "${USERS[@]}"; do
            for mechanism in SCRAM-SHA-512 SCRAM-SHA-256; do
                printf '%s\n' --add-scram "$mechanism=[name=$user,password=$(cat "$DIR/$user.password")]"
            done
        done
    } >"$arguments"
    "${JAVA[@]}" -Xmx128m kafka.tools.StorageTool "@$arguments" >"$DIR/log" 2>&1 || die "could not format: $(reason "$DIR/log")"
    rm -f "$arguments"
}

launch() {
    "${JAVA[@]}" -Xmx512m kafka.Kafka "$DIR/server.properties" >"$DIR/log" 2>&1 </dev/null &
    echo $! >"$DIR/pid"
    python_env
    local why
    why=$(admin wait 60 "$(cat "$DIR/pid")" 2>&1) || {
        end "$DIR" 5
        die "$why: $(reason "$DIR/log")"
    }
}

admin() {
    # shellcheck source=/dev/null
    (. "$DIR/env" && "$PYTHON" "$HERE/kafka_admin.py" "$@")
}

main "$@"
