//! How long anything may take.

use std::time::Duration;

/// How long anything may take. Start from the default and change what must differ:
///
/// ```
/// use std::time::Duration;
/// let mut bounds = credswap::reload::Bounds::default();
/// bounds.propagation = Duration::from_secs(30);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Bounds {
    /// One read of the source, with all the retries that the source makes by itself. Default 30 s.
    pub fetch: Duration,
    /// One connect. Default 10 s.
    pub connect: Duration,
    /// One check. Default 20 s.
    pub check: Duration,
    /// How long a new version may stay "not propagated yet" before it counts as failed. IAM takes some seconds
    /// as a rule, up to two minutes at worst. A key that was accepted and is refused within this time may be known to
    /// one service and not to the other: requests are made again with it. Default 2 min.
    pub propagation: Duration,
    /// How long after a change at the source a read may still give the version before. Default 30 s.
    pub settle: Duration,
    /// The first and the longest wait between two reads of a source that has not settled. Defaults 100 ms, 2 s (and
    /// up to as much again by jitter).
    pub poll: (Duration, Duration),
    /// The first and the longest wait before a failed look is repeated. Defaults 1 s, 60 s (and up
    /// to as much again by jitter).
    pub retry: (Duration, Duration),
    /// How long a request whose key was refused waits for a newer key, or for this one to be known. Default 15 s.
    pub refresh: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            fetch: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            check: Duration::from_secs(20),
            propagation: Duration::from_secs(120),
            settle: Duration::from_secs(30),
            poll: (Duration::from_millis(100), Duration::from_secs(2)),
            retry: (Duration::from_secs(1), Duration::from_secs(60)),
            refresh: Duration::from_secs(15),
        }
    }
}
