//! The broker of tests/real/kafka.sh, and a trigger that listens to it.

use std::time::Duration;

use credswap::kafka::{KafkaConfig, Password};
use credswap::trigger::{self, Health, Kafka, Reason, RefreshRequests, Trigger};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

pub(super) const FINISHED: &str = r#"{"step": "finishSecret"}"#;

/// Far more than anything here takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn of(name: &str) -> String {
    std::env::var(format!("CREDSWAP_KAFKA_{name}")).expect("tests/real/kafka.sh env")
}

pub(super) fn password() -> String {
    std::fs::read_to_string(of("ADMIN_PASSWORD_FILE")).expect("a password")
}

/// The configuration of the user `admin`.
pub(super) fn config() -> KafkaConfig {
    KafkaConfig::new(of("BOOTSTRAP_SERVERS"))
        .ca_file(of("CA_FILE"))
        .scram_sha_512("admin", Password::file(of("ADMIN_PASSWORD_FILE")))
}

fn client(properties: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", of("BOOTSTRAP_SERVERS"))
        .set("security.protocol", "sasl_ssl")
        .set("ssl.ca.location", of("CA_FILE"))
        .set("sasl.mechanisms", "SCRAM-SHA-512")
        .set("sasl.username", "admin")
        .set("sasl.password", password().trim());
    for (key, value) in properties {
        config.set(*key, *value);
    }
    config
}

pub(super) fn producer(properties: &[(&str, &str)]) -> FutureProducer {
    client(properties).create().expect("a producer")
}

pub(super) async fn publish(producer: &FutureProducer, topic: &str, partition: i32, payload: &str) {
    let record = FutureRecord::<str, _>::to(topic)
        .partition(partition)
        .payload(payload);
    producer.send(record, TIMEOUT).await.expect("published");
}

fn admin() -> AdminClient<DefaultClientContext> {
    client(&[]).create().expect("an admin client")
}

pub(super) async fn create(topic: &str, partitions: i32) {
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1))
        .set("message.timestamp.type", "LogAppendTime");
    let created = admin().create_topics([&new], &AdminOptions::new()).await;
    created.expect("an answer")[0].as_ref().expect("created");
}

pub(super) async fn delete(topic: &str) {
    let deleted = admin().delete_topics(&[topic], &AdminOptions::new()).await;
    deleted.expect("an answer")[0].as_ref().expect("deleted");
}

/// A new topic, whose name no other test has.
pub(super) async fn topic(name: &str, partitions: i32) -> String {
    let topic = format!("{name}.{}", std::process::id());
    create(&topic, partitions).await;
    topic
}

/// A running trigger.
pub(super) struct Running {
    pub(super) requests: RefreshRequests,
    pub(super) health: watch::Receiver<Health>,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn start(trigger: Kafka) -> Self {
        let (requester, requests) = trigger::channel_for("prod/uploader");
        Self {
            requests,
            health: requester.subscribe_health(),
            task: tokio::spawn(trigger.run(requester)),
        }
    }

    pub(super) async fn listening(trigger: Kafka) -> Self {
        let mut running = Self::start(trigger);
        let health = running.until(Health::is_listening).await;
        assert!(health.is_listening());
        running.until_requested(Reason::CatchUp).await;
        running
    }

    pub(super) async fn until(&mut self, reached: impl Fn(&Health) -> bool) -> Health {
        let mut health = self.health.clone();
        match timeout(TIMEOUT, health.wait_for(|health| reached(health))).await {
            Ok(health) => health.expect("it runs").clone(),
            Err(_) => panic!("stays {:?}", *self.health.borrow()),
        }
    }

    /// Returns after how long it was requested.
    pub(super) async fn until_requested(&mut self, reason: Reason) -> Duration {
        let started = Instant::now();
        let requested = async { while !self.requests.next().await.has(reason) {} };
        timeout(TIMEOUT, requested).await.expect("requested");
        started.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
