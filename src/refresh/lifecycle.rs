//! The life of the task behind a refreshable: its start, its loop and its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::control::{LoopHandle, Stop};
use super::handle::Refreshable;
use super::status::EndReason;
use super::supervisor::Supervisor;
use crate::connect::Connect;
use crate::error::{Error, ErrorKind};
use crate::hot::HotSwap;
use crate::source::Source;
use crate::trigger::{Reason, RefreshRequest};
use crate::util::deadline::deadline_in;

impl<S: Source, C: Connect> Supervisor<S, C> {
    /// Starts the task, and returns when a value is live. A source that fails is retried for `start_timeout`.
    pub(super) async fn start(
        mut self,
        start_timeout: Duration,
    ) -> Result<Refreshable<C::Value>, Error> {
        let shared = Arc::clone(&self.shared);
        let status = self.published.subscribe();
        let requester = self.requests.requester();
        let timeouts = self.parts.timeouts.clone();
        let secret_id = self.secret_id.take();
        let span = self.span.clone();
        // If this future is dropped, the task sees `stop` go, and ends in order.
        let (stop, stopped) = oneshot::channel();
        let (first, live) = oneshot::channel();
        tokio::spawn(self.run(start_timeout, first, stopped).instrument(span));
        let hot = live.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::ShutDown, "the runtime was shut down"))
        })?;
        let loop_handle = LoopHandle {
            shared,
            requester,
            stop: Mutex::new(Some(stop)),
        };
        Ok(Refreshable::new(
            hot,
            status,
            timeouts,
            secret_id,
            Some(loop_handle),
        ))
    }

    /// Runs until `stop` says how long the drains may take, or its other end is dropped.
    async fn run(
        mut self,
        start_timeout: Duration,
        first: oneshot::Sender<Result<Arc<HotSwap<C::Value>>, Error>>,
        mut stop: oneshot::Receiver<Stop>,
    ) {
        let live = tokio::select! {
            biased;
            _ = &mut stop => return self.end(EndReason::Dropped).await,
            live = self.first(start_timeout) => live,
        };
        let failed = live.is_err();
        if failed {
            self.end(EndReason::ShutDown).await;
        }
        if first.send(live).is_err() || failed {
            return;
        }
        let order = self.supervise(&mut stop).await;
        self.incidents.triggers.stop();
        self.waiters.clear(); // whoever waits learns that refreshing has ended
        let Ok((within, done)) = order else {
            return self.end(EndReason::Dropped).await;
        };
        let drained = async {
            while let Some(progress) = self.incidents.drains.next().await {
                self.drain_progressed(progress);
            }
        };
        // What is in use when the time is over is returned by the handle, from the status.
        let _ = timeout(within, drained).await;
        self.end(EndReason::ShutDown).await;
        let _ = done.send(());
    }

    /// Refreshes until a value is live.
    async fn first(&mut self, start_timeout: Duration) -> Result<Arc<HotSwap<C::Value>>, Error> {
        let deadline = deadline_in(start_timeout);
        let mut request = RefreshRequest::from(Reason::Start);
        loop {
            let result = self.refresh(request, Instant::now()).await;
            if let Some(hot) = &self.hot {
                return Ok(Arc::clone(hot));
            }
            let mut next = self.schedule.next();
            if let Err(error) = result {
                let now = Instant::now();
                if !error.is_retryable() || now >= deadline {
                    return Err(error);
                }
                // The last attempt is made at the deadline, not somewhere before it.
                next = next.map(|next| next.min(deadline));
                let retry_in = next.map(|next| next.saturating_duration_since(now));
                tracing::warn!(
                    kind = %error.kind(),
                    error = %error.report(),
                    ?retry_in,
                    "no first value yet; waiting for the source",
                );
            }
            // Otherwise it is not propagated yet.
            self.meanwhile(sleep_until(next)).await;
            request = RefreshRequest::default();
        }
    }

    /// Refreshes when it is due, until the order to stop.
    async fn supervise(
        &mut self,
        stop: &mut oneshot::Receiver<Stop>,
    ) -> Result<Stop, oneshot::error::RecvError> {
        loop {
            let due = self.schedule.next();
            let refresh = tokio::select! {
                biased;
                order = &mut *stop => return order,
                incident = self.incidents.next() => {
                    self.note(incident);
                    None
                }
                request = self.requests.next() => self.requested(request),
                () = sleep_until(due) => self.due(),
            };
            if let Some((request, since)) = refresh {
                tokio::select! {
                    biased;
                    order = &mut *stop => return order,
                    // Its error is in the status, the events, the log and the metrics.
                    _ = self.refresh(request, since) => {}
                }
            }
        }
    }

    /// Stops everything, and tells the source.
    async fn end(&mut self, reason: EndReason) {
        self.incidents.triggers.stop();
        if let Some(version) = self.undecided.take() {
            self.notify_discarded(version);
        }
        let longest = self.parts.timeouts.fetch;
        let ended = async {
            while self.incidents.notifications.join_next().await.is_some() {}
            self.parts.source.shutdown().await;
        };
        if timeout(longest, ended).await.is_err() {
            tracing::warn!("the source did not shut down within {longest:?}");
        }
        self.status.ended = Some(reason);
        self.publish_status();
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
