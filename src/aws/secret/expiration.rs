//! When session credentials end, as tools write it.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Seconds above this are milliseconds: in seconds it is the year 5138, in milliseconds 1973.
const MILLISECONDS_FROM: f64 = 1e11;

/// Parses a time: RFC 3339, also with a blank for the `T`, or seconds or milliseconds since 1970.
pub(super) fn parse_time(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        let seconds = match number {
            n if n >= MILLISECONDS_FROM => n / 1000.0,
            n => n,
        };
        let since = Duration::try_from_secs_f64(seconds).ok()?;
        return SystemTime::UNIX_EPOCH.checked_add(since);
    }
    let time = DateTime::from_str(&text.replacen(' ', "T", 1), Format::DateTimeWithOffset).ok()?;
    SystemTime::try_from(time).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_in_each_common_form() {
        let at = |seconds, millis| {
            Some(
                SystemTime::UNIX_EPOCH
                    + Duration::from_secs(seconds)
                    + Duration::from_millis(millis),
            )
        };
        for (text, expected) in [
            ("2030-01-01T00:00:00Z", at(1_893_456_000, 0)),
            (" 2030-01-01T00:00:00.500Z ", at(1_893_456_000, 500)),
            ("2030-01-01 00:00:00+00:00", at(1_893_456_000, 0)),
            ("2030-01-01T02:30:00+02:30", at(1_893_456_000, 0)),
            ("1893456000", at(1_893_456_000, 0)),
            ("1893456000.5", at(1_893_456_000, 500)),
            ("1893456000500", at(1_893_456_000, 500)),
            ("0", at(0, 0)),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("1e300", None),
            ("", None),
            ("soon", None),
            ("2030-01-01", None),
            ("2030-01-01T00:00:00", None),
            ("2030-13-01T00:00:00Z", None),
        ] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[-0-9T:.Z+ e]{0,30}") {
            let _ = parse_time(&text);
        }
    }
}
