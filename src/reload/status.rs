//! How the reloader fares, as a plain struct.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::error::Error;
use crate::hot::Drain;
use crate::secret::VersionId;
use crate::trigger::Health;

/// How the reloader fares. Free of secret material.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The version that is live.
    pub version: VersionId,
    /// The live generation's number.
    pub generation: u64,
    /// Since when it is live.
    pub since: SystemTime,
    /// When the source was last read with success, whether or not the version had changed.
    pub last_success: SystemTime,
    /// The last failure; it stays when a look succeeds, and `consecutive_failures` is 0 then.
    pub last_error: Option<Failure>,
    /// How many looks have failed since the last success.
    pub consecutive_failures: u32,
    /// Old generations that have not drained yet, oldest first. A version is drained in this process when it is
    /// neither `version` nor in here.
    pub held: Vec<Held>,
    /// Versions whose value an authority refused while it was in use here, newest last, at most eight.
    pub refused: Vec<Refused>,
    /// The triggers, in the order in which they were given.
    pub triggers: Vec<TriggerStatus>,
}

/// A failed look.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// When.
    pub at: SystemTime,
}

/// An old generation that has not drained yet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Held {
    /// The generation's number.
    pub generation: u64,
    /// Its version.
    pub version: VersionId,
    /// When it was replaced.
    pub since: SystemTime,
    /// When the last of what was presigned with it expires, if anything was: it is held until then even when no
    /// request uses it.
    pub horizon: Option<SystemTime>,
    /// Comes with the swap, a moment after the rest.
    pub(super) drain: Option<Drain>,
}

/// A version whose value was refused. See [`Reloader::report_refused`](super::Reloader::report_refused).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Which.
    pub version: VersionId,
    /// How often.
    pub times: u64,
}

/// How many refused versions are kept.
const REFUSED: usize = 8;

/// One trigger.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TriggerStatus {
    /// [`Trigger::name`](crate::trigger::Trigger::name).
    pub name: Cow<'static, str>,
    /// How it fares.
    pub health: Health,
}

impl Status {
    /// Whether the last look succeeded and each trigger listens.
    pub fn is_healthy(&self) -> bool {
        self.consecutive_failures == 0 && self.triggers.iter().all(|t| t.health.is_listening())
    }

    /// Whether anything in this process uses `version`, or would use it next.
    pub fn uses(&self, version: &VersionId) -> bool {
        self.version == *version || self.held.iter().any(|held| held.version == *version)
    }

    /// The value of `generation` was refused. One that is not in use any more is old news.
    pub(super) fn note_refused(&mut self, generation: u64) -> bool {
        let version = if generation == self.generation {
            &self.version
        } else if let Some(held) = self.held.iter().find(|h| h.generation == generation) {
            &held.version
        } else {
            return false;
        };
        let known = self.refused.iter().position(|r| r.version == *version);
        let mut refused = match known {
            Some(index) => self.refused.remove(index),
            None => Refused {
                version: version.clone(),
                times: 0,
            },
        };
        refused.times += 1;
        if self.refused.len() == REFUSED {
            self.refused.remove(0);
        }
        self.refused.push(refused);
        true
    }
}

impl Held {
    /// In how many places it is in use, now; 0 if there is only the horizon to wait for.
    pub fn outstanding(&self) -> usize {
        // It has no drain yet while the swap is being made.
        self.drain.as_ref().map_or(1, Drain::outstanding)
    }

    #[cfg(feature = "fleet")]
    pub(crate) fn ends(&self) -> Option<tokio::time::Instant> {
        self.drain.as_ref()?.horizon()
    }
}
