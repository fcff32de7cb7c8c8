//! Reads credswap's own metrics through the `metrics` facade, as a service would.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use crate::instance::Swap;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// What a strategy measured about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct StrategyMetrics {
    /// How many consumers there are.
    pub(crate) consumers: usize,
    /// The times from the arrival of an event to the new key being live.
    pub(crate) swaps: Vec<Duration>,
    /// The times from a swap to the end of the old key's last use.
    pub(crate) drains: Vec<Duration>,
    /// The new keys that went live in one of the consumers.
    pub(crate) rotations: Vec<Swap>,
    /// Attempts that were rejected because of their key and repeated with a newer one.
    pub(crate) replays: u64,
}

/// Reads what was recorded since the last read.
pub(crate) struct MetricsReader(&'static Snapshotter);

impl MetricsReader {
    /// Starts recording. A process has one recorder: all readers share it.
    pub(crate) fn install() -> Self {
        static RECORDED: OnceLock<Snapshotter> = OnceLock::new();
        Self(RECORDED.get_or_init(|| {
            let recorder = DebuggingRecorder::new();
            let recorded = recorder.snapshotter();
            // If another recorder is installed, it receives the metrics, and the table has none.
            let _ = recorder.install();
            recorded
        }))
    }

    /// Returns what was recorded since the last read.
    pub(crate) fn read(&self) -> StrategyMetrics {
        let mut metrics = StrategyMetrics::default();
        for (key, _, _, value) in self.0.snapshot().into_vec() {
            match (key.key().name(), value) {
                ("credswap_swap_delay_seconds", DebugValue::Histogram(values)) => {
                    metrics.swaps.extend(durations(&values));
                }
                ("credswap_drain_seconds", DebugValue::Histogram(values)) => {
                    metrics.drains.extend(durations(&values));
                }
                ("credswap_replays_total", DebugValue::Counter(count)) => metrics.replays += count,
                _ => {}
            }
        }
        metrics
    }
}

impl fmt::Debug for MetricsReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsReader")
    }
}

fn durations(seconds: &[impl Into<f64> + Copy]) -> impl Iterator<Item = Duration> {
    let seconds = seconds.iter().map(|&seconds| seconds.into());
    seconds.map(Duration::from_secs_f64)
}
