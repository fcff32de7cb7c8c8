//! How often a call of an AWS service is attempted, and how long one attempt may take.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::util::Backoff;

/// How often a call is attempted, and how long each attempt may take.
///
/// The SDK makes the retries; a loop around them would multiply the two. These settings replace the client's for a call,
/// because the client may have no retries, or so many that the call's own timeout passes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// How often the call is attempted, the first attempt included; 0 counts as 1.
    pub(crate) attempts: u32,
    /// How long one attempt may take, credentials included.
    pub(crate) attempt_timeout: Duration,
    /// The delays between attempts. The SDK adds its own jitter.
    backoff: Backoff,
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

    /// Returns the same policy without retries.
    #[cfg(feature = "rotation")]
    pub(crate) fn once(self) -> Self {
        Self {
            attempts: 1,
            ..self
        }
    }

    /// Returns a policy for services with low request quotas: longer delays, which are the SDK's own defaults.
    #[cfg(feature = "rotation")]
    pub(crate) fn for_low_quota() -> Self {
        Self {
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(20)),
            ..Self::default()
        }
    }

    /// Returns the policy as the SDK's retry configuration.
    pub(crate) fn retries(self) -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(self.attempts.max(1))
            .with_initial_backoff(self.backoff.initial)
            .with_max_backoff(self.backoff.max)
    }

    /// Returns the policy as the SDK's timeout configuration.
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
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(2)),
        }
    }
}
