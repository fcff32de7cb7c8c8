//! Requests over time: what is drawn, divided into intervals of the same length.

use std::time::Duration;

use crate::percentiles::Percentiles;
use crate::stats::Request;

/// How many intervals a plot shows at most.
const MAX_INTERVALS: u128 = 250;
/// The shortest interval, in milliseconds.
const SHORTEST: u128 = 100;

/// Requests over time.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    /// The length of each interval.
    pub(crate) interval: Duration,
    pub(crate) intervals: Vec<Interval>,
}

/// The requests that ended in one interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Interval {
    pub(crate) requests: u32,
    pub(crate) failures: u32,
    /// The median of the latency, if any request ended.
    pub(crate) p50: Option<Duration>,
    /// The 99th percentile of the latency, if any request ended.
    pub(crate) p99: Option<Duration>,
}

impl Timeline {
    /// Divides the time until `end` into intervals. Leaves out what does not fill an interval, and the requests that ended
    /// after that.
    pub(crate) fn new(requests: &[Request], end: Duration, interval: Duration) -> Self {
        let count = usize::try_from(end.as_nanos() / interval.as_nanos()).unwrap_or(0);
        let mut intervals = vec![Interval::default(); count];
        let mut latencies = vec![Vec::new(); count];
        for request in requests {
            let index = request.ended.as_nanos() / interval.as_nanos();
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            if let Some(interval) = intervals.get_mut(index) {
                interval.requests += 1;
                interval.failures += u32::from(request.failed);
                latencies[index].push(request.latency);
            }
        }
        for (interval, latencies) in intervals.iter_mut().zip(latencies) {
            let percentiles = Percentiles::of(latencies);
            interval.p50 = percentiles.map(|percentiles| percentiles.p50);
            interval.p99 = percentiles.map(|percentiles| percentiles.p99);
        }
        Self {
            interval,
            intervals,
        }
    }

    /// Returns the start of each interval in seconds, and the interval.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (f64, &Interval)> {
        let seconds = self.interval.as_secs_f64();
        let intervals = self.intervals.iter().enumerate();
        intervals.map(move |(index, interval)| (index as f64 * seconds, interval))
    }

    /// Returns how many per second `count` in one interval are.
    pub(crate) fn rate(&self, count: u32) -> f64 {
        f64::from(count) / self.interval.as_secs_f64()
    }

    /// Returns the end of the last interval in seconds.
    pub(crate) fn end(&self) -> f64 {
        self.intervals.len() as f64 * self.interval.as_secs_f64()
    }
}

/// Returns the interval to draw a run of this length with: 0.1 s, 0.2 s, 0.5 s, 1 s and so on.
pub(crate) fn interval_for(length: Duration) -> Duration {
    let mut interval = SHORTEST;
    // 1, 2, 5, 10: in steps of 2, 2.5 and 2.
    for (by, over) in [(2, 1), (5, 2), (2, 1)].into_iter().cycle() {
        if length.as_millis() / interval <= MAX_INTERVALS {
            break;
        }
        interval = interval * by / over;
    }
    Duration::from_millis(u64::try_from(interval).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(ended: u64, latency: u64, failed: bool) -> Request {
        Request {
            ended: Duration::from_millis(ended),
            latency: Duration::from_millis(latency),
            failed,
        }
    }

    #[test]
    fn requests_count_for_the_interval_in_which_they_ended() {
        let requests = [
            request(0, 1, false),
            request(99, 1, true),
            request(100, 1, false),
            request(310, 1, false),
        ];
        let end = Duration::from_millis(400);
        let timeline = Timeline::new(&requests, end, Duration::from_millis(100));
        let counts: Vec<_> = timeline
            .iter()
            .map(|(_, interval)| (interval.requests, interval.failures))
            .collect();
        assert_eq!(counts, [(2, 1), (1, 0), (0, 0), (1, 0)]);
        assert_eq!(timeline.intervals[2].p99, None);
    }

    #[test]
    fn a_partial_last_interval_is_left_out() {
        let requests = [request(150, 1, false), request(240, 1, false)];
        let end = Duration::from_millis(250);
        let timeline = Timeline::new(&requests, end, Duration::from_millis(100));
        assert_eq!(timeline.intervals.len(), 2);
        assert!((timeline.end() - 0.2).abs() < 1e-9);
        assert_eq!(timeline.intervals[1].requests, 1);
    }

    #[test]
    fn long_runs_have_longer_intervals() {
        for (seconds, millis) in [(2, 100), (20, 100), (40, 200), (100, 500), (1800, 10_000)] {
            let interval = interval_for(Duration::from_secs(seconds));
            assert_eq!(interval, Duration::from_millis(millis), "{seconds} s");
        }
    }
}
