//! What the rotation function publishes, and what a message means to this trigger.
//!
//! Pure: bytes in, a classification out. Everything in a message is untrusted.

use std::borrow::Cow;

use serde::Deserialize;

use super::version_hint;
use crate::secret::{SecretId, VersionId};

/// The longest message that is parsed. The event has about 60 bytes; there is room for a rotation function that adds fields
/// of its own.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// What a message means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A rotation has finished: refresh.
    Accepted {
        /// The version that is current, if the event names one.
        version: Option<VersionId>,
    },
    /// An earlier step, an unknown step, or another secret.
    Ignored,
    /// Not a rotation event.
    Malformed,
}

impl Event {
    /// Classifies one message. Events that name another secret than `secret_id` are ignored.
    pub(super) fn classify(payload: Option<&[u8]>, secret_id: Option<&SecretId>) -> Self {
        let Some(message) = payload.and_then(Message::decode) else {
            return Self::Malformed;
        };
        let is_ours = match (secret_id, &message.secret_id) {
            (Some(ours), Some(named)) => ours.matches(named),
            _ => true,
        };
        if message.is_finish() && is_ours {
            Self::Accepted {
                version: message
                    .camel_version
                    .or(message.snake_version)
                    .or(message.pascal_version),
            }
        } else {
            Self::Ignored
        }
    }

    /// Returns the classification as a metric label.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Ignored => "ignored",
            Self::Malformed => "malformed",
        }
    }
}

/// The fields that matter. Unknown fields are skipped without being built, whatever their depth.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, alias = "Step")]
    step: Cow<'a, str>,
    // Decoded to tell an event from other JSON; the value is not used.
    #[serde(
        default,
        rename = "eventDateTime",
        alias = "event_date_time",
        alias = "EventDateTime"
    )]
    _date_time: Option<DateTime>,
    #[serde(
        borrow,
        default,
        rename = "secretId",
        alias = "secret_id",
        alias = "SecretId"
    )]
    secret_id: Option<Cow<'a, str>>,
    // A field for each spelling: an event that has two of them is not malformed for a hint.
    #[serde(
        default,
        rename = "versionId",
        deserialize_with = "version_hint::deserialize"
    )]
    camel_version: Option<VersionId>,
    #[serde(
        default,
        rename = "version_id",
        deserialize_with = "version_hint::deserialize"
    )]
    snake_version: Option<VersionId>,
    #[serde(
        default,
        rename = "VersionId",
        deserialize_with = "version_hint::deserialize"
    )]
    pascal_version: Option<VersionId>,
}

impl<'a> Message<'a> {
    fn decode(payload: &'a [u8]) -> Option<Self> {
        if payload.len() > MAX_BYTES {
            return None;
        }
        // serde would accept an array with the fields in order.
        let starts_object = payload.trim_ascii_start().first() == Some(&b'{');
        starts_object
            .then(|| serde_json::from_slice(payload).ok())
            .flatten()
    }

    fn is_finish(&self) -> bool {
        matches!(&*self.step, "finishSecret" | "finish_secret")
    }
}

/// Seconds since 1970 as a number, or any text: rotation functions write both.
#[derive(Deserialize)]
#[serde(untagged)]
enum DateTime {
    Number(#[allow(dead_code)] f64),
    Text(#[allow(dead_code)] String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACCEPTED: Event = Event::Accepted { version: None };

    fn classify(text: &str) -> Event {
        Event::classify(Some(text.as_bytes()), None)
    }

    #[test]
    fn only_the_last_step_is_accepted() {
        for (step, expected) in [
            ("finishSecret", ACCEPTED),
            ("finish_secret", ACCEPTED),
            ("createSecret", Event::Ignored),
            ("create_secret", Event::Ignored),
            ("setSecret", Event::Ignored),
            ("set_secret", Event::Ignored),
            ("testSecret", Event::Ignored),
            ("test_secret", Event::Ignored),
            ("somethingNew", Event::Ignored),
            ("", Event::Ignored),
        ] {
            let event = format!(r#"{{"eventDateTime": 1708905600.123, "step": "{step}"}}"#);
            assert_eq!(classify(&event), expected, "{event}");
        }
    }

    #[test]
    fn unknown_and_absent_fields_are_accepted() {
        for text in [
            r#"{"step":"finishSecret"}"#,
            r#"{"step":"finishSecret","versionId":7,"secretId":null,"more":{"a":[1,{"b":null}]}}"#,
            // Escapes are decoded.
            r#"{"step":"finish\u0053ecret","secretId":"a\nb"}"#,
        ] {
            assert_eq!(classify(text), ACCEPTED, "{text}");
        }
    }

    #[test]
    fn other_content_is_malformed() {
        for text in [
            "",
            " ",
            "null",
            "7",
            "\"finishSecret\"",
            "[]",
            r#"["finishSecret"]"#,
            "{}",
            "{",
            r#"{"eventDateTime":1}"#,
            r#"{"step":null}"#,
            r#"{"step":4}"#,
            r#"{"step":"finishSecret","eventDateTime":{}}"#,
            r#"{"step":"finishSecret","secretId":{}}"#,
            r#"{"step":"finishSecret"} trailing"#,
        ] {
            assert_eq!(classify(text), Event::Malformed, "{text}");
        }
        assert_eq!(Event::classify(None, None), Event::Malformed, "a tombstone");
        assert_eq!(
            Event::classify(Some(b"{\"step\":\"\xff\"}"), None),
            Event::Malformed
        );
    }

    #[test]
    fn size_and_depth_are_limited() {
        let fits = |fill: usize| format!(r#"{{"step":"finishSecret","x":"{}"}}"#, "y".repeat(fill));
        let frame = fits(0).len();
        assert_eq!(classify(&fits(MAX_BYTES - frame)), ACCEPTED);
        assert_eq!(classify(&fits(MAX_BYTES - frame + 1)), Event::Malformed);

        let depth = MAX_BYTES / 2 - 100;
        for field in ["x", "versionId"] {
            let nested = format!(
                r#"{{"{field}":{}{},"step":"finishSecret"}}"#,
                "[".repeat(depth),
                "]".repeat(depth)
            );
            assert_ne!(classify(&nested), Event::Ignored, "and no stack overflow");
        }
    }

    #[test]
    fn an_event_of_another_secret_is_ignored() {
        let ours = SecretId::from("prod/uploader");
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf";
        for (field, expected) in [
            (r#","secretId":"prod/uploader""#.to_owned(), ACCEPTED),
            (format!(r#","secretId":"{arn}""#), ACCEPTED),
            (r#","secretId":"prod/other""#.to_owned(), Event::Ignored),
            (String::new(), ACCEPTED),
        ] {
            let event = format!(r#"{{"step":"finishSecret"{field}}}"#);
            let event = Event::classify(Some(event.as_bytes()), Some(&ours));
            assert_eq!(event, expected, "{field}");
        }
    }

    #[test]
    fn a_version_in_two_spellings_does_not_make_the_event_malformed() {
        let event = classify(r#"{"step":"finishSecret","version_id":"b","versionId":"a"}"#);
        let version = Some("a".into());
        assert_eq!(event, Event::Accepted { version });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(payload in proptest::collection::vec(any::<u8>(), 0..512)) {
            Event::classify(Some(&payload), Some(&SecretId::from("x")));
        }

        #[test]
        fn no_text_panics(payload in r#"[\[\]{}":,a-zA-Z0-9\\ ._-]{0,128}"#) {
            Event::classify(Some(payload.as_bytes()), Some(&SecretId::from("x")));
        }

        #[test]
        fn every_spelling_decodes(
            finish in proptest::bool::ANY,
            snake_step in proptest::bool::ANY,
            time_field in prop_oneof![Just("eventDateTime"), Just("event_date_time"), Just("EventDateTime")],
            time in prop_oneof![
                any::<u64>().prop_map(|n| n.to_string()),
                (0.0..4e9).prop_map(|n: f64| n.to_string()),
                "[0-9TZ:.+-]{0,30}".prop_map(|text| format!("{text:?}")),
                Just("null".to_owned()),
            ],
            step_field in prop_oneof![Just("step"), Just("Step")],
            secret_field in prop_oneof![Just("secretId"), Just("secret_id"), Just("SecretId")],
            version_field in prop_oneof![Just("versionId"), Just("version_id"), Just("VersionId"), Just("ClientRequestToken")],
            extra in "[a-z]{8,12}",
            time_first in proptest::bool::ANY,
        ) {
            let step = match (finish, snake_step) {
                (true, true) => "finish_secret",
                (true, false) => "finishSecret",
                (false, true) => "create_secret",
                (false, false) => "createSecret",
            };
            let (first, second) = (format!("{time_field:?}: {time}"), format!("{step_field:?}: {step:?}"));
            let (first, second) = if time_first { (first, second) } else { (second, first) };
            let event = format!(
                r#" {{{first}, {second}, "{secret_field}": "s", "{version_field}": "v", "{extra}": [1]}} "#
            );
            let version = (version_field != "ClientRequestToken").then(|| VersionId::from("v"));
            let expected = if finish { Event::Accepted { version } } else { Event::Ignored };
            prop_assert_eq!(Event::classify(Some(event.as_bytes()), Some(&SecretId::from("s"))), expected, "{}", event);
        }
    }
}
