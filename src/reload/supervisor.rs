//! The task behind a reloader: hears the triggers, makes one look after the other, publishes, and watches the drains.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::gate::Gate;
use super::metrics::Metrics;
use super::notice::{Notice, Outcome};
use super::read::{Known, Parts, Proven, Read, guarded};
use super::schedule::Schedule;
use super::status::Status;
use super::triggers::Triggers;
use crate::connect::Connect;
use crate::error::{Error, ErrorKind};
use crate::hot::HotSwap;
use crate::secret::VersionId;
use crate::source::Source;
use crate::trigger::{Lookout, Reason, Wanted};

pub(super) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
type Answer = oneshot::Sender<Result<Outcome, Error>>;

/// The order to stop: how long the drains may take, and where to say that it is done.
pub(super) type Stop = (Duration, oneshot::Sender<()>);

/// What the supervisor and its handles share.
pub(super) struct Shared {
    pub(super) status: Arc<watch::Sender<Status>>,
    pub(super) notices: broadcast::Sender<Notice>,
    /// Those who wait for the look that begins next.
    pub(super) asking: Mutex<Vec<Answer>>,
}

pub(super) struct Supervisor<S, C: Connect> {
    pub(super) parts: Arc<Parts<S, C>>,
    pub(super) shared: Arc<Shared>,
    pub(super) lookout: Lookout,
    pub(super) triggers: Triggers,
    pub(super) schedule: Schedule,
    pub(super) gate: Gate,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) drains: JoinSet<()>,
    /// Asked for by triggers, turned away by the gate.
    pub(super) waiting: Option<(Wanted, Instant)>,
    /// Versions that were live, and until when a read that finds them counts as stale.
    pub(super) left: Vec<(VersionId, Instant)>,
    /// Those whose look is under way.
    pub(super) asked: Vec<Answer>,
}

impl<S: Source, C: Connect> Supervisor<S, C> {
    /// Makes the first look (and more of them while the version is not propagated yet), until a value is proven.
    pub(super) async fn first(&mut self) -> Result<HotSwap<C::Value>, Error> {
        loop {
            let known = Known::default();
            let parts = Arc::clone(&self.parts);
            self.schedule.begin(Instant::now());
            match guarded(async move { parts.read(known).await }).await? {
                Read::New(proven) => {
                    let Proven {
                        secret,
                        value,
                        hold,
                    } = *proven;
                    self.schedule.swapped();
                    self.expiry(secret.expires());
                    let now = (self.clock)();
                    self.shared.status.send_modify(|status| {
                        status.version = secret.version().clone();
                        status.generation = 1;
                        status.since = now;
                        status.last_success = now;
                        self.metrics.state(status);
                    });
                    tracing::info!(version = %secret.version(), "first value is live");
                    return Ok(HotSwap::new_held(value, hold));
                }
                Read::NotYet(version, error) => {
                    if !self.schedule.not_yet(&version, Instant::now()) {
                        return Err(self.never_propagated(&version, error));
                    }
                    tracing::info!(%version, error = %error.report(), "not propagated yet");
                }
                // Nothing is live, so nothing can be the same.
                Read::Unchanged | Read::Stale(_) => {}
            }
            sleep_until(self.schedule.next()).await;
        }
    }

    /// Runs until `stop` says how long the drains may take, or its other end goes.
    pub(super) async fn run(
        mut self,
        hot: Arc<HotSwap<C::Value>>,
        mut stop: oneshot::Receiver<Stop>,
    ) {
        let order = loop {
            let next = self.schedule.next();
            let look = tokio::select! {
                biased;
                order = &mut stop => break order,
                wanted = self.lookout.next() => self.admit(wanted),
                () = sleep_until(next) => self.due(),
                () = self.triggers.watch(&self.shared.status) => None,
                Some(_) = self.drains.join_next() => None,
            };
            if let Some((wanted, since)) = look {
                tokio::select! {
                    biased;
                    order = &mut stop => break order,
                    () = self.look(&hot, wanted, since) => {}
                }
            }
        };

        self.triggers.stop();
        self.asked.clear(); // whoever waits learns that the reloader was shut down
        if let Ok((within, done)) = order {
            let all = async { while self.drains.join_next().await.is_some() {} };
            // What is out when the time is over is told by the handle, from the status.
            let _ = tokio::time::timeout(within, all).await;
            let _ = done.send(());
        }
    }

    /// Lets a look through, or puts it off. What people and timers ask for is never put off.
    fn admit(&mut self, mut wanted: Wanted) -> Option<(Wanted, Instant)> {
        let now = Instant::now();
        let mut since = now;
        if let Some((before, at)) = self.waiting.take() {
            wanted = wanted | before;
            since = at;
        }
        let own = wanted.has(Reason::Manual)
            || wanted.has(Reason::Interval)
            || wanted.has(Reason::Signal);
        match self.gate.admit(now) {
            Err(then) if !own => {
                self.waiting = Some((wanted, since));
                self.schedule.not_before(then);
                None
            }
            _ => Some((wanted, since)),
        }
    }

    /// A look that the schedule asked for, and what was put off until now.
    fn due(&mut self) -> Option<(Wanted, Instant)> {
        let now = Instant::now();
        match self.waiting.take() {
            Some((wanted, since)) if self.gate.admit(now).is_ok() => Some((wanted, since)),
            waiting => {
                self.waiting = waiting;
                Some((Wanted::default(), now))
            }
        }
    }

    pub(super) fn expiry(&mut self, expires: Option<SystemTime>) {
        if let Some(expires) = expires {
            let left = expires.duration_since((self.clock)()).unwrap_or_default();
            self.schedule.renew_within(Instant::now(), left);
        }
    }

    pub(super) fn never_propagated(&self, version: &VersionId, error: Error) -> Error {
        Error::new(
            ErrorKind::NotPropagated,
            format!(
                "version {version} was still refused after {:?}: it is wrong, or the authority is slow",
                self.parts.bounds.propagation
            ),
        )
        .with_source(error)
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
