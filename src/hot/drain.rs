//! The drain of a replaced generation: who still uses it, and the notification when nobody does.

use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use tokio::time::Instant;

use super::drain_token::TokenWatch;

/// Tracks a replaced generation until its last lease and drain token are dropped.
///
/// Returned by a swap; keeping or dropping it does not affect the drain. A generation is *drained* when its last
/// [`Lease`](super::Lease) and its last [`DrainToken`](super::DrainToken) have been dropped, its value has been dropped, and
/// its pinned-until time ([`DrainToken::pin_until`](super::DrainToken::pin_until)), if it has one, has passed. That happens
/// once, cannot be undone, and every clone of the handle sees it, also one that starts to wait later.
#[derive(Clone)]
#[must_use = "the drain completes when the old value may be destroyed; to ignore it, write `let _ =`"]
pub struct Drain {
    pub(super) generation: u64,
    pub(super) leases: Weak<dyn Send + Sync>,
    pub(super) token: TokenWatch,
}

/// A generation was still in use when the time to wait for its drain was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("generation {generation} is still in use{}", usage(*outstanding, *pinned_until))]
#[non_exhaustive]
pub struct DrainTimeout {
    /// The generation's number.
    pub generation: u64,
    /// How many leases (or, when those have been dropped, drain tokens) were left; 0 if only the pinned-until time was.
    pub outstanding: usize,
    /// The pinned-until time, if it had not passed.
    pub pinned_until: Option<Instant>,
}

fn usage(outstanding: usize, pinned_until: Option<Instant>) -> String {
    let uses = match outstanding {
        0 => String::new(),
        1 => " by 1 lease or drain token".to_owned(),
        many => format!(" by {many} leases or drain tokens"),
    };
    match pinned_until {
        None if outstanding > 0 => uses,
        _ => format!("{uses}: presigned URLs have not expired"),
    }
}

impl Drain {
    /// Returns the number of the generation that drains.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns whether the generation is drained.
    pub fn is_drained(&self) -> bool {
        self.token.is_over()
    }

    /// Returns how many uses are left: leases; when the last of those has been dropped, the drain tokens that outlive them;
    /// 0 when only the pinned-until time is left, and when the generation is drained. (A generation that is still current
    /// counts for one lease.)
    pub fn outstanding(&self) -> usize {
        if self.token.is_released() {
            return 0;
        }
        // At least 1: between the last decrement and the release the value's destructor runs.
        match self.leases.strong_count() {
            0 => self.token.count().max(1),
            leases => leases,
        }
    }

    /// Returns until when the generation is in use even without a lease, if anything pinned it; a time in the past has no
    /// effect.
    pub fn pinned_until(&self) -> Option<Instant> {
        self.token.pinned_until()
    }

    /// Waits until no lease and no drain token is left. The generation is drained then, unless it is pinned.
    ///
    /// # Cancel safety
    /// Cancel safe: call it again.
    pub async fn released(&self) {
        self.token.released().await;
    }

    /// Waits until the generation is drained.
    ///
    /// # Cancel safety
    /// Cancel safe: call it again.
    ///
    /// # Panics
    /// Outside a Tokio runtime with time enabled, if the generation is pinned.
    pub async fn wait(&self) {
        self.token.over().await;
    }

    /// Waits until the generation is drained, at most `timeout`.
    ///
    /// # Errors
    /// [`DrainTimeout`] tells how many uses were left when the time was over.
    ///
    /// # Cancel safety
    /// Cancel safe.
    ///
    /// # Panics
    /// Outside a Tokio runtime with time enabled.
    pub async fn wait_timeout(&self, timeout: Duration) -> Result<(), DrainTimeout> {
        match tokio::time::timeout(timeout, self.wait()).await {
            Ok(()) => Ok(()),
            Err(_) if self.is_drained() => Ok(()), // it drained between the two
            Err(_) => Err(DrainTimeout {
                generation: self.generation,
                outstanding: self.outstanding(),
                pinned_until: self.pinned_until().filter(|at| *at > Instant::now()),
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
