//! Reports over Kafka: consumers write them to a compacted topic, and whoever retires keys reads all of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::{Message, Timestamp};
use tokio::time::{Instant, timeout_at};

use super::assumptions::Assumptions;
use super::ledger::Ledger;
use super::report_sink::ReportSink;
use crate::error::{Error, ErrorKind};
use crate::kafka::{Consumer, ConsumerError, Fault, KafkaConfig, Producer, Role, topic_name};

/// The key of the records that ask for the broker's time. They have no value: compaction removes them.
const PROBE: &str = "credswap probe";

/// Asking for the time is one small record.
const LONGEST_PROBE: Duration = Duration::from_secs(10);

impl ReportSink for Producer {
    /// A record is delivered once and stays in its order among those of the same key; the producer's bound must be
    /// shorter than [`Assumptions::grace`], as its default is.
    async fn send(&self, key: String, value: Vec<u8>) -> Result<(), Error> {
        Self::send(self, Some(&key), Some(&value)).await.map(drop)
    }
}

/// The reports of a topic, folded.
///
/// ```no_run
/// use credswap::fleet::{FleetTopic, ReleaseStatus};
/// # async fn example(config: credswap::kafka::KafkaConfig) -> Result<(), credswap::Error> {
/// let mut fleet = FleetTopic::new(&config, "credswap.fleet")?;
/// let now = fleet.refresh().await?.now;
/// match fleet.ledger().verdict("prod/uploader", &"old version".into(), &"current version".into(), now) {
///     ReleaseStatus::Released { since, presumed_gone, .. } => println!("since {since}, assuming {presumed_gone:?}"),
///     ReleaseStatus::InUse { by, .. } => println!("held by {by:?}"),
///     other => println!("{other:?}"),
/// }
/// # Ok(()) }
/// ```
///
/// It needs `Read` and `Write` on the topic: it learns the time by a record of its own.
pub struct FleetTopic {
    config: KafkaConfig,
    topic: String,
    producer: Producer,
    within: Duration,
    trusts_clocks: bool,
    reader: Option<Consumer>,
    /// What is to be read next in each partition.
    positions: BTreeMap<i32, i64>,
    ledger: Ledger,
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// The broker's time when reading began: `now` for [`Ledger::verdict`].
    pub now: u64,
    /// How many records were read.
    pub records: u64,
    /// How many of them were no reports, and were skipped.
    pub malformed: u64,
}

/// What one reading found.
#[derive(Default)]
struct Read {
    records: u64,
    malformed: u64,
    probe: Option<Timestamp>,
}

impl FleetTopic {
    /// The reports in `topic` on the brokers of `config`. Nothing is connected yet.
    ///
    /// # Errors
    /// As for [`Producer::new`].
    pub fn new(config: &KafkaConfig, topic: impl Into<String>) -> Result<Self, Error> {
        let topic = topic_name(topic)?;
        Ok(Self {
            producer: Producer::new(config, topic.as_str())?,
            config: config.clone(),
            topic,
            within: Duration::from_secs(60),
            trusts_clocks: false,
            reader: None,
            positions: BTreeMap::new(),
            ledger: Ledger::default(),
        })
    }

    /// Sets what the ledger assumes.
    #[must_use]
    pub fn limits(mut self, limits: Assumptions) -> Self {
        self.ledger = Ledger::new(limits);
        self
    }

    /// Sets the bound on one [`refresh`](Self::refresh); a minute by default.
    #[must_use]
    pub fn within(mut self, bound: Duration) -> Self {
        self.within = bound;
        self.producer = self.producer.timeout(bound.min(LONGEST_PROBE));
        self
    }

    /// Takes a topic whose records have their writers' times, too (`message.timestamp.type=CreateTime`). Only where all
    /// writers' clocks agree to within [`Assumptions::grace`]: a consumer whose clock is behind would count as silent.
    #[must_use]
    pub fn trust_producer_clocks(mut self) -> Self {
        self.trusts_clocks = true;
        self
    }

    /// What has been read.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads what the topic holds at this moment: all of it the first time, what is new from then on.
    ///
    /// # Errors
    /// Why it could not be read to the end: a verdict on what was read so far would be wrong.
    /// [`ErrorKind::Config`] if the records do not have the broker's time.
    ///
    /// # Cancel safety
    /// Cancel safe: the next one goes on where this one was.
    pub async fn refresh(&mut self) -> Result<Reading, Error> {
        let deadline = Instant::now() + self.within;
        self.producer.send(Some(PROBE), None).await?;
        let read = match self.read(deadline).await {
            Ok(read) => read,
            Err(fault) => {
                // The next client reads password and CA file anew.
                self.reader = None;
                let target = self.config.target(&self.topic, Role::Consumer);
                return Err(fault.into_error(&target));
            }
        };
        let now = self.now(read.probe)?;
        self.ledger.prune(now);
        if read.malformed > 0 {
            tracing::warn!(
                malformed = read.malformed,
                topic = self.topic,
                "records that are no reports"
            );
        }
        Ok(Reading {
            now,
            records: read.records,
            malformed: read.malformed,
        })
    }

    fn now(&self, probe: Option<Timestamp>) -> Result<u64, Error> {
        match probe {
            Some(Timestamp::CreateTime(_)) if !self.trusts_clocks => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the records of topic `{0}` have their writers' times, which do not tell who is silent: \
                     kafka-configs.sh --alter --entity-type topics --entity-name {0} \
                     --add-config message.timestamp.type=LogAppendTime",
                    self.topic
                ),
            )),
            probe => probe.and_then(milliseconds).ok_or_else(|| {
                Error::new(
                    ErrorKind::Unavailable,
                    "the record that asks for the broker's time did not come back",
                )
            }),
        }
    }

    async fn read(&mut self, deadline: Instant) -> Result<Read, Fault> {
        let left = || deadline.saturating_duration_since(Instant::now());
        if self.reader.is_none() {
            self.reader = Some(Consumer::new(self.config.clone()).await?);
        }
        let reader = self.reader.as_ref().expect("made above");
        let spans = reader.fetch_watermarks(self.topic.clone(), left()).await?;
        let mut ends = BTreeMap::new();
        for span in spans {
            let next = self.positions.entry(span.partition).or_insert(span.low);
            // Behind its beginning: compaction and retention have passed by. Beyond its end: it is a new topic.
            if !(span.low..=span.high).contains(next) {
                *next = span.low;
            }
            if *next < span.high {
                ends.insert(span.partition, span.high);
            }
        }
        let unread = ends.keys().map(|&p| (p, self.positions[&p]));
        reader.assign(self.topic.clone(), unread).await?;

        let mut read = Read::default();
        let mut noted = None;
        while !ends.is_empty() {
            let Ok(received) = timeout_at(deadline, reader.receive()).await else {
                return Err(noted.unwrap_or(Fault::Timeout));
            };
            match received {
                Ok(message) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let key = message.key().unwrap_or_default();
                    read.records += 1;
                    if key == PROBE.as_bytes() {
                        // Our own, or one that somebody else sent later.
                        read.probe = read.probe.max(Some(message.timestamp()));
                    } else {
                        let folded = milliseconds(message.timestamp())
                            .map(|at| self.ledger.fold_record(key, message.payload(), at));
                        read.malformed += u64::from(!matches!(folded, Some(Ok(_))));
                    }
                    self.positions.insert(partition, offset + 1);
                    if ends.get(&partition).is_some_and(|end| offset + 1 >= *end) {
                        ends.remove(&partition);
                    }
                }
                Err((error, words)) => match ConsumerError::of(&error, &words)? {
                    // Its end: what is missing up to there was compacted away.
                    ConsumerError::Progress(partition) => {
                        if let Some(end) = ends.remove(&partition) {
                            let next = self.positions.entry(partition).or_insert(end);
                            *next = end.max(*next);
                        }
                    }
                    ConsumerError::Irrelevant => {}
                    ConsumerError::Undecodable => read.malformed += 1,
                    ConsumerError::ConnectionLost(fault) => noted = Some(fault),
                    ConsumerError::AllBrokersDown => noted = Some(reader.down_fault()),
                    ConsumerError::OffsetLost => {
                        self.positions.clear();
                        return Err(Fault::OffsetsUnstable);
                    }
                },
            }
        }
        Ok(read)
    }
}

fn milliseconds(time: Timestamp) -> Option<u64> {
    u64::try_from(time.to_millis()?).ok()
}

impl fmt::Debug for FleetTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetTopic")
            .field("config", &self.config)
            .field("topic", &self.topic)
            .field("consumers", &self.ledger.len())
            .finish_non_exhaustive()
    }
}
