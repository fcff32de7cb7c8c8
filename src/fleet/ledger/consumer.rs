//! What the ledger knows of each consumer.

use super::time::LedgerTime;
use crate::fleet::report::{Incarnation, InstanceId};
use crate::secret::VersionId;

/// One consumer, as its newest report describes it. For display.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consumer {
    /// The instance.
    pub instance: InstanceId,
    /// Its start.
    pub incarnation: Incarnation,
    /// When its newest report was received.
    pub last_report: LedgerTime,
    /// Whether it is running.
    pub presence: Presence,
    /// The version that its new work uses.
    pub live: Option<VersionId>,
    /// The versions that still drain, or that presigned URLs pin.
    pub draining: Vec<VersionId>,
}

/// Whether a consumer is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presence {
    /// Its newest report has not expired.
    Alive,
    /// Its newest report has expired: it is presumed gone.
    Expired,
    /// It has sent its final report.
    Ended,
}

/// An authority rejected a version's key when a consumer used it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// The instance.
    pub instance: InstanceId,
    /// Its start.
    pub incarnation: Incarnation,
    /// When that last happened.
    pub at: LedgerTime,
}
