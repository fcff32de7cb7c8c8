//! Says something once in a while, however often there is reason to.

use std::time::Duration;

use tokio::time::Instant;

/// Lets one through per period and counts the others.
#[derive(Debug)]
pub(super) struct Sparse {
    period: Duration,
    last: Option<Instant>,
    suppressed: u64,
}

impl Sparse {
    pub(super) fn every(period: Duration) -> Self {
        Self {
            period,
            last: None,
            suppressed: 0,
        }
    }

    /// Whether to say it now; if so, how many were held back since the last time.
    pub(super) fn now(&mut self, now: Instant) -> Option<u64> {
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
    fn the_first_is_said_at_once_and_the_next_tells_how_many_were_not() {
        let start = Instant::now();
        let mut sparse = Sparse::every(Duration::from_secs(60));
        assert_eq!(sparse.now(start), Some(0));
        for second in 1..60 {
            assert_eq!(sparse.now(start + Duration::from_secs(second)), None);
        }
        assert_eq!(sparse.now(start + Duration::from_secs(60)), Some(59));
        assert_eq!(sparse.now(start + Duration::from_secs(120)), Some(0));
    }
}
