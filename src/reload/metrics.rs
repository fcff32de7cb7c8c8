//! The reloader's metrics, through the `metrics` facade: names, units and what each counts.
//!
//! Each has the label `reloader`, the name given to the builder.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::status::Status;
use crate::error::ErrorKind;
use crate::trigger::Wanted;

#[derive(Clone, Debug)]
pub(super) struct Metrics {
    reloader: metrics::SharedString,
}

impl Metrics {
    pub(super) fn new(reloader: String) -> Self {
        describe();
        Self {
            reloader: reloader.into(),
        }
    }

    pub(super) fn look(&self, wanted: Wanted) {
        if wanted.is_empty() {
            counter!("credswap_looks_total", "reloader" => self.reloader.clone(), "reason" => "scheduled").increment(1);
        }
        for reason in wanted.reasons() {
            counter!("credswap_looks_total", "reloader" => self.reloader.clone(), "reason" => reason.as_str()).increment(1);
        }
    }

    pub(super) fn failed(&self, kind: ErrorKind) {
        counter!("credswap_look_failures_total", "reloader" => self.reloader.clone(), "kind" => kind.as_str()).increment(1);
    }

    pub(super) fn swapped(&self, heard: Duration) {
        counter!("credswap_swaps_total", "reloader" => self.reloader.clone()).increment(1);
        histogram!("credswap_swap_delay_seconds", "reloader" => self.reloader.clone())
            .record(heard.as_secs_f64());
    }

    pub(super) fn drained(&self, took: Duration) {
        histogram!("credswap_drain_seconds", "reloader" => self.reloader.clone())
            .record(took.as_secs_f64());
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float, and these numbers are small"
    )]
    pub(super) fn state(&self, status: &Status) {
        gauge!("credswap_generation", "reloader" => self.reloader.clone())
            .set(status.generation as f64);
        gauge!("credswap_held_generations", "reloader" => self.reloader.clone())
            .set(status.held.len() as f64);
        gauge!("credswap_consecutive_failures", "reloader" => self.reloader.clone())
            .set(f64::from(status.consecutive_failures));
    }
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

    describe_counter!(
        "credswap_looks_total",
        "Looks at the source, by what asked for them"
    );
    describe_counter!(
        "credswap_look_failures_total",
        "Looks that failed, by the kind of error"
    );
    describe_counter!(
        "credswap_swaps_total",
        "Generations published after the first"
    );
    describe_histogram!(
        "credswap_swap_delay_seconds",
        Unit::Seconds,
        "From the moment a look was asked for to the swap it led to"
    );
    describe_histogram!(
        "credswap_drain_seconds",
        Unit::Seconds,
        "From a swap to the end of the old generation's last use"
    );
    describe_gauge!("credswap_generation", "The live generation's number");
    describe_gauge!(
        "credswap_held_generations",
        "Old generations that are still in use"
    );
    describe_gauge!(
        "credswap_consecutive_failures",
        "Failed looks since the last success"
    );
}
