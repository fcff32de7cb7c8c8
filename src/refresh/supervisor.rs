//! The task behind a refreshable: receives requests, refreshes one at a time, and tracks the drains.
//!
//! It owns the status and publishes copies of it. What happens meanwhile (a rejection, a change of a trigger's health, a
//! drain) is noted at once, also while a fetch is under way.

use std::sync::{Arc, Mutex};

use fastrand::Rng;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use super::control::{LoopHandle, Shared, Stop, Waiter};
use super::fetch::Parts;
use super::handle::Refreshable;
use super::incidents::Incidents;
use super::metrics::Metrics;
use super::schedule::Schedule;
use super::status::{Status, TriggerStatus};
use super::triggers::{Planned, Triggers};
use crate::connect::Connect;
use crate::error::{Error, ErrorKind};
use crate::hot::HotSwap;
use crate::secret::{SecretId, VersionId};
use crate::source::Source;
use crate::trigger::{Health, Reason, RefreshRequest, RefreshRequests};
use crate::util::clock::Clock;
use crate::util::rate_limit::RateLimit;

pub(super) struct Options {
    pub(super) name: String,
    pub(super) clock: Clock,
    pub(super) rng: Rng,
}

pub(super) struct Supervisor<S, C: Connect> {
    pub(super) parts: Arc<Parts<S, C>>,
    pub(super) shared: Arc<Shared>,
    /// `None` before the first value.
    pub(super) hot: Option<Arc<HotSwap<C::Value>>>,
    pub(super) status: Status,
    published: watch::Sender<Status>,
    pub(super) requests: RefreshRequests,
    secret_id: Option<SecretId>,
    pub(super) schedule: Schedule,
    pub(super) rate_limit: RateLimit,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) incidents: Incidents,
    /// Requested by triggers, deferred by the rate limit.
    deferred: Option<(RefreshRequest, Instant)>,
    /// What is not settled yet: a failed fetch is repeated for the same reasons.
    pub(super) unsettled: RefreshRequest,
    /// A version that was fetched, is not live, and may still become so.
    pub(super) undecided: Option<VersionId>,
    /// Versions that were live, and until when a fetch that returns them counts as stale.
    pub(super) recently_replaced: Vec<(VersionId, Instant)>,
    /// The live generation, if it was rejected while a refresh was under way.
    pub(super) live_rejected: Option<u64>,
    /// Those whose refresh is under way.
    pub(super) waiters: Vec<Waiter>,
}

impl<S: Source, C: Connect> Supervisor<S, C> {
    pub(super) fn new(
        parts: Arc<Parts<S, C>>,
        triggers: Vec<Planned>,
        secret_id: Option<SecretId>,
        options: Options,
    ) -> Self {
        let Options { name, clock, rng } = options;
        let mut status = Status::new(clock.now(), "".into(), 0);
        status.triggers = triggers
            .iter()
            .map(|trigger| TriggerStatus {
                name: trigger.name.clone(),
                health: Health::Starting,
            })
            .collect();
        let requests = RefreshRequests::new(secret_id.clone());
        parts.connect.attach(&requests.requester());
        Self {
            shared: Shared::new(),
            hot: None,
            published: watch::Sender::new(status.clone()),
            status,
            incidents: Incidents::new(Triggers::start(triggers, &requests)),
            requests,
            secret_id,
            schedule: Schedule::new(parts.timeouts.clone(), rng),
            parts,
            rate_limit: RateLimit::new(Instant::now()),
            clock,
            metrics: Metrics::new(name),
            deferred: None,
            unsettled: RefreshRequest::default(),
            undecided: None,
            recently_replaced: Vec::new(),
            live_rejected: None,
            waiters: Vec::new(),
        }
    }

    /// Starts the task, and returns when a value is live.
    pub(super) async fn start(mut self) -> Result<Refreshable<C::Value>, Error> {
        let shared = Arc::clone(&self.shared);
        let status = self.published.subscribe();
        let requester = self.requests.requester();
        let timeouts = self.parts.timeouts.clone();
        let secret_id = self.secret_id.take();
        // If this future is dropped, the task sees `stop` go, and ends in order.
        let (stop, stopped) = oneshot::channel();
        let (first, live) = oneshot::channel();
        tokio::spawn(self.run(first, stopped));
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
        first: oneshot::Sender<Result<Arc<HotSwap<C::Value>>, Error>>,
        mut stop: oneshot::Receiver<Stop>,
    ) {
        let live = tokio::select! {
            biased;
            _ = &mut stop => return self.end().await,
            live = self.first() => live,
        };
        let failed = live.is_err();
        if failed {
            self.end().await;
        }
        if first.send(live).is_err() || failed {
            return;
        }
        let order = self.supervise(&mut stop).await;
        self.incidents.triggers.stop();
        self.waiters.clear(); // whoever waits learns that refreshing has ended
        let Ok((within, done)) = order else {
            return self.end().await;
        };
        let drained = async {
            while let Some(progress) = self.incidents.drains.next().await {
                self.drain_progressed(progress);
            }
        };
        // What is in use when the time is over is returned by the handle, from the status.
        let _ = timeout(within, drained).await;
        self.end().await;
        let _ = done.send(());
    }

    /// Refreshes until a value is live.
    async fn first(&mut self) -> Result<Arc<HotSwap<C::Value>>, Error> {
        let mut request = RefreshRequest::from(Reason::Start);
        loop {
            self.refresh(request, Instant::now()).await?;
            if let Some(hot) = &self.hot {
                return Ok(Arc::clone(hot));
            }
            // Not propagated yet.
            sleep_until(self.schedule.next()).await;
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

    /// Notes rejections, and lets a refresh through or defers it. What people and timers ask for is never deferred.
    fn requested(&mut self, mut request: RefreshRequest) -> Option<(RefreshRequest, Instant)> {
        let now = Instant::now();
        let rejected = std::mem::take(&mut request.rejected);
        if !rejected.is_empty() {
            // A rejection of an older generation is old news: the live one is newer.
            if rejected.contains_key(&self.status.generation) {
                request.reasons = request.reasons | Reason::Rejected;
            }
            self.note_rejected(rejected);
            if request == RefreshRequest::default() {
                return None;
            }
        }
        let mut since = now;
        if let Some((mut before, at)) = self.deferred.take() {
            before.merge(request);
            request = before;
            since = at;
        }
        let unlimited = [Reason::Manual, Reason::Interval, Reason::Signal]
            .into_iter()
            .any(|reason| request.has(reason));
        match self.rate_limit.try_acquire(now) {
            Err(then) if !unlimited => {
                self.deferred = Some((request, since));
                self.schedule.not_before(then);
                None
            }
            _ => Some((request, since)),
        }
    }

    /// Returns the refresh that the schedule asks for, with what was deferred until now.
    fn due(&mut self) -> Option<(RefreshRequest, Instant)> {
        let now = Instant::now();
        match self.deferred.take() {
            Some((request, since)) if self.rate_limit.try_acquire(now).is_ok() => {
                Some((request, since))
            }
            deferred => {
                self.deferred = deferred;
                Some((RefreshRequest::default(), now))
            }
        }
    }

    /// Requests a refresh of its own, to be made after the one under way.
    pub(super) fn request(&self, reason: Reason) {
        self.requests.requester().request(reason);
    }

    pub(super) fn publish_status(&mut self) {
        self.metrics.state(&self.status);
        self.published.send_replace(self.status.clone());
    }

    /// Stops everything, and tells the source.
    async fn end(&mut self) {
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
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
