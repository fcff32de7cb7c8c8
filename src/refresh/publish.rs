//! One refresh: what it begins with, what follows from what was fetched, and who is notified.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::drains;
use super::event::{RefreshEvent, Refreshed};
use super::fetch::{Candidate, Unproven, catch_panic};
use super::status::{Draining, Failure, WaitingReason};
use super::supervisor::Supervisor;
use crate::connect::Connect;
use crate::error::{Error, ErrorKind};
use crate::hot::HotSwap;
use crate::secret::{Secret, VersionId};
use crate::source::{FetchRequest, Source};
use crate::trigger::{Reason, RefreshRequest};
use crate::util::lock::lock;

impl<S: Source, C: Connect> Supervisor<S, C> {
    /// Fetches, and publishes what is new. `since` is when it was requested.
    #[tracing::instrument(name = "credswap.refresh", skip_all, fields(reasons = ?request.reasons))]
    pub(super) async fn refresh(
        &mut self,
        request: RefreshRequest,
        since: Instant,
    ) -> Result<(), Error> {
        let mut request = request;
        let begun = Instant::now();
        if self.schedule.begin(begun) {
            request.reasons = request.reasons | Reason::Expiry;
        }
        self.metrics.refresh(request.reasons);
        self.recently_replaced.retain(|(_, until)| *until > begun);
        if request.has(Reason::Event) || request.has(Reason::Rejected) {
            self.schedule.expect_change(begun);
        } else if request.has(Reason::CatchUp) {
            self.schedule.once_settled(begun);
        }
        self.waiters.append(&mut lock(&self.shared.next_waiters));
        self.unsettled.merge(request);

        let result = match self.fetch().await {
            Ok(secret) => {
                self.status.source_failing_since = None;
                self.fetched(secret, since).await
            }
            Err(error) => {
                let now = self.clock.now();
                self.status.source_failing_since.get_or_insert(now);
                Err(error)
            }
        };
        // The rejections of a key that is still live came too late for this refresh.
        if self.live_rejected.take() == Some(self.status.generation) && self.hot.is_some() {
            self.request(Reason::Rejected);
        }
        result.inspect_err(|error| self.failed(error))
    }

    async fn fetch(&mut self) -> Result<Secret, Error> {
        let request = FetchRequest {
            reasons: self.unsettled.reasons,
            expected_version: self.unsettled.expected_version.clone(),
            live_version: self.hot.as_ref().map(|_| self.status.version.clone()),
        };
        let parts = Arc::clone(&self.parts);
        self.meanwhile(catch_panic(async move { parts.fetch(request).await }))
            .await
            .flatten()
    }

    /// Decides what follows from what was fetched.
    async fn fetched(&mut self, secret: Secret, since: Instant) -> Result<(), Error> {
        let version = secret.version().clone();
        if self.undecided.as_ref().is_some_and(|u| *u != version)
            && let Some(other) = self.undecided.take()
        {
            self.notify_discarded(other);
        }
        if self.hot.is_some() && self.status.version == version {
            // The source may have extended it.
            if let Some(expires) = secret.expires() {
                self.status.expires = Some(expires);
            }
            self.nothing_new(Refreshed::Unchanged { version });
            self.prove_again().await;
            return Ok(());
        }
        let is_forced = self.waiters.iter().any(|waiter| waiter.is_forced);
        let stale = self.recently_replaced.iter().find(|(v, _)| *v == version);
        if let Some((_, until)) = stale.filter(|_| !is_forced) {
            let until = *until;
            tracing::debug!(%version, "the source returned a version that was replaced just now");
            self.nothing_new(Refreshed::Stale {
                version: self.status.version.clone(),
                fetched: version,
                settled_in: until.saturating_duration_since(Instant::now()),
            });
            self.schedule.not_before(until);
            return Ok(());
        }

        self.undecided = Some(version.clone());
        let parts = Arc::clone(&self.parts);
        let proof = self.meanwhile(catch_panic(async move { parts.prove(secret).await }));
        let Unproven { reason, error } = match proof.await {
            Ok(Ok(candidate)) => {
                self.undecided = None;
                self.publish(candidate, since);
                return Ok(());
            }
            Ok(Err(unproven)) => unproven,
            Err(panicked) => Unproven::check_failed(panicked),
        };
        self.status
            .note_waiting(&version, reason, &error, self.clock.now());
        let error = match reason {
            WaitingReason::NotPropagated if self.schedule.not_yet(&version, Instant::now()) => {
                tracing::info!(%version, error = %error.report(), "not propagated yet");
                self.publish_status();
                return Ok(());
            }
            WaitingReason::NotPropagated => self.never_propagated(&version, error),
            _ => error,
        };
        // What may pass by itself may let the version go live later.
        if error.kind() == ErrorKind::NotPropagated || !error.is_retryable() {
            self.undecided = None;
            self.notify_discarded(version);
        }
        Err(error)
    }

    /// Publishes a value: the first one, or the one that replaces the live one.
    fn publish(&mut self, candidate: Candidate<C::Value>, since: Instant) {
        let Candidate {
            secret,
            value,
            token,
            expires,
        } = candidate;
        let version = secret.version().clone();
        let at = self.clock.now();
        let Some(hot) = self.hot.clone() else {
            self.hot = Some(Arc::new(HotSwap::new_with_token(value, token)));
            self.live(&secret, 1, expires, at);
            tracing::info!(%version, "first value is live");
            return;
        };
        // The replaced version is said to be draining before the swap, and the new one to be live after it: at no time is
        // a version that may be retired in use and in neither place, and who waits for a version finds it.
        let previous = self.status.version.clone();
        self.status.draining.push(Draining {
            generation: self.status.generation,
            version: previous.clone(),
            since: at,
            pinned_until: None,
            drain: None,
        });
        self.publish_status();
        let drain = hot.swap_with_token(value, token);
        let swapped = Instant::now();
        let generation = hot.generation();
        if let Some(draining) = self.status.draining.last_mut() {
            let left = drain
                .pinned_until()
                .and_then(|until| until.checked_duration_since(swapped));
            draining.pinned_until = left.map(|left| at + left);
            draining.drain = Some(drain.clone());
        }
        self.live(&secret, generation, expires, at);
        self.rate_limit.refund();
        let delay = swapped.duration_since(since);
        self.metrics.swapped(delay);
        tracing::info!(%version, generation, "swapped");

        self.recently_replaced.retain(|(old, _)| *old != version);
        let until = swapped + self.parts.timeouts.stale_reads;
        self.recently_replaced.push((previous.clone(), until));
        // No receiver is no error: events are for those who care.
        let _ = self.shared.events.send(RefreshEvent::Swapped {
            generation,
            version: version.clone(),
            previous: previous.clone(),
            delay,
        });
        // Only now: a drain that completes at once must not be reported before the swap.
        self.incidents.drains.add(drains::Draining {
            drain,
            version: previous,
            swapped,
        });
        self.answer(&Ok(Refreshed::Swapped {
            generation,
            version,
        }));
    }

    /// The secret's value is live as `generation`.
    fn live(
        &mut self,
        secret: &Secret,
        generation: u64,
        expires: Option<SystemTime>,
        at: SystemTime,
    ) {
        self.status.version = secret.version().clone();
        self.status.generation = generation;
        self.status.since = at;
        self.status.expires = expires;
        self.status.live_rejection = None;
        self.schedule.swapped();
        self.unsettled = RefreshRequest::default();
        self.succeeded(at);
    }

    fn nothing_new(&mut self, refreshed: Refreshed) {
        self.schedule.unchanged(Instant::now());
        if !self.schedule.expects_change() {
            self.unsettled = RefreshRequest::default();
        }
        self.succeeded(self.clock.now());
        self.answer(&Ok(refreshed));
    }

    fn succeeded(&mut self, at: std::time::SystemTime) {
        self.status.last_success = at;
        self.status.consecutive_failures = 0;
        // What was fetched is live.
        self.status.waiting = None;
        self.note_expiry();
        self.publish_status();
    }

    fn failed(&mut self, error: &Error) {
        self.schedule.failed(Instant::now());
        self.metrics.failed(error.kind());
        self.status.consecutive_failures += 1;
        self.status.last_error = Some(Failure::new(error.clone(), self.clock.now()));
        self.note_expiry();
        self.publish_status();
        if self.hot.is_some() {
            tracing::warn!(
                kind = %error.kind(),
                error = %error.report(),
                failures = self.status.consecutive_failures,
                "refresh failed; the last good value stays live",
            );
        }
        let _ = self.shared.events.send(RefreshEvent::Failed(error.clone()));
        self.answer(&Err(error.clone()));
    }

    fn never_propagated(&self, version: &VersionId, error: Error) -> Error {
        Error::new(
            ErrorKind::NotPropagated,
            format!(
                "version {version} was still rejected after {:?}: it is wrong, or the authority is slow",
                self.parts.timeouts.propagation
            ),
        )
        .with_source(error)
    }

    fn answer(&mut self, result: &Result<Refreshed, Error>) {
        for waiter in self.waiters.drain(..) {
            // A waiter may have stopped waiting.
            let _ = waiter.answer.send(result.clone());
        }
    }
}
