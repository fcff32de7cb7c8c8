//! Whether a version is released: the question and the answer.

use super::time::LedgerTime;
use crate::fleet::report::{Incarnation, InstanceId};
use crate::secret::{SecretId, VersionId};

/// Asks whether a version is released. See [`Ledger::release_status`](super::Ledger::release_status).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseQuery {
    /// The secret's name or ARN. Consumers may report it by either.
    pub secret_id: SecretId,
    /// The version in question.
    pub version: VersionId,
    /// The version that a consumer fetches now.
    pub current_version: VersionId,
    /// The time on the ledger's clock.
    pub now: LedgerTime,
}

/// Whether a version is released, so that its key may be retired.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReleaseStatus {
    /// No: a consumer uses it, or may use it.
    #[non_exhaustive]
    InUse {
        /// The consumers, sorted by name: those that use it, or, if none is known to, those whose next report is awaited.
        by: Vec<ConsumerUsage>,
    },
    /// Yes: at least one consumer has reported that, and none contradicts it.
    #[non_exhaustive]
    Released {
        /// The latest sign that a consumer used it, or may have used it.
        since: LedgerTime,
        /// Consumers that did not report it, and whose TTL has expired. That they are gone is an assumption: log it.
        presumed_gone: Vec<ExpiredConsumer>,
    },
    /// No consumer has reported on it. Never treat this as released.
    Unknown,
}

/// One consumer's usage of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerUsage {
    /// The instance.
    pub instance: InstanceId,
    /// Its start.
    pub incarnation: Incarnation,
    /// Why the version counts as in use there.
    pub reason: InUseReason,
    /// When the consumer's newest report was received.
    pub last_report: LedgerTime,
    /// When this usage expires if the consumer sends no further report.
    pub expires: LedgerTime,
}

/// Why a version counts as in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InUseReason {
    /// It is live: all new work uses it.
    Live,
    /// It drains: older work uses it.
    Draining {
        /// In how many places.
        outstanding: u32,
    },
    /// Presigned URLs are still valid.
    PresignedUrls,
    /// More versions drain than the report could list, and this one may be among them.
    Unlisted,
    /// The consumer is alive, and has not reported since it could last have adopted the version.
    NotYetReported,
}

/// A consumer whose TTL has expired.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpiredConsumer {
    /// The instance.
    pub instance: InstanceId,
    /// Its start.
    pub incarnation: Incarnation,
    /// When its newest report was received.
    pub last_report: LedgerTime,
    /// Whether it used the version according to that report.
    pub used: bool,
}
