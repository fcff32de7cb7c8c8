//! The state of a refreshable, as a plain struct.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::error::Error;
use crate::hot::Drain;
use crate::secret::VersionId;
use crate::trigger::Health;

/// The state of a refreshable. Free of secret material.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The version that is live.
    pub version: VersionId,
    /// The live generation's number.
    pub generation: u64,
    /// When the live generation was published.
    pub since: SystemTime,
    /// When a refresh last succeeded, whether or not the version had changed.
    pub last_success: SystemTime,
    /// The last failure; it stays when a refresh succeeds, and `consecutive_failures` is 0 then.
    pub last_error: Option<Failure>,
    /// How many refreshes have failed since the last success.
    pub consecutive_failures: u32,
    /// Replaced generations that have not drained yet, oldest first. A version is drained in this process when it is
    /// neither `version` nor in here.
    pub draining: Vec<Draining>,
    /// Versions whose value an authority rejected while it was in use here, newest last, at most eight.
    pub rejected: Vec<Rejected>,
    /// The triggers, in the order in which they were added; polling comes last.
    pub triggers: Vec<TriggerStatus>,
}

/// A failed refresh.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// When.
    pub at: SystemTime,
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
    pub(super) drain: Option<Drain>,
}

/// A version whose value was rejected. See [`Refreshable::report_rejected`](super::Refreshable::report_rejected).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// Which.
    pub version: VersionId,
    /// How often.
    pub times: u64,
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

/// How many rejected versions are kept.
const REJECTED: usize = 8;

impl Status {
    pub(super) fn new(now: SystemTime, version: VersionId, generation: u64) -> Self {
        Self {
            version,
            generation,
            since: now,
            last_success: now,
            last_error: None,
            consecutive_failures: 0,
            draining: Vec::new(),
            rejected: Vec::new(),
            triggers: Vec::new(),
        }
    }

    /// Returns whether the last refresh succeeded and each trigger listens.
    pub fn is_healthy(&self) -> bool {
        self.consecutive_failures == 0 && self.triggers.iter().all(|t| t.health.is_listening())
    }

    /// Returns whether anything in this process uses `version`, or would use it next.
    pub fn uses(&self, version: &VersionId) -> bool {
        self.version == *version || self.draining.iter().any(|d| d.version == *version)
    }

    /// Notes that the value of `generation` was rejected. Returns `false` if that generation is no longer in use.
    pub(super) fn note_rejected(&mut self, generation: u64, times: u64) -> bool {
        let version = if generation == self.generation {
            &self.version
        } else if let Some(old) = self.draining.iter().find(|d| d.generation == generation) {
            &old.version
        } else {
            return false;
        };
        let known = self.rejected.iter().position(|r| r.version == *version);
        let mut rejected = match known {
            Some(index) => self.rejected.remove(index),
            None => Rejected {
                version: version.clone(),
                times: 0,
            },
        };
        rejected.times += times;
        if self.rejected.len() == REJECTED {
            self.rejected.remove(0);
        }
        self.rejected.push(rejected);
        true
    }
}

impl Draining {
    /// Returns in how many places it is in use; 0 if only presigned URLs are left.
    pub fn outstanding(&self) -> usize {
        // It has no drain yet while the swap is being made.
        self.drain.as_ref().map_or(1, Drain::outstanding)
    }

    /// Waits until it is drained.
    pub(super) async fn drained(&self) {
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
