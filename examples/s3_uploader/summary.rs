//! The results of one strategy, in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::in_flight::InFlight;
use crate::metrics_reader::StrategyMetrics;
use crate::percentiles::Percentiles;
use crate::stats::{Request, Snapshot, Stats};
use crate::strategy::Strategy;

/// The results of one strategy.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) strategy: &'static str,
    pub(crate) consumers: usize,
    /// For how long uploads were started.
    pub(crate) uploading: Duration,
    /// From the start of the uploads to the end of the last one.
    pub(crate) elapsed: Duration,
    pub(crate) objects: usize,
    pub(crate) bytes: u64,
    pub(crate) requests: Vec<Request>,
    pub(crate) failures: u64,
    pub(crate) lost: usize,
    /// How often each error occurred, lost objects included.
    pub(crate) reasons: BTreeMap<String, u64>,
    pub(crate) replays: u64,
    /// When the key was rotated, since the start of the uploads.
    pub(crate) rotations: Vec<Duration>,
    pub(crate) connections: Connections,
    /// From the event to the first request signed with the new key: from the broker's acknowledgement, or from the event's
    /// arrival if another process rotates the key.
    pub(crate) first_request: Option<Percentiles>,
    pub(crate) swap: Option<Percentiles>,
    /// Of each consumer, at each swap.
    pub(crate) drain: Option<Percentiles>,
    /// How many old keys were deleted.
    pub(crate) keys_retired: usize,
    /// From the broker's acknowledgement of the event to the old key's deletion.
    pub(crate) retired: Option<Percentiles>,
    pub(crate) latency: Option<Percentiles>,
}

/// How many connections were opened.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    /// How the connections were counted.
    pub(crate) counted: &'static str,
    /// In the first second.
    pub(crate) at_first: usize,
    pub(crate) later: usize,
}

impl Summary {
    /// Sums up.
    pub(crate) fn new<S: Strategy>(
        stats: &Stats,
        snapshot: Snapshot,
        in_flight: &InFlight,
        connections: Connections,
        metrics: StrategyMetrics,
        lost: Vec<String>,
    ) -> Self {
        // When another process rotates the key, the consumer knows when the event arrived.
        let known_here = snapshot
            .rotations
            .iter()
            .map(|r| (r.announced, &r.access_key_id));
        let received = metrics
            .rotations
            .iter()
            .map(|r| (r.requested, &r.access_key_id));
        let rotations: Vec<_> = match snapshot.rotations.is_empty() {
            true => received.collect(),
            false => known_here.collect(),
        };
        let first_requests = rotations.iter().filter_map(|(announced, access_key_id)| {
            let signed = in_flight.first_signed(access_key_id)?;
            Some(signed.saturating_duration_since(*announced))
        });
        let mut reasons = snapshot.failures.clone();
        reasons.extend(lost.iter().map(|fault| (format!("lost: {fault}"), 1)));
        let ends = snapshot.requests.iter().map(|request| request.ended);
        Self {
            strategy: S::NAME,
            consumers: metrics.consumers,
            uploading: stats.uploading(),
            elapsed: ends.max().unwrap_or_default(),
            objects: snapshot.stored.len(),
            bytes: snapshot.bytes,
            failures: snapshot.failures.values().sum(),
            lost: lost.len(),
            reasons,
            replays: metrics.replays,
            first_request: Percentiles::of(first_requests),
            rotations: rotations
                .iter()
                .map(|(at, _)| at.saturating_duration_since(stats.started()))
                .collect(),
            connections,
            swap: Percentiles::of(metrics.swaps),
            drain: Percentiles::of(metrics.drains),
            keys_retired: snapshot.retired.len(),
            retired: Percentiles::of(snapshot.retired),
            latency: Percentiles::of(snapshot.requests.iter().map(|request| request.latency)),
            requests: snapshot.requests,
        }
    }

    /// Returns whether objects were stored, nothing failed and nothing was lost.
    pub(crate) fn is_flawless(&self) -> bool {
        self.objects > 0 && self.failures == 0 && self.lost == 0
    }

    /// Returns the failures as a share of all requests.
    pub(crate) fn failed_share(&self) -> f64 {
        self.failures as f64 / self.requests.len().max(1) as f64
    }
}

impl Connections {
    /// Counts the connections opened until one second after `started`, and those opened later.
    pub(crate) fn new(counted: &'static str, opened: Vec<Instant>, started: Instant) -> Self {
        let first_second = started + Duration::from_secs(1);
        let at_first = opened.iter().filter(|&&at| at < first_second).count();
        Self {
            counted,
            at_first,
            later: opened.len() - at_first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connections_are_divided_at_the_first_second() {
        let started = Instant::now() + Duration::from_secs(5);
        let at = |millis| started + Duration::from_millis(millis);
        let before = started - Duration::from_secs(1);
        let opened = vec![before, at(0), at(999), at(1000), at(9000)];
        let connections = Connections::new("x", opened, started);
        assert_eq!((connections.at_first, connections.later), (3, 2));
    }
}
