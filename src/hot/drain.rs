//! The old generation's way out: who still has it, and the word when nobody does.

use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use super::hold::HoldWatch;

/// Watches one generation drain. Returned by a swap; keeping or dropping it changes nothing for the drain.
///
/// A generation is *drained* when its last [`Lease`](super::Lease) and its last [`Hold`](super::Hold) have
/// gone and its value has been dropped. That happens once, can not be undone, and every clone of the handle
/// sees it, also one that starts to wait later.
#[derive(Clone)]
#[must_use = "the drain says when the old value may die; to ignore it, say so with `let _ =`"]
pub struct Drain {
    pub(super) generation: u64,
    pub(super) leases: Weak<dyn Send + Sync>,
    pub(super) hold: HoldWatch,
}

/// A generation was still in use when the time to wait for its drain was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("generation {generation} is still in use in {outstanding} place(s)")]
#[non_exhaustive]
pub struct StillLeased {
    /// The generation's number.
    pub generation: u64,
    /// How many leases (or, when those have gone, holds) were out.
    pub outstanding: usize,
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
    /// them; 0 if and only if it is drained. (A generation that is still current counts for one lease.)
    pub fn outstanding(&self) -> usize {
        if self.is_drained() {
            return 0;
        }
        // At least 1: between the last decrement and the announcement the value's destructor runs.
        match self.leases.strong_count() {
            0 => self.hold.count().max(1),
            leases => leases,
        }
    }

    /// Waits until it is drained.
    ///
    /// # Cancel safety
    /// Cancel safe: call it again.
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
            Err(_) => match self.outstanding() {
                0 => Ok(()), // it went between the two
                outstanding => Err(StillLeased {
                    generation: self.generation,
                    outstanding,
                }),
            },
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
