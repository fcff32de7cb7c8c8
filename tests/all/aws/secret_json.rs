//! A secret's JSON spells its fields in another way, or is malformed.

use credswap::aws::{AccessKey, Fields};
use credswap::{Error, ErrorKind, Secret};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn parse(json: &str) -> Result<AccessKey, Error> {
    AccessKey::parse(&Secret::new(json, "v1"), &Fields::default())
}

/// Parsing fails with an error that has these texts and none of the values.
fn assert_malformed(json: impl Into<Vec<u8>>, texts: &[&str]) {
    let secret = Secret::new(json, "v1");
    let error = AccessKey::parse(&secret, &Fields::default()).expect_err("it is malformed");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    for text in texts {
        assert!(error.to_string().contains(text), "no {text:?} in {error}");
    }
    let shown = format!("{error:?} {}", error.report());
    for value in ["wJalr", "K7MDENG", "AKIAIOS", "hunter2"] {
        assert!(!shown.contains(value), "{shown}");
    }
}

#[test]
fn every_spelling_leads_to_the_same_credentials() {
    for (id, key, token) in [
        ("accesskey", "secretkey", "sessiontoken"),
        ("access_key", "secret_key", "security_token"),
        ("access-key-id", "secret-access-key", "session-token"),
        ("accessKeyId", "secretAccessKey", "sessionToken"),
        ("AccessKeyId", "SecretAccessKey", "SessionToken"),
        (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ),
        (
            "aws_access_key_id",
            "aws_secret_access_key",
            "aws_session_token",
        ),
    ] {
        let parsed = parse(&format!(
            r#"{{"{id}": "{ID}", "{key}": "{KEY}", "{token}": "tok", "port": 1}}"#
        ));
        let credentials = parsed.expect(id).to_credentials(None);
        assert_eq!(credentials.access_key_id(), ID);
        assert_eq!(credentials.secret_access_key(), KEY);
        assert_eq!(credentials.session_token(), Some("tok"));
    }
}

#[test]
fn the_fields_beside_the_key_are_kept() {
    let key = parse(&format!(
        r#"{{"accesskey": "{ID}", "secretkey": "{KEY}", "security_token": null, "username": "uploader",
            "region": "eu-west-1", "endpoint": "http://localhost:9000", "bucket": ["a", "b"], "masterarn": "arn:aws:x"}}"#
    ))
    .expect("it is well-formed");
    assert_eq!(key.to_credentials(None).session_token(), None);
    assert_eq!(key.username().expect("one"), Some("uploader"));
    assert_eq!(key.region().expect("one"), Some("eu-west-1"));
    assert_eq!(
        key.endpoint_url().expect("one"),
        Some("http://localhost:9000")
    );
    assert_eq!(key.bucket().expect("one"), None, "an array is not a bucket");
    assert_eq!(key.master_arn().expect("one"), Some("arn:aws:x"));
    assert_eq!((key.id(), key.id_suffix()), (ID, "MPLE"));
    assert_eq!(format!("{key:?}"), "AccessKey(…MPLE)");
}

#[test]
fn names_that_are_set_are_the_only_ones() {
    let secret = Secret::new(
        format!(r#"{{"user": "{ID}", "password": "{KEY}", "secretkey": "other"}}"#),
        "v1",
    );
    let fields = Fields::default()
        .access_key_id("user")
        .secret_access_key("password");
    let key = AccessKey::parse(&secret, &fields).expect("the names are set");
    assert_eq!(key.to_credentials(None).secret_access_key(), KEY);
    let fields = fields.secret_access_key("passwd");
    let error = AccessKey::parse(&secret, &fields).expect_err("there is no such field");
    assert!(
        error.to_string().contains("`passwd`") && error.to_string().contains("`password`"),
        "{error}"
    );
}

#[test]
fn a_missing_field_is_named_with_the_fields_that_are_present() {
    assert_malformed(
        format!(r#"{{"accesskey": "{ID}", "secretkye": "{KEY}", "host": "hunter2"}}"#),
        &[
            "version v1",
            "`secret_access_key`",
            "`secret_key`",
            "`Fields::secret_access_key`",
            "`secretkye`",
            "`host`",
        ],
    );
    assert_malformed("{}", &["access key id", "no fields"]);
    assert_malformed(
        r#"{"accesskey": null, "secretkey": "hunter2"}"#,
        &["access key id"],
    );
    assert_malformed(
        format!(r#"{{"accesskey": "{ID}", "{KEY}": "secretkey"}}"#),
        &["secret access key", "a name of 40 characters"],
    );
}

#[test]
fn two_spellings_must_agree() {
    assert_malformed(
        format!(
            r#"{{"accesskey": "{ID}", "access_key_id": "AKIAIOSFODNN7OTHER", "secretkey": "{KEY}"}}"#
        ),
        &[
            "`accesskey`",
            "`access_key_id`",
            "different values",
            "`Fields::access_key_id`",
        ],
    );
    parse(&format!(
        r#"{{"accesskey": "{ID}", "access_key_id": "{ID}", "secretkey": "{KEY}"}}"#
    ))
    .expect("they agree");
}

#[test]
fn a_key_that_is_empty_or_not_a_string_is_rejected() {
    assert_malformed(
        format!(r#"{{"accesskey": "{ID}", "secretkey": ""}}"#),
        &["`secretkey`", "is empty"],
    );
    for (value, what) in [
        ("12345", "a number"),
        ("-1.5", "a number"),
        ("true", "a boolean"),
        (r#"["hunter2"]"#, "an array"),
        (r#"{"value": "hunter2"}"#, "an object"),
    ] {
        assert_malformed(
            format!(r#"{{"accesskey": "{ID}", "secretkey": {value}}}"#),
            &["`secretkey`", what],
        );
    }
}

#[test]
fn white_space_in_a_key_is_rejected_and_not_trimmed() {
    for (value, what) in [
        ("hunter2\\n", "ends with a line break"),
        ("hunter2 ", "ends with white space"),
        ("\\thunter2", "starts with white space"),
        ("hun ter2", "contains white space"),
        ("hun\\u0000ter2", "control character"),
    ] {
        assert_malformed(
            format!(r#"{{"accesskey": "{ID}", "secretkey": "{value}"}}"#),
            &["`secretkey`", what],
        );
        assert_malformed(
            format!(r#"{{"accesskey": "{value}", "secretkey": "{KEY}"}}"#),
            &["`accesskey`", what],
        );
    }
}

#[test]
fn malformed_json_is_located_and_not_quoted() {
    assert_malformed(
        format!("{{{KEY}}}"),
        &["version v1", "malformed JSON at line 1"],
    );
    assert_malformed(
        format!("{{\"accesskey\": \"{ID}\",\n \"secretkey\": {KEY}}}"),
        &["line 2, column 15"],
    );
    assert_malformed(
        format!(r#"{{"accesskey": "{ID}", "secretkey": "{KEY}"#),
        &["ends early"],
    );
    assert_malformed(
        format!(r#"{{"accesskey": "{ID}", "secretkey": "{KEY}"}} hunter2"#),
        &["malformed JSON"],
    );
    for json in [r#""hunter2""#, r#"["hunter2"]"#, "[[], 1]"] {
        assert_malformed(json, &["not an object"]);
    }
    for text in ["42", "null", "true"] {
        assert_malformed(text, &["neither a JSON object nor lines"]);
    }
    assert_malformed(vec![b'{', 0xff, 0xfe], &["not UTF-8"]);
}
