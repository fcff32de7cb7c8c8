//! A Kafka broker in the process: librdkafka's mock cluster.

use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaResult;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

/// One broker with a topic, and a producer to it.
///
/// It speaks Kafka's protocol without TLS or SASL. The first message of a consumer *group* takes about 3 s, the rebalance
/// delay; assigned partitions need no group. Published messages survive while the broker is down.
pub struct Broker {
    // Owns the cluster, which lives as long as the client that was configured with it.
    producer: FutureProducer,
    topic: String,
}

/// Where a message was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}

impl Broker {
    /// Starts a broker on a port that the system chooses.
    ///
    /// # Panics
    ///
    /// If librdkafka cannot be started, or the topic's name is invalid.
    pub fn start(topic: &str, partitions: i32) -> Self {
        // rdkafka initializes OpenSSL with an exit handler, which crashes a process that exits while one of
        // librdkafka's threads is in a TLS handshake. The first initialization counts; this one has no handler.
        openssl_sys::init();
        let producer: FutureProducer = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            .set("linger.ms", "0")
            // Messages wait until the broker is up again, but not without limit.
            .set("message.timeout.ms", "30000")
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "200")
            .create()
            .expect("a mock cluster");
        let broker = Self {
            producer,
            topic: topic.to_owned(),
        };
        broker.create_topic(topic, partitions);
        broker
    }

    /// Creates another topic. Records keep the times that their producers set.
    ///
    /// # Panics
    ///
    /// If its name is invalid or taken.
    pub fn create_topic(&self, topic: &str, partitions: i32) {
        self.cluster()
            .create_topic(topic, partitions, 1)
            .expect("a topic");
    }

    /// Returns the value of the clients' `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        self.cluster().bootstrap_servers()
    }

    /// Returns the topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Publishes a message, and waits for the broker's acknowledgement.
    ///
    /// # Errors
    ///
    /// Librdkafka's error; after 30 s if the broker is down for that long.
    ///
    /// # Cancel safety
    ///
    /// A message whose future was dropped may still be delivered.
    pub async fn publish(&self, payload: impl AsRef<[u8]>) -> KafkaResult<Delivery> {
        self.send(FutureRecord::to(&self.topic).payload(payload.as_ref()))
            .await
    }

    /// Publishes a message to this partition, as [`publish`](Self::publish) does.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish), and if there is no such partition.
    pub async fn publish_to(
        &self,
        partition: i32,
        payload: impl AsRef<[u8]>,
    ) -> KafkaResult<Delivery> {
        self.send(
            FutureRecord::to(&self.topic)
                .payload(payload.as_ref())
                .partition(partition),
        )
        .await
    }

    /// Closes all connections and refuses new ones.
    pub fn down(&self) {
        self.cluster()
            .broker_down(ALL)
            .expect("the cluster has a broker");
    }

    /// Accepts connections again.
    pub fn up(&self) {
        self.cluster()
            .broker_up(ALL)
            .expect("the cluster has a broker");
    }

    /// Delays every following answer.
    pub fn round_trip_time(&self, time: Duration) {
        self.cluster()
            .broker_round_trip_time(ALL, time)
            .expect("the cluster has a broker");
    }

    /// Answers the next requests of this kind, of any client, with these errors, one after the other.
    ///
    /// `RD_KAFKA_RESP_ERR__TRANSPORT` closes the connection instead.
    pub fn request_errors(&self, request: RDKafkaApiKey, errors: &[RDKafkaRespErr]) {
        self.cluster().request_errors(request, errors);
    }

    /// Removes the remaining [`request_errors`](Self::request_errors).
    pub fn clear_request_errors(&self, request: RDKafkaApiKey) {
        self.cluster().clear_request_errors(request);
    }

    async fn send(&self, record: FutureRecord<'_, (), [u8]>) -> KafkaResult<Delivery> {
        let sent = self.producer.send(record, Duration::ZERO).await;
        let delivery = sent.map_err(|(error, _)| error)?;
        Ok(Delivery {
            partition: delivery.partition,
            offset: delivery.offset,
        })
    }

    fn cluster(&self) -> MockCluster<'_, impl rdkafka::ClientContext> {
        self.producer
            .client()
            .mock_cluster()
            .expect("the producer was configured with a mock cluster")
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

/// Stands for every broker in librdkafka's API.
const ALL: i32 = -1;
