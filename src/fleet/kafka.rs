//! Usage reports over Kafka: consumers write them to a compacted topic, and whoever retires keys reads all of it.

mod read;
#[cfg(feature = "refresh")]
mod sink;

use std::fmt;
use std::time::Duration;

use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Timestamp};
use tokio::time::Instant;

use self::read::{Positions, Read};
use super::ledger::{Assumptions, Ledger, LedgerTime};
use crate::error::{Error, ErrorKind};
use crate::kafka::{Consumer, Fault, KafkaConfig, Producer, Role, topic_name};
use crate::util::deadline::deadline_in;

/// The key of the records that find out the broker's time. They have no value: compaction removes them.
const PROBE: &str = "credswap probe";

/// How long writing a probe may take: it is one small record.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often one read begins anew. A topic that was made again is noticed in more than one way.
const MAX_ANEW: u32 = 3;

/// Reads the usage reports of a topic into a [`Ledger`].
///
/// ```no_run
/// use credswap::fleet::{FleetTopic, ReleaseQuery, ReleaseStatus};
/// # async fn example(config: credswap::kafka::KafkaConfig) -> Result<(), credswap::Error> {
/// let mut topic = FleetTopic::new(&config, "credswap.usage")?;
/// let now = topic.read_to_end().await?.now;
/// let status = topic.ledger().release_status(&ReleaseQuery {
///     secret_id: "prod/uploader".into(),
///     version: "old version".into(),
///     current_version: "current version".into(),
///     now,
/// });
/// match status {
///     ReleaseStatus::Released { presumed_gone, .. } => println!("released; presumed gone: {presumed_gone:?}"),
///     ReleaseStatus::InUse { by, .. } => println!("in use by {by:?}"),
///     other => println!("{other:?}"),
/// }
/// # Ok(()) }
/// ```
///
/// It needs `Read` and `Write` on the topic: it finds out the broker's time with a record of its own.
pub struct FleetTopic {
    config: KafkaConfig,
    topic: String,
    producer: Producer,
    timeout: Duration,
    trusts_producer_clocks: bool,
    consumer: Option<Consumer>,
    positions: Positions,
    ledger: Ledger,
}

/// What [`FleetTopic::read_to_end`] read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadSummary {
    /// The broker's time when reading began: [`ReleaseQuery::now`](super::ReleaseQuery::now).
    pub now: LedgerTime,
    /// How many records were read.
    pub records: u64,
    /// How many of them were not reports, and were skipped.
    pub malformed: u64,
}

/// The counts of one read, and the time of its probe.
#[derive(Default)]
struct Progress {
    records: u64,
    malformed: u64,
    probe: Option<Timestamp>,
}

impl FleetTopic {
    /// Creates a reader of the reports in `topic` on the brokers of `config`. Nothing is connected yet.
    ///
    /// # Errors
    /// As [`Producer::new`].
    pub fn new(config: &KafkaConfig, topic: impl Into<String>) -> Result<Self, Error> {
        let topic = topic_name(topic)?;
        Ok(Self {
            producer: Producer::new(config, topic.as_str())?,
            config: config.clone(),
            topic,
            timeout: Duration::from_secs(60),
            trusts_producer_clocks: false,
            consumer: None,
            positions: Positions::default(),
            ledger: Ledger::default(),
        })
    }

    /// Sets what the ledger assumes. Call it before the first read: the ledger starts anew.
    #[must_use]
    pub fn assumptions(mut self, assumptions: Assumptions) -> Self {
        self.ledger = Ledger::new(assumptions);
        self
    }

    /// Sets how long one [`FleetTopic::read_to_end`] may take; a minute by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self.producer = self.producer.timeout(timeout.min(PROBE_TIMEOUT));
        self
    }

    /// Accepts a topic whose records have their producers' times (`message.timestamp.type=CreateTime`). Only where the
    /// clocks of all producers agree to within [`Assumptions::grace`]: a consumer whose clock is slow would count as
    /// expired.
    #[must_use]
    pub fn trust_producer_clocks(mut self) -> Self {
        self.trusts_producer_clocks = true;
        self
    }

    /// Returns the ledger of what has been read.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads what the topic contains at this moment: all of it the first time, what is new from then on.
    ///
    /// # Errors
    /// Why the topic could not be read to its end: a release status from what was read so far would be wrong. Where only some
    /// partitions cannot be read, the error names them, and the ledger has what the others contain.
    /// [`ErrorKind::Config`] if the records do not have the broker's time.
    ///
    /// # Cancel safety
    /// Cancel safe: the next call continues where this one stopped.
    pub async fn read_to_end(&mut self) -> Result<ReadSummary, Error> {
        let deadline = deadline_in(self.timeout);
        let probed = match self.producer.send(Some(PROBE), None).await {
            Err(error) if !error.is_retryable() => return Err(error),
            probed => probed,
        };
        let read = match self.read(deadline, probed.is_ok()).await {
            Ok(read) => {
                probed?;
                read
            }
            // What cannot be read may be the partition that the probe belongs to, and says more.
            Err(fault) => {
                if fault.needs_new_client() {
                    // It reads password and CA file anew.
                    self.consumer = None;
                }
                let target = self.config.target(&self.topic, Role::Consumer);
                return Err(self.config.look_into(fault).await.into_error(&target));
            }
        };
        let now = self.now(read.probe)?;
        self.ledger.prune(now);
        if read.malformed > 0 {
            tracing::warn!(
                malformed = read.malformed,
                topic = self.topic,
                "skipped records that are not usage reports"
            );
        }
        Ok(ReadSummary {
            now,
            records: read.records,
            malformed: read.malformed,
        })
    }

    fn now(&self, probe: Option<Timestamp>) -> Result<LedgerTime, Error> {
        match probe {
            Some(Timestamp::CreateTime(_)) if !self.trusts_producer_clocks => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the records of topic `{0}` have their producers' times, which do not tell which consumer has \
                     expired: kafka-configs.sh --alter --entity-type topics --entity-name {0} \
                     --add-config message.timestamp.type=LogAppendTime",
                    self.topic
                ),
            )),
            probe => probe.and_then(ledger_time).ok_or_else(|| {
                Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "the record that finds out the broker's time was written to topic `{}` and not read back",
                        self.topic
                    ),
                )
            }),
        }
    }

    async fn read(&mut self, deadline: Instant, probed: bool) -> Result<Progress, Fault> {
        let consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            None => Consumer::new(self.config.clone()).await?,
        };
        let consumer = self.consumer.insert(consumer);
        let mut anew = 0;
        let (progress, unreadable) = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let survey = consumer.survey(self.topic.clone(), left / 2).await?;
            let positions = &mut self.positions;
            let read = Read::new(consumer, &self.topic, &survey, positions, deadline);
            let mut progress = Progress::default();
            let ledger = &mut self.ledger;
            match read
                .run(|message| fold(message, ledger, &mut progress))
                .await
            {
                // The topic was made again, and is as long as it was: what was just written is behind the positions.
                Ok(_) if probed && progress.probe.is_none() && anew < MAX_ANEW => {
                    self.positions.begin_anew();
                    anew += 1;
                }
                Ok(bad) => {
                    progress.malformed += bad;
                    break (progress, survey.unreadable);
                }
                // The topic was made again, or retention was faster: from the beginning.
                Err(Fault::OffsetsUnstable) if anew < MAX_ANEW => anew += 1,
                Err(fault) => return Err(fault),
            }
        };
        // What can be read was read. What a release status needs is all of it.
        match Fault::of_partitions(&unreadable) {
            Some(fault) => Err(fault),
            None => Ok(progress),
        }
    }
}

/// Folds a record.
fn fold(message: &BorrowedMessage<'_>, ledger: &mut Ledger, progress: &mut Progress) {
    let key = message.key().unwrap_or_default();
    progress.records += 1;
    if key == PROBE.as_bytes() {
        // This reader's, or one that another reader wrote later.
        progress.probe = progress.probe.max(Some(message.timestamp()));
    } else {
        let folded = ledger_time(message.timestamp())
            .map(|received| ledger.fold_record(key, message.payload(), received));
        progress.malformed += u64::from(!matches!(folded, Some(Ok(_))));
    }
}

fn ledger_time(time: Timestamp) -> Option<LedgerTime> {
    let milliseconds = u64::try_from(time.to_millis()?).ok()?;
    Some(LedgerTime::from_millis(milliseconds))
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
