//! Logs a recurring message once per period.

use std::time::Duration;

use tokio::time::Instant;

/// Lets one message through per period and counts the suppressed ones.
#[derive(Debug)]
pub(crate) struct LogThrottle {
    period: Duration,
    last: Option<Instant>,
    suppressed: u64,
}

impl LogThrottle {
    /// Creates a throttle that lets one message through per `period`.
    pub(crate) fn every(period: Duration) -> Self {
        Self {
            period,
            last: None,
            suppressed: 0,
        }
    }

    /// Returns whether to log now; if so, how many messages were suppressed since the last one.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<u64> {
        if self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < self.period)
        {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_passes_and_the_next_counts_the_suppressed() {
        let start = Instant::now();
        let mut throttle = LogThrottle::every(Duration::from_secs(60));
        assert_eq!(throttle.poll(start), Some(0));
        for second in 1..60 {
            assert_eq!(throttle.poll(start + Duration::from_secs(second)), None);
        }
        assert_eq!(throttle.poll(start + Duration::from_secs(60)), Some(59));
        assert_eq!(throttle.poll(start + Duration::from_secs(120)), Some(0));
    }
}
