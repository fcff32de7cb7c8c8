//! What the ledger assumes about consumers and brokers, each with its default.

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// What the ledger assumes about consumers and brokers. Start from the default and change what must differ:
///
/// ```
/// use std::time::Duration;
/// use credswap::fleet::{Assumptions, Ledger};
/// let assumptions = Assumptions::default()
///     .longest_ttl(Duration::from_secs(900))
///     .longest_pin(Duration::from_secs(3600));
/// let ledger = Ledger::new(assumptions);
/// # assert!(ledger.is_empty());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Assumptions {
    /// The shortest TTL that a report may state; a shorter one counts as this. Default 5 s.
    pub shortest_ttl: Duration,
    /// The longest TTL that a report may state; a longer one counts as this. Default 1 h.
    pub longest_ttl: Duration,
    /// How long a report may take to arrive, plus how far the clocks of the brokers may differ. Default 30 s.
    pub grace: Duration,
    /// How long after a version was replaced a consumer may still adopt it: by a stale read and the connect and check that
    /// follow it. Default 90 s, the sum of `stale_reads`, `fetch`, `connect` and `check` of the default
    /// `refresh::Timeouts`.
    pub late_adoption: Duration,
    /// The longest time for which a presigned URL can be valid. Default 7 days.
    pub longest_pin: Duration,
    /// How long after its last report [`Ledger::prune`](super::Ledger::prune) forgets a consumer. Default 8 days.
    pub forget_after: Duration,
    /// How many consumers are kept. While there are more, nothing is released. Default a million.
    pub max_consumers: usize,
}

impl Assumptions {
    /// Sets the shortest TTL that a report may state.
    #[must_use]
    pub fn shortest_ttl(mut self, ttl: Duration) -> Self {
        self.shortest_ttl = ttl;
        self
    }

    /// Sets the longest TTL that a report may state.
    #[must_use]
    pub fn longest_ttl(mut self, ttl: Duration) -> Self {
        self.longest_ttl = ttl;
        self
    }

    /// Sets how long a report may take to arrive, plus how far the clocks of the brokers may differ.
    #[must_use]
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// Sets how long after a version was replaced a consumer may still adopt it.
    #[must_use]
    pub fn late_adoption(mut self, time: Duration) -> Self {
        self.late_adoption = time;
        self
    }

    /// Sets the longest time for which a presigned URL can be valid.
    #[must_use]
    pub fn longest_pin(mut self, time: Duration) -> Self {
        self.longest_pin = time;
        self
    }

    /// Sets how long after its last report a consumer is forgotten.
    #[must_use]
    pub fn forget_after(mut self, time: Duration) -> Self {
        self.forget_after = time;
        self
    }

    /// Sets how many consumers are kept.
    #[must_use]
    pub fn max_consumers(mut self, count: usize) -> Self {
        self.max_consumers = count;
        self
    }
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            shortest_ttl: 5 * SECOND,
            longest_ttl: 3600 * SECOND,
            grace: 30 * SECOND,
            late_adoption: 90 * SECOND,
            longest_pin: 7 * DAY,
            forget_after: 8 * DAY,
            max_consumers: 1_000_000,
        }
    }
}
