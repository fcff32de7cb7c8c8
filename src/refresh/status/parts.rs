//! What a status is made of.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::error::Error;
use crate::hot::Drain;
use crate::secret::VersionId;
use crate::trigger::Health;

/// A failed refresh.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// When.
    pub at: SystemTime,
}

impl Failure {
    pub(in crate::refresh) fn new(error: Error, at: SystemTime) -> Self {
        Self { error, at }
    }
}

/// That the live value was rejected. See [`Status::live_rejection`](super::Status::live_rejection).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveRejection {
    /// When the first of these rejections was reported.
    pub since: SystemTime,
    /// When the last one was.
    pub last: SystemTime,
    /// How many there were.
    pub times: u64,
    /// Whether the value had been swapped in so recently, by the last rejection, that the service may only not know it yet:
    /// less than [`Timeouts::propagation`](crate::refresh::Timeouts::propagation) before. Requests are repeated with it then.
    pub may_be_propagating: bool,
}

/// A version that the source has and that is not live. The last good value stays meanwhile.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WaitingVersion {
    /// Which.
    pub version: VersionId,
    /// When it was fetched first.
    pub since: SystemTime,
    /// Why it is not live.
    pub reason: WaitingReason,
    /// The error in full.
    pub error: Error,
}

/// Why a version is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitingReason {
    /// The authority does not know it yet. Its check is repeated.
    NotPropagated,
    /// It is genuine, but not permitted to do what its check asked.
    Forbidden,
    /// Its check found that it is wrong, or could not be made.
    CheckFailed,
    /// It could not be turned into a value: it is malformed, say.
    ConnectFailed,
}

impl WaitingReason {
    pub(in crate::refresh) const ALL: [Self; 4] = [
        Self::NotPropagated,
        Self::Forbidden,
        Self::CheckFailed,
        Self::ConnectFailed,
    ];

    /// Returns the reason as a metric label and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotPropagated => "not_propagated",
            Self::Forbidden => "forbidden",
            Self::CheckFailed => "check_failed",
            Self::ConnectFailed => "connect_failed",
        }
    }
}

/// Why the refresh loop has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// [`Refreshable::shutdown`](crate::Refreshable::shutdown) was called.
    ShutDown,
    /// The last handle was dropped.
    Dropped,
    /// The loop panicked: a defect in this crate, or in the clock that the builder was given.
    Panicked,
    /// The Tokio runtime that it ran on was shut down.
    RuntimeGone,
}

impl EndReason {
    /// Returns the reason as it is in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ShutDown => "shut_down",
            Self::Dropped => "dropped",
            Self::Panicked => "panicked",
            Self::RuntimeGone => "runtime_gone",
        }
    }
}

/// A replaced generation that has not drained yet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Draining {
    /// The generation's number.
    pub generation: u64,
    /// Its version.
    pub version: VersionId,
    /// When it was replaced.
    pub since: SystemTime,
    /// When the last presigned URL expires that was made with it, if any was: it is in use until then even when no
    /// request uses it.
    pub pinned_until: Option<SystemTime>,
    /// Present from the swap on, a moment after the rest.
    pub(in crate::refresh) drain: Option<Drain>,
}

impl Draining {
    /// Returns in how many places it is in use; 0 if only presigned URLs are left.
    pub fn outstanding(&self) -> usize {
        // It has no drain yet while the swap is being made.
        self.drain.as_ref().map_or(1, Drain::outstanding)
    }

    /// Waits until it is drained.
    pub(in crate::refresh) async fn drained(&self) {
        match &self.drain {
            Some(drain) => drain.wait().await,
            None => std::future::pending().await,
        }
    }

    #[cfg(feature = "fleet")]
    pub(crate) fn pin(&self) -> Option<tokio::time::Instant> {
        self.drain.as_ref()?.pinned_until()
    }
}

/// A version whose value was rejected. See [`Refreshable::report_rejected`](crate::Refreshable::report_rejected).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// Which.
    pub version: VersionId,
    /// How often.
    pub times: u64,
    /// When the last rejection was reported.
    pub last: SystemTime,
}

/// One trigger.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TriggerStatus {
    /// [`Trigger::name`](crate::trigger::Trigger::name).
    pub name: Cow<'static, str>,
    /// Its health.
    pub health: Health,
}
