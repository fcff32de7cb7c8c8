//! How long a rotation waits, and for what.

use std::time::Duration;

use crate::util::Backoff;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a rotation waits, and for what. Start from the default and change what must differ:
///
/// ```
/// use std::time::Duration;
/// use credswap::rotation::Policy;
/// let policy = Policy::default()
///     .watch(Duration::from_secs(2 * 24 * 3600))
///     .deadline(Duration::from_secs(14 * 24 * 3600));
/// ```
///
/// The timeout of a Lambda function must be larger than `propagation`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// How often a read of Secrets Manager or IAM is attempted, the first attempt included. Writes are not repeated by the
    /// client. Default 4.
    pub attempts: u32,
    /// How long one attempt of one call may take, credentials included. Default 5 s.
    pub attempt_timeout: Duration,
    /// How long AWS may take to accept a new key. Default 2 min.
    pub propagation: Duration,
    /// The delays between two tests of a new key. Default 1 s to 10 s.
    pub test_backoff: Backoff,
    /// How long after it has read the state a step may still write. Default 60 s.
    pub action_deadline: Duration,
    /// How long after a step has read the state a request that it signed may still take effect: `action_deadline`, plus the
    /// 5 minutes after which AWS rejects a signature, plus the 5 minutes by which a clock may be wrong, and some more.
    /// Default 15 min.
    pub signature_lifetime: Duration,
    /// How long a key stays deactivated before it is deleted. Default 24 h.
    pub watch: Duration,
    /// When a key that is not released is deactivated all the same, with an error in the log; counted from when it was
    /// first seen superseded. Default 7 days.
    pub deadline: Duration,
    /// How much the clocks of consumers, of IAM and of this process may differ. Default 5 min.
    pub clock_skew: Duration,
    /// How long after it was first seen superseded a version counts as released if no consumer has ever reported on it.
    /// A report of any consumer on that version takes precedence. Default `None`: never.
    pub assume_released: Option<Duration>,
}

impl Policy {
    /// Sets how often a read is attempted, the first attempt included.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets how long one attempt of one call may take.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets how long AWS may take to accept a new key.
    #[must_use]
    pub fn propagation(mut self, timeout: Duration) -> Self {
        self.propagation = timeout;
        self
    }

    /// Sets the delays between two tests of a new key.
    #[must_use]
    pub fn test_backoff(mut self, backoff: Backoff) -> Self {
        self.test_backoff = backoff;
        self
    }

    /// Sets how long after it has read the state a step may still write.
    #[must_use]
    pub fn action_deadline(mut self, after: Duration) -> Self {
        self.action_deadline = after;
        self
    }

    /// Sets how long after a step has read the state a request that it signed may still take effect.
    #[must_use]
    pub fn signature_lifetime(mut self, lifetime: Duration) -> Self {
        self.signature_lifetime = lifetime;
        self
    }

    /// Sets how long a key stays deactivated before it is deleted.
    #[must_use]
    pub fn watch(mut self, time: Duration) -> Self {
        self.watch = time;
        self
    }

    /// Sets when a key that is not released is deactivated all the same.
    #[must_use]
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = after;
        self
    }

    /// Sets how much clocks may differ.
    #[must_use]
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// Sets how long after it was first seen superseded a version counts as released if no consumer has ever reported on
    /// it. Only where you know that all consumers have the new version by then: consumers that poll, say.
    #[must_use]
    pub fn assume_released(mut self, after: Duration) -> Self {
        self.assume_released = Some(after);
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 4,
            attempt_timeout: Duration::from_secs(5),
            propagation: 2 * MINUTE,
            test_backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(10)),
            action_deadline: MINUTE,
            signature_lifetime: 15 * MINUTE,
            watch: DAY,
            deadline: 7 * DAY,
            clock_skew: 5 * MINUTE,
            assume_released: None,
        }
    }
}
