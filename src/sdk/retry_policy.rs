//! How often a call of an AWS service is tried, and how long one attempt may take.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

/// How often, and how long each time.
///
/// By the SDK's own retries, and no loop around them, which would multiply the two. Ours replace the client's for a call,
/// because the client may have none, or so many that the call's own bound passes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// The first one included; 0 counts as 1.
    pub(crate) attempts: u32,
    /// Credentials included.
    pub(crate) attempt_timeout: Duration,
    /// The first wait between two attempts, and the longest.
    backoff: (Duration, Duration),
}

impl RetryPolicy {
    /// Returns the policy with other limits.
    #[cfg(feature = "rotation")]
    pub(crate) fn with_limits(self, attempts: u32, attempt_timeout: Duration) -> Self {
        Self {
            attempts,
            attempt_timeout,
            ..self
        }
    }

    /// The same without a second attempt.
    #[cfg(feature = "rotation")]
    pub(crate) fn once(self) -> Self {
        Self {
            attempts: 1,
            ..self
        }
    }

    /// For a service that allows few calls: it waits longer, as the SDK does by itself.
    #[cfg(feature = "rotation")]
    pub(crate) fn for_low_quota() -> Self {
        Self {
            backoff: (Duration::from_secs(1), Duration::from_secs(20)),
            ..Self::default()
        }
    }

    pub(crate) fn retries(self) -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(self.attempts.max(1))
            .with_initial_backoff(self.backoff.0)
            .with_max_backoff(self.backoff.1)
    }

    pub(crate) fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .operation_attempt_timeout(self.attempt_timeout)
            .build()
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        // Four hung attempts fit into `refresh::Timeouts::fetch`.
        Self {
            attempts: 4,
            attempt_timeout: Duration::from_secs(5),
            backoff: (Duration::from_millis(100), Duration::from_secs(2)),
        }
    }
}
