//! The metrics of the refresh loop, through the `metrics` facade: names, units and what each counts.
//!
//! Each has the label `refreshable`, the name given to the builder.

use std::time::{Duration, SystemTime};

use metrics::{Counter, counter, gauge, histogram};

use super::status::{Status, WaitingReason};
use crate::error::ErrorKind;
use crate::trigger::{Reason, Reasons};

/// The reason of a refresh that nobody asked for.
const SCHEDULED: &str = "scheduled";

/// The kinds of error with which a refresh fails. A connector of the user's may return others; these are counted, too.
const FAILURES: [ErrorKind; 11] = [
    ErrorKind::Config,
    ErrorKind::NotFound,
    ErrorKind::PermissionDenied,
    ErrorKind::Unauthenticated,
    ErrorKind::Malformed,
    ErrorKind::Rejected,
    ErrorKind::NotPropagated,
    ErrorKind::Forbidden,
    ErrorKind::Unavailable,
    ErrorKind::Timeout,
    ErrorKind::Panicked,
];

#[derive(Clone, Debug)]
pub(super) struct Metrics {
    refreshable: metrics::SharedString,
}

impl Metrics {
    pub(super) fn new(refreshable: String) -> Self {
        describe();
        let metrics = Self {
            refreshable: refreshable.into(),
        };
        metrics.register();
        metrics
    }

    /// Registers the counters: an alert on the rate of one that does not exist yet never fires.
    fn register(&self) {
        for reason in Reason::ALL {
            self.refreshes(reason.as_str()).increment(0);
        }
        self.refreshes(SCHEDULED).increment(0);
        for kind in FAILURES {
            self.failures(kind).increment(0);
        }
        self.swaps().increment(0);
    }

    fn refreshes(&self, reason: &'static str) -> Counter {
        counter!("credswap_refreshes_total", "refreshable" => self.refreshable.clone(), "reason" => reason)
    }

    fn failures(&self, kind: ErrorKind) -> Counter {
        counter!("credswap_refresh_failures_total", "refreshable" => self.refreshable.clone(), "kind" => kind.as_str())
    }

    fn swaps(&self) -> Counter {
        counter!("credswap_swaps_total", "refreshable" => self.refreshable.clone())
    }

    pub(super) fn refresh(&self, reasons: Reasons) {
        if reasons.is_empty() {
            self.refreshes(SCHEDULED).increment(1);
        }
        for reason in reasons.iter() {
            self.refreshes(reason.as_str()).increment(1);
        }
    }

    pub(super) fn failed(&self, kind: ErrorKind) {
        self.failures(kind).increment(1);
    }

    pub(super) fn swapped(&self, delay: Duration) {
        self.swaps().increment(1);
        histogram!("credswap_swap_delay_seconds", "refreshable" => self.refreshable.clone())
            .record(delay.as_secs_f64());
    }

    pub(super) fn drained(&self, took: Duration) {
        histogram!("credswap_drain_seconds", "refreshable" => self.refreshable.clone())
            .record(took.as_secs_f64());
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float, and these numbers are small"
    )]
    pub(super) fn state(&self, status: &Status) {
        gauge!("credswap_generation", "refreshable" => self.refreshable.clone())
            .set(status.generation as f64);
        gauge!("credswap_draining_generations", "refreshable" => self.refreshable.clone())
            .set(status.draining.len() as f64);
        gauge!("credswap_consecutive_failures", "refreshable" => self.refreshable.clone())
            .set(f64::from(status.consecutive_failures));
        let since_1970 = status.last_success.duration_since(SystemTime::UNIX_EPOCH);
        gauge!("credswap_last_success_timestamp_seconds", "refreshable" => self.refreshable.clone())
            .set(since_1970.unwrap_or_default().as_secs_f64());
        self.flag("credswap_ready", status.is_ready());
        self.flag("credswap_running", status.is_running());
        self.flag("credswap_live_rejected", status.live_rejection.is_some());
        self.flag(
            "credswap_source_failing",
            status.source_failing_since.is_some(),
        );
        for reason in WaitingReason::ALL {
            let waits = status.waiting.as_ref().is_some_and(|w| w.reason == reason);
            gauge!("credswap_version_waiting", "refreshable" => self.refreshable.clone(), "reason" => reason.as_str())
                .set(f64::from(u8::from(waits)));
        }
        for trigger in &status.triggers {
            let mut namesakes = status.triggers.iter().filter(|t| t.name == trigger.name);
            let listening = namesakes.all(|t| t.health.is_listening()) && status.is_running();
            gauge!("credswap_trigger_listening", "refreshable" => self.refreshable.clone(), "trigger" => trigger.name.clone())
                .set(f64::from(u8::from(listening)));
        }
    }

    fn flag(&self, name: &'static str, is_set: bool) {
        gauge!(name, "refreshable" => self.refreshable.clone()).set(f64::from(u8::from(is_set)));
    }
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

    describe_counter!("credswap_refreshes_total", "Refreshes, by reason");
    describe_counter!(
        "credswap_refresh_failures_total",
        "Refreshes that failed, by kind of error"
    );
    describe_counter!(
        "credswap_swaps_total",
        "Generations published after the first"
    );
    describe_histogram!(
        "credswap_swap_delay_seconds",
        Unit::Seconds,
        "From the request of a refresh to the swap it led to"
    );
    describe_histogram!(
        "credswap_drain_seconds",
        Unit::Seconds,
        "From a swap to the drain of the replaced generation"
    );
    describe_gauge!("credswap_generation", "The live generation's number");
    describe_gauge!(
        "credswap_draining_generations",
        "Replaced generations that are still in use"
    );
    describe_gauge!(
        "credswap_consecutive_failures",
        "Failed refreshes since the last success"
    );
    describe_gauge!(
        "credswap_last_success_timestamp_seconds",
        Unit::Seconds,
        "When a refresh last succeeded, since 1970"
    );
    describe_gauge!(
        "credswap_ready",
        "1 if the live value was not rejected lately and has not expired"
    );
    describe_gauge!("credswap_running", "1 while the refresh loop runs");
    describe_gauge!(
        "credswap_live_rejected",
        "1 if the live value was rejected and not proven again since"
    );
    describe_gauge!(
        "credswap_source_failing",
        "1 while the secret cannot be fetched"
    );
    describe_gauge!(
        "credswap_version_waiting",
        "1 while the source has a version that is not live, by reason"
    );
    describe_gauge!("credswap_trigger_listening", "1 while the trigger listens");
}
