//! The trigger against librdkafka's mock cluster: what can go wrong between a broker and a look.

use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::client::Client;
use super::positions::Positions;
use super::*;
use crate::trigger::{Health, Lookout, Reason, Trigger, Wanted, channel};

const TOPIC: &str = "s3.test.secret.manager";
const FINISHED: &str = r#"{"eventDateTime": 1708905600.123, "step": "finishSecret"}"#;

/// Far more than anything here takes; only a failing test waits for it.
const BOUND: Duration = Duration::from_secs(30);

struct Brokers {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: FutureProducer,
}

impl Brokers {
    fn start() -> Self {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("linger.ms", "0")
            .set("reconnect.backoff.max.ms", "200")
            .create()
            .expect("a producer");
        Self { cluster, producer }
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
        self.producer.send(record, BOUND).await.expect("published");
    }

    async fn publish(&self, payload: &str) {
        self.publish_to(0, payload).await;
    }

    fn config(&self) -> KafkaConfig {
        // The mock broker holds a fetch for the whole wait, also when a message comes; a real one does not.
        KafkaConfig::new(self.cluster.bootstrap_servers())
            .plaintext()
            .property("fetch.wait.max.ms", "10")
            .property("reconnect.backoff.max.ms", "200")
    }

    fn trigger(&self) -> Kafka {
        Kafka::new(self.config(), TOPIC)
            .expect("a good config")
            .reconnect(Duration::from_millis(20), Duration::from_millis(200))
    }
}

struct Running {
    lookout: Lookout,
    health: watch::Receiver<Health>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(trigger: Kafka) -> Self {
        let (looks, lookout) = channel();
        Self {
            lookout,
            health: looks.watch_health(),
            task: tokio::spawn(trigger.run(looks)),
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
        match timeout(BOUND, reached).await {
            Ok(health) => health.expect("the trigger runs").clone(),
            Err(_) => panic!("stays {:?}", *self.health.borrow()),
        }
    }

    async fn until_listening(&mut self) {
        self.until(Health::is_listening).await;
    }

    async fn until_deaf(&mut self) -> String {
        match self
            .until(|health| matches!(health, Health::Deaf { .. }))
            .await
        {
            Health::Deaf { reason } => reason.into_owned(),
            _ => unreachable!("just matched"),
        }
    }

    async fn next(&mut self) -> Wanted {
        timeout(BOUND, self.lookout.next()).await.expect("a look")
    }

    /// Waits for a look because of an event; others may come before.
    async fn until_event(&mut self) {
        while !self.next().await.has(Reason::Event) {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn an_empty_topic_is_listened_to_and_an_event_after_that_is_heard() {
    let brokers = Brokers::with_topic(3);
    let mut running = Running::listening(brokers.trigger()).await;
    for partition in 0..3 {
        brokers.publish_to(partition, FINISHED).await;
        assert!(running.next().await.has(Reason::Event), "{partition}");
    }
}

#[tokio::test]
async fn what_was_published_before_is_covered_by_the_catch_up_and_not_read_again() {
    let brokers = Brokers::with_topic(1);
    brokers.publish(FINISHED).await;
    let mut running = Running::listening(brokers.trigger()).await;
    brokers.publish(r#"{"step": "createSecret"}"#).await;
    brokers.publish(FINISHED).await;
    running.until_event().await;
    assert_eq!(running.lookout.take(), None);
}

#[tokio::test]
async fn an_event_between_fixing_the_offsets_and_the_first_poll_is_heard() {
    let brokers = Brokers::with_topic(1);
    brokers.publish("before").await;
    let client = Client::new(brokers.config()).await.expect("a client");
    let spans = client.survey(TOPIC.into(), BOUND).await.expect("spans");
    brokers.publish("between").await;
    let mut positions = Positions::default();
    positions.adopt(&spans);
    client
        .assign(TOPIC.into(), &positions)
        .await
        .expect("assigned");

    let first = timeout(BOUND, async {
        loop {
            if let Ok(message) = client.receive().await {
                return rdkafka::Message::payload(&message).map(<[u8]>::to_vec);
            }
        }
    });
    assert_eq!(first.await.expect("a message"), Some(b"between".to_vec()));
}

#[tokio::test]
async fn every_instance_hears_every_event() {
    let brokers = Brokers::with_topic(2);
    let mut one = Running::listening(brokers.trigger()).await;
    let mut two = Running::listening(brokers.trigger()).await;
    for partition in [0, 1, 1, 0] {
        brokers.publish_to(partition, FINISHED).await;
        one.until_event().await;
        two.until_event().await;
    }
}

#[tokio::test]
async fn only_finished_rotations_of_our_secret_look_and_all_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // A current-thread runtime: the trigger's task runs on this thread, under this recorder.
    let _here = metrics::set_default_local_recorder(&recorder);

    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger().for_secret("prod/uploader")).await;
    for skipped in [
        "",
        "{",
        "\u{1b}[31mred",
        r#"{"step": "testSecret"}"#,
        r#"{"step": "finishSecret", "secretId": "prod/other"}"#,
    ] {
        brokers.publish(skipped).await;
    }
    brokers
        .publish(r#"{"step": "finish_secret", "secret_id": "prod/uploader"}"#)
        .await;
    assert!(running.next().await.has(Reason::Event));

    let mut counts: Vec<(String, u64)> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .filter_map(|(key, _, _, value)| match value {
            DebugValue::Counter(count) if key.key().name() == "credswap_events_total" => {
                let label = key.key().labels().next().expect("one label");
                Some((label.value().to_owned(), count))
            }
            _ => None,
        })
        .collect();
    counts.sort();
    assert_eq!(
        counts,
        [
            ("accepted".to_owned(), 1),
            ("ignored".to_owned(), 2),
            ("malformed".to_owned(), 3)
        ]
    );
}

#[tokio::test]
async fn a_flood_of_garbage_neither_ends_nor_blinds_the_trigger() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    for _ in 0..500 {
        brokers.publish("\0garbage").await;
    }
    brokers.publish(FINISHED).await;
    assert!(running.next().await.has(Reason::Event));
    assert!(running.health.borrow().is_listening());
}

#[tokio::test]
async fn a_broker_that_goes_and_comes_back_costs_no_event() {
    let brokers = Brokers::with_topic(2);
    let mut running = Running::listening(brokers.trigger()).await;
    for round in 0..2 {
        brokers.cluster.broker_down(-1).expect("down");
        let reason = running.until_deaf().await;
        assert!(reason.contains("can be reached"), "{round}: {reason}");
        // librdkafka's producer delivers it when the broker is back, most likely before the trigger is.
        let ((), ()) = tokio::join!(brokers.publish_to(1, FINISHED), async {
            brokers.cluster.broker_up(-1).expect("up");
        });
        running.until_listening().await;
        running.until_event().await;
        // And it listens as before.
        while running.lookout.take().is_some() {}
        brokers.publish_to(0, FINISHED).await;
        running.until_event().await;
    }
}

#[tokio::test]
async fn it_says_catch_up_when_it_listens_again() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    brokers.cluster.broker_down(-1).expect("down");
    running.until_deaf().await;
    assert_eq!(running.lookout.take(), None);
    brokers.cluster.broker_up(-1).expect("up");
    running.until_listening().await;
    assert!(running.next().await.has(Reason::CatchUp));
}

#[tokio::test]
async fn a_broker_that_is_down_at_the_start_is_waited_for() {
    let brokers = Brokers::with_topic(1);
    brokers.cluster.broker_down(-1).expect("down");
    let trigger = brokers.trigger().answer_within(Duration::from_millis(1500));
    let mut running = Running::start(trigger);
    let reason = running.until_deaf().await;
    assert!(
        reason.contains(&brokers.cluster.bootstrap_servers()) && reason.contains("reached"),
        "{reason}"
    );
    brokers.cluster.broker_up(-1).expect("up");
    running.until_listening().await;
    brokers.publish(FINISHED).await;
    running.until_event().await;
}

#[tokio::test]
async fn an_unknown_topic_is_named_and_heard_once_it_exists() {
    let brokers = Brokers::start();
    let mut running = Running::start(brokers.trigger());
    let reason = running.until_deaf().await;
    assert!(
        reason.contains(TOPIC) && reason.contains("does not exist"),
        "{reason}"
    );
    brokers.cluster.create_topic(TOPIC, 1, 1).expect("created");
    running.until_listening().await;
}

#[tokio::test]
async fn a_refused_description_names_the_acl() {
    let brokers = Brokers::with_topic(1);
    let denied = Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    brokers.cluster.topic_error(TOPIC, denied).expect("set");
    let mut running = Running::start(brokers.trigger());
    let reason = running.until_deaf().await;
    assert!(
        reason.contains("--operation Read") && reason.contains(TOPIC),
        "{reason}"
    );
    let granted = Code::RD_KAFKA_RESP_ERR_NO_ERROR;
    brokers.cluster.topic_error(TOPIC, granted).expect("set");
    running.until_listening().await;
}

// Fetches that break the connection stand for refused ones: the mock broker answers those with a high watermark,
// which a real one does not, and librdkafka takes it for the end of the partition.
#[tokio::test]
async fn it_does_not_listen_before_a_fetch_was_answered() {
    let brokers = Brokers::with_topic(1);
    let broken = Code::RD_KAFKA_RESP_ERR__TRANSPORT;
    brokers
        .cluster
        .request_errors(Api::Fetch, &[broken; 10_000]);
    let mut running = Running::start(brokers.trigger());
    let first = running.until(|health| *health != Health::Starting).await;
    assert!(matches!(first, Health::Deaf { .. }), "{first:?}");
    assert_eq!(running.lookout.take(), None);

    // What is published meanwhile is heard later.
    brokers.publish(FINISHED).await;
    brokers.cluster.clear_request_errors(Api::Fetch);
    running.until_listening().await;
    running.until_event().await;
}

#[tokio::test]
async fn a_grant_that_is_taken_away_is_noticed() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    let denied = Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    brokers
        .cluster
        .request_errors(Api::Fetch, &[denied; 10_000]);
    let reason = running.until_deaf().await;
    assert!(reason.contains("--operation Read"), "{reason}");
}

#[tokio::test]
async fn a_group_that_may_not_be_described_does_not_matter() {
    let brokers = Brokers::with_topic(1);
    let denied = Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    brokers
        .cluster
        .request_errors(Api::FindCoordinator, &[denied; 1_000]);
    let mut running = Running::start(brokers.trigger());
    let first = running.until(|health| *health != Health::Starting).await;
    assert_eq!(first, Health::Listening);
    brokers.publish(FINISHED).await;
    running.until_event().await;
    assert!(running.health.borrow().is_listening());
}

#[tokio::test]
async fn a_position_that_is_gone_becomes_a_catch_up() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    let gone = Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
    brokers.cluster.request_errors(Api::Fetch, &[gone]);
    assert!(running.next().await.has(Reason::CatchUp));
    brokers.publish(FINISHED).await;
    running.until_event().await;
}

#[tokio::test]
async fn a_password_that_cannot_be_read_is_said_and_read_again() {
    let brokers = Brokers::with_topic(1);
    let (asked, mut times) = watch::channel(0);
    let password = Password::from_fn(move || {
        asked.send_modify(|times| *times += 1);
        Err("the vault is closed")
    });
    let config = brokers.config().scram_sha_512("uploader", password);
    let trigger = Kafka::new(config, TOPIC)
        .expect("a good config")
        .reconnect(Duration::from_millis(1), Duration::from_millis(5));
    let mut running = Running::start(trigger);
    let reason = running.until_deaf().await;
    assert!(reason.contains("the vault is closed"), "{reason}");
    let again = times.wait_for(|times| *times >= 3);
    timeout(BOUND, again)
        .await
        .expect("asked again")
        .expect("alive");
}

#[tokio::test]
async fn a_plaintext_client_at_a_port_that_hangs_up_is_told_of_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let hang_up = tokio::spawn(async move {
        loop {
            let Ok((mut socket, _)) = listener.accept().await else {
                return;
            };
            let mut request = [0; 64];
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut request).await;
        }
    });
    let config = KafkaConfig::new(&address).plaintext();
    let trigger = Kafka::new(config, TOPIC)
        .expect("a good config")
        .answer_within(Duration::from_millis(500));
    let mut running = Running::start(trigger);
    let reason = running.until_deaf().await;
    assert!(reason.contains("TLS port"), "{reason}");
    hang_up.abort();
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_told() {
    let brokers = Brokers::with_topic(1);
    let config = KafkaConfig::new(brokers.cluster.bootstrap_servers());
    let trigger = Kafka::new(config, TOPIC)
        .expect("a good config")
        .answer_within(Duration::from_millis(1500));
    let reason = Running::start(trigger).until_deaf().await;
    assert!(
        reason.contains("TLS handshake") || reason.contains("reached"),
        "{reason}"
    );
}

#[tokio::test]
async fn dropping_the_trigger_closes_its_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let config = KafkaConfig::new(&address).plaintext();
    let running = Running::start(Kafka::new(config, TOPIC).expect("a good config"));
    let (mut socket, _) = timeout(BOUND, listener.accept())
        .await
        .expect("in time")
        .expect("a client");
    drop(running);
    let mut sent = Vec::new();
    let closed = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut sent);
    timeout(BOUND, closed).await.expect("closed").ok();
}
