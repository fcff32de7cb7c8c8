//! A token that pins a generation from inside its value.
//!
//! The drain is announced by the token's own end: the last clone drops the sending side of a channel on which
//! nothing is ever sent, and everybody who waits for the drain sees it close. "Exactly once" and "never
//! before" are then the channel's and the reference count's guarantees, not code of ours.

use std::fmt;
use std::sync::{Arc, Weak};

use tokio::sync::watch;

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
}

/// The far end of a [`Hold`]: sees it go, does not keep it.
#[derive(Clone)]
pub(super) struct HoldWatch {
    open: Weak<Open>,
    end: watch::Receiver<()>,
}

impl Hold {
    /// A hold that pins nothing until it is published with a generation.
    pub fn new() -> Self {
        let (end, _) = watch::channel(());
        Self(Arc::new(Open { end }))
    }

    pub(super) fn watch(&self) -> HoldWatch {
        HoldWatch {
            open: Arc::downgrade(&self.0),
            end: self.0.end.subscribe(),
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
    pub(super) fn is_over(&self) -> bool {
        self.end.has_changed().is_err()
    }

    /// Cancel safe.
    pub(super) async fn over(&self) {
        // Nothing is ever sent: `changed` returns only with the error that says that the sender has gone.
        while self.end.clone().changed().await.is_ok() {}
    }

    pub(super) fn count(&self) -> usize {
        self.open.strong_count()
    }
}
