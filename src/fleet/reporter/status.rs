//! The status of a reporter.

use crate::error::Error;

/// The status of a reporter.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReporterStatus {
    /// How many reports have been sent.
    pub sent: u64,
    /// How many reports have failed since the last one was sent. Once the TTL has passed, the authority presumes that this
    /// process is gone.
    pub consecutive_failures: u32,
    /// Why the last failed report failed; it stays when one succeeds.
    pub last_error: Option<Error>,
}
