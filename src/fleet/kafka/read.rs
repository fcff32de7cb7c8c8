//! One read of a topic, from known positions to the ends that a survey found.
//!
//! What is missing up to an end is no fault: compaction removed it, or it is the mark of a transaction. A batch that cannot
//! be read is left out alone.

use std::collections::BTreeMap;

use rdkafka::Message;
use rdkafka::message::BorrowedMessage;
use tokio::time::{Instant, timeout_at};

use crate::kafka::{Consumer, ConsumerError, Fault, Notice, Survey};

/// Where a reader is in its topic.
#[derive(Debug, Default)]
pub(super) struct Positions {
    /// The offset to read next in each partition.
    next: BTreeMap<i32, i64>,
    topic_id: Option<String>,
}

impl Positions {
    /// Lets the next read begin at the beginning.
    pub(super) fn begin_anew(&mut self) {
        self.next.clear();
    }
}

/// One read.
pub(super) struct Read<'a> {
    consumer: &'a Consumer,
    topic: &'a str,
    positions: &'a mut Positions,
    /// The partitions that are still to be read, and up to where.
    ends: BTreeMap<i32, i64>,
    deadline: Instant,
    suspected: Option<Fault>,
}

/// How reading some partitions ended.
enum Outcome {
    AtTheEnd,
    /// One of them has a batch that cannot be read.
    Undecodable(Option<i64>),
}

impl<'a> Read<'a> {
    pub(super) fn new(
        consumer: &'a Consumer,
        topic: &'a str,
        survey: &Survey,
        positions: &'a mut Positions,
        deadline: Instant,
    ) -> Self {
        let mut ends = BTreeMap::new();
        for now in &survey.readable {
            let next = positions.next.entry(now.partition).or_insert(now.low);
            // Before the beginning: compaction and retention have removed it. Beyond the end: the topic is a new one.
            if !(now.low..=now.high).contains(next) {
                *next = now.low;
            }
            if *next < now.high {
                ends.insert(now.partition, now.high);
            }
        }
        Self {
            consumer,
            topic,
            positions,
            ends,
            deadline,
            suspected: None,
        }
    }

    /// Reads to the ends. Returns how many batches could not be read.
    pub(super) async fn run(
        mut self,
        mut fold: impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<u64, Fault> {
        let mut bad = 0;
        loop {
            let all: Vec<_> = self.ends.keys().copied().collect();
            match self.partitions(&all, &mut fold).await? {
                Outcome::AtTheEnd => break,
                // Which one it was is known if each is read alone.
                Outcome::Undecodable(offset) => {
                    for partition in all {
                        let next = self.positions.next.get(&partition);
                        if offset.is_none_or(|bad| next.is_some_and(|&next| next <= bad)) {
                            bad += self.alone(partition, &mut fold).await?;
                        }
                    }
                }
            }
        }
        // Otherwise the next survey would wait behind a fetch that waits for records.
        self.consumer.assign(self.topic.to_owned(), []).await?;
        Ok(bad)
    }

    /// Reads one partition, and leaves out the batches that cannot be read. Returns how many there were.
    async fn alone(
        &mut self,
        partition: i32,
        fold: &mut impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<u64, Fault> {
        let (mut bad, mut step, mut tried) = (0, 1, None);
        while let Some(&end) = self.ends.get(&partition) {
            let Outcome::Undecodable(offset) = self.partitions(&[partition], fold).await? else {
                break;
            };
            let next = self.positions.next.entry(partition).or_default();
            if tried != Some(*next) {
                (bad, step) = (bad + 1, 1);
            }
            // The batch begins there. Where it ends is not known.
            *next = offset.map_or(*next, |first| first.max(*next)) + step;
            (step, tried) = (step * 2, Some(*next));
            if *next >= end {
                *next = end;
                self.ends.remove(&partition);
            }
        }
        Ok(bad)
    }

    /// Reads these partitions to their ends, or to a batch that cannot be read.
    async fn partitions(
        &mut self,
        partitions: &[i32],
        fold: &mut impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<Outcome, Fault> {
        let is_read = |partition: &&i32| self.ends.contains_key(partition);
        let mut left = partitions.iter().filter(is_read).count();
        if left == 0 {
            return Ok(Outcome::AtTheEnd);
        }
        let unread = partitions.iter().filter(is_read);
        let unread = unread.map(|&partition| (partition, self.positions.next[&partition]));
        self.consumer.assign(self.topic.to_owned(), unread).await?;
        while left > 0 {
            // A notice is waited for where nothing is buffered: to subscribe to them for each record would cost more than it does.
            let received = tokio::select! {
                biased;
                received = timeout_at(self.deadline, self.consumer.receive()) => received,
                notice = self.consumer.noticed() => {
                    self.note(notice)?;
                    continue;
                }
            };
            let Ok(received) = received else {
                let why = self.suspected.take().unwrap_or(Fault::Timeout(None));
                let unread = self.ends.keys().copied().collect();
                return Err(Fault::Partitions(unread, Box::new(why)));
            };
            let error = match received {
                Ok(message) => {
                    fold(&message);
                    let (partition, next) = (message.partition(), message.offset() + 1);
                    self.positions.next.insert(partition, next);
                    let end = self.ends.get(&partition);
                    if end.is_some_and(|end| next >= *end) {
                        self.ends.remove(&partition);
                        left -= 1;
                    }
                    continue;
                }
                Err((error, text)) => ConsumerError::of(&error, &text)?,
            };
            match error {
                ConsumerError::Progress { partition, next } => {
                    // An earlier end is that of a topic that was deleted meanwhile.
                    let is_end = |end: &i64| next.is_none_or(|next| next >= *end);
                    if let Some(end) = self.ends.get(&partition).copied().filter(is_end) {
                        self.ends.remove(&partition);
                        self.positions.next.insert(partition, next.unwrap_or(end));
                        left -= 1;
                    }
                }
                ConsumerError::Undecodable { offset } => return Ok(Outcome::Undecodable(offset)),
                ConsumerError::Irrelevant => {}
                ConsumerError::ConnectionLost(fault) => self.suspect(fault),
                ConsumerError::AllBrokersDown => self.suspect(self.consumer.down_fault()),
                ConsumerError::OffsetLost => return Err(self.begin_anew()),
            }
        }
        Ok(Outcome::AtTheEnd)
    }

    fn note(&mut self, notice: Notice) -> Result<(), Fault> {
        match notice {
            Notice::Unanswered(fault) => self.suspect(fault),
            Notice::TopicId(id) => {
                let before = self.positions.topic_id.replace(id);
                if before.is_some() && before != self.positions.topic_id {
                    return Err(self.begin_anew());
                }
            }
        }
        Ok(())
    }

    fn begin_anew(&mut self) -> Fault {
        self.positions.begin_anew();
        Fault::OffsetsUnstable
    }

    fn suspect(&mut self, fault: Fault) {
        self.suspected = Some(Fault::more_specific(self.suspected.take(), fault));
    }
}
