//! Waits that grow, with a jitter that can be seeded.

use std::time::Duration;

pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
    dice: fastrand::Rng,
}

impl Backoff {
    pub(super) fn new((first, longest): (Duration, Duration), seed: u64) -> Self {
        Self {
            next: first,
            longest,
            dice: fastrand::Rng::with_seed(seed),
        }
    }

    /// Between half of the step and all of it, so that two that began together do not stay so.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.next.min(self.longest);
        self.next = wait * 2;
        wait.mul_f64(0.5 + self.dice.f64() / 2.0)
    }
}
