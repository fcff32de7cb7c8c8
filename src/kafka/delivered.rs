//! Where a record was delivered to.

use std::time::{Duration, SystemTime};

use rdkafka::Timestamp;
use rdkafka::producer::future_producer::Delivery;

/// Where a record was delivered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// The record's partition.
    pub partition: i32,
    /// Its offset there; `None` if the broker did not return it, which happens when the record was sent twice.
    pub offset: Option<i64>,
    /// Its timestamp.
    pub timestamp: Option<SystemTime>,
    /// Whether the timestamp is the time at which the broker appended the record, as on topics with
    /// `message.timestamp.type=LogAppendTime`. Otherwise it is the time of this machine.
    pub log_append_time: bool,
}

impl From<Delivery> for Delivered {
    fn from(delivery: Delivery) -> Self {
        let milliseconds = delivery.timestamp.to_millis();
        Self {
            partition: delivery.partition,
            offset: (delivery.offset >= 0).then_some(delivery.offset),
            timestamp: milliseconds
                .and_then(|milliseconds| u64::try_from(milliseconds).ok())
                .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since))),
            log_append_time: matches!(delivery.timestamp, Timestamp::LogAppendTime(_)),
        }
    }
}
