//! What came out of it, in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::board::{Board, Marks, Request};
use crate::flights::Flights;
use crate::meter::Readings;
use crate::way::Way;

/// What came out of one way's work.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) way: &'static str,
    pub(crate) consumers: usize,
    /// How long the work took, and the uploads that were under way at its end.
    pub(crate) length: Duration,
    pub(crate) objects: usize,
    pub(crate) bytes: u64,
    pub(crate) requests: Vec<Request>,
    pub(crate) failures: u64,
    pub(crate) lost: usize,
    /// What failed and what was lost, by what was said.
    pub(crate) reasons: BTreeMap<String, u64>,
    pub(crate) replays: u64,
    /// When keys were rotated, from the begin of the work.
    pub(crate) rotations: Vec<Duration>,
    pub(crate) connections: Connections,
    /// From the broker's word that it has the event to the first request signed with the new key.
    pub(crate) first_request: Option<Spread>,
    pub(crate) swap: Option<Spread>,
    /// Of each consumer, each time.
    pub(crate) drain: Option<Spread>,
    /// How many old keys were deleted.
    pub(crate) keys_retired: usize,
    /// From the broker's word that it has the event to the old key's deletion.
    pub(crate) retired: Option<Spread>,
    pub(crate) latency: Option<Spread>,
}

/// How many connections were opened, and how that is known.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pub(crate) counted: &'static str,
    pub(crate) at_first: usize,
    pub(crate) later: usize,
}

/// Percentiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

impl Report {
    /// Sums up.
    pub(crate) fn new<W: Way>(
        board: &Board,
        marks: Marks,
        flights: &Flights,
        connections: Connections,
        readings: Readings,
        lost: Vec<String>,
    ) -> Self {
        let first_requests = marks.rotations.iter().filter_map(|rotated| {
            let signed = flights.first_signed(&rotated.access_key_id)?;
            Some(signed.saturating_duration_since(rotated.announced))
        });
        let rotated = if marks.rotations.is_empty() {
            readings.swapped.clone()
        } else {
            marks
                .rotations
                .iter()
                .map(|rotated| rotated.announced)
                .collect()
        };
        let mut reasons = marks.failures.clone();
        for fault in &lost {
            reasons.insert(format!("lost: {fault}"), 1);
        }
        let ends = marks.requests.iter().map(|request| request.ended);
        Self {
            way: W::NAME,
            consumers: readings.consumers,
            length: ends.max().unwrap_or_default(),
            objects: marks.stored.len(),
            bytes: marks.bytes,
            failures: marks.failures.values().sum(),
            lost: lost.len(),
            reasons,
            replays: readings.replays,
            rotations: rotated
                .iter()
                .map(|at| at.saturating_duration_since(board.begun()))
                .collect(),
            connections,
            first_request: Spread::of(first_requests),
            swap: Spread::of(readings.swaps),
            drain: Spread::of(readings.drains),
            keys_retired: marks.retired.len(),
            retired: Spread::of(marks.retired),
            latency: Spread::of(marks.requests.iter().map(|request| request.took)),
            requests: marks.requests,
        }
    }

    /// Whether nothing failed and nothing was lost (and there was something that could have been).
    pub(crate) fn is_flawless(&self) -> bool {
        self.objects > 0 && self.failures == 0 && self.lost == 0
    }

    /// Failures as a share of all requests.
    pub(crate) fn failed_share(&self) -> f64 {
        self.failures as f64 / self.requests.len().max(1) as f64
    }
}

impl Connections {
    /// Sorts them into those of the first second (and before) and the rest.
    pub(crate) fn new(counted: &'static str, opened: Vec<Instant>, begun: Instant) -> Self {
        let first_second = begun + Duration::from_secs(1);
        let at_first = opened.iter().filter(|&&at| at < first_second).count();
        Self {
            counted,
            at_first,
            later: opened.len() - at_first,
        }
    }
}

impl Spread {
    /// The percentiles of these, or none if there are none. Exact to 0.1 %.
    pub(crate) fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut histogram = Histogram::<u64>::new(3).expect("3 digits are allowed");
        for duration in durations {
            let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            histogram.record(nanos).expect("it grows by itself");
        }
        (!histogram.is_empty()).then(|| Self {
            p50: Duration::from_nanos(histogram.value_at_quantile(0.5)),
            p99: Duration::from_nanos(histogram.value_at_quantile(0.99)),
            max: Duration::from_nanos(histogram.max()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_values() {
        let spread = Spread::of((1..=1000).map(Duration::from_millis)).expect("values");
        let near = |found: Duration, wanted: u64| {
            let ratio = found.as_secs_f64() * 1000.0 / wanted as f64;
            assert!((0.998..1.002).contains(&ratio), "{found:?} for {wanted} ms");
        };
        near(spread.p50, 500);
        near(spread.p99, 990);
        near(spread.max, 1000);
        assert_eq!(Spread::of([]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_told_apart_by_the_first_second() {
        let begun = Instant::now() + Duration::from_secs(5);
        let at = |millis| begun + Duration::from_millis(millis);
        let before = begun - Duration::from_secs(1);
        let connections =
            Connections::new("x", vec![before, at(0), at(999), at(1000), at(9000)], begun);
        assert_eq!((connections.at_first, connections.later), (3, 2));
    }
}
