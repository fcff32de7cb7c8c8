//! One look: what it begins with, what follows from what was found, and who is told.

use std::sync::{Arc, PoisonError};

use tokio::time::Instant;

use super::drains;
use super::notice::{Notice, Outcome};
use super::read::{Known, Proven, Read, guarded};
use super::status::{Failure, Held};
use super::supervisor::Supervisor;
use crate::connect::Connect;
use crate::error::Error;
use crate::hot::HotSwap;
use crate::source::Source;
use crate::trigger::{Reason, Wanted};

impl<S: Source, C: Connect> Supervisor<S, C> {
    #[tracing::instrument(name = "credswap.look", skip_all, fields(?wanted))]
    pub(super) async fn look(
        &mut self,
        hot: &Arc<HotSwap<C::Value>>,
        wanted: Wanted,
        since: Instant,
    ) {
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
        // The old version is said to be held before it is replaced, and the new one to be live after: at no time is a
        // version that may be retired in use and in neither place, and who waits for a version finds it.
        let mut previous = None;
        self.shared.status.send_modify(|status| {
            previous = Some(status.version.clone());
            status.held.push(Held {
                generation: status.generation,
                version: status.version.clone(),
                since: at,
                horizon: None,
                drain: None,
            });
        });
        let drain = hot.swap_held(value, hold);
        let swapped = Instant::now();
        let generation = hot.generation();
        let left = drain
            .horizon()
            .and_then(|end| end.checked_duration_since(swapped));
        self.shared.status.send_modify(|status| {
            if let Some(held) = status.held.last_mut() {
                held.horizon = left.map(|left| at + left);
                held.drain = Some(drain.clone());
            }
            status.version = version.clone();
            status.generation = generation;
            status.since = at;
            status.last_success = at;
            status.consecutive_failures = 0;
            self.metrics.state(status);
        });

        self.schedule.swapped();
        self.gate.refund();
        self.expiry(secret.expires());
        self.metrics.swapped(swapped.duration_since(since));
        tracing::info!(%version, generation, "swapped");
        if let Some(previous) = previous {
            self.left
                .push((previous.clone(), swapped + self.parts.bounds.settle));
            self.left.retain(|(left, _)| *left != version);
            // No receiver is no error: notices are for those who care.
            let _ = self.shared.notices.send(Notice::Swapped {
                generation,
                version: version.clone(),
                previous: previous.clone(),
            });
            // Only now: a drain that is over at once must not be told before the swap.
            let announced = drains::announce(
                drain,
                previous,
                swapped,
                Arc::clone(&self.parts),
                Arc::clone(&self.shared),
                self.metrics.clone(),
                Arc::clone(&self.clock),
            );
            self.drains.spawn(announced);
        }
        self.answer(&Ok(Outcome::Swapped {
            generation,
            version,
        }));
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
}
