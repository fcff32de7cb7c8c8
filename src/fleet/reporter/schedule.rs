//! When the next report is due. Pure.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use crate::util::{Backoff, Delays};

/// Changes within this time are reported together.
const COALESCE: Duration = Duration::from_millis(100);
/// The first delay after a failed report. The longest is a sixth of the TTL.
const RETRY: Duration = Duration::from_millis(200);

/// When the next report is due.
pub(super) struct Schedule {
    ttl: Duration,
    due: Instant,
    not_before: Instant,
    retry: Delays,
    rng: Rng,
}

impl Schedule {
    /// Creates a schedule whose first report is due at once.
    pub(super) fn new(ttl: Duration, mut rng: Rng, now: Instant) -> Self {
        Self {
            ttl,
            due: now,
            not_before: now,
            retry: backoff(ttl).delays(&mut rng),
            rng,
        }
    }

    /// Returns when the next report is due.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Makes a report due as soon as possible: something changed.
    pub(super) fn soon(&mut self, now: Instant) {
        self.due = self.due.min(self.not_before.max(now));
    }

    /// Plans the next report after one was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.restart_backoff();
        self.not_before = now + COALESCE;
        // At least every third of the TTL, and not all instances at once.
        self.due = now + (self.ttl / 3).mul_f64(1.0 - 0.1 * self.rng.f64());
    }

    /// Starts the delays after failed reports anew.
    pub(super) fn restart_backoff(&mut self) {
        self.retry = backoff(self.ttl).delays(&mut self.rng);
    }

    /// Plans the next report after one failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.not_before = now + self.retry.next();
        self.due = self.not_before;
    }
}

/// Returns the delays after failed reports.
fn backoff(ttl: Duration) -> Backoff {
    Backoff::new(RETRY, ttl / 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(90);

    fn schedule() -> (Schedule, Instant) {
        let now = Instant::now();
        (Schedule::new(TTL, Rng::with_seed(7), now), now)
    }

    #[test]
    fn the_first_report_is_due_at_once() {
        let (schedule, now) = schedule();
        assert_eq!(schedule.due(), now);
    }

    #[test]
    fn reports_are_due_within_a_third_of_the_ttl() {
        let (mut schedule, now) = schedule();
        for _ in 0..100 {
            schedule.sent(now);
            let wait = schedule.due() - now;
            assert!(wait <= TTL / 3 && wait >= TTL * 3 / 10, "{wait:?}");
        }
    }

    #[test]
    fn a_change_is_reported_soon_and_changes_together() {
        let (mut schedule, now) = schedule();
        schedule.sent(now);
        schedule.soon(now + COALESCE / 2);
        assert_eq!(schedule.due(), now + COALESCE);
        let later = now + Duration::from_secs(5);
        schedule.sent(now);
        schedule.soon(later);
        assert_eq!(schedule.due(), later);
    }

    #[test]
    fn failures_back_off_to_a_sixth_of_the_ttl() {
        let (mut schedule, now) = schedule();
        for attempt in 0..20 {
            schedule.failed(now);
            let longest = RETRY.saturating_mul(1 << attempt).min(TTL / 6);
            let wait = schedule.due() - now;
            assert!(wait <= longest && wait >= longest / 2, "{wait:?}");
            schedule.soon(now);
            assert_eq!(schedule.due() - now, wait, "a change does not shorten it");
        }
        schedule.sent(now);
        schedule.failed(now);
        assert!(schedule.due() - now <= RETRY, "a success resets it");
    }
}
