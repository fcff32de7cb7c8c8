//! The task behind a refreshable: receives requests, refreshes one at a time, and tracks the drains. `lifecycle.rs` has its
//! start, its loop and its end.
//!
//! It owns the status and publishes copies of it. What happens meanwhile (a rejection, a change of a trigger's health, a
//! drain) is noted at once, also while a fetch is under way.

use std::sync::Arc;

use fastrand::Rng;
use tokio::time::Instant;
use tracing::{Span, error_span};

use super::control::{Shared, Waiter};
use super::fetch::Parts;
use super::health_log::HealthLog;
use super::incidents::Incidents;
use super::metrics::Metrics;
use super::published::Published;
use super::schedule::Schedule;
use super::status::{Status, TriggerStatus};
use super::triggers::{Planned, Triggers};
use crate::connect::Connect;
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
    pub(super) published: Published,
    pub(super) requests: RefreshRequests,
    pub(super) secret_id: Option<SecretId>,
    pub(super) schedule: Schedule,
    pub(super) rate_limit: RateLimit,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    /// Whatever this task and its triggers log is in it.
    pub(super) span: Span,
    pub(super) incidents: Incidents,
    pub(super) health_log: HealthLog,
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
        // Without a parent: it outlives the span in which the refreshable was started. At the level that no filter leaves out.
        let span = error_span!(parent: None, "credswap", refreshable = %name);
        let requests = RefreshRequests::new(name.clone(), secret_id.clone());
        let metrics = Metrics::new(name);
        parts.connect.attach(&requests.requester());
        Self {
            shared: Shared::new(),
            hot: None,
            published: Published::new(&status, metrics.clone()),
            status,
            incidents: Incidents::new(Triggers::start(triggers, &requests, &span)),
            health_log: HealthLog::default(),
            requests,
            secret_id,
            schedule: Schedule::new(parts.timeouts.clone(), rng),
            parts,
            rate_limit: RateLimit::new(Instant::now()),
            clock,
            metrics,
            span,
            deferred: None,
            unsettled: RefreshRequest::default(),
            undecided: None,
            recently_replaced: Vec::new(),
            live_rejected: None,
            waiters: Vec::new(),
        }
    }

    /// Notes rejections, and lets a refresh through or defers it. What people and timers ask for is never deferred.
    pub(super) fn requested(
        &mut self,
        mut request: RefreshRequest,
    ) -> Option<(RefreshRequest, Instant)> {
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
    pub(super) fn due(&mut self) -> Option<(RefreshRequest, Instant)> {
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
        self.published.publish(&self.status);
    }
}
