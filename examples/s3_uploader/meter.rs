//! Reads credswap's own metrics, through the `metrics` facade as a service would.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::time::Instant;

/// What a way measures about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readings {
    /// How many consumers there are.
    pub(crate) consumers: usize,
    /// From the moment an event was heard to the new key being live.
    pub(crate) swaps: Vec<Duration>,
    /// From a swap to the end of the old key's last use.
    pub(crate) drains: Vec<Duration>,
    /// When new keys went live, in one consumer.
    pub(crate) swapped: Vec<Instant>,
    /// Attempts that were refused because of their key and made again with a newer one.
    pub(crate) replays: u64,
}

/// Begins to record. A process has one recorder: a second call gives the same.
pub(crate) fn install() -> &'static Snapshotter {
    static RECORDED: OnceLock<Snapshotter> = OnceLock::new();
    RECORDED.get_or_init(|| {
        let recorder = DebuggingRecorder::new();
        let recorded = recorder.snapshotter();
        // Whoever installed another recorder before wants the metrics there; the table then has none.
        let _ = recorder.install();
        recorded
    })
}

/// What was recorded since the last time.
pub(crate) fn read() -> Readings {
    let mut readings = Readings::default();
    for (key, _, _, value) in install().snapshot().into_vec() {
        match (key.key().name(), value) {
            ("credswap_swap_delay_seconds", DebugValue::Histogram(values)) => {
                readings.swaps.extend(durations(&values));
            }
            ("credswap_drain_seconds", DebugValue::Histogram(values)) => {
                readings.drains.extend(durations(&values));
            }
            ("credswap_replays_total", DebugValue::Counter(count)) => readings.replays += count,
            _ => {}
        }
    }
    readings
}

fn durations(values: &[impl Into<f64> + Copy]) -> Vec<Duration> {
    values
        .iter()
        .map(|&value| Duration::from_secs_f64(value.into()))
        .collect()
}
