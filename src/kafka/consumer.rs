//! A consumer of librdkafka that joins no group: it finds partitions and offsets, and reads from explicit positions.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Handle;

use super::blocking::{drop_on_thread, on_thread};
use super::config::KafkaConfig;
use super::context::{Context, Notice};
use super::fault::Fault;
use super::role::Role;
use super::survey::Survey;

/// A message, or an error with librdkafka's message for it.
pub(crate) type Received<'a> = Result<BorrowedMessage<'a>, (KafkaError, String)>;

/// One consumer client. Dropping it returns at once.
pub(crate) struct Consumer {
    consumer: Option<Arc<StreamConsumer<Context>>>,
    plaintext: bool,
}

impl Consumer {
    /// Creates a client with the password and the CA file as they are now.
    pub(crate) async fn new(config: KafkaConfig) -> Result<Self, Fault> {
        let runtime = Handle::current();
        on_thread(move |_| {
            // A process that exits in the middle of a handshake would crash in OpenSSL's exit handler.
            openssl::init();
            // rdkafka spawns a task with the client.
            let _entered = runtime.enter();
            let plaintext = config.is_plaintext();
            let (config, context) = (config.to_client_config(Role::Consumer)?, config.context());
            match StreamConsumer::from_config_and_context(&config, context) {
                Ok(consumer) => Ok(Self {
                    consumer: Some(Arc::new(consumer)),
                    plaintext,
                }),
                Err(error) => Err(Fault::of_call(&error)),
            }
        })
        .await?
    }

    /// Receives the next message or error.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is taken unless it is returned.
    pub(crate) async fn receive(&self) -> Received<'_> {
        let consumer = self.consumer();
        consumer
            .recv()
            .await
            .map_err(|error| (error, consumer.context().take_error_message()))
    }

    /// Returns why no connection is up.
    pub(crate) fn down_fault(&self) -> Fault {
        if self.plaintext && self.consumer().context().closed_at_first_request() {
            Fault::PlaintextToTls
        } else {
            Fault::Unreachable(None)
        }
    }

    /// Surveys the topic's partitions and the offsets they hold. The requests are repeated until the timeout, while
    /// librdkafka reconnects by itself. What can be found out of some partitions is found out without the others.
    pub(crate) async fn survey(&self, topic: String, timeout: Duration) -> Result<Survey, Fault> {
        let consumer = Arc::clone(self.consumer());
        on_thread(move |retrier| Survey::take(&consumer, &topic, timeout, retrier)).await?
    }

    /// Waits until a broker leaves a request unanswered, or the topic is found to be another one than before.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is taken unless it is returned. The client must be [received](Self::receive) from meanwhile.
    pub(crate) async fn noticed(&self) -> Notice {
        self.consumer().context().noticed().await
    }

    /// Reads from these positions (partition and offset) on, and from nothing else.
    pub(crate) async fn assign(
        &self,
        topic: String,
        positions: impl IntoIterator<Item = (i32, i64)>,
    ) -> Result<(), Fault> {
        let consumer = Arc::clone(self.consumer());
        let positions: Vec<_> = positions.into_iter().collect();
        on_thread(move |_| {
            let assign = || -> KafkaResult<()> {
                let mut list = TopicPartitionList::new();
                for (partition, next) in positions {
                    list.add_partition_offset(&topic, partition, Offset::Offset(next))?;
                }
                consumer.assign(&list)
            };
            assign().map_err(|error| Fault::of_call(&error))
        })
        .await?
    }

    fn consumer(&self) -> &Arc<StreamConsumer<Context>> {
        self.consumer.as_ref().expect("taken by drop only")
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        drop_on_thread(self.consumer.take());
    }
}
