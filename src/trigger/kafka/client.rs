//! A client of librdkafka whose blocking parts run on threads of their own.
//!
//! Making, asking, assigning and dropping a client all block. They do so on plain threads, not on Tokio's
//! blocking pool: a runtime waits for that pool when it shuts down, and a broker that does not answer would
//! hold it up.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::config::KafkaConfig;
use super::context::Context;
use super::positions::{Positions, Span};
use super::trouble::Trouble;

/// The first wait for an answer. Each next one is twice as long: a question that nobody waits for any more ends
/// soon, and a slow broker is given its time.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// A message, or an error with the words that belong to it.
pub(super) type Received<'a> = Result<BorrowedMessage<'a>, (KafkaError, String)>;

/// One client. Dropping it returns at once.
pub(super) struct Client {
    consumer: Option<Arc<StreamConsumer<Context>>>,
    plaintext: bool,
}

impl Client {
    /// Makes a client with the password and the CA file as they are now.
    pub(super) async fn new(config: KafkaConfig) -> Result<Self, Trouble> {
        let runtime = Handle::current();
        apart(move |_| {
            // A process that exits in the middle of a handshake would crash in OpenSSL's exit handler.
            openssl_sys::init();
            // rdkafka spawns a task with the client.
            let _entered = runtime.enter();
            let plaintext = config.is_plaintext();
            let config = config.to_client_config()?;
            match StreamConsumer::from_config_and_context(&config, Context::default()) {
                Ok(consumer) => Ok(Self {
                    consumer: Some(Arc::new(consumer)),
                    plaintext,
                }),
                Err(error) => Err(Trouble::of_call(&error)),
            }
        })
        .await?
    }

    /// The next message or error, with the words that belong to the error.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is taken unless it is returned.
    pub(super) async fn receive(&self) -> Received<'_> {
        let consumer = self.consumer();
        consumer
            .recv()
            .await
            .map_err(|error| (error, consumer.context().take_words()))
    }

    /// What it means that no connection stands.
    pub(super) fn down(&self) -> Trouble {
        if self.plaintext && self.consumer().context().hung_up() {
            Trouble::PlainToTls
        } else {
            Trouble::Unreachable
        }
    }

    /// Asks for the topic's partitions and what they hold. Within the bound it is asked again and again, while
    /// librdkafka reconnects by itself.
    pub(super) async fn survey(
        &self,
        topic: String,
        within: Duration,
    ) -> Result<Vec<Span>, Trouble> {
        let consumer = Arc::clone(self.consumer());
        apart(move |asker| {
            let deadline = Instant::now() + within;
            let partitions = asker.ask(deadline, |wait| partitions(&consumer, &topic, wait))?;
            let mut spans = Vec::with_capacity(partitions.len());
            for partition in partitions {
                let (low, high) = asker.ask(deadline, |wait| {
                    consumer
                        .fetch_watermarks(&topic, partition, wait)
                        .map_err(|error| match error.rdkafka_error_code() {
                            Some(Code::LeaderNotAvailable | Code::NotLeaderForPartition) => {
                                Trouble::NoLeader(partition)
                            }
                            _ => Trouble::of_call(&error),
                        })
                })?;
                spans.push(Span {
                    partition,
                    low,
                    high,
                });
            }
            Ok(spans)
        })
        .await?
    }

    /// Reads from these positions on, and from nothing else.
    pub(super) async fn assign(&self, topic: String, positions: &Positions) -> Result<(), Trouble> {
        let consumer = Arc::clone(self.consumer());
        let positions = positions.clone();
        apart(move |_| {
            let assign = || -> KafkaResult<()> {
                let mut list = TopicPartitionList::new();
                for (partition, next) in positions.iter() {
                    list.add_partition_offset(&topic, partition, Offset::Offset(next))?;
                }
                consumer.assign(&list)
            };
            assign().map_err(|error| Trouble::of_call(&error))
        })
        .await?
    }

    fn consumer(&self) -> &Arc<StreamConsumer<Context>> {
        self.consumer.as_ref().expect("only drop takes it")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let consumer = self.consumer.take();
        // Where no thread can be started the closure, and the client with it, is dropped here: slow, but gone.
        let _ = thread::Builder::new()
            .name("credswap-kafka".into())
            .spawn(move || drop(consumer));
    }
}

fn partitions(
    consumer: &StreamConsumer<Context>,
    topic: &str,
    wait: Duration,
) -> Result<Vec<i32>, Trouble> {
    let metadata = consumer
        .fetch_metadata(Some(topic), wait)
        .map_err(|error| Trouble::of_call(&error))?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(Trouble::UnknownTopic);
    };
    if let Some(error) = found.error() {
        return Err(Trouble::of(error.into(), ""));
    }
    if let Some(orphan) = found.partitions().iter().find(|p| p.leader() < 0) {
        return Err(Trouble::NoLeader(orphan.id()));
    }
    match found.partitions() {
        [] => Err(Trouble::UnknownTopic),
        all => Ok(all.iter().map(|partition| partition.id()).collect()),
    }
}

/// Whether somebody still waits for the answer.
struct Asker<'a> {
    gone: &'a dyn Fn() -> bool,
}

impl Asker<'_> {
    /// Asks until there is an answer, an error that waiting does not mend, or no time left.
    fn ask<T>(
        &self,
        deadline: Instant,
        question: impl Fn(Duration) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut wait = FIRST_WAIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let trouble = match question(wait.min(left).max(Duration::from_millis(1))) {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            if trouble.ends_the_client() || left <= wait || (self.gone)() {
                return Err(trouble);
            }
            // Some errors come back at once.
            thread::sleep(Duration::from_millis(50));
            wait *= 2;
        }
    }
}

/// Runs a job that blocks on a thread of its own. Dropping the future leaves the thread to end by itself.
async fn apart<T: Send + 'static>(
    job: impl FnOnce(&Asker<'_>) -> T + Send + 'static,
) -> Result<T, Trouble> {
    let (answer, answered) = oneshot::channel();
    thread::Builder::new()
        .name("credswap-kafka".into())
        .spawn(move || {
            let gone = || answer.is_closed();
            let outcome = job(&Asker { gone: &gone });
            // Nobody waits any more: the outcome is dropped on this thread.
            let _ = answer.send(outcome);
        })
        .map_err(|_| Trouble::Thread)?;
    answered.await.map_err(|_| Trouble::Thread)
}
