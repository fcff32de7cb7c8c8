//! Durations of the user, which may be as long as can be, and the points in time that they lead to.

use std::time::Duration;

use tokio::time::Instant;

/// Longer than any process lives. What is added to an `Instant` beyond its range panics: settings are limited to this.
pub(crate) const FOREVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Returns the time at which `time` has passed from now on; `Duration::MAX` is a time that never comes.
pub(crate) fn deadline_in(time: Duration) -> Instant {
    Instant::now() + time.min(FOREVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_time_is_no_overflow() {
        let now = Instant::now();
        assert!(deadline_in(Duration::MAX) > now + Duration::from_secs(86_400 * 365));
        let hour = Duration::from_secs(3600);
        assert_eq!(deadline_in(hour), now + hour);
    }
}
