//! Points in time on the ledger's clock.

use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime};

/// A point in time on the clock of whoever received the reports (the Kafka brokers), in milliseconds since 1970.
///
/// Do not compare it with another machine's clock. Additions and subtractions saturate.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use credswap::fleet::LedgerTime;
/// let received = LedgerTime::from_millis(1_708_905_600_123);
/// let later = received + Duration::from_secs(90);
/// assert_eq!(later.duration_since(received), Duration::from_secs(90));
/// assert_eq!(LedgerTime::from(SystemTime::from(later)), later);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LedgerTime(u64);

impl LedgerTime {
    /// Creates a time from milliseconds since 1970.
    pub const fn from_millis(since_1970: u64) -> Self {
        Self(since_1970)
    }

    /// Returns the milliseconds since 1970.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the time that has passed since `earlier`; zero if that is later.
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for LedgerTime {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(millis(time)))
    }
}

impl Sub<Duration> for LedgerTime {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(millis(time)))
    }
}

/// Times before 1970 become 1970.
impl From<SystemTime> for LedgerTime {
    fn from(time: SystemTime) -> Self {
        let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
        Self(millis(since_1970.unwrap_or_default()))
    }
}

/// Times beyond what the system can represent become the year 2106.
impl From<LedgerTime> for SystemTime {
    fn from(time: LedgerTime) -> Self {
        const YEAR_2106: Duration = Duration::from_secs(u32::MAX as u64);
        Self::UNIX_EPOCH
            .checked_add(Duration::from_millis(time.0))
            .unwrap_or(Self::UNIX_EPOCH + YEAR_2106)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let (first, last) = (LedgerTime::default(), LedgerTime::from_millis(u64::MAX));
        assert_eq!(first - Duration::from_secs(1), first);
        assert_eq!(last + Duration::MAX, last);
        assert_eq!(first.duration_since(last), Duration::ZERO);
    }

    #[test]
    fn no_conversion_panics() {
        let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(LedgerTime::from(before_1970), LedgerTime::default());
        assert!(SystemTime::from(LedgerTime::from_millis(u64::MAX)) > SystemTime::UNIX_EPOCH);
    }
}
