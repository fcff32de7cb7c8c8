//! What the rotation function publishes, and what a message means to this trigger.
//!
//! Pure: bytes in, a verdict out. Everything in a message is foreign; a verdict carries none of it.

use std::borrow::Cow;

use serde::Deserialize;

use crate::secret::SecretId;

/// The longest message that is looked into. The event is about 60 bytes; room for a rotation function that adds
/// fields of its own.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// What a message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A rotation has finished: look.
    Accepted,
    /// An earlier step, a step of another kind, or another secret.
    Ignored,
    /// No event at all.
    Malformed,
}

impl Verdict {
    /// The verdict as a metric label.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Malformed => "malformed",
        }
    }
}

/// Judges one message; `wanted` is the secret of interest, `None` for any.
pub(super) fn judge(payload: Option<&[u8]>, wanted: Option<&SecretId>) -> Verdict {
    let Some(event) = payload.and_then(Event::decode) else {
        return Verdict::Malformed;
    };
    let concerns_us = match (wanted, &event.secret_id) {
        (Some(wanted), Some(named)) => wanted.matches(named),
        _ => true,
    };
    if event.is_finish() && concerns_us {
        Verdict::Accepted
    } else {
        Verdict::Ignored
    }
}

/// The event. Only what decides is kept; unknown fields are skipped without being built, whatever their depth.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, alias = "Step")]
    step: Cow<'a, str>,
    // Decoded to tell an event from other JSON, not used: the time of a look is now.
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
}

impl<'a> Event<'a> {
    fn decode(payload: &'a [u8]) -> Option<Self> {
        if payload.len() > MAX_BYTES {
            return None;
        }
        // serde would take an array for the fields in order.
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

    fn judged(text: &str) -> Verdict {
        judge(Some(text.as_bytes()), None)
    }

    #[test]
    fn only_the_last_step_means_look() {
        for step in ["finishSecret", "finish_secret"] {
            let event = format!(r#"{{"eventDateTime": 1708905600.123, "step": "{step}"}}"#);
            assert_eq!(judged(&event), Verdict::Accepted, "{event}");
        }
        for step in [
            "createSecret",
            "create_secret",
            "setSecret",
            "set_secret",
            "testSecret",
            "test_secret",
            "somethingNew",
            "",
        ] {
            let event = format!(r#"{{"eventDateTime": 1708905600.123, "step": "{step}"}}"#);
            assert_eq!(judged(&event), Verdict::Ignored, "{event}");
        }
    }

    #[test]
    fn unknown_fields_are_skipped_and_absent_ones_tolerated() {
        assert_eq!(judged(r#"{"step":"finishSecret"}"#), Verdict::Accepted);
        assert_eq!(
            judged(
                r#"{"step":"finishSecret","versionId":7,"secretId":null,"more":{"a":[1,{"b":null}]}}"#
            ),
            Verdict::Accepted
        );
        assert_eq!(
            judged(r#"{"step":"finish\u0053ecret","secretId":"a\nb"}"#),
            Verdict::Accepted,
            "escapes are decoded"
        );
    }

    #[test]
    fn what_is_no_event_is_malformed() {
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
            assert_eq!(judged(text), Verdict::Malformed, "{text}");
        }
        assert_eq!(judge(None, None), Verdict::Malformed, "a tombstone");
        assert_eq!(
            judge(Some(b"{\"step\":\"\xff\"}"), None),
            Verdict::Malformed
        );
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let fits = |fill: usize| format!(r#"{{"step":"finishSecret","x":"{}"}}"#, "y".repeat(fill));
        let frame = fits(0).len();
        assert_eq!(judged(&fits(MAX_BYTES - frame)), Verdict::Accepted);
        assert_eq!(judged(&fits(MAX_BYTES - frame + 1)), Verdict::Malformed);

        let deep = MAX_BYTES / 2 - 100;
        let nested = format!(
            r#"{{"x":{}{},"step":"finishSecret"}}"#,
            "[".repeat(deep),
            "]".repeat(deep)
        );
        assert_ne!(judged(&nested), Verdict::Ignored, "and no stack overflow");
    }

    #[test]
    fn an_event_of_another_secret_is_ignored_and_one_that_names_none_passes() {
        let wanted = SecretId::from("prod/uploader");
        let about = |id: &str| {
            judge(
                Some(format!(r#"{{"step":"finishSecret","secretId":"{id}"}}"#).as_bytes()),
                Some(&wanted),
            )
        };
        assert_eq!(about("prod/uploader"), Verdict::Accepted);
        assert_eq!(
            about("arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf"),
            Verdict::Accepted
        );
        assert_eq!(about("prod/other"), Verdict::Ignored);
        assert_eq!(
            judge(Some(br#"{"step":"finishSecret"}"#), Some(&wanted)),
            Verdict::Accepted
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(payload in proptest::collection::vec(any::<u8>(), 0..512)) {
            judge(Some(&payload), Some(&SecretId::from("x")));
        }

        #[test]
        fn no_text_panics(payload in r#"[\[\]{}":,a-zA-Z0-9\\ ._-]{0,128}"#) {
            judge(Some(payload.as_bytes()), Some(&SecretId::from("x")));
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
            version_field in prop_oneof![Just("versionId"), Just("version_id"), Just("ClientRequestToken")],
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
            let verdict = judge(Some(event.as_bytes()), Some(&SecretId::from("s")));
            prop_assert_eq!(verdict == Verdict::Accepted, finish, "{}", event);
            prop_assert_ne!(verdict, Verdict::Malformed, "{}", event);
        }
    }
}
