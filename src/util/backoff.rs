//! Exponential backoff: the one rule by which this crate waits before it tries again.

use std::time::Duration;

use fastrand::Rng;

/// How long to wait before each further attempt.
///
/// The first delay is `initial`; each next one is twice as long, up to `max`. A random part of up to one half is taken off
/// each delay, so that processes that failed together do not retry together.
///
/// ```
/// use std::time::Duration;
/// use credswap::Backoff;
/// // 0.5–1 s, 1–2 s, 2–4 s, … and never longer than 30 s
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// assert_eq!(backoff.max, Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The longest first delay.
    pub initial: Duration,
    /// The longest delay of all.
    pub max: Duration,
}

/// The delays of one series of attempts.
#[derive(Debug, Clone)]
pub(crate) struct Delays {
    next: Duration,
    max: Duration,
    rng: Rng,
}

impl Backoff {
    /// Creates a backoff that starts at `initial` and doubles up to `max`. A `max` below `initial` counts as `initial`; an
    /// `initial` below one millisecond counts as one millisecond.
    pub const fn new(initial: Duration, max: Duration) -> Self {
        const SHORTEST: Duration = Duration::from_millis(1);
        let initial = if initial.as_nanos() < SHORTEST.as_nanos() {
            SHORTEST
        } else {
            initial
        };
        let max = if max.as_nanos() < initial.as_nanos() {
            initial
        } else {
            max
        };
        Self { initial, max }
    }

    /// Starts a series of delays whose jitter is drawn from `rng`.
    pub(crate) fn delays(self, rng: &mut Rng) -> Delays {
        Delays {
            next: self.initial,
            max: self.max,
            rng: rng.fork(),
        }
    }
}

impl Delays {
    /// Returns the next delay. The series never ends.
    pub(crate) fn next(&mut self) -> Duration {
        let longest = self.next.min(self.max);
        self.next = longest.saturating_mul(2);
        longest.mul_f64(1.0 - 0.5 * self.rng.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum_and_lose_at_most_half() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(6));
        for seed in 0..100 {
            let mut delays = backoff.delays(&mut Rng::with_seed(seed));
            for longest in [1, 2, 4, 6, 6, 6] {
                let longest = Duration::from_secs(longest);
                let delay = delays.next();
                assert!(
                    delay > longest / 2 && delay <= longest,
                    "{delay:?} of {longest:?}"
                );
            }
        }
    }

    #[test]
    fn series_of_one_generator_differ_and_one_seed_repeats_itself() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(6));
        let first = |seed| {
            let mut rng = Rng::with_seed(seed);
            (
                backoff.delays(&mut rng).next(),
                backoff.delays(&mut rng).next(),
            )
        };
        let (one, other) = first(7);
        assert_ne!(one, other);
        assert_eq!(first(7), (one, other));
    }

    #[test]
    fn a_reversed_or_empty_range_neither_panics_nor_spins() {
        let reversed = Backoff::new(Duration::from_secs(9), Duration::from_secs(1));
        assert_eq!(
            (reversed.initial, reversed.max),
            (reversed.max, Duration::from_secs(9))
        );
        assert_eq!(
            Backoff::new(Duration::ZERO, Duration::ZERO).initial,
            Duration::from_millis(1)
        );
        let mut longest = Backoff::new(Duration::MAX, Duration::MAX).delays(&mut Rng::with_seed(1));
        longest.next();
        longest.next();
    }
}
