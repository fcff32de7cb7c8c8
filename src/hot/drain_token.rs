//! A token that keeps a generation in use from inside its value.
//!
//! A drain completes through the token itself: when its last clone is dropped, the sending side of a channel on which
//! nothing is ever sent is dropped, and everyone who waits for the drain sees the channel close. "Exactly once" and
//! "never before" are therefore guarantees of the channel and of the reference count, not code of this crate.
//!
//! What was derived from a value and handed out, such as a presigned URL, cannot be counted. It expires, though: until the
//! *pinned-until* time the generation is in use even when all tokens have been dropped.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::util::lock::lock;

/// Keeps one generation in use for as long as a clone of it lives.
///
/// Create one with [`DrainToken::new`], build it (or clones of it) into the value, and publish both with
/// [`HotSwap::swap_with_token`](super::HotSwap::swap_with_token). Use a token for one generation only: the drain of every
/// generation that it was published with waits for it.
///
/// ```
/// use credswap::hot::{DrainToken, HotSwap};
///
/// struct Client { _token: DrainToken }
///
/// let token = DrainToken::new();
/// let cell = HotSwap::new_with_token(Client { _token: token.clone() }, token);
/// let escaped = credswap::hot::Lease::token(&cell.lease());
/// let token = DrainToken::new();
/// let drain = cell.swap_with_token(Client { _token: token.clone() }, token);
/// assert!(!drain.is_drained());
/// drop(escaped);
/// assert!(drain.is_drained());
/// ```
#[derive(Clone)]
pub struct DrainToken(Arc<Open>);

/// Closes the channel when the last token is dropped.
struct Open {
    end: watch::Sender<()>,
    pin: Arc<Pin>,
    published: OnceLock<Published>,
}

/// Where a token was published, and with which generation.
struct Published {
    cell: u64,
    generation: u64,
}

/// The latest of all pinned-until times. It outlives the tokens.
#[derive(Default)]
struct Pin(Mutex<Option<Instant>>);

/// The far end of a [`DrainToken`]: sees it go, does not keep it.
#[derive(Clone)]
pub(super) struct TokenWatch {
    open: Weak<Open>,
    end: watch::Receiver<()>,
    pin: Arc<Pin>,
}

impl DrainToken {
    /// Creates a token that keeps nothing in use until it is published with a generation.
    pub fn new() -> Self {
        let (end, _) = watch::channel(());
        Self(Arc::new(Open {
            end,
            pin: Arc::default(),
            published: OnceLock::new(),
        }))
    }

    /// Records the generation that it is published with. Of a token that is published twice, the first one counts.
    pub(super) fn publish(&self, cell: u64, generation: u64) {
        let _ = self.0.published.set(Published { cell, generation });
    }

    /// Returns the generation that `cell` published it with.
    pub(super) fn generation_in(&self, cell: u64) -> Option<u64> {
        let published = self.0.published.get()?;
        (published.cell == cell).then_some(published.generation)
    }

    /// Returns the generation that it was published with, whatever the cell.
    #[cfg(feature = "s3")]
    pub(crate) fn generation(&self) -> Option<u64> {
        Some(self.0.published.get()?.generation)
    }

    /// Keeps the generation in use until `at`, for something that cannot be counted: the drain does not complete before,
    /// even when all leases and tokens have been dropped. The latest time counts.
    pub fn pin_until(&self, at: Instant) {
        self.0.pin.extend(at);
    }

    /// Returns until when the generation is in use even without a token, if anything pinned it.
    pub fn pinned_until(&self) -> Option<Instant> {
        self.0.pin.get()
    }

    pub(super) fn watch(&self) -> TokenWatch {
        TokenWatch {
            open: Arc::downgrade(&self.0),
            end: self.0.end.subscribe(),
            pin: Arc::clone(&self.0.pin),
        }
    }
}

impl Default for DrainToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DrainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainToken")
            .field("clones", &Arc::strong_count(&self.0))
            .finish_non_exhaustive()
    }
}

impl TokenWatch {
    /// Returns whether all tokens have been dropped.
    pub(super) fn is_released(&self) -> bool {
        self.end.has_changed().is_err()
    }

    /// Returns whether the pinned-until time, too, has passed.
    pub(super) fn is_over(&self) -> bool {
        self.is_released() && self.pinned_until().is_none_or(|at| at <= Instant::now())
    }

    /// Waits until all tokens have been dropped. Cancel safe.
    pub(super) async fn released(&self) {
        // Nothing is ever sent: `changed` returns only the error which says that the sender was dropped.
        while self.end.clone().changed().await.is_ok() {}
    }

    /// Waits until the pinned-until time, too, has passed. Cancel safe.
    pub(super) async fn over(&self) {
        self.released().await;
        // Without a token nobody can extend it any more.
        if let Some(at) = self.pinned_until() {
            tokio::time::sleep_until(at).await;
        }
    }

    pub(super) fn pinned_until(&self) -> Option<Instant> {
        self.pin.get()
    }

    pub(super) fn count(&self) -> usize {
        self.open.strong_count()
    }
}

impl Pin {
    fn extend(&self, at: Instant) {
        let mut until = lock(&self.0);
        *until = (*until).max(Some(at));
    }

    fn get(&self) -> Option<Instant> {
        *lock(&self.0)
    }
}
