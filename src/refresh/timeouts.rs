//! How long each operation of a refresh may take.

use std::time::Duration;

use crate::util::Backoff;
use crate::util::deadline::FOREVER;

/// How long each operation may take, and how soon it is repeated. Where usage reports decide when a key is retired, the ledger's
/// `fleet::Assumptions::late_adoption` must be at least the sum of `stale_reads`, `fetch`, `connect` and `check` of every consumer.
///
/// Start from the default and change what must differ:
///
/// ```
/// use std::time::Duration;
/// use credswap::{Backoff, refresh::Timeouts};
/// let timeouts = Timeouts::default()
///     .propagation(Duration::from_secs(30))
///     .retry(Backoff::new(Duration::from_secs(1), Duration::from_secs(20)));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Timeouts {
    /// One fetch, with all the retries that the source makes by itself. Default 30 s.
    pub fetch: Duration,
    /// One connect. Default 10 s.
    pub connect: Duration,
    /// One check. Default 20 s.
    pub check: Duration,
    /// How long a new version may stay "not propagated yet" before it counts as failed. IAM takes some seconds
    /// as a rule, up to two minutes at worst. A key that was accepted and is rejected within this time may be known to
    /// one service and not to another: requests are repeated with it. Default 2 min.
    pub propagation: Duration,
    /// How long after a change at the source a fetch may still return the version before. Default 30 s.
    pub stale_reads: Duration,
    /// How long a request whose key was rejected waits for a newer key, or for its own key to be known. Default 15 s.
    pub newer_key: Duration,
    /// The delays between two fetches of a source that may return stale versions, or of a version that is not propagated
    /// yet. Default 0.2 s to 4 s.
    pub poll: Backoff,
    /// The delays before a failed refresh is repeated. Default 2 s to 2 min.
    pub retry: Backoff,
}

impl Timeouts {
    /// Sets how long one fetch may take.
    #[must_use]
    pub fn fetch(mut self, timeout: Duration) -> Self {
        self.fetch = timeout.min(FOREVER);
        self
    }

    /// Sets how long one connect may take.
    #[must_use]
    pub fn connect(mut self, timeout: Duration) -> Self {
        self.connect = timeout.min(FOREVER);
        self
    }

    /// Sets how long one check may take.
    #[must_use]
    pub fn check(mut self, timeout: Duration) -> Self {
        self.check = timeout.min(FOREVER);
        self
    }

    /// Sets how long a new version may stay "not propagated yet".
    #[must_use]
    pub fn propagation(mut self, timeout: Duration) -> Self {
        self.propagation = timeout.min(FOREVER);
        self
    }

    /// Sets how long after a change at the source a fetch may still return the version before.
    #[must_use]
    pub fn stale_reads(mut self, timeout: Duration) -> Self {
        self.stale_reads = timeout.min(FOREVER);
        self
    }

    /// Sets how long a request whose key was rejected waits for a newer key.
    #[must_use]
    pub fn newer_key(mut self, timeout: Duration) -> Self {
        self.newer_key = timeout.min(FOREVER);
        self
    }

    /// Sets the delays between two fetches while a change or a propagation is awaited.
    #[must_use]
    pub fn poll(mut self, backoff: Backoff) -> Self {
        self.poll = backoff;
        self
    }

    /// Sets the delays before a failed refresh is repeated.
    #[must_use]
    pub fn retry(mut self, backoff: Backoff) -> Self {
        self.retry = backoff;
        self
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            fetch: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            check: Duration::from_secs(20),
            propagation: Duration::from_secs(120),
            stale_reads: Duration::from_secs(30),
            newer_key: Duration::from_secs(15),
            poll: Backoff::new(Duration::from_millis(200), Duration::from_secs(4)),
            retry: Backoff::new(Duration::from_secs(2), Duration::from_secs(120)),
        }
    }
}
