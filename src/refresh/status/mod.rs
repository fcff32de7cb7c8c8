//! The state of a refreshable, as a plain struct.

use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::secret::VersionId;

mod json;
mod parts;

pub use parts::{
    Draining, EndReason, Failure, LiveRejection, Rejected, TriggerStatus, WaitingReason,
    WaitingVersion,
};

/// The state of a refreshable. Free of secret material.
///
/// It can be serialized, for a health endpoint: the fields as they are named here, and `ready`, `running` and `healthy` as the
/// functions return them. Times are RFC 3339 in UTC with milliseconds, an error is its `kind` and its `message`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The version that is live.
    pub version: VersionId,
    /// The live generation's number.
    pub generation: u64,
    /// When the live generation was published.
    pub since: SystemTime,
    /// When the live value expires, if ever. It is refreshed before that.
    pub expires: Option<SystemTime>,
    /// Whether it has expired, and the source has no other.
    pub expired: bool,
    /// Set if the live value was rejected, and has not been proven again since.
    pub live_rejection: Option<LiveRejection>,
    /// The version that the source has and that is not live, because it could not be proven.
    pub waiting: Option<WaitingVersion>,
    /// When a refresh last succeeded, whether or not the version had changed.
    pub last_success: SystemTime,
    /// The last failure; it stays when a refresh succeeds, and `consecutive_failures` is 0 then.
    pub last_error: Option<Failure>,
    /// How many refreshes have failed since the last success.
    pub consecutive_failures: u32,
    /// Since when the secret cannot be fetched, if it cannot.
    pub source_failing_since: Option<SystemTime>,
    /// Replaced generations that have not drained yet, oldest first. A version is drained in this process when it is
    /// neither `version` nor in here.
    pub draining: Vec<Draining>,
    /// Versions whose value an authority rejected while it was in use here, newest last, at most eight.
    pub rejected: Vec<Rejected>,
    /// The triggers, in the order in which they were added; polling comes last.
    pub triggers: Vec<TriggerStatus>,
    /// Set when the refresh loop has ended, and why. The value that is live then stays usable, and is never replaced.
    pub ended: Option<EndReason>,
}

/// How many rejected versions are kept.
const REJECTED: usize = 8;

impl Status {
    pub(super) fn new(now: SystemTime, version: VersionId, generation: u64) -> Self {
        Self {
            version,
            generation,
            since: now,
            expires: None,
            expired: false,
            live_rejection: None,
            waiting: None,
            last_success: now,
            last_error: None,
            consecutive_failures: 0,
            source_failing_since: None,
            draining: Vec::new(),
            rejected: Vec::new(),
            triggers: Vec::new(),
            ended: None,
        }
    }

    /// Returns whether the live value works, as far as is known: it was not rejected lately and has not expired. For a
    /// readiness probe: what needs the value is likely to fail while this is false.
    ///
    /// After a rejection it is true again when another version is live, or when no further rejection has been reported for
    /// [`Timeouts::stale_reads`](crate::refresh::Timeouts::stale_reads) and the live value has passed its check again. It stays
    /// true while a value that was swapped in just now is not known everywhere yet
    /// ([`LiveRejection::may_be_propagating`]): otherwise all instances would be unready at once after a rotation.
    pub fn is_ready(&self) -> bool {
        let is_rejected = self.live_rejection.as_ref().is_some_and(|rejection| {
            // The source has a newer one already: this one was replaced.
            !rejection.may_be_propagating || self.waiting.is_some()
        });
        !is_rejected && !self.expired
    }

    /// Returns whether the refresh loop runs, so that a new version would be noticed. For a liveness probe: once it is false
    /// only a restart makes it true.
    pub fn is_running(&self) -> bool {
        self.ended.is_none()
    }

    /// Returns whether all is well: ready and not rejected, running, the last refresh succeeded, and each trigger listens. For
    /// an alert, not for a probe: the service goes on working with the value that it has.
    pub fn is_healthy(&self) -> bool {
        self.is_ready()
            && self.live_rejection.is_none()
            && self.is_running()
            && self.consecutive_failures == 0
            && self.triggers.iter().all(|t| t.health.is_listening())
    }

    /// Returns whether anything in this process uses `version`, or would use it next.
    pub fn uses(&self, version: &VersionId) -> bool {
        self.version == *version || self.draining.iter().any(|d| d.version == *version)
    }

    /// Notes that the value of `generation` was rejected. Returns `false` if that generation is no longer in use.
    /// A value is swapped in and not known everywhere for at most `propagation`.
    pub(super) fn note_rejected(
        &mut self,
        generation: u64,
        times: u64,
        at: SystemTime,
        propagation: Duration,
    ) -> bool {
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
                last: at,
            },
        };
        rejected.times += times;
        rejected.last = at;
        // After a rollback a generation that drains may have the live version.
        if rejected.version == self.version {
            let live = self.live_rejection.get_or_insert(LiveRejection {
                since: at,
                last: at,
                times: 0,
                may_be_propagating: false,
            });
            let age = at.duration_since(self.since).unwrap_or_default();
            // The first value of a process has been in use elsewhere, as a rule.
            live.may_be_propagating = self.generation > 1 && age < propagation;
            live.last = at;
            live.times += times;
        }
        if self.rejected.len() == REJECTED {
            self.rejected.remove(0);
        }
        self.rejected.push(rejected);
        true
    }

    /// Notes that `version` was fetched and cannot go live. It has been waiting since it was fetched first.
    pub(super) fn note_waiting(
        &mut self,
        version: &VersionId,
        reason: WaitingReason,
        error: &Error,
        at: SystemTime,
    ) {
        let before = self.waiting.take().filter(|w| w.version == *version);
        self.waiting = Some(WaitingVersion {
            version: version.clone(),
            since: before.map_or(at, |before| before.since),
            reason,
            error: error.clone(),
        });
    }
}
