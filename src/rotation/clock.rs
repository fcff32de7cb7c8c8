//! Time: where it comes from, and how long what was looked at may be acted on.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};

/// Tells the wall-clock time.
pub(super) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

pub(super) fn system() -> Clock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place where wall-clock time comes in"
    )]
    Arc::new(SystemTime::now)
}

/// The time between a look at the state and the last write that rests on it.
///
/// A function can be frozen between two calls and go on hours later. What it wanted to write then, it must not.
pub(super) struct ActionDeadline {
    clock: Clock,
    limit: Duration,
    started: SystemTime,
    /// The wall clock may be set back, and this one may stand still in a frozen process: the later one counts.
    started_at: Instant,
}

impl ActionDeadline {
    pub(super) fn new(clock: &Clock, limit: Duration) -> Self {
        Self {
            started: clock(),
            clock: Arc::clone(clock),
            limit,
            started_at: Instant::now(),
        }
    }

    /// Fails if it is too late to write.
    pub(super) fn check(&self) -> Result<(), Error> {
        let by_wall = (self.clock)()
            .duration_since(self.started)
            .unwrap_or_default();
        let passed = by_wall.max(self.started_at.elapsed());
        if passed <= self.limit {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "the step stood still for {passed:?}, and what it saw may have changed: it is not finished, try again"
            ),
        ))
    }
}

/// Seconds since 1970; what is before counts as then.
pub(super) fn epoch_seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// The reverse; what no clock can show is no time.
pub(super) fn from_epoch_seconds(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// As people and tags write it: `2026-01-31T12:00:00Z`.
pub(super) fn shown(at: SystemTime) -> String {
    let whole = aws_smithy_types::DateTime::from_secs(epoch_seconds(at).min(LAST_SECOND) as i64);
    whole
        .fmt(aws_smithy_types::date_time::Format::DateTime)
        .unwrap_or_default()
}

/// Of the year 9999, which is the last that this format can show.
const LAST_SECOND: u64 = 253_402_300_799;
