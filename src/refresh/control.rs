//! What the refresh loop and its handles share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};

use super::event::{RefreshEvent, Refreshed};
use crate::error::Error;
use crate::trigger::RefreshRequester;

/// Somebody who waits for a refresh.
pub(super) struct Waiter {
    pub(super) answer: oneshot::Sender<Result<Refreshed, Error>>,
    /// Whether what is fetched goes live even if it was replaced just now.
    pub(super) is_forced: bool,
}

/// The order to stop: how long the drains may take, and where to report that it is done.
pub(super) type Stop = (Duration, oneshot::Sender<()>);

/// How many events a slow reader may be behind.
const EVENTS: usize = 256;

/// What the loop and its handles share.
pub(super) struct Shared {
    pub(super) events: broadcast::Sender<RefreshEvent>,
    /// Those who wait for the refresh that begins next.
    pub(super) next_waiters: Mutex<Vec<Waiter>>,
}

/// A handle's way to the loop.
pub(super) struct LoopHandle {
    pub(super) shared: Arc<Shared>,
    pub(super) requester: RefreshRequester,
    /// Taken by the first shutdown. When it is dropped, the loop ends.
    pub(super) stop: Mutex<Option<oneshot::Sender<Stop>>>,
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            events: broadcast::Sender::new(EVENTS),
            next_waiters: Mutex::default(),
        })
    }
}
