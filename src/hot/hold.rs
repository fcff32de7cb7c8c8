//! A token that pins a generation from inside its value.
//!
//! The drain is announced by the token's own end: the last clone drops the sending side of a channel on which
//! nothing is ever sent, and everybody who waits for the drain sees it close. "Exactly once" and "never
//! before" are then the channel's and the reference count's guarantees, not code of ours.
//!
//! What was made of a value and given away, such as a URL signed with it, can not be counted. It has an end, though:
//! the *horizon*, up to which the generation is in use even when all holds have gone.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use tokio::sync::watch;
use tokio::time::Instant;

/// Pins one generation for as long as a clone of it lives.
///
/// Make one with [`Hold::new`], build it (or clones of it) into the value, and publish both with
/// [`HotSwap::swap_held`](super::HotSwap::swap_held). Use a hold for one generation only: the drain of every
/// generation that it was published with waits for it.
#[derive(Clone)]
pub struct Hold(Arc<Open>);

/// Closes the channel when the last hold goes.
struct Open {
    end: watch::Sender<()>,
    horizon: Arc<Horizon>,
    published: OnceLock<Published>,
}

/// Where a hold was published, and with which generation.
struct Published {
    cell: u64,
    generation: u64,
}

/// The latest of all instants up to which something that was given away is in use. It outlives the holds.
#[derive(Default)]
struct Horizon(Mutex<Option<Instant>>);

/// The far end of a [`Hold`]: sees it go, does not keep it.
#[derive(Clone)]
pub(super) struct HoldWatch {
    open: Weak<Open>,
    end: watch::Receiver<()>,
    horizon: Arc<Horizon>,
}

impl Hold {
    /// A hold that pins nothing until it is published with a generation.
    pub fn new() -> Self {
        let (end, _) = watch::channel(());
        Self(Arc::new(Open {
            end,
            horizon: Arc::default(),
            published: OnceLock::new(),
        }))
    }

    /// Notes the generation that it is published with. Of a hold that is published twice, the first one counts.
    pub(super) fn publish(&self, cell: u64, generation: u64) {
        let _ = self.0.published.set(Published { cell, generation });
    }

    /// The generation that `cell` published it with.
    pub(super) fn generation_in(&self, cell: u64) -> Option<u64> {
        let published = self.0.published.get()?;
        (published.cell == cell).then_some(published.generation)
    }

    /// Says that something which can not be counted uses the generation until `at`: the drain will not be announced
    /// before, even when all leases and holds have gone. The latest instant counts.
    pub fn keep_until(&self, at: Instant) {
        self.0.horizon.extend(at);
    }

    /// Until when the generation is in use even without a hold, as far as anybody has said.
    pub fn horizon(&self) -> Option<Instant> {
        self.0.horizon.get()
    }

    pub(super) fn watch(&self) -> HoldWatch {
        HoldWatch {
            open: Arc::downgrade(&self.0),
            end: self.0.end.subscribe(),
            horizon: Arc::clone(&self.0.horizon),
        }
    }
}

impl Default for Hold {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold")
            .field(&Arc::strong_count(&self.0))
            .finish()
    }
}

impl HoldWatch {
    /// Whether all holds have gone.
    pub(super) fn is_released(&self) -> bool {
        self.end.has_changed().is_err()
    }

    /// Whether the horizon, too, has passed.
    pub(super) fn is_over(&self) -> bool {
        self.is_released() && self.horizon().is_none_or(|at| at <= Instant::now())
    }

    /// Waits until all holds have gone. Cancel safe.
    pub(super) async fn released(&self) {
        // Nothing is ever sent: `changed` returns only with the error that says that the sender has gone.
        while self.end.clone().changed().await.is_ok() {}
    }

    /// Waits until the horizon, too, has passed. Cancel safe.
    pub(super) async fn over(&self) {
        self.released().await;
        // Without a hold nobody can extend it any more.
        if let Some(at) = self.horizon() {
            tokio::time::sleep_until(at).await;
        }
    }

    pub(super) fn horizon(&self) -> Option<Instant> {
        self.horizon.get()
    }

    pub(super) fn count(&self) -> usize {
        self.open.strong_count()
    }
}

impl Horizon {
    fn extend(&self, at: Instant) {
        let mut horizon = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *horizon = (*horizon).max(Some(at));
    }

    fn get(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
