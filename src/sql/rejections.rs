//! Logins that the database rejected, and how long a newer secret is awaited.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::refresh::Refreshable;
use crate::util::lock::lock;

/// When the newest generation that was rejected was rejected first, over all logins of one pool.
///
/// The first login that is rejected, and those that come soon after it, wait for a newer secret. Later ones do not wait: if the
/// password is wrong for good, each of them fails at once. When none was rejected for a while, the next one is a first one.
#[derive(Default)]
pub(super) struct Rejections {
    newest: Mutex<Option<Rejected>>,
}

struct Rejected {
    generation: u64,
    first: Instant,
    last: Instant,
}

/// How long none is rejected before the next one waits again; at least as long as it would wait.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// Why the wait after a rejection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// A newer generation is live.
    Newer,
    /// The time is over, and the rejected generation is still live.
    TimeOver,
    /// No newer one will come: refreshing has ended.
    Ended,
}

impl Rejections {
    /// Notes that a login with `generation` of the refreshable was rejected, and returns when the first one was. `window` is how
    /// long each waits.
    pub(super) fn note(&self, refreshable: &str, generation: u64, window: Duration) -> Instant {
        let now = Instant::now();
        let recent = |known: &Rejected| now < known.last + window.max(FORGET_AFTER);
        let mut newest = lock(&self.newest);
        match &mut *newest {
            Some(known) if known.generation > generation => known.first,
            Some(known) if known.generation == generation && recent(known) => {
                known.last = now;
                known.first
            }
            _ => {
                tracing::warn!(
                    refreshable,
                    generation,
                    "the database rejected the login; waiting for a newer secret"
                );
                *newest = Some(Rejected {
                    generation,
                    first: now,
                    last: now,
                });
                now
            }
        }
    }

    /// Notes that a login with `generation` was accepted: if it is rejected again, a newer secret is awaited again.
    #[cfg(any(test, feature = "deadpool-postgres"))]
    pub(super) fn clear(&self, generation: u64) {
        let mut newest = lock(&self.newest);
        if newest
            .as_ref()
            .is_some_and(|known| known.generation <= generation)
        {
            *newest = None;
        }
    }
}

/// Waits for a generation newer than `rejected`, at most until `until`.
pub(super) async fn newer<T: Send + Sync + 'static>(
    database: &Refreshable<T>,
    rejected: u64,
    until: Instant,
) -> Waited {
    let mut updates = database.updates();
    let mut status = database.subscribe_status();
    let ended = async { while status.changed().await.is_ok() {} };
    let waited = timeout_at(until, async {
        tokio::select! {
            biased;
            _ = updates.newer_than(rejected) => Waited::Newer,
            () = ended => Waited::Ended,
        }
    });
    waited.await.unwrap_or(Waited::TimeOver)
}

/// Returns how long after the first rejection of a generation a newer one is awaited.
pub(super) fn window<T: Send + Sync + 'static>(database: &Refreshable<T>) -> Duration {
    database.timeouts().newer_key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rejection_long_after_the_last_one_is_a_first_one() {
        for window in [Duration::from_secs(15), Duration::from_secs(90)] {
            let rejections = Rejections::default();
            let (begun, long) = (Instant::now(), window.max(FORGET_AFTER));
            for _ in 0..10 {
                assert_eq!(
                    rejections.note("db", 1, window),
                    begun,
                    "each soon after another"
                );
                tokio::time::advance(long - Duration::from_secs(1)).await;
            }
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(rejections.note("db", 1, window), Instant::now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_generation_has_its_own_first_rejection() {
        let rejections = Rejections::default();
        let window = Duration::from_secs(15);
        rejections.note("db", 1, window);
        tokio::time::advance(Duration::from_secs(1)).await;
        let second = Instant::now();
        assert_eq!(rejections.note("db", 2, window), second);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(
            rejections.note("db", 1, window),
            second,
            "a login that was late"
        );
        rejections.clear(1);
        assert_eq!(
            rejections.note("db", 2, window),
            second,
            "it tells nothing of 2"
        );
        rejections.clear(2);
        assert_eq!(rejections.note("db", 2, window), Instant::now());
    }
}
