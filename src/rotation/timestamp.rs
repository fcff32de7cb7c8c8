//! Points in time as tags and messages write them.

use std::time::{Duration, SystemTime};

use crate::util::timestamp::rfc3339;

/// Returns the seconds since 1970; a time before that counts as 1970.
pub(super) fn epoch_seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Returns the time so many seconds after 1970, or `None` if the system's clock cannot represent it.
pub(super) fn from_epoch_seconds(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Formats a time for people and tags: `2026-01-31T12:00:00Z`.
pub(super) fn format_time(at: SystemTime) -> String {
    let mut text = rfc3339(at);
    text.truncate("2026-01-31T12:00:00".len());
    text + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted_up_to_the_last_year() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_769_860_800, "2026-01-31T12:00:00Z"),
            (253_402_300_800, "9999-12-31T23:59:59Z"),
        ] {
            let at = from_epoch_seconds(seconds).expect("a time that the clock has");
            assert_eq!(format_time(at), text);
        }
    }

    #[test]
    fn a_time_before_1970_counts_as_1970() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(epoch_seconds(before), 0);
    }
}
