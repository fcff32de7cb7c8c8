//! A secret's JSON is spelled in another way, or is not what it should be.

use credswap::aws::{AccessKey, Fields};
use credswap::{Error, ErrorKind, Secret};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn parse(json: &str) -> Result<AccessKey, Error> {
    AccessKey::parse(&Secret::new(json, "v1"), &Fields::default())
}

/// Fails, with these words, without any of the values.
fn assert_refused(json: impl Into<Vec<u8>>, words: &[&str]) {
    let secret = Secret::new(json, "v1");
    let error = AccessKey::parse(&secret, &Fields::default()).expect_err("it is malformed");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    for word in words {
        assert!(error.to_string().contains(word), "no {word:?} in {error}");
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
fn what_the_secret_says_beside_the_key_is_kept() {
    let key = parse(&format!(
        r#"{{"accesskey": "{ID}", "secretkey": "{KEY}", "security_token": null, "username": "uploader",
            "region": "eu-west-1", "endpoint": "http://localhost:9000", "bucket": ["a", "b"], "masterarn": "arn:aws:x"}}"#
    ))
    .expect("it is well-formed");
    assert_eq!(key.to_credentials(None).session_token(), None);
    assert_eq!(key.username(), Some("uploader"));
    assert_eq!(key.region(), Some("eu-west-1"));
    assert_eq!(key.endpoint_url(), Some("http://localhost:9000"));
    assert_eq!(key.bucket(), None, "a list is somebody else's");
    assert_eq!(key.master_arn(), Some("arn:aws:x"));
    assert_eq!((key.id(), key.id_suffix()), (ID, "MPLE"));
    assert_eq!(format!("{key:?}"), "AccessKey(…MPLE)");
}

#[test]
fn other_names_can_be_given_and_then_are_the_only_ones() {
    let secret = Secret::new(
        format!(r#"{{"user": "{ID}", "password": "{KEY}", "secretkey": "other"}}"#),
        "v1",
    );
    let fields = Fields::default()
        .access_key_id("user")
        .secret_access_key("password");
    let key = AccessKey::parse(&secret, &fields).expect("the names are given");
    assert_eq!(key.to_credentials(None).secret_access_key(), KEY);
    let fields = fields.secret_access_key("passwd");
    let error = AccessKey::parse(&secret, &fields).expect_err("there is no such field");
    assert!(
        error.to_string().contains("`passwd`") && error.to_string().contains("`password`"),
        "{error}"
    );
}

#[test]
fn a_missing_field_is_named_with_its_spellings_and_the_names_that_are_there() {
    assert_refused(
        format!(r#"{{"accesskey": "{ID}", "secretkye": "{KEY}", "host": "hunter2"}}"#),
        &["secret access key", "`secret_key`", "`secretkye`", "`host`"],
    );
    assert_refused("{}", &["access key id", "no field at all"]);
    assert_refused(
        r#"{"accesskey": null, "secretkey": "hunter2"}"#,
        &["access key id"],
    );
    assert_refused(
        format!(r#"{{"accesskey": "{ID}", "{KEY}": "secretkey"}}"#),
        &["secret access key", "a name of 40 characters"],
    );
}

#[test]
fn two_spellings_must_agree() {
    assert_refused(
        format!(
            r#"{{"accesskey": "{ID}", "access_key_id": "AKIAIOSFODNN7OTHER", "secretkey": "{KEY}"}}"#
        ),
        &["`accesskey`", "`access_key_id`", "different values"],
    );
    parse(&format!(
        r#"{{"accesskey": "{ID}", "access_key_id": "{ID}", "secretkey": "{KEY}"}}"#
    ))
    .expect("they agree");
}

#[test]
fn a_key_that_is_empty_or_no_text_is_refused() {
    assert_refused(
        format!(r#"{{"accesskey": "{ID}", "secretkey": ""}}"#),
        &["`secretkey`", "is empty"],
    );
    for (value, what) in [
        ("12345", "a number"),
        ("-1.5", "a number"),
        ("true", "true or false"),
        (r#"["hunter2"]"#, "a list"),
        (r#"{"value": "hunter2"}"#, "an object"),
    ] {
        assert_refused(
            format!(r#"{{"accesskey": "{ID}", "secretkey": {value}}}"#),
            &["`secretkey`", what],
        );
    }
}

#[test]
fn white_space_in_a_key_is_refused_and_not_cut_off() {
    for (value, what) in [
        ("hunter2\\n", "ends with a line break"),
        ("hunter2 ", "ends with white space"),
        ("\\thunter2", "begins with white space"),
        ("hun ter2", "has white space"),
        ("hun\\u0000ter2", "control character"),
    ] {
        assert_refused(
            format!(r#"{{"accesskey": "{ID}", "secretkey": "{value}"}}"#),
            &["`secretkey`", what],
        );
        assert_refused(
            format!(r#"{{"accesskey": "{value}", "secretkey": "{KEY}"}}"#),
            &["`accesskey`", what],
        );
    }
}

#[test]
fn what_is_no_json_is_located_and_not_quoted() {
    assert_refused(KEY, &["version v1", "no JSON"]);
    assert_refused(
        format!("{{\"accesskey\": \"{ID}\",\n \"secretkey\": {KEY}}}"),
        &["line 2, column 15"],
    );
    assert_refused(
        format!(r#"{{"accesskey": "{ID}", "secretkey": "{KEY}"#),
        &["ends in the middle"],
    );
    assert_refused(
        format!(r#"{{"accesskey": "{ID}", "secretkey": "{KEY}"}} hunter2"#),
        &["no JSON"],
    );
    for json in [r#""hunter2""#, r#"["hunter2"]"#, "42", "null", "true"] {
        assert_refused(json, &["no object"]);
    }
    assert_refused("", &["ends in the middle"]);
    assert_refused(vec![b'{', 0xff, 0xfe], &["not UTF-8"]);
}
