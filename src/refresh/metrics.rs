//! The metrics of the refresh loop, through the `metrics` facade: names, units and what each counts.
//!
//! Each has the label `refreshable`, the name given to the builder.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::status::Status;
use crate::error::ErrorKind;
use crate::trigger::Reasons;

#[derive(Clone, Debug)]
pub(super) struct Metrics {
    refreshable: metrics::SharedString,
}

impl Metrics {
    pub(super) fn new(refreshable: String) -> Self {
        describe();
        Self {
            refreshable: refreshable.into(),
        }
    }

    pub(super) fn refresh(&self, reasons: Reasons) {
        if reasons.is_empty() {
            counter!("credswap_refreshes_total", "refreshable" => self.refreshable.clone(), "reason" => "scheduled").increment(1);
        }
        for reason in reasons.iter() {
            counter!("credswap_refreshes_total", "refreshable" => self.refreshable.clone(), "reason" => reason.as_str()).increment(1);
        }
    }

    pub(super) fn failed(&self, kind: ErrorKind) {
        counter!("credswap_refresh_failures_total", "refreshable" => self.refreshable.clone(), "kind" => kind.as_str()).increment(1);
    }

    pub(super) fn swapped(&self, delay: Duration) {
        counter!("credswap_swaps_total", "refreshable" => self.refreshable.clone()).increment(1);
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
}
