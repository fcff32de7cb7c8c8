//! The broker keeps messages, fails as injected, and recovers.

use std::time::Duration;

use credswap_testkit::Broker;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{Message, Offset, TopicPartitionList};

const TOPIC: &str = "rotations";

/// Reads partitions without a group, because every instance must receive every event.
fn consumer(broker: &Broker, partitions: i32) -> StreamConsumer {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("group.id", "unused")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "100")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment
            .add_partition_offset(TOPIC, partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&assignment).unwrap();
    consumer
}

async fn next(consumer: &StreamConsumer) -> String {
    let next = async {
        loop {
            // While the broker is down, errors are returned, too.
            if let Ok(message) = consumer.recv().await {
                return String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), next)
        .await
        .expect("a message within 30 s")
}

#[tokio::test]
async fn every_consumer_gets_every_message() {
    let broker = Broker::start(TOPIC, 2);
    let (one, two) = (consumer(&broker, 2), consumer(&broker, 2));
    let delivery = broker.publish_to(1, "first").await.unwrap();
    assert_eq!((delivery.partition, delivery.offset), (1, 0));
    assert_eq!(next(&one).await, "first");
    broker.publish("second").await.unwrap();
    assert_eq!(next(&one).await, "second");
    let mut seen = [next(&two).await, next(&two).await];
    seen.sort();
    assert_eq!(seen, ["first", "second"]);
}

#[tokio::test]
async fn a_broker_that_was_down_has_kept_all_messages() {
    let broker = Broker::start(TOPIC, 1);
    let consumer = consumer(&broker, 1);
    broker.publish("before").await.unwrap();
    assert_eq!(next(&consumer).await, "before");
    broker.down();
    let publish = broker.publish("during");
    tokio::pin!(publish);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), &mut publish)
            .await
            .is_err()
    );
    broker.up();
    publish.await.unwrap();
    assert_eq!(next(&consumer).await, "during");
}

#[tokio::test]
async fn injected_errors_occur_once_each() {
    let broker = Broker::start(TOPIC, 1);
    broker.publish("first").await.unwrap();
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    broker.request_errors(RDKafkaApiKey::Produce, &[error]);
    assert!(broker.publish("rejected").await.is_err());
    broker.publish("second").await.unwrap();
    broker.request_errors(RDKafkaApiKey::Produce, &[error]);
    broker.clear_request_errors(RDKafkaApiKey::Produce);
    broker.publish("third").await.unwrap();
}

#[tokio::test]
async fn a_slow_broker_answers_late() {
    let broker = Broker::start(TOPIC, 1);
    broker.publish("quick").await.unwrap();
    broker.round_trip_time(Duration::from_millis(300));
    let publish = broker.publish("slow");
    tokio::pin!(publish);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), &mut publish)
            .await
            .is_err()
    );
    publish.await.unwrap();
}
