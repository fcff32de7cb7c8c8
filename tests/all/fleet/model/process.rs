//! A process and its reports, as they really are.

use std::collections::BTreeMap;

use credswap::fleet::{Incarnation, InstanceId, Report};

/// How records get into the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum LogKind {
    /// Duplicated, in any order, and kept for ever.
    Unordered,
    /// As from Kafka's idempotent producer, those of one key in their order; and compacted.
    Kafka,
}

/// One process.
pub(super) struct Process {
    pub(super) instance: InstanceId,
    pub(super) incarnation: Incarnation,
    pub(super) sequence: u64,
    pub(super) ttl: u64,
    /// How far the clock of the broker that receives its reports is off.
    pub(super) skew: i64,
    pub(super) live: usize,
    pub(super) since: u64,
    pub(super) draining: BTreeMap<usize, u32>,
    pub(super) released: Vec<(usize, u64)>,
    pub(super) presigned: BTreeMap<usize, u64>,
    pub(super) paused: bool,
    pub(super) disconnected: bool,
    pub(super) lose_next: bool,
    pub(super) next_report: u64,
}

#[derive(Clone)]
pub(super) struct Record {
    pub(super) key: String,
    pub(super) report: Report,
    /// By the broker's clock.
    pub(super) at: u64,
    /// Until when the URLs that were presigned by then are valid.
    pub(super) presigned: BTreeMap<usize, u64>,
    pub(super) ttl: u64,
}
