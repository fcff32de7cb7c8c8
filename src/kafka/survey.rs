//! Which partitions a topic has, and the offsets that they hold: one request for the partitions, then two to each broker that
//! leads some of them, however many there are.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::blocking::Retrier;
use super::context::Context;
use super::fault::Fault;
use crate::util::deadline::deadline_in;
use crate::util::lock::lock;

/// The partitions of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Those that can be read, in their order. Not empty.
    pub(crate) readable: Vec<Watermarks>,
    /// Those that cannot be read at present, and why.
    pub(crate) unreadable: BTreeMap<i32, Fault>,
}

/// The offsets that a partition holds: `low..high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watermarks {
    pub(crate) partition: i32,
    pub(crate) low: i64,
    pub(crate) high: i64,
}

impl Survey {
    /// Takes a survey. A partition without a leader is not waited for; a leader that does not respond is, until the timeout.
    pub(super) fn take(
        consumer: &StreamConsumer<Context>,
        topic: &str,
        timeout: Duration,
        retrier: &Retrier,
    ) -> Result<Self, Fault> {
        let deadline = deadline_in(timeout);
        let incomplete = Mutex::new(None);
        let complete = retrier.retry(deadline, |timeout| {
            let survey = Self::attempt(consumer, topic, timeout)?;
            let unanswered = |fault: &&Fault| **fault != Fault::NoLeader;
            let Some(fault) = Fault::of_partitions(&survey.unreadable) else {
                return Ok(survey);
            };
            if survey.readable.is_empty() {
                return Err(fault);
            }
            let Some(fault) = survey.unreadable.values().find(unanswered).cloned() else {
                return Ok(survey);
            };
            *lock(&incomplete) = Some(survey);
            Err(fault)
        });
        match (complete, lock(&incomplete).take()) {
            (Ok(survey), _) => Ok(survey),
            (Err(fault), Some(survey)) if !fault.needs_new_client() => Ok(survey),
            (Err(fault), _) => Err(fault),
        }
    }

    fn attempt(
        consumer: &StreamConsumer<Context>,
        topic: &str,
        timeout: Duration,
    ) -> Result<Self, Fault> {
        let mut survey = Self::default();
        let mut led = leaders(consumer, topic, timeout)?;
        for partition in led.remove(&NO_LEADER).unwrap_or_default() {
            survey.unreadable.insert(partition, Fault::NoLeader);
        }
        // A broker that hangs must not delay what the others say.
        thread::scope(|scope| {
            let asked: Vec<_> = led
                .values()
                .map(|led| {
                    let ask = move || watermarks(consumer, topic, led, timeout);
                    (led, thread::Builder::new().spawn_scoped(scope, ask))
                })
                .collect();
            for (led, asked) in asked {
                let found = asked
                    .map_err(|_| Fault::Thread)
                    .and_then(|asked| asked.join().map_err(|_| Fault::Thread)?);
                match found {
                    Ok(found) => survey.readable.extend(found),
                    Err(fault) => {
                        let each = led.iter().map(|&partition| (partition, fault.clone()));
                        survey.unreadable.extend(each);
                    }
                }
            }
        });
        survey.readable.sort_by_key(|found| found.partition);
        Ok(survey)
    }
}

/// The number of a leader that does not exist.
const NO_LEADER: i32 = -1;

/// Returns the partitions by the broker that leads them.
fn leaders(
    consumer: &StreamConsumer<Context>,
    topic: &str,
    timeout: Duration,
) -> Result<BTreeMap<i32, Vec<i32>>, Fault> {
    let metadata = consumer
        .fetch_metadata(Some(topic), timeout)
        .map_err(|error| Fault::of_call(&error))?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(Fault::UnknownTopic);
    };
    if let Some(error) = found.error() {
        return Err(Fault::of(error.into(), ""));
    }
    let mut leaders = BTreeMap::<_, Vec<_>>::new();
    for partition in found.partitions() {
        let leader = partition.leader().max(NO_LEADER);
        leaders.entry(leader).or_default().push(partition.id());
    }
    if leaders.is_empty() {
        return Err(Fault::UnknownTopic);
    }
    Ok(leaders)
}

/// Asks one broker for the offsets of the partitions that it leads.
fn watermarks(
    consumer: &StreamConsumer<Context>,
    topic: &str,
    partitions: &[i32],
    timeout: Duration,
) -> Result<Vec<Watermarks>, Fault> {
    // The special timestamps of the request have the numbers of these offsets.
    let ask = |offset| -> KafkaResult<_> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for &partition in partitions {
            list.add_partition_offset(topic, partition, offset)?;
        }
        consumer.offsets_for_times(list, timeout)
    };
    let asked = ask(Offset::Beginning).and_then(|low| Ok((low, ask(Offset::End)?)));
    let (low, high) = asked.map_err(|error| match Fault::of_call(&error) {
        // The topic was just described: its leader has left the cluster, or is another one.
        Fault::UnknownTopic => Fault::NoLeader,
        fault => fault,
    })?;
    let (low, high) = (offsets(&low), offsets(&high));
    partitions
        .iter()
        .map(|&partition| {
            Some(Watermarks {
                partition,
                low: *low.get(&partition)?,
                high: *high.get(&partition)?,
            })
        })
        .collect::<Option<_>>()
        // Its leader has changed between the two requests.
        .ok_or(Fault::NoLeader)
}

fn offsets(list: &TopicPartitionList) -> BTreeMap<i32, i64> {
    let found = list.elements().into_iter();
    found
        .filter_map(|found| match found.offset() {
            Offset::Offset(offset) => Some((found.partition(), offset)),
            _ => None,
        })
        .collect()
}
