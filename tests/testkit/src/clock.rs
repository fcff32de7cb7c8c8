//! The servers' clock: the only place that reads the system's time.

use std::time::{Instant, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

// Signatures contain the signer's wall clock time, so the servers need the wall clock, too.
#[allow(clippy::disallowed_methods)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

#[allow(clippy::disallowed_methods)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Formats a time as the query protocol does: `2026-01-31T12:00:00Z`.
pub(crate) fn iso8601(at: SystemTime) -> String {
    let whole_seconds = DateTime::from_secs(DateTime::from(at).secs());
    whole_seconds
        .fmt(Format::DateTime)
        .expect("the wall clock is between years 1 and 9999")
}

/// Returns a time as awsJson1.1 encodes it: seconds since the epoch.
pub(crate) fn epoch_seconds(at: SystemTime) -> f64 {
    // AWS keeps milliseconds.
    (DateTime::from(at).as_secs_f64() * 1000.0).round() / 1000.0
}
