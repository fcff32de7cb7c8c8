//! The old generation's way out: who still has it, and the word when nobody does.

use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use tokio::time::Instant;

use super::hold::HoldWatch;

/// Watches one generation drain. Returned by a swap; keeping or dropping it changes nothing for the drain.
///
/// A generation is *drained* when its last [`Lease`](super::Lease) and its last [`Hold`](super::Hold) have
/// gone, its value has been dropped, and its horizon ([`Hold::keep_until`](super::Hold::keep_until)), if it has one,
/// has passed. That happens once, can not be undone, and every clone of the handle sees it, also one that starts to
/// wait later.
#[derive(Clone)]
#[must_use = "the drain says when the old value may die; to ignore it, say so with `let _ =`"]
pub struct Drain {
    pub(super) generation: u64,
    pub(super) leases: Weak<dyn Send + Sync>,
    pub(super) hold: HoldWatch,
}

/// A generation was still in use when the time to wait for its drain was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("generation {generation} is still in use{}", where_to(*outstanding, *horizon))]
#[non_exhaustive]
pub struct StillLeased {
    /// The generation's number.
    pub generation: u64,
    /// How many leases (or, when those have gone, holds) were out; 0 if only the horizon was left.
    pub outstanding: usize,
    /// The horizon, if it had not passed.
    pub horizon: Option<Instant>,
}

fn where_to(outstanding: usize, horizon: Option<Instant>) -> String {
    match (outstanding, horizon) {
        (0, _) => " by what was given away and has not expired".to_owned(),
        (places, None) => format!(" in {places} place(s)"),
        (places, Some(_)) => {
            format!(" in {places} place(s), and by what was given away and has not expired")
        }
    }
}

impl Drain {
    /// The number of the generation that drains.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether it is drained, now.
    pub fn is_drained(&self) -> bool {
        self.hold.is_over()
    }

    /// How many are still out, now: the leases; when the last of those has gone, the holds that outlive
    /// them; 0 when only the horizon is left, and when it is drained. (A generation that is still current counts
    /// for one lease.)
    pub fn outstanding(&self) -> usize {
        if self.hold.is_released() {
            return 0;
        }
        // At least 1: between the last decrement and the release the value's destructor runs.
        match self.leases.strong_count() {
            0 => self.hold.count().max(1),
            leases => leases,
        }
    }

    /// Until when it is in use even without a lease, as far as anybody has said; a moment in the past counts for
    /// nothing.
    pub fn horizon(&self) -> Option<Instant> {
        self.hold.horizon()
    }

    /// Waits until no lease and no hold is out. It is drained then, unless it has a horizon.
    ///
    /// # Cancel safety
    /// Cancel safe: call it again.
    pub async fn released(&self) {
        self.hold.released().await;
    }

    /// Waits until it is drained.
    ///
    /// # Cancel safety
    /// Cancel safe: call it again.
    ///
    /// # Panics
    /// Outside a Tokio runtime with time enabled, if it has a horizon.
    pub async fn wait(&self) {
        self.hold.over().await;
    }

    /// Waits until it is drained, at most `limit`.
    ///
    /// # Errors
    /// [`StillLeased`] tells how many were still out when the time was over.
    ///
    /// # Cancel safety
    /// Cancel safe.
    ///
    /// # Panics
    /// Outside a Tokio runtime with time enabled.
    pub async fn wait_timeout(&self, limit: Duration) -> Result<(), StillLeased> {
        match tokio::time::timeout(limit, self.wait()).await {
            Ok(()) => Ok(()),
            Err(_) if self.is_drained() => Ok(()), // it went between the two
            Err(_) => Err(StillLeased {
                generation: self.generation,
                outstanding: self.outstanding(),
                horizon: self.horizon().filter(|at| *at > Instant::now()),
            }),
        }
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("generation", &self.generation)
            .field("outstanding", &self.outstanding())
            .finish()
    }
}
