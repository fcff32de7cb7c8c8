//! Measures the trigger and the ledger on Apache Kafka.
//!
//! ```text
//! KAFKA_JIT=-XX:+TieredCompilation tests/real/kafka.sh start && eval "$(tests/real/kafka.sh env)"
//! cargo bench --all-features --bench kafka                    # 200 events per row, 500 000 records
//! cargo bench --all-features --bench kafka -- --records 20000
//! tests/real/kafka.sh stop
//! ```
//!
//! | row | from | to |
//! |---|---|---|
//! | event → request | the event is passed to the producer | the trigger requests a refresh |
//! | subscribe | the trigger starts | it listens |
//! | rebuild | a new reader | its ledger has all records of the topic |
//! | plain | a new consumer of rdkafka with its defaults | it has received the same records, and dropped them |
//! | one more | a report was delivered | the same reader has read it |
//!
//! The producer waits for the broker's acknowledgement, the reader writes a record of its own to find out the broker's time,
//! and everything goes through TLS on this machine. Rebuild and plain take turns, after a turn that does not count: the
//! broker's compiler needs it. How long they take to connect is measured while the topic is next to empty. (Without
//! `KAFKA_JIT` the broker starts sooner, and its encryption limits both.)
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the time that passes"
)]

use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use credswap::fleet::{FleetTopic, Incarnation, InstanceId, LiveVersion, Report};
use credswap::kafka::{KafkaConfig, Password};
use credswap::trigger::{self, Health, Kafka, Reason, Trigger};
use futures::stream::{FuturesUnordered, StreamExt};
use hdrhistogram::Histogram;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const EVENT: &str = r#"{"eventDateTime": 1708905600.123, "step": "finishSecret"}"#;
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf";
const VERSION: &str = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";
const TIMEOUT: Duration = Duration::from_secs(60);
const USER: &str = "admin";
/// How often a ledger is rebuilt.
const TURNS: u64 = 5;

#[derive(Parser)]
struct Args {
    /// Events per row.
    #[arg(long, default_value_t = 200)]
    events: usize,
    /// Records in the topic of usage reports.
    #[arg(long, default_value_t = 500_000)]
    records: u64,
    #[arg(long, env = "CREDSWAP_KAFKA_BOOTSTRAP_SERVERS", hide_env_values = true)]
    bootstrap_servers: Option<String>,
    #[arg(long, env = "CREDSWAP_KAFKA_CA_FILE")]
    ca_file: Option<String>,
    #[arg(long, env = "CREDSWAP_KAFKA_ADMIN_PASSWORD_FILE")]
    password_file: Option<String>,
    /// A property of librdkafka for trigger and ledger, `KEY=VALUE`.
    #[arg(long)]
    property: Vec<String>,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

struct Brokers {
    servers: String,
    ca_file: String,
    password_file: String,
    properties: Vec<String>,
}

/// The seconds that one read takes.
struct Medians {
    ledger: f64,
    plain: f64,
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("short")
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let args = Args::parse();
    let (Some(servers), Some(ca_file), Some(password_file)) =
        (args.bootstrap_servers, args.ca_file, args.password_file)
    else {
        println!(
            "no broker: tests/real/kafka.sh start && eval \"$(tests/real/kafka.sh env)\", then run it again"
        );
        return;
    };
    let brokers = Brokers {
        servers,
        ca_file,
        password_file,
        properties: args.property,
    };
    for partitions in [1, 1_000] {
        brokers.events(partitions, args.events).await;
    }
    for partitions in [1, 12] {
        brokers.ledger(partitions, args.records).await;
    }
}

impl Brokers {
    fn config(&self) -> KafkaConfig {
        let config = KafkaConfig::new(&self.servers)
            .ca_file(&self.ca_file)
            .scram_sha_512(USER, Password::file(&self.password_file));
        self.properties.iter().fold(config, |config, property| {
            let (key, value) = property.split_once('=').expect("KEY=VALUE");
            config.property(key, value)
        })
    }

    fn client(&self) -> ClientConfig {
        let password = std::fs::read_to_string(&self.password_file).expect("a password");
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.servers)
            .set("security.protocol", "sasl_ssl")
            .set("ssl.ca.location", &self.ca_file)
            .set("sasl.mechanisms", "SCRAM-SHA-512")
            .set("sasl.username", USER)
            .set("sasl.password", password.trim());
        config
    }

    async fn topic(&self, name: &str, partitions: i32) -> String {
        let name = format!("bench.{name}.{partitions}.{}", std::process::id());
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("a client");
        let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1))
            .set("message.timestamp.type", "LogAppendTime");
        let created = admin.create_topics([&new], &AdminOptions::new()).await;
        created.expect("an answer")[0].as_ref().expect("created");
        name
    }

    /// Removes a topic: the next row must not share the broker with it.
    async fn delete(&self, topic: &str) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("a client");
        let deleted = admin.delete_topics(&[topic], &AdminOptions::new()).await;
        deleted.expect("an answer")[0].as_ref().expect("deleted");
    }

    fn producer(&self, linger: &str) -> FutureProducer {
        let mut config = self.client();
        config.set("linger.ms", linger);
        config.create().expect("a producer")
    }

    async fn events(&self, partitions: i32, events: usize) {
        let topic = self.topic("events", partitions).await;
        let (requester, mut requests) = trigger::channel();
        let mut health = requester.subscribe_health();
        let started = Instant::now();
        let kafka = Kafka::new(&self.config(), &topic).expect("a good config");
        let running = tokio::spawn(kafka.run(requester));
        let listening = health.wait_for(Health::is_listening);
        let listening = tokio::time::timeout(TIMEOUT, listening).await;
        drop(listening.expect("in time").expect("it runs"));
        let subscribed = started.elapsed();
        requests.next().await;

        let producer = self.producer("0");
        let mut times = Histogram::<u64>::new(3).expect("valid");
        for n in 0..events {
            let partition = i32::try_from(n * 37).expect("small") % partitions;
            let record = FutureRecord::<str, _>::to(&topic).partition(partition);
            let began = Instant::now();
            let sent = producer.send_result(record.payload(EVENT));
            while !requests.next().await.has(Reason::Event) {}
            // The first opens the producer's connection.
            if n > 0 {
                times.record(micros(began.elapsed())).expect("it grows");
            }
            let sent = sent.map_err(|(error, _)| error).expect("queued").await;
            sent.expect("answered")
                .map_err(|(error, _)| error)
                .expect("delivered");
        }
        running.abort();
        self.delete(&topic).await;
        println!(
            "{partitions:>5} partitions: subscribe {} ms, event → request p50 {:.1} / p99 {:.1} / max {:.1} ms",
            subscribed.as_millis(),
            times.value_at_quantile(0.5) as f64 / 1e3,
            times.value_at_quantile(0.99) as f64 / 1e3,
            times.max() as f64 / 1e3
        );
    }

    async fn ledger(&self, partitions: i32, records: u64) {
        let topic = self.topic("reports", partitions).await;
        let producer = self.producer("20");
        // A new topic takes a moment to be known to the broker itself.
        self.send(&producer, &topic, 0).await;
        // Next to nothing is in the topic: this is how long it takes to connect.
        let (connected, _) = self.turns(&topic, partitions, 0).await;
        let mut sending = FuturesUnordered::new();
        for n in 0..records {
            sending.push(self.send(&producer, &topic, n));
            if sending.len() > 10_000 {
                sending.next().await;
            }
        }
        while sending.next().await.is_some() {}
        let (read, mut reports) = self.turns(&topic, partitions, records).await;

        let mut more = Histogram::<u64>::new(3).expect("valid");
        for n in 0..20 {
            self.send(&producer, &topic, n).await;
            let began = Instant::now();
            let read = reports.read_to_end().await.expect("read");
            more.record(micros(began.elapsed())).expect("it grows");
            assert_eq!(read.records, 2);
        }
        self.delete(&topic).await;
        let rate = |read: f64, connected: f64| {
            format!(
                "{read:.2} s ({connected:.2} s to connect, then {:.0} records/s)",
                records as f64 / (read - connected)
            )
        };
        println!(
            "{partitions:>5} partitions: rebuild {records} records {}, plain {}, one more p50 {:.0} / max {:.0} ms",
            rate(read.ledger, connected.ledger),
            rate(read.plain, connected.plain),
            more.value_at_quantile(0.5) as f64 / 1e3,
            more.max() as f64 / 1e3
        );
    }

    /// Reads a topic from its beginning, with new readers of both kinds in turn.
    async fn turns(&self, topic: &str, partitions: i32, records: u64) -> (Medians, FleetTopic) {
        let (mut ledger, mut plain, mut last) = (Vec::new(), Vec::new(), None);
        for turn in 0..=TURNS {
            let mut reader = FleetTopic::new(&self.config(), topic).expect("a good config");
            let began = Instant::now();
            let read = reader.read_to_end().await.expect("read");
            let took = began.elapsed();
            assert!(read.records > records, "all, and those of readers");
            let without = self.drop_records(topic, partitions, read.records).await;
            last = Some(reader);
            if turn > 0 {
                ledger.push(took);
                plain.push(without);
            }
        }
        let (ledger, plain) = (median(ledger), median(plain));
        (Medians { ledger, plain }, last.expect("there are turns"))
    }

    /// Receives as many records with a consumer of rdkafka, and drops them.
    async fn drop_records(&self, topic: &str, partitions: i32, records: u64) -> Duration {
        let began = Instant::now();
        let mut config = self.client();
        config.set("group.id", "bench");
        let consumer: StreamConsumer = config.create().expect("a consumer");
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions {
            all.add_partition_offset(topic, partition, Offset::Beginning)
                .expect("an offset");
        }
        consumer.assign(&all).expect("assigned");
        for _ in 0..records {
            consumer.recv().await.expect("a record");
        }
        began.elapsed()
    }

    async fn send(&self, producer: &FutureProducer, topic: &str, instance: u64) {
        let mut report = Report::new(
            InstanceId::new(format!("uploader-7d9f8c6b5-{instance:06}")).expect("a name"),
            Incarnation::new(SystemTime::UNIX_EPOCH, instance),
            1,
            SECRET,
            Duration::from_secs(90),
        );
        report.live = Some(LiveVersion::new(VERSION, Duration::from_secs(600)));
        let (key, value) = (report.key(), report.encode().expect("within the limits"));
        let record = FutureRecord::to(topic).key(&key).payload(&value);
        producer.send(record, TIMEOUT).await.expect("delivered");
    }
}
