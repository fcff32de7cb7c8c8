//! What a consumer reports: the version that it uses, versions that still drain, versions that have drained.
//!
//! A report is the whole state, not a change: the newest one replaces all before it, so lost and duplicated reports do no
//! harm. It contains ages, not dates ("drained 12 s ago"): the ledger subtracts them from the time at which the broker
//! received the report, and no two machines' clocks are compared.

use std::time::Duration;

use super::instance::{Incarnation, InstanceId};
use crate::secret::{SecretId, VersionId};

/// What one consumer reports about one secret. Free of secret material.
///
/// A `Reporter` creates reports; [`Report::decode`] reads them, for a transport of your own.
///
/// ```
/// # fn main() -> Result<(), credswap::Error> {
/// use std::time::{Duration, SystemTime};
/// use credswap::fleet::{DrainingVersion, Incarnation, InstanceId, LiveVersion, Report, VersionAge};
///
/// let incarnation = Incarnation::new(SystemTime::UNIX_EPOCH, 1);
/// let ttl = Duration::from_secs(90);
/// let mut report = Report::new(InstanceId::new("pod-7")?, incarnation, 1, "prod/uploader", ttl);
/// report.live = Some(LiveVersion::new("v3", Duration::from_secs(12)));
/// report.draining.push(DrainingVersion::new("v2", 4).pinned(Duration::from_secs(3600)));
/// report.released.push(VersionAge::new("v1", Duration::from_secs(86_400)));
/// assert_eq!(Report::decode(report.key().as_bytes(), &report.encode()?)?, report);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The instance that reports.
    pub instance: InstanceId,
    /// Its start.
    pub incarnation: Incarnation,
    /// Counts this incarnation's reports about this secret. Of two reports the one with the higher number counts.
    pub sequence: u64,
    /// The secret's name or ARN, as the consumer's source has it.
    pub secret_id: SecretId,
    /// The version that all new work uses. `None` makes it a final report: nothing is used any more, except for what still
    /// drains.
    pub live: Option<LiveVersion>,
    /// Older versions that are still in use, and versions of any age that presigned URLs pin.
    pub draining: Vec<DrainingVersion>,
    /// How many more versions drain than `draining` lists: each version that is not released may be one of them.
    pub unlisted: u32,
    /// Versions that were live here and have drained, newest last.
    pub released: Vec<VersionAge>,
    /// Versions whose key an authority rejected, and how long ago it last did so, newest last.
    pub rejected: Vec<VersionAge>,
    /// How long this report counts. The reporter sends the next one after a third of it, or sooner.
    pub ttl: Duration,
}

/// The version that is live.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveVersion {
    /// The version.
    pub version: VersionId,
    /// How long it has been live.
    pub age: Duration,
}

/// A version that has not drained.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainingVersion {
    /// The version.
    pub version: VersionId,
    /// In how many places the process uses it; 0 if only presigned URLs pin it.
    pub outstanding: u32,
    /// How long presigned URLs remain valid, if there are any. They outlive the process.
    pub pinned: Option<Duration>,
}

/// A version, and how long ago something happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionAge {
    /// The version.
    pub version: VersionId,
    /// How long ago.
    pub age: Duration,
}

impl Report {
    /// How many draining versions a report lists. IAM allows two keys at a time; more versions than these are counted in
    /// [`Report::unlisted`].
    pub const MAX_DRAINING: usize = 16;
    /// How many versions a report lists as released, and how many as rejected: the newest.
    pub const MAX_RECENT: usize = 8;

    /// Creates a final report in which nothing is in use; set the other fields.
    pub fn new(
        instance: InstanceId,
        incarnation: Incarnation,
        sequence: u64,
        secret_id: impl Into<SecretId>,
        ttl: Duration,
    ) -> Self {
        Self {
            instance,
            incarnation,
            sequence,
            secret_id: secret_id.into(),
            live: None,
            draining: Vec::new(),
            unlisted: 0,
            released: Vec::new(),
            rejected: Vec::new(),
            ttl,
        }
    }

    /// Returns whether this is the consumer's final report.
    pub fn is_final(&self) -> bool {
        self.live.is_none()
    }
}

impl LiveVersion {
    /// Creates the entry of a version that went live `age` ago.
    pub fn new(version: impl Into<VersionId>, age: Duration) -> Self {
        Self {
            version: version.into(),
            age,
        }
    }
}

impl DrainingVersion {
    /// Creates the entry of a version that is in use in `outstanding` places.
    pub fn new(version: impl Into<VersionId>, outstanding: u32) -> Self {
        Self {
            version: version.into(),
            outstanding,
            pinned: None,
        }
    }

    /// Sets how long presigned URLs remain valid.
    #[must_use]
    pub fn pinned(mut self, left: Duration) -> Self {
        self.pinned = Some(left);
        self
    }
}

impl VersionAge {
    /// Creates the entry of a version to which something happened `age` ago.
    pub fn new(version: impl Into<VersionId>, age: Duration) -> Self {
        Self {
            version: version.into(),
            age,
        }
    }
}
