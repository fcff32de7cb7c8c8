//! The handle that a service keeps.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};

use super::bounds::Bounds;
use super::builder::Builder;
use super::notice::{Notice, Outcome};
use super::status::{Held, Status};
use super::supervisor::{Shared, Stop};
use crate::connect::Connect;
use crate::error::{Error, ErrorKind};
#[cfg(feature = "aws")]
use crate::hot::Hold;
use crate::hot::{HotSwap, Lease, Updates};
use crate::source::Source;
use crate::trigger::{Looks, Reason};

/// A value that is kept current. Clones are handles on the same one.
///
/// When the last clone is dropped the reloading stops at once; what is leased stays valid. End it in order with
/// [`Reloader::shutdown`].
pub struct Reloader<V> {
    inner: Arc<Inner<V>>,
}

struct Inner<V> {
    hot: Arc<HotSwap<V>>,
    shared: Arc<Shared>,
    looks: Looks,
    bounds: Bounds,
    /// Taken by the first shutdown. When it is dropped, the supervisor ends.
    stop: Mutex<Option<oneshot::Sender<Stop>>>,
}

/// Old generations were still in use when the time to shut down was over.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{} old generation(s) still in use at the end of the shutdown", held.len())]
#[non_exhaustive]
pub struct StillHeld {
    /// Which, oldest first.
    pub held: Vec<Held>,
}

impl<V: Send + Sync + 'static> Reloader<V> {
    /// Plans a reloader: where from, and how a secret becomes a value.
    pub fn builder<S, C>(source: S, connect: C) -> Builder<S, C>
    where
        S: Source,
        C: Connect<Value = V>,
    {
        Builder::new(source, connect)
    }

    pub(super) fn new(
        hot: Arc<HotSwap<V>>,
        shared: Arc<Shared>,
        looks: Looks,
        bounds: Bounds,
        stop: oneshot::Sender<Stop>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                hot,
                shared,
                looks,
                bounds,
                stop: Mutex::new(Some(stop)),
            }),
        }
    }

    /// Leases the live value: wait-free. Take one per unit of work.
    pub fn lease(&self) -> Lease<V> {
        self.inner.hot.lease()
    }

    /// Looks at the live value for the length of a short call: cheaper than a lease.
    pub fn peek<R>(&self, look: impl FnOnce(&V) -> R) -> R {
        self.inner.hot.peek(look)
    }

    /// The cell itself: for what must not keep the reloader running.
    #[cfg(any(feature = "aws", feature = "fleet"))]
    pub(crate) fn hot(&self) -> Arc<HotSwap<V>> {
        Arc::clone(&self.inner.hot)
    }

    /// The live generation's number.
    pub fn generation(&self) -> u64 {
        self.inner.hot.generation()
    }

    /// The number of the generation that `hold` pins, if it is one of this reloader's.
    #[cfg(feature = "aws")]
    pub(crate) fn generation_of(&self, hold: &Hold) -> Option<u64> {
        self.inner.hot.generation_of(hold)
    }

    /// Generation numbers as they go live from now on.
    pub fn updates(&self) -> Updates {
        self.inner.hot.updates()
    }

    /// How it fares, now.
    pub fn status(&self) -> Status {
        self.inner.shared.status.borrow().clone()
    }

    /// How it fares, as it changes. A slow reader sees the newest status, not each.
    pub fn watch_status(&self) -> watch::Receiver<Status> {
        self.inner.shared.status.subscribe()
    }

    /// What happens from now on, each thing once. A reader that falls more than 256 notices behind is told so and
    /// goes on with newer ones; the truth is always in [`Reloader::status`].
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.inner.shared.notices.subscribe()
    }

    /// The bounds in force.
    pub fn bounds(&self) -> &Bounds {
        &self.inner.bounds
    }

    /// Looks at the source now, and says what was found: the answer of a look that began after this call. While a
    /// new version waits for its propagation the answer waits, too.
    ///
    /// # Errors
    /// Why the look failed; the last good value stays live. [`ErrorKind::ShutDown`] after a shutdown.
    ///
    /// # Cancel safety
    /// Cancel safe: the look goes on without its waiter.
    pub async fn reload(&self) -> Result<Outcome, Error> {
        let shut_down = || Error::new(ErrorKind::ShutDown, "the reloader has been shut down");
        let (answer, result) = oneshot::channel();
        {
            let stop = lock(&self.inner.stop);
            if stop.as_ref().is_none_or(oneshot::Sender::is_closed) {
                return Err(shut_down());
            }
            lock(&self.inner.shared.asking).push(answer);
        }
        self.inner.looks.look(Reason::Manual);
        result.await.unwrap_or_else(|_| Err(shut_down()))
    }

    /// Says that the authority refused the value of `generation`. If that is still the live one, the source is read
    /// until its version changes (bounded); an older one that is still in use is noted in
    /// [`Status::refused`], as the live one is. Never blocks.
    pub fn report_refused(&self, generation: u64) {
        self.inner
            .shared
            .status
            .send_if_modified(|status| status.note_refused(generation));
        if self.generation() <= generation {
            self.inner.looks.look(Reason::Refused);
        }
    }

    /// Stops the triggers and the looks, and waits until all *old* generations have drained, at most `within`. The
    /// live value stays usable. A second call returns at once.
    ///
    /// # Errors
    /// [`StillHeld`] names the generations that were still in use when the time was over.
    ///
    /// # Cancel safety
    /// The shutdown goes on if the future is dropped.
    pub async fn shutdown(&self, within: Duration) -> Result<(), StillHeld> {
        let stop = lock(&self.inner.stop).take();
        if let Some(stop) = stop {
            let (done, ended) = oneshot::channel();
            if stop.send((within, done)).is_ok() {
                // An error means that the supervisor's runtime is gone, and the supervisor with it.
                let _ = ended.await;
            }
            lock(&self.inner.shared.asking).clear();
        }
        match self.status().held {
            held if held.is_empty() => Ok(()),
            held => Err(StillHeld { held }),
        }
    }
}

impl<V> Clone for Reloader<V> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<V> fmt::Debug for Reloader<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader")
            .field("status", &*self.inner.shared.status.borrow())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
