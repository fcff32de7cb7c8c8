//! The handle that a service keeps.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};

use super::control::{LoopHandle, Waiter};
use super::event::{RefreshEvent, Refreshed};
use super::shutdown_timeout::ShutdownTimeout;
use super::status::Status;
use super::timeouts::Timeouts;
use crate::error::{Error, ErrorKind};
use crate::hot::{HotSwap, Lease, Updates};
use crate::secret::{SecretId, VersionId};
use crate::trigger::Reason;
use crate::util::clock::Clock;
use crate::util::lock::lock;

/// A value that is kept current. Clones are handles to the same one.
///
/// When the last clone is dropped refreshing ends; what is leased stays valid. End it in order with
/// [`Refreshable::shutdown`].
pub struct Refreshable<V> {
    inner: Arc<Inner<V>>,
}

struct Inner<V> {
    hot: Arc<HotSwap<V>>,
    status: watch::Receiver<Status>,
    timeouts: Timeouts,
    secret_id: Option<SecretId>,
    /// `None` for a fixed value.
    refreshing: Option<LoopHandle>,
}

impl<V: Send + Sync + 'static> Refreshable<V> {
    /// Creates a handle to a value that never changes, for tests of code that takes a refreshable. It needs no runtime; its
    /// version is `fixed`.
    ///
    /// ```
    /// let password = credswap::Refreshable::fixed("swordfish");
    /// assert_eq!(*password.lease(), "swordfish");
    /// ```
    pub fn fixed(value: V) -> Self {
        let (_, status) = watch::channel(Status::new(Clock::system().now(), "fixed".into(), 1));
        Self::new(
            Arc::new(HotSwap::new(value)),
            status,
            Timeouts::default(),
            None,
            None,
        )
    }

    pub(super) fn new(
        hot: Arc<HotSwap<V>>,
        status: watch::Receiver<Status>,
        timeouts: Timeouts,
        secret_id: Option<SecretId>,
        refreshing: Option<LoopHandle>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                hot,
                status,
                timeouts,
                secret_id,
                refreshing,
            }),
        }
    }

    /// Leases the live value: wait-free. Take one per unit of work.
    pub fn lease(&self) -> Lease<V> {
        self.inner.hot.lease()
    }

    /// Calls `read` with the live value: cheaper than a lease, for short calls.
    pub fn with<R>(&self, read: impl FnOnce(&V) -> R) -> R {
        self.inner.hot.with(read)
    }

    /// Returns the live generation's number.
    pub fn generation(&self) -> u64 {
        self.inner.hot.generation()
    }

    /// Returns the numbers of the generations that go live from now on.
    pub fn updates(&self) -> Updates {
        self.inner.hot.updates()
    }

    /// Returns the current status.
    pub fn status(&self) -> Status {
        self.inner.status.borrow().clone()
    }

    /// Returns the status, now and as it changes. A slow reader sees the newest status, not each. When refreshing ends, for
    /// whatever reason, the last status says why ([`Status::ended`]), and no other follows: the channel closes.
    pub fn subscribe_status(&self) -> watch::Receiver<Status> {
        self.inner.status.clone()
    }

    /// Returns what happens from now on, each event once. A reader that falls more than 256 events behind receives an error
    /// that tells how many it missed, and goes on with newer ones; the truth is always in [`Refreshable::status`].
    pub fn events(&self) -> broadcast::Receiver<RefreshEvent> {
        match &self.inner.refreshing {
            Some(refreshing) => refreshing.shared.events.subscribe(),
            None => broadcast::Sender::new(1).subscribe(),
        }
    }

    /// Returns the timeouts in force.
    pub fn timeouts(&self) -> &Timeouts {
        &self.inner.timeouts
    }

    /// Returns the name in metrics and logs, that of [`Builder::name`](super::Builder::name).
    pub fn name(&self) -> &str {
        let refreshing = self.inner.refreshing.as_ref();
        refreshing.map_or("fixed", |refreshing| refreshing.requester.refreshable())
    }

    /// Returns the name or ARN of the secret, if its source or the builder named it.
    pub fn secret_id(&self) -> Option<&SecretId> {
        self.inner.secret_id.as_ref()
    }

    /// Refreshes now, and returns what a refresh did that began after this call. While a new version is not propagated yet
    /// the answer waits. A version that was replaced just now does not go live again at once: see [`Refreshed::Stale`].
    ///
    /// # Errors
    /// Why the refresh failed; the last good value stays live. [`ErrorKind::ShutDown`] when refreshing has ended.
    ///
    /// # Cancel safety
    /// Cancel safe: the refresh goes on without its waiter.
    pub async fn refresh(&self) -> Result<Refreshed, Error> {
        self.refresh_now(false).await
    }

    /// Refreshes as [`Refreshable::refresh`] does, and takes what the source returns even if that version was replaced just
    /// now: for a person who has rolled the secret back. It is proven before it goes live, as always.
    ///
    /// # Errors
    /// As [`Refreshable::refresh`]; it is as cancel safe.
    pub async fn force_refresh(&self) -> Result<Refreshed, Error> {
        self.refresh_now(true).await
    }

    async fn refresh_now(&self, is_forced: bool) -> Result<Refreshed, Error> {
        let Some(refreshing) = &self.inner.refreshing else {
            let version = self.inner.status.borrow().version.clone();
            return Ok(Refreshed::Unchanged { version });
        };
        let mut status = self.inner.status.clone();
        let (answer, result) = oneshot::channel();
        let waiter = Waiter { answer, is_forced };
        {
            let stop = lock(&refreshing.stop);
            if stop.as_ref().is_none_or(oneshot::Sender::is_closed) {
                return Err(ended());
            }
            lock(&refreshing.shared.next_waiters).push(waiter);
        }
        refreshing.requester.request(Reason::Manual);
        tokio::select! {
            biased;
            result = result => result.unwrap_or_else(|_| Err(ended())),
            // A loop that panicked, or whose runtime is gone, answers nobody.
            _ = status.wait_for(|status| !status.is_running()) => Err(ended()),
        }
    }

    /// Waits until `version` is drained: it is not live, and nothing in this process uses it or ever will. A version that
    /// never was live here is drained.
    ///
    /// This is the moment at which the old key may be deleted, as far as this process is concerned:
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), credswap::Error> {
    /// # use credswap::{Error, Refreshable, Secret};
    /// # let number = std::sync::atomic::AtomicU32::new(0);
    /// # let source = move || {
    /// #     let version = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    /// #     async move { Ok::<_, Error>(Secret::new("…", format!("version {version}"))) }
    /// # };
    /// # let connect = |secret: Secret| async move { Ok(secret) };
    /// let key = Refreshable::builder(source, connect).start().await?;
    /// let old = key.status().version;
    /// key.refresh().await?;
    /// key.drained(&old).await?;
    /// // delete the old key
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::ShutDown`] if refreshing ended while the version was live: it will not be replaced.
    ///
    /// # Cancel safety
    /// Cancel safe: call it again.
    pub async fn drained(&self, version: &VersionId) -> Result<(), Error> {
        let mut status = self.inner.status.clone();
        loop {
            let now = status.borrow_and_update().clone();
            if !now.uses(version) {
                return Ok(());
            }
            if status.changed().await.is_err() {
                // The status stays as it was when refreshing ended; the drains go on.
                if now.version == *version {
                    return Err(ended());
                }
                for draining in now.draining.iter().filter(|d| d.version == *version) {
                    draining.drained().await;
                }
                return Ok(());
            }
        }
    }

    /// Reports that the authority rejected the value of `generation`. If that is still the live one, the source is fetched
    /// until its version changes (limited by [`Timeouts::stale_reads`]); an older one that is still in use is noted in
    /// [`Status::rejected`], as the live one is. Never blocks.
    pub fn report_rejected(&self, generation: u64) {
        if let Some(refreshing) = &self.inner.refreshing {
            refreshing.requester.report_rejected(generation);
        }
    }

    /// Stops the triggers and the refreshes, waits until all *replaced* generations have drained, at most `timeout`, and
    /// then until the source has finished ([`Source::shutdown`](crate::source::Source::shutdown)), at most
    /// [`Timeouts::fetch`] more. The live value stays usable. A second call returns at once.
    ///
    /// # Errors
    /// [`ShutdownTimeout`] names the generations that were still in use when the time was over.
    ///
    /// # Cancel safety
    /// The shutdown goes on if the future is dropped.
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), ShutdownTimeout> {
        if let Some(refreshing) = &self.inner.refreshing {
            let stop = lock(&refreshing.stop).take();
            if let Some(stop) = stop {
                let (done, ended) = oneshot::channel();
                if stop.send((timeout, done)).is_ok() {
                    // An error means that the loop's runtime is gone, and the loop with it.
                    let _ = ended.await;
                }
                lock(&refreshing.shared.next_waiters).clear();
            }
        }
        match self.status().draining {
            draining if draining.is_empty() => Ok(()),
            draining => Err(ShutdownTimeout { draining }),
        }
    }

    /// Returns the cell itself: for what must not keep the refresh loop running.
    #[cfg(any(feature = "aws", feature = "fleet"))]
    pub(crate) fn hot(&self) -> Arc<HotSwap<V>> {
        Arc::clone(&self.inner.hot)
    }

    /// Returns the way to report rejections, for what must not keep the refresh loop running; `None` for a fixed value.
    #[cfg(feature = "aws")]
    pub(crate) fn requester(&self) -> Option<crate::trigger::RefreshRequester> {
        let refreshing = self.inner.refreshing.as_ref()?;
        Some(refreshing.requester.clone())
    }

    /// Returns the number of the generation that `token` keeps in use, if it is one of this refreshable's.
    #[cfg(feature = "aws")]
    pub(crate) fn generation_of(&self, token: &crate::hot::DrainToken) -> Option<u64> {
        self.inner.hot.generation_of(token)
    }
}

fn ended() -> Error {
    Error::new(
        ErrorKind::ShutDown,
        "refreshing has ended: `Status::ended` says why",
    )
}

impl<V> Clone for Refreshable<V> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<V> fmt::Debug for Refreshable<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshable")
            .field("secret_id", &self.inner.secret_id)
            .field("status", &*self.inner.status.borrow())
            .finish_non_exhaustive()
    }
}
