//! Polling: the safety net under all other triggers.

use std::borrow::Cow;
use std::time::Duration;

use fastrand::Rng;

use super::Trigger;
use super::health::Health;
use super::reason::Reason;
use super::requests::RefreshRequester;
use crate::util::deadline::FOREVER;

/// Requests a refresh periodically, each time after the period plus or minus 10 %, so that the instances of a
/// service do not fetch all at once.
///
/// A refreshable polls every five minutes unless configured otherwise
/// ([`poll_every`](crate::refresh::Builder::poll_every)); add an `Interval` only to set its jitter.
#[derive(Debug, Clone)]
pub struct Interval {
    period: Duration,
    jitter: f64,
    rng: Rng,
}

impl Interval {
    /// Creates a trigger that requests a refresh about every `period`; a period below one millisecond counts as one.
    pub fn every(period: Duration) -> Self {
        Self {
            period: period.clamp(Duration::from_millis(1), FOREVER),
            jitter: 0.1,
            rng: Rng::new(),
        }
    }

    /// Sets the jitter as a share of the period, from 0 (none) to 1; 0.1 by default.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = share.clamp(0.0, 1.0);
        self
    }

    /// Makes the jitter repeatable, for tests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.rng = Rng::with_seed(seed);
        self
    }

    fn next_wait(&mut self) -> Duration {
        let factor = 1.0 + self.jitter * (2.0 * self.rng.f64() - 1.0);
        self.period.mul_f64(factor)
    }
}

impl Trigger for Interval {
    async fn run(mut self, requester: RefreshRequester) {
        requester.set_health(Health::Listening);
        loop {
            tokio::time::sleep(self.next_wait()).await;
            requester.request(Reason::Interval);
        }
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("interval")
    }
}

#[cfg(test)]
mod tests {
    use super::super::channel;
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn it_requests_refreshes_within_the_jitter() {
        let (requester, mut requests) = channel();
        let task = tokio::spawn(
            Interval::every(Duration::from_secs(100))
                .seed(7)
                .run(requester),
        );
        let mut waits = Vec::new();
        for _ in 0..20 {
            let before = Instant::now();
            assert!(requests.next().await.has(Reason::Interval));
            waits.push(before.elapsed().as_secs_f64());
        }
        task.abort();
        assert!(
            waits.iter().all(|wait| (89.9..=110.1).contains(wait)),
            "{waits:?}"
        );
        assert!(
            waits.iter().any(|wait| (wait - waits[0]).abs() > 1.0),
            "no jitter: {waits:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_period_of_zero_does_not_spin() {
        let mut interval = Interval::every(Duration::ZERO).jitter(0.0);
        assert_eq!(interval.next_wait(), Duration::from_millis(1));
    }
}
