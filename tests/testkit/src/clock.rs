//! The servers' clock: the one place that asks the system for the time.

use std::time::{Instant, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

// Signatures carry the wall clock of the SDK that made them, so the servers need it too.
#[allow(clippy::disallowed_methods)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

#[allow(clippy::disallowed_methods)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// As the query protocols write a time: `2026-01-31T12:00:00Z`.
pub(crate) fn iso8601(at: SystemTime) -> String {
    let whole_seconds = DateTime::from_secs(DateTime::from(at).secs());
    whole_seconds
        .fmt(Format::DateTime)
        .expect("the wall clock is between years 1 and 9999")
}

/// As awsJson1.1 writes a time: seconds since the epoch.
pub(crate) fn epoch_seconds(at: SystemTime) -> f64 {
    // Milliseconds are what AWS keeps.
    (DateTime::from(at).as_secs_f64() * 1000.0).round() / 1000.0
}
