//! Percentiles of durations.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Percentiles of durations, exact to 0.1 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percentiles {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

impl Percentiles {
    /// Returns the percentiles of `durations`, or `None` if there are none.
    pub(crate) fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut histogram = Histogram::<u64>::new(3).expect("three digits are allowed");
        for duration in durations {
            let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            histogram.record(nanos).expect("the histogram resizes");
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
    fn percentiles_are_exact_to_a_thousandth() {
        let percentiles = Percentiles::of((1..=1000).map(Duration::from_millis));
        let percentiles = percentiles.expect("there are durations");
        for (found, millis) in [
            (percentiles.p50, 500.0),
            (percentiles.p99, 990.0),
            (percentiles.max, 1000.0),
        ] {
            let ratio = found.as_secs_f64() * 1000.0 / millis;
            assert!((0.998..1.002).contains(&ratio), "{found:?} for {millis} ms");
        }
    }

    #[test]
    fn no_durations_have_no_percentiles() {
        assert_eq!(Percentiles::of([]), None);
    }
}
