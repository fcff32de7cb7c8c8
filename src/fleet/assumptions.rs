//! The ledger's assumptions, each with its default.

use std::time::Duration;

/// What the ledger assumes about the world. Start from the default and change what must differ.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Assumptions {
    /// The shortest and the longest TTL that a report may state; others count as these. Defaults 5 s, 1 h.
    pub ttl: (Duration, Duration),
    /// How long a report may be on its way, and how far the clocks of the brokers may be apart, both together. Default
    /// 30 s.
    pub grace: Duration,
    /// How long after a version has been replaced a consumer may still take it up: by a stale read and the connect and
    /// check that follow it. Default 90 s, the sum of [`settle`](crate::refresh::Bounds::settle), `fetch`, `connect` and
    /// `check` of the default [`Bounds`](crate::refresh::Bounds).
    pub settle: Duration,
    /// The longest that a signed URL can be good. Default 7 days.
    pub horizon: Duration,
    /// How long after its last report a consumer is forgotten by [`Ledger::prune`](super::Ledger::prune). Default 8 days.
    pub forget: Duration,
    /// How many consumers are kept. When there are more, nothing counts as released. Default a million.
    pub consumers: usize,
}

impl Default for Assumptions {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            ttl: (Duration::from_secs(5), Duration::from_secs(3600)),
            grace: Duration::from_secs(30),
            settle: Duration::from_secs(90),
            horizon: Duration::from_secs(7 * DAY),
            forget: Duration::from_secs(8 * DAY),
            consumers: 1_000_000,
        }
    }
}

/// As the ledger counts time.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
