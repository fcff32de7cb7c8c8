//! The rules for the name of a topic.

use crate::error::{Error, ErrorKind};

/// Returns `name` if Kafka allows it.
pub(crate) fn topic_name(name: impl Into<String>) -> Result<String, Error> {
    let name = name.into();
    if is_topic_name(&name) {
        return Ok(name);
    }
    Err(Error::new(
        ErrorKind::Config,
        format!(
            "{name:?} is not a topic name: use 1 to 249 letters, digits, `.`, `_` and `-`, but neither `.` nor `..` alone"
        ),
    ))
}

/// Follows Kafka's `Topic.validate`.
fn is_topic_name(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && !matches!(name, "." | "..")
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_kafka() {
        for name in ["", ".", "..", "a b", "a/b", "ä", "a\n", &"a".repeat(250)] {
            let error = topic_name(name).expect_err("not a topic name");
            assert_eq!(error.kind(), ErrorKind::Config, "{name:?}");
        }
        for name in ["s3.test.secret.manager", "_", "a-b", &"a".repeat(249)] {
            assert_eq!(topic_name(name).expect("a topic name"), name);
        }
    }
}
