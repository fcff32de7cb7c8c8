//! The drains of replaced generations: waited for one by one, reported to the loop.

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::hot::Drain;
use crate::secret::VersionId;

/// The drains that are awaited. Dropping it stops the waiting, not the drains.
#[derive(Default)]
pub(super) struct Drains(JoinSet<DrainProgress>);

/// How far a generation has drained.
pub(super) enum DrainProgress {
    /// Its last lease and token have been dropped; presigned URLs are left.
    Pinned(Draining, Instant),
    /// It is drained.
    Drained(Draining),
}

/// A generation that drains.
pub(super) struct Draining {
    pub(super) drain: Drain,
    pub(super) version: VersionId,
    pub(super) swapped: Instant,
}

impl Drains {
    /// Waits for `draining` as well.
    pub(super) fn add(&mut self, draining: Draining) {
        self.0.spawn(async move {
            draining.drain.released().await;
            match draining.drain.pinned_until() {
                Some(until) if until > Instant::now() => DrainProgress::Pinned(draining, until),
                _ => DrainProgress::Drained(draining),
            }
        });
    }

    /// Waits on for a generation that is only pinned.
    pub(super) fn add_pinned(&mut self, draining: Draining) {
        self.0.spawn(async move {
            draining.drain.wait().await;
            DrainProgress::Drained(draining)
        });
    }

    /// Returns the next progress; `None` if nothing drains.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Option<DrainProgress> {
        // A task here neither panics nor is aborted.
        self.0.join_next().await?.ok()
    }
}
