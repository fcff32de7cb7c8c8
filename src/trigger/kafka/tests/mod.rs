//! The trigger against librdkafka's mock cluster: what can go wrong between a broker and a refresh.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::kafka::{KafkaConfig, Password};
use crate::trigger::{Health, Reason, RefreshRequest, RefreshRequests, Trigger, channel_for};
use crate::util::Backoff;

mod events;
mod misconfiguration;
mod outages;
mod unreadable;

const TOPIC: &str = "s3.test.secret.manager";
const FINISHED: &str = r#"{"eventDateTime": 1708905600.123, "step": "finishSecret"}"#;

/// Far more than anything here takes; only a failing test waits this long.
const TIMEOUT: Duration = Duration::from_secs(30);

struct Brokers {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: FutureProducer,
}

impl Brokers {
    fn start() -> Self {
        Self::of(1)
    }

    fn of(brokers: i32) -> Self {
        let cluster = MockCluster::new(brokers).expect("a mock cluster");
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("linger.ms", "0")
            .set("reconnect.backoff.max.ms", "200")
            .create()
            .expect("a producer");
        Self { cluster, producer }
    }

    /// Each of three brokers, from 1 on, leads one of three partitions, from 0 on.
    fn led_by_three() -> Self {
        let brokers = Self::of(3);
        brokers.cluster.create_topic(TOPIC, 3, 1).expect("a topic");
        for partition in 0..3 {
            let leader = Some(partition + 1);
            let led = brokers.cluster.partition_leader(TOPIC, partition, leader);
            led.expect("led");
        }
        brokers
    }

    /// The address of a broker, from 1 on.
    fn address(&self, broker: usize) -> String {
        let servers = self.cluster.bootstrap_servers();
        let address = servers.split(',').nth(broker - 1);
        address.expect("a broker").to_owned()
    }

    fn with_topic(partitions: i32) -> Self {
        let brokers = Self::start();
        brokers
            .cluster
            .create_topic(TOPIC, partitions, 1)
            .expect("a topic");
        brokers
    }

    async fn publish_to(&self, partition: i32, payload: &str) {
        let record = FutureRecord::<(), _>::to(TOPIC)
            .partition(partition)
            .payload(payload);
        self.producer
            .send(record, TIMEOUT)
            .await
            .expect("published");
    }

    async fn publish(&self, payload: &str) {
        self.publish_to(0, payload).await;
    }

    /// Every fetch loses its connection, until the errors are cleared.
    fn break_fetches(&self) {
        let broken = Code::RD_KAFKA_RESP_ERR__TRANSPORT;
        self.cluster.request_errors(Api::Fetch, &[broken; 10_000]);
    }

    fn config(&self) -> KafkaConfig {
        // The mock broker holds a fetch for the whole wait, also when a message comes; a real one does not.
        KafkaConfig::new(self.cluster.bootstrap_servers())
            .plaintext()
            .property("fetch.wait.max.ms", "10")
            .property("reconnect.backoff.max.ms", "200")
    }

    fn trigger(&self) -> Kafka {
        Kafka::new(&self.config(), TOPIC)
            .expect("a good config")
            .reconnect(Backoff::new(
                Duration::from_millis(20),
                Duration::from_millis(200),
            ))
    }
}

struct Running {
    requests: RefreshRequests,
    health: watch::Receiver<Health>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(trigger: Kafka) -> Self {
        let (requester, requests) = channel_for("prod/uploader");
        Self {
            requests,
            health: requester.subscribe_health(),
            task: tokio::spawn(trigger.run(requester)),
        }
    }

    async fn listening(trigger: Kafka) -> Self {
        let mut running = Self::start(trigger);
        running.until_listening().await;
        assert!(running.next().await.has(Reason::CatchUp));
        running
    }

    async fn until(&mut self, reached: impl Fn(&Health) -> bool) -> Health {
        let mut health = self.health.clone();
        let reached = health.wait_for(|health| reached(health));
        match timeout(TIMEOUT, reached).await {
            Ok(health) => health.expect("the trigger runs").clone(),
            Err(_) => panic!("stays {:?}", *self.health.borrow()),
        }
    }

    async fn until_listening(&mut self) {
        self.until(Health::is_listening).await;
    }

    async fn until_disconnected(&mut self) -> String {
        match self
            .until(|health| matches!(health, Health::Disconnected { .. }))
            .await
        {
            Health::Disconnected { reason } => reason.into_owned(),
            _ => unreachable!("just matched"),
        }
    }

    async fn next(&mut self) -> RefreshRequest {
        timeout(TIMEOUT, self.requests.next())
            .await
            .expect("a request")
    }

    /// Waits for a request because of an event; others may come before.
    async fn until_event(&mut self) {
        while !self.next().await.has(Reason::Event) {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
