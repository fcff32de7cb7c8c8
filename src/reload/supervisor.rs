//! The task behind a reloader: hears the triggers, makes one look after the other, publishes, and watches the drains.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::gate::Gate;
use super::metrics::Metrics;
use super::notice::{Notice, Outcome};
use super::read::{Known, Parts, Proven, Read, guarded};
use super::schedule::Schedule;
use super::status::{Failure, Held, Status};
use super::triggers::Triggers;
use crate::connect::Connect;
use crate::error::{Error, ErrorKind};
use crate::hot::{Drain, HotSwap};
use crate::secret::VersionId;
use crate::source::Source;
use crate::trigger::{Lookout, Reason, Wanted};

pub(super) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
type Answer = oneshot::Sender<Result<Outcome, Error>>;

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
        mut stop: oneshot::Receiver<(Duration, oneshot::Sender<()>)>,
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

    #[tracing::instrument(name = "credswap.look", skip_all, fields(?wanted))]
    async fn look(&mut self, hot: &Arc<HotSwap<C::Value>>, wanted: Wanted, since: Instant) {
        self.metrics.look(wanted);
        let begun = Instant::now();
        self.schedule.begin(begun);
        self.left.retain(|(_, until)| *until > begun);
        if wanted.has(Reason::Event) || wanted.has(Reason::Refused) {
            self.schedule.expect_change(begun);
        } else if wanted.has(Reason::CatchUp) {
            self.schedule.once_settled(begun);
        }
        self.asked.append(
            &mut self
                .shared
                .asking
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );

        let known = Known {
            live: Some(self.shared.status.borrow().version.clone()),
            left_lately: self.left.iter().map(|(v, _)| v.clone()).collect(),
        };
        let parts = Arc::clone(&self.parts);
        let read = guarded(async move { parts.read(known).await }).await;
        let now = Instant::now();
        match read {
            Ok(Read::Unchanged) => {
                self.schedule.unchanged(now);
                self.succeeded();
            }
            Ok(Read::Stale(version)) => {
                tracing::debug!(%version, "a read gave a version that was left just now");
                self.schedule.unchanged(now);
                if let Some((_, until)) = self.left.iter().find(|(left, _)| *left == version) {
                    self.schedule.not_before(*until);
                }
                self.succeeded();
            }
            Ok(Read::New(proven)) => self.publish(hot, *proven, since),
            Ok(Read::NotYet(version, error)) => {
                if self.schedule.not_yet(&version, now) {
                    tracing::info!(%version, error = %error.report(), "not propagated yet");
                } else {
                    let error = self.never_propagated(&version, error);
                    self.failed(error);
                }
            }
            Err(error) => self.failed(error),
        }
    }

    fn publish(&mut self, hot: &Arc<HotSwap<C::Value>>, proven: Proven<C::Value>, since: Instant) {
        let Proven {
            secret,
            value,
            hold,
        } = proven;
        let version = secret.version().clone();
        let at = (self.clock)();
        // The status says "held" before the swap, so that at no time a version in use is in neither place.
        let mut previous = None;
        self.shared.status.send_modify(|status| {
            let held = Held {
                generation: status.generation,
                version: std::mem::replace(&mut status.version, version.clone()),
                since: at,
            };
            previous = Some(held.version.clone());
            status.held.push(held);
            status.generation += 1;
            status.since = at;
            status.last_success = at;
            status.consecutive_failures = 0;
        });
        let drain = hot.swap_held(value, hold);
        let swapped = Instant::now();
        let generation = hot.generation();

        self.schedule.swapped();
        self.gate.refund();
        self.expiry(secret.expires());
        self.metrics.swapped(swapped.duration_since(since));
        self.metrics.state(&self.shared.status.borrow());
        tracing::info!(%version, generation, "swapped");
        if let Some(previous) = previous {
            self.left
                .push((previous.clone(), swapped + self.parts.bounds.settle));
            self.left.retain(|(left, _)| *left != version);
            self.watch_drain(drain, previous.clone(), swapped);
            // No receiver is no error: notices are for those who care.
            let _ = self.shared.notices.send(Notice::Swapped {
                generation,
                version: version.clone(),
                previous,
            });
        }
        self.answer(&Ok(Outcome::Swapped {
            generation,
            version,
        }));
    }

    fn watch_drain(&mut self, drain: Drain, version: VersionId, swapped: Instant) {
        let parts = Arc::clone(&self.parts);
        let shared = Arc::clone(&self.shared);
        let metrics = self.metrics.clone();
        self.drains.spawn(async move {
            drain.wait().await;
            let generation = drain.generation();
            let mut still_held = false;
            shared.status.send_modify(|status| {
                status.held.retain(|held| held.generation != generation);
                still_held = status.uses(&version);
                metrics.state(status);
            });
            metrics.drained(swapped.elapsed());
            tracing::info!(%version, generation, still_held, "drained");
            let _ = shared.notices.send(Notice::Drained {
                generation,
                version: version.clone(),
                still_held,
            });
            if !still_held {
                let told = parts.source.drained(&version);
                if tokio::time::timeout(parts.bounds.fetch, told)
                    .await
                    .is_err()
                {
                    tracing::warn!(%version, "telling the source of the drain took too long");
                }
            }
        });
    }

    fn succeeded(&mut self) {
        let at = (self.clock)();
        let mut live = None;
        self.shared.status.send_modify(|status| {
            status.last_success = at;
            status.consecutive_failures = 0;
            live = Some(status.version.clone());
            self.metrics.state(status);
        });
        if let Some(version) = live {
            self.answer(&Ok(Outcome::Unchanged { version }));
        }
    }

    fn failed(&mut self, error: Error) {
        self.schedule.failed(Instant::now());
        self.metrics.failed(error.kind());
        let at = (self.clock)();
        self.shared.status.send_modify(|status| {
            status.consecutive_failures += 1;
            status.last_error = Some(Failure {
                error: error.clone(),
                at,
            });
            self.metrics.state(status);
            tracing::warn!(
                kind = %error.kind(),
                error = %error.report(),
                failures = status.consecutive_failures,
                "look failed; the last good value stays",
            );
        });
        let _ = self.shared.notices.send(Notice::Failed(error.clone()));
        self.answer(&Err(error));
    }

    fn answer(&mut self, result: &Result<Outcome, Error>) {
        for asked in self.asked.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = asked.send(result.clone());
        }
    }

    fn expiry(&mut self, expires: Option<SystemTime>) {
        if let Some(expires) = expires {
            let left = expires.duration_since((self.clock)()).unwrap_or_default();
            self.schedule.renew_within(Instant::now(), left);
        }
    }

    fn never_propagated(&self, version: &VersionId, error: Error) -> Error {
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
