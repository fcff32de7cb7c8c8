use proptest::prelude::*;

use super::*;

const ACCEPTED: Event = Event::Accepted { version: None };

fn classify(text: &str) -> Event {
    Event::classify(
        Some(text.as_bytes()),
        Some(&SecretId::from("prod/uploader")),
    )
}

#[test]
fn only_the_last_step_is_accepted() {
    for (step, expected) in [
        ("finishSecret", ACCEPTED),
        ("finish_secret", ACCEPTED),
        ("FinishSecret", ACCEPTED),
        ("FINISH_SECRET", ACCEPTED),
        ("finish-secret", ACCEPTED),
        (" finishSecret\n", ACCEPTED),
        ("finish secret", ACCEPTED),
        ("createSecret", Event::Ignored),
        ("CREATE_SECRET", Event::Ignored),
        ("setSecret", Event::Ignored),
        ("testSecret", Event::Ignored),
        ("somethingNew", Event::Unrecognized),
        ("finish", Event::Unrecognized),
        ("finishSecrets", Event::Unrecognized),
        ("", Event::Unrecognized),
    ] {
        let event = serde_json::json!({"eventDateTime": 1_708_905_600.123, "step": step});
        assert_eq!(classify(&event.to_string()), expected, "{event}");
    }
}

#[test]
fn the_time_may_have_any_form() {
    for time in [
        "1708905600",
        "1708905600.123",
        r#""2024-02-26T00:00:00Z""#,
        "[2024,2,26,0,0,0,123000000]",
        r#"{"epochSecond":1708905600,"nano":123000000}"#,
        "null",
        "true",
    ] {
        let event = format!(r#"{{"eventDateTime":{time},"step":"finishSecret"}}"#);
        assert_eq!(classify(&event), ACCEPTED, "{event}");
    }
}

#[test]
fn what_is_unambiguous_is_accepted() {
    for text in [
        r#"{"step":"finishSecret"}"#,
        r#"{"STEP":"finishSecret"}"#,
        r#"{"step":"finishSecret","versionId":7,"secretId":null,"more":{"a":[1,{"b":null}]}}"#,
        r#"{"step":"finishSecret","secretId":{}}"#,
        // Escapes are decoded.
        r#"{"step":"finish\u0053ecret","secretId":"prod\/uploader"}"#,
        // Twice, in one spelling or two.
        r#"{"Step":"finishSecret","step":"finishSecret"}"#,
        r#"{"step":"finishSecret","step":"finishSecret"}"#,
        r#"{"step":"createSecret","step":"finishSecret"}"#,
        r#"{"secretId":"prod/other","secret_id":"prod/uploader","step":"finishSecret"}"#,
        // Inside of something else.
        "\u{feff}{\"step\":\"finishSecret\"}",
        r#""{\"eventDateTime\":1708905600.1,\"step\":\"finishSecret\"}""#,
        r#"[{"step":"testSecret"},{"step":"finishSecret"}]"#,
        r#"{"schema":{"type":"struct"},"payload":{"step":"finishSecret"}}"#,
        r#"{"payload":{"before":{"step":"testSecret"},"after":{"step":"finishSecret"}}}"#,
        r#"{"specversion":"1.0","type":"rotation","data":{"step":"finishSecret"}}"#,
        r#"{"Type":"Notification","Message":"{\"step\":\"finishSecret\"}"}"#,
    ] {
        assert_eq!(classify(text), ACCEPTED, "{text}");
    }
}

#[test]
fn what_cannot_be_read_may_have_been_an_event() {
    for text in [
        "",
        " ",
        "null",
        "7",
        "\"finishSecret\"",
        "finishSecret",
        "[]",
        r#"["finishSecret"]"#,
        "{}",
        "{",
        "{'step':'finishSecret'}",
        "<step>finishSecret</step>",
        "step=finishSecret",
        r#"{"eventDateTime":1}"#,
        r#"{"step":null}"#,
        r#"{"step":4}"#,
        r#"{"step":["finishSecret"]}"#,
        r#"{"status":"finishSecret"}"#,
        r#"{"step":"finishSecret"} trailing"#,
        r#"{"step":"createSecret","step":"somethingNew"}"#,
    ] {
        assert_eq!(classify(text), Event::Unrecognized, "{text}");
    }
    assert_eq!(Event::classify(None, None), Event::Unrecognized);
    for bytes in [
        &b"{\"step\":\"\xff\"}"[..],
        b"\0\0\0\0\x01\x18finishSecret",
        b"\xff\xfe{\0",
    ] {
        assert_eq!(Event::classify(Some(bytes), None), Event::Unrecognized);
    }
}

#[test]
fn size_and_depth_are_limited() {
    let fits = |fill: usize| format!(r#"{{"step":"finishSecret","x":"{}"}}"#, "y".repeat(fill));
    let frame = fits(0).len();
    assert_eq!(classify(&fits(MAX_BYTES - frame)), ACCEPTED);
    assert_eq!(classify(&fits(MAX_BYTES - frame + 1)), Event::Unrecognized);

    let depth = MAX_BYTES / 2 - 100;
    for field in ["x", "versionId"] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let nested = format!(r#"{{"{field}":{open}{close},"step":"finishSecret"}}"#);
        assert_eq!(
            classify(&nested),
            Event::Unrecognized,
            "and no stack overflow"
        );
    }
}

#[test]
fn an_event_of_another_secret_is_ignored() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf";
    for (fields, expected) in [
        (r#""secretId":"prod/uploader""#.to_owned(), ACCEPTED),
        (format!(r#""SECRET_ID":"{arn}""#), ACCEPTED),
        (r#""secretId":"prod/other""#.to_owned(), Event::Ignored),
        (r#""secret-id":"prod/other""#.to_owned(), Event::Ignored),
    ] {
        let event = format!(r#"{{"step":"finishSecret",{fields}}}"#);
        assert_eq!(classify(&event), expected, "{fields}");
    }
    let unknown = r#"{"step":"somethingNew","secretId":"prod/other"}"#;
    assert_eq!(classify(unknown), Event::Ignored);
}

#[test]
fn the_version_is_a_hint() {
    let longest = "v".repeat(MAX_VERSION);
    for (value, expected) in [
        (r#""8f2b""#.to_owned(), Some("8f2b")),
        (format!("{longest:?}"), Some(longest.as_str())),
        (format!("\"{longest}v\""), None),
        (r#""""#.to_owned(), None),
        (r#""two words""#.to_owned(), None),
        (r#""line\nbreak""#.to_owned(), None),
        (r#""ä""#.to_owned(), None),
        (r#""\u001b[31m""#.to_owned(), None),
        ("7".to_owned(), None),
        ("null".to_owned(), None),
        (r#"{"a":{"b":1}}"#.to_owned(), None),
    ] {
        let version = expected.map(VersionId::from);
        let event = format!(r#"{{"step":"finishSecret","versionId":{value}}}"#);
        assert_eq!(classify(&event), Event::Accepted { version }, "{value}");
    }
    let two =
        r#"[{"step":"finishSecret","versionId":"a"},{"step":"finishSecret","versionId":"b"}]"#;
    assert_eq!(
        classify(two),
        ACCEPTED,
        "no hint is better than a wrong one"
    );
}

#[test]
fn the_native_event_of_secrets_manager_is_understood() {
    let native = |name: &str, label: &str| {
        format!(
            r#"{{"version":"0","id":"x","detail-type":"Secret Label Updated","source":"aws.secretsmanager",
            "resources":["arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-a1b2c3"],
            "detail":{{"name":"{name}","labelUpdated":"{label}","versionId":"v2"}}}}"#
        )
    };
    let version = Some("v2".into());
    assert_eq!(
        classify(&native("prod/uploader", "AWSCURRENT")),
        Event::Accepted { version }
    );
    assert_eq!(classify(&native("prod/uploader", "mine")), Event::Ignored);
    assert_eq!(
        classify(&native("prod/other", "AWSCURRENT")),
        Event::Ignored
    );
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
    fn every_spelling_and_envelope_is_read(
        finish in any::<bool>(),
        step in prop::sample::select(vec!["Secret", "_secret", "-Secret", "_SECRET", " secret"]),
        time in prop_oneof![
            any::<u64>().prop_map(|n| n.to_string()),
            (0.0..4e9).prop_map(|n: f64| n.to_string()),
            "[0-9TZ:.+-]{0,30}".prop_map(|text| format!("{text:?}")),
        ],
        step_field in prop::sample::select(vec!["step", "Step", "STEP"]),
        secret_field in prop::sample::select(vec!["secretId", "secret_id", "SecretId", "secret-id"]),
        version_field in prop::sample::select(vec!["versionId", "version_id", "VersionId"]),
        extra in "[a-z]{8,12}",
        envelopes in prop::collection::vec(0..3, 0..3),
    ) {
        let prefix = if finish { "finish" } else { "create" };
        let mut event = format!(
            r#" {{"{extra}": [1], "eventDateTime": {time}, "{step_field}": "{prefix}{step}", "{secret_field}": "s", "{version_field}": "v"}} "#
        );
        for envelope in envelopes {
            event = match envelope {
                0 => format!(r#"{{"id": 1, "{extra}": {event}}}"#),
                1 => format!(r#"[null, {event}]"#),
                _ => serde_json::to_string(&event).expect("JSON"),
            };
        }
        let expected = if finish { Event::Accepted { version: Some("v".into()) } } else { Event::Ignored };
        prop_assert_eq!(Event::classify(Some(event.as_bytes()), Some(&SecretId::from("s"))), expected, "{}", event);
    }
}
