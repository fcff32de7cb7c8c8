//! What is known about the live value: whether it was rejected, and whether it has expired.
//!
//! A rejection may have been the request's fault, or the service's. So the live value is proven again once it was not rejected
//! for a while and the source still has no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::fetch::{OnForbidden, catch_panic};
use super::supervisor::Supervisor;
use crate::connect::{Connect, Verdict};
use crate::source::Source;
use crate::util::deadline::deadline_in;

impl<S: Source, C: Connect> Supervisor<S, C> {
    /// Notes how often the values of which generations were rejected.
    pub(super) fn note_rejected(&mut self, rejected: BTreeMap<u64, u64>) {
        let at = self.clock.now();
        let was_ready = self.status.is_ready();
        let propagation = self.parts.timeouts.propagation;
        let mut noted = false;
        for (generation, times) in rejected {
            let status = &mut self.status;
            noted |= status.note_rejected(generation, times, at, propagation);
        }
        if was_ready && !self.status.is_ready() {
            tracing::warn!(version = %self.status.version, "the live value was rejected");
        }
        if noted {
            self.publish_status();
        }
    }

    /// Checks the live value again, if it was rejected and the source was given the time to change.
    pub(super) async fn prove_again(&mut self) {
        let (Some(rejection), Some(hot)) = (&self.status.live_rejection, &self.hot) else {
            return;
        };
        if self.schedule.expects_change() {
            return;
        }
        let (times, lease, parts) = (rejection.times, hot.lease(), Arc::clone(&self.parts));
        let accepts = self.parts.on_forbidden == OnForbidden::Accept;
        let check = catch_panic(async move { parts.check(&lease).await });
        let is_proven = match self.meanwhile(check).await.flatten() {
            Ok(Verdict::Good) => true,
            Ok(Verdict::Forbidden(_)) => accepts,
            _ => false,
        };
        let Some(rejection) = &mut self.status.live_rejection else {
            return;
        };
        if is_proven && rejection.times == times {
            tracing::info!(version = %self.status.version, "the live value was rejected, and has passed its check again");
            self.status.live_rejection = None;
        } else {
            rejection.may_be_propagating &= is_proven;
            // The source may have another version sooner than it is polled.
            let again = deadline_in(self.parts.timeouts.stale_reads);
            self.schedule.not_before(again);
        }
        self.publish_status();
    }

    /// Notes whether the live value has expired; if not, it is fetched again before it does.
    pub(super) fn note_expiry(&mut self) {
        let Some(expires) = self.status.expires else {
            self.status.expired = false;
            return;
        };
        let left = expires.duration_since(self.clock.now()).unwrap_or_default();
        if !left.is_zero() {
            self.schedule.renew_within(Instant::now(), left);
        } else if !self.status.expired {
            tracing::warn!(version = %self.status.version, "the live value has expired, and the source has no other");
        }
        self.status.expired = left.is_zero();
    }
}
