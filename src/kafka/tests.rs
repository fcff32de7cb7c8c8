//! The producer against librdkafka's mock cluster: what can go wrong between a record and its delivery.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use rdkafka::{ClientContext, Message};
use tokio::time::timeout;

use super::*;
use crate::error::{Error, ErrorKind};

const TOPIC: &str = "credswap.usage";

/// Far more than anything here takes; only a failing test waits this long.
const TIMEOUT: Duration = Duration::from_secs(30);

struct Brokers(MockCluster<'static, DefaultProducerContext>);

impl Brokers {
    fn start() -> Self {
        Self(MockCluster::new(1).expect("a mock cluster"))
    }

    fn with_topic() -> Self {
        let brokers = Self::start();
        brokers.0.create_topic(TOPIC, 4, 1).expect("a topic");
        brokers
    }

    fn config(&self) -> KafkaConfig {
        KafkaConfig::new(self.0.bootstrap_servers())
            .plaintext()
            .property("fetch.wait.max.ms", "10")
            .property("reconnect.backoff.max.ms", "200")
            .property("topic.metadata.propagation.max.ms", "200")
    }

    fn producer(&self) -> Producer {
        Producer::new(&self.config(), TOPIC).expect("a good config")
    }
}

async fn send(producer: &Producer) -> Result<Delivered, Error> {
    timeout(TIMEOUT, producer.send(Some("key"), Some(b"payload")))
        .await
        .expect("within its timeout")
}

async fn send_error(producer: &Producer) -> (ErrorKind, String) {
    let error = send(producer).await.expect_err("not delivered");
    (error.kind(), error.report())
}

#[tokio::test]
async fn a_record_is_where_the_delivery_says() {
    let brokers = Brokers::with_topic();
    let producer = brokers.producer();
    let one = send(&producer).await.expect("delivered");
    let two = producer.send(Some("key"), None).await.expect("delivered");
    let first = one.offset.expect("an offset");
    assert_eq!(
        (two.partition, two.offset),
        (one.partition, Some(first + 1)),
        "a key keeps its partition"
    );
    assert!(one.timestamp.is_some());

    let consumer = Consumer::new(brokers.config()).await.expect("a consumer");
    consumer
        .assign(TOPIC.into(), [(one.partition, first)])
        .await
        .expect("assigned");
    for (offset, payload) in [(first, Some(&b"payload"[..])), (first + 1, None)] {
        let read = timeout(TIMEOUT, async {
            loop {
                if let Ok(message) = consumer.receive().await {
                    return message.detach();
                }
            }
        });
        let read = read.await.expect("a record");
        assert_eq!(read.key(), Some(&b"key"[..]));
        assert_eq!((read.offset(), read.payload()), (offset, payload));
    }
}

#[tokio::test]
async fn a_broker_that_is_down_is_an_error_until_it_is_up() {
    let brokers = Brokers::with_topic();
    let producer = brokers.producer().timeout(Duration::from_millis(1500));
    send(&producer).await.expect("delivered");
    for _ in 0..2 {
        brokers.0.broker_down(-1).expect("down");
        let (kind, text) = send_error(&producer).await;
        assert_eq!(kind, ErrorKind::Unavailable, "{text}");
        assert!(text.contains("be reached"), "{text}");
        brokers.0.broker_up(-1).expect("up");
        while send(&producer).await.is_err() {}
    }
}

#[tokio::test]
async fn a_denied_record_names_the_acl_and_the_next_is_sent() {
    let brokers = Brokers::with_topic();
    let producer = brokers.producer();
    let denied = [
        (
            Api::Produce,
            Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        ),
        // The response to an idempotent producer that may not write any topic.
        (
            Api::InitProducerId,
            Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
        ),
    ];
    for (api, code) in denied {
        brokers.0.request_errors(api, &[code]);
        let (kind, text) = send_error(&producer).await;
        assert_eq!(kind, ErrorKind::PermissionDenied, "{text}");
        assert!(
            text.contains("--operation Write") && text.contains(TOPIC),
            "{text}"
        );
    }
    send(&producer).await.expect("delivered");
}

#[tokio::test]
async fn a_denied_description_names_the_acl_until_it_is_granted() {
    let brokers = Brokers::with_topic();
    let producer = brokers.producer();
    let denied = Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    brokers.0.topic_error(TOPIC, denied).expect("set");
    let (kind, text) = send_error(&producer).await;
    assert_eq!(kind, ErrorKind::PermissionDenied, "{text}");
    let granted = Code::RD_KAFKA_RESP_ERR_NO_ERROR;
    brokers.0.topic_error(TOPIC, granted).expect("set");
    send(&producer).await.expect("delivered");
}

#[tokio::test]
async fn a_client_with_a_fatal_error_is_replaced() {
    let brokers = Brokers::with_topic();
    let producer = brokers.producer();
    let fatal = Code::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT;
    brokers.0.request_errors(Api::InitProducerId, &[fatal]);
    let (kind, text) = send_error(&producer).await;
    assert_eq!(kind, ErrorKind::Unavailable, "{text}");
    send(&producer).await.expect("delivered");
}

#[tokio::test]
async fn an_unknown_topic_is_named_and_not_created() {
    let brokers = Brokers::start();
    let producer = brokers.producer();
    for _ in 0..2 {
        let (kind, text) = send_error(&producer).await;
        assert_eq!(kind, ErrorKind::NotFound, "{text}");
        assert!(
            text.contains(TOPIC) && text.contains("does not exist"),
            "{text}"
        );
    }
    brokers.0.create_topic(TOPIC, 1, 1).expect("created");
    send(&producer).await.expect("delivered");
}

#[tokio::test]
async fn a_record_that_is_too_large_fails_alone() {
    let brokers = Brokers::with_topic();
    let producer = brokers.producer();
    let error = producer
        .send(None, Some(&vec![0; 1_100_000]))
        .await
        .expect_err("more than the client takes");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let code = Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    brokers.0.request_errors(Api::Produce, &[code]);
    let (kind, text) = send_error(&producer).await;
    assert_eq!(kind, ErrorKind::Config, "more than the topic takes");
    assert!(text.contains("max.message.bytes"), "{text}");
    send(&producer).await.expect("delivered");
}

#[tokio::test]
async fn a_rotated_password_is_read_anew_and_the_record_delivered() {
    let brokers = Brokers::with_topic();
    let producer = brokers.producer();
    send(&producer).await.expect("delivered");
    let before = producer.current().await;
    let rejected = KafkaError::Global(RDKafkaErrorCode::Authentication);
    before.context.error(rejected, "Authentication failed");
    send(&producer).await.expect("delivered");
    assert!(!Arc::ptr_eq(&before, &producer.current().await));
}

#[tokio::test]
async fn a_password_that_cannot_be_read_is_read_again() {
    let brokers = Brokers::with_topic();
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let password = Password::from_fn(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Err("the vault is closed")
    });
    let config = brokers.config().scram_sha_512("uploader", password);
    let producer = Producer::new(&config, TOPIC).expect("a good config");
    for times in 1..3 {
        let (kind, text) = send_error(&producer).await;
        assert_eq!(kind, ErrorKind::Unavailable);
        assert!(text.contains("the vault is closed"), "{text}");
        assert_eq!(read.load(Ordering::Relaxed), times);
    }
}

#[tokio::test]
async fn a_password_that_hangs_costs_no_more_than_the_timeout() {
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Mutex::new(blocked);
    let password = Password::from_fn(move || match blocked.lock().map(|blocked| blocked.recv()) {
        Ok(Ok(())) => Ok("p".into()),
        _ => Err("over"),
    });
    let config = KafkaConfig::new("127.0.0.1:1").scram_sha_512("uploader", password);
    let producer = Producer::new(&config, TOPIC)
        .expect("a good config")
        .timeout(Duration::from_millis(50));
    let (_, text) = send_error(&producer).await;
    assert!(text.contains("password"), "{text}");
    drop(release);
}

#[tokio::test]
async fn dropping_it_with_a_record_in_flight_closes_the_connection() {
    let unresponsive = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = unresponsive.local_addr().expect("bound").to_string();
    let config = KafkaConfig::new(&address)
        .plaintext()
        // librdkafka does not close the connection by itself.
        .property("socket.connection.setup.timeout.ms", "300000")
        .property("api.version.request.timeout.ms", "300000")
        .property("socket.timeout.ms", "300000");
    let producer = Producer::new(&config, TOPIC).expect("a good config");
    let sending = tokio::spawn(async move { producer.send(None, Some(b"lost")).await });
    let (mut socket, _) = timeout(TIMEOUT, unresponsive.accept())
        .await
        .expect("in time")
        .expect("a client");
    sending.abort();
    let error = timeout(TIMEOUT, sending).await.expect("at once");
    assert!(error.expect_err("aborted").is_cancelled());
    let mut sent = Vec::new();
    let closed = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut sent);
    timeout(TIMEOUT, closed).await.expect("closed").ok();
}

#[test]
fn debug_shows_the_topic_and_no_secret() {
    let config = KafkaConfig::new("b:9096").scram_sha_512("uploader", "hunter2");
    let shown = format!("{:?}", Producer::new(&config, TOPIC).expect("valid"));
    assert!(
        shown.contains(TOPIC) && !shown.contains("hunter2"),
        "{shown}"
    );
}
