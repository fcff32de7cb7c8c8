//! How long a rotation waits, and for what.

use std::time::Duration;

use crate::util::Backoff;
use crate::util::deadline::FOREVER;

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
///
/// # Consumers that do not report
/// Usage reports say nothing about consumers that do not report. So the old key stays active for [`min_overlap`] after the
/// new version has become current, whatever the reports say; declare who reports, and it is retired as soon as these have
/// released it:
///
/// ```
/// use credswap::rotation::Policy;
/// let all = Policy::default().all_consumers_report();
/// let three = Policy::default().expected_consumers(3); // waits until three have reported the new version
/// let these = Policy::default().expected_instances(["batch-1", "batch-2"]);
/// ```
///
/// [`min_overlap`]: Policy::min_overlap
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
    /// How long after it has read the state a step may still write, or test a key. Default 60 s.
    pub action_deadline: Duration,
    /// How long after a step has read the state a request that it signed may still take effect: `action_deadline`, plus the
    /// 5 minutes after which AWS rejects a signature, plus the 5 minutes by which a clock may be wrong, and some more.
    /// Default 15 min.
    pub signature_lifetime: Duration,
    /// How long a key stays deactivated before it is deleted. Default 24 h.
    pub watch: Duration,
    /// When a key that is not released is deactivated all the same, with an error in the log; counted from when it was
    /// first seen superseded, and not before consumers that do not report may use it no more. Default 7 days.
    pub deadline: Duration,
    /// How much the clocks of consumers, of IAM and of this process may differ. Default 5 min.
    pub clock_skew: Duration,
    /// How long after a version has become current consumers that do not report may use the one before it; after that it
    /// counts as released even if no consumer has ever reported on it. A consumer that reports to use it takes precedence,
    /// and so does a use that IAM has recorded after that time or in the last `watch`. Its key is deactivated then, and
    /// deleted when it was watched: after 14 days and one, say. Default `None`: without a report no version counts as
    /// released.
    pub assume_released: Option<Duration>,
    /// How long after a version has become current the key before it stays active at least, whatever the reports say; unless
    /// `reporting` declares who reports. Default 24 h.
    pub min_overlap: Duration,
    /// Which consumers report. Default [`ReportingConsumers::Undeclared`].
    pub reporting: ReportingConsumers,
}

/// Which consumers send usage reports, as whoever deploys them declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportingConsumers {
    /// Not declared: there may be some that do not. [`Policy::min_overlap`] applies.
    #[default]
    Undeclared,
    /// All do.
    All,
    /// All do, and they are at least so many: an old version is not released before so many have reported the new one.
    AtLeast(usize),
    /// All do, and these are among them: an old version is not released before each of these has reported the new one.
    Named(Vec<String>),
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
        self.propagation = timeout.min(FOREVER);
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
        self.action_deadline = after.min(FOREVER);
        self
    }

    /// Sets how long after a step has read the state a request that it signed may still take effect.
    #[must_use]
    pub fn signature_lifetime(mut self, lifetime: Duration) -> Self {
        self.signature_lifetime = lifetime.min(FOREVER);
        self
    }

    /// Sets how long a key stays deactivated before it is deleted.
    #[must_use]
    pub fn watch(mut self, time: Duration) -> Self {
        self.watch = time.min(FOREVER);
        self
    }

    /// Sets when a key that is not released is deactivated all the same.
    #[must_use]
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = after.min(FOREVER);
        self
    }

    /// Sets how much clocks may differ.
    #[must_use]
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew.min(FOREVER);
        self
    }

    /// Sets how long after a version has become current consumers that do not report may use the one before it. Only where
    /// you know that all of them have the new version by then: consumers that poll, say.
    #[must_use]
    pub fn assume_released(mut self, after: Duration) -> Self {
        self.assume_released = Some(after.min(FOREVER));
        self
    }

    /// Sets how long the old key stays active at least if it is not declared who reports.
    #[must_use]
    pub fn min_overlap(mut self, time: Duration) -> Self {
        self.min_overlap = time.min(FOREVER);
        self
    }

    /// Declares that each consumer sends usage reports. One that does not loses its key as soon as the others have released
    /// it, unless IAM has recorded that it used the key since.
    #[must_use]
    pub fn all_consumers_report(mut self) -> Self {
        self.reporting = ReportingConsumers::All;
        self
    }

    /// Declares that each consumer sends usage reports, and that there are at least so many.
    #[must_use]
    pub fn expected_consumers(mut self, count: usize) -> Self {
        self.reporting = ReportingConsumers::AtLeast(count);
        self
    }

    /// Declares that each consumer sends usage reports, and that these instances are among them.
    #[must_use]
    pub fn expected_instances(
        mut self,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.reporting = ReportingConsumers::Named(names);
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
            min_overlap: DAY,
            reporting: ReportingConsumers::Undeclared,
        }
    }
}
