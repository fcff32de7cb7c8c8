//! How long after the state was read it may still be acted on.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};
use crate::util::clock::Clock;

/// The end of the time in which a step may write, or test a key.
///
/// A function can be suspended between two calls and continue hours later. What it was about to do then, it must not.
pub(super) struct ActionDeadline {
    clock: Clock,
    limit: Duration,
    started: SystemTime,
    /// The wall clock may be set back, and this one may stop in a suspended process: the later one counts.
    started_at: Instant,
}

impl ActionDeadline {
    /// Starts to count: the state is read from now on.
    pub(super) fn start(clock: &Clock, limit: Duration) -> Self {
        Self {
            clock: clock.clone(),
            limit,
            started: clock.now(),
            started_at: Instant::now(),
        }
    }

    /// Fails with [`ErrorKind::Timeout`] if it is too late.
    pub(super) fn check(&self) -> Result<(), Error> {
        let by_wall_clock = self
            .clock
            .now()
            .duration_since(self.started)
            .unwrap_or_default();
        let elapsed = by_wall_clock.max(self.started_at.elapsed());
        if elapsed <= self.limit {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "the state was read {elapsed:?} ago and may have changed since, so nothing more is done: try again; if \
                 calls are that slow, raise the policy `action_deadline` ({:?})",
                self.limit
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn clock_at(seconds: &Arc<AtomicU64>) -> Clock {
        let seconds = Arc::clone(seconds);
        Clock::from_fn(move || {
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::SeqCst))
        })
    }

    #[tokio::test(start_paused = true)]
    async fn the_later_of_the_two_clocks_counts() {
        for (wall, monotonic, in_time) in
            [(60, 0, true), (61, 0, false), (0, 60, true), (0, 61, false)]
        {
            let seconds = Arc::new(AtomicU64::new(1_000));
            let deadline = ActionDeadline::start(&clock_at(&seconds), LIMIT);
            seconds.fetch_add(wall, Ordering::SeqCst);
            tokio::time::advance(Duration::from_secs(monotonic)).await;
            assert_eq!(deadline.check().is_ok(), in_time, "{wall} {monotonic}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_does_not_extend_the_deadline() {
        let seconds = Arc::new(AtomicU64::new(1_000));
        let deadline = ActionDeadline::start(&clock_at(&seconds), LIMIT);
        seconds.store(0, Ordering::SeqCst);
        tokio::time::advance(LIMIT * 2).await;
        let error = deadline.check().expect_err("it is too late");
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("policy `action_deadline`"));
    }
}
