//! How long a rotation waits for what.

use std::time::Duration;

/// The policy, each with its default. Choose the function's timeout larger than `propagation`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// How long a new key may take until AWS knows it. 2 min.
    pub propagation: Duration,
    /// Between two tests of a new key: the first wait, and the longest. 1 s and 10 s.
    pub test_again: (Duration, Duration),
    /// How long after its look at the state a step may still write. 60 s.
    pub lap: Duration,
    /// When a request that was signed within `lap` can no longer be on its way: AWS refuses signatures that are
    /// older than 5 minutes, and clocks that are wrong by more than 5 minutes. 15 min.
    pub settled: Duration,
    /// How long a deactivated key is watched before it is deleted. 24 h.
    pub watch: Duration,
    /// When a key that is not released is deactivated all the same, and loudly; counted from when it was first seen
    /// superseded. 7 days.
    pub deadline: Duration,
    /// How much the clocks of consumers, of IAM and of this process may differ. 5 min.
    pub skew: Duration,
    /// What to assume of a version of which nobody has ever said a word: nothing (`None`), or that it is released so
    /// long after it was first seen superseded. A report of any consumer on that version overrules it. `None`.
    pub assume_released: Option<Duration>,
}

impl Default for Policy {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            propagation: 2 * MINUTE,
            test_again: (Duration::from_secs(1), Duration::from_secs(10)),
            lap: MINUTE,
            settled: 15 * MINUTE,
            watch: DAY,
            deadline: 7 * DAY,
            skew: 5 * MINUTE,
            assume_released: None,
        }
    }
}
