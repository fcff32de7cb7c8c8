//! How often a call of an AWS service is tried, and how long one attempt may take.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

/// How often, and how long each time.
///
/// By the SDK's own retries, and no loop around them, which would multiply the two. Ours replace the client's for a call,
/// because the client may have none, or so many that the call's own bound passes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The first one included; 0 counts as 1.
    pub(crate) attempts: u32,
    /// Credentials included.
    pub(crate) attempt_timeout: Duration,
}

impl Patience {
    /// The same without a second attempt.
    #[cfg(feature = "rotation")]
    pub(crate) fn once(self) -> Self {
        Self {
            attempts: 1,
            ..self
        }
    }

    pub(crate) fn retries(self) -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(self.attempts.max(1))
            .with_initial_backoff(FIRST_BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF)
    }

    pub(crate) fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .operation_attempt_timeout(self.attempt_timeout)
            .build()
    }
}

impl Default for Patience {
    fn default() -> Self {
        // Four hung attempts fit into `reload::Bounds::fetch`.
        Self {
            attempts: 4,
            attempt_timeout: Duration::from_secs(5),
        }
    }
}

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
