//! What the fields of a secret may hold, and which fault of which field is an error.

use std::time::{Duration, SystemTime};

use credswap::aws::AccessKeyConnector;
use credswap::aws::check::NoCheck;
use credswap::connect::Connect;
use credswap::hot::DrainToken;
use credswap::{ErrorKind, Secret};

use super::secret_formats::{assert_malformed, assert_read, parse, with_example};

#[test]
fn a_character_that_no_key_has_is_named_with_its_position() {
    for (id, key, texts) in [
        (
            "AKIA\u{200b}IOSFODNN7EXAMPLE",
            "hunter2",
            ["`accesskey`", "invisible character U+200B at position 4"],
        ),
        (
            "A",
            "hunter2\u{2060}",
            ["`secretkey`", "invisible character U+2060 at position 7"],
        ),
        (
            "AKIAIOSFODNN7EXAMPLE\u{ad}",
            "hunter2",
            ["`accesskey`", "invisible character U+00AD at position 20"],
        ),
        (
            "A",
            "\u{feff}hunter2",
            ["`secretkey`", "invisible character U+FEFF at position 0"],
        ),
        (
            "A",
            "hunter2\u{a0}",
            ["`secretkey`", "white space, U+00A0 at position 7"],
        ),
        (
            "A",
            "hun\u{202e}ter2",
            ["`secretkey`", "invisible character U+202E at position 3"],
        ),
        (
            "A",
            "hun\u{7f}ter2",
            ["`secretkey`", "control character U+007F at position 3"],
        ),
        (
            "A",
            "hun\u{85}ter2",
            ["`secretkey`", "U+0085 at position 3"],
        ),
        (
            "\u{410}KIA",
            "hunter2",
            ["`accesskey`", "U+0410 at position 0"],
        ),
        (
            "A",
            "hunter2\u{2013}",
            ["`secretkey`", "U+2013 at position 7"],
        ),
        (
            "A",
            "hunter2\u{e0041}",
            ["`secretkey`", "U+E0041 at position 7"],
        ),
        (
            "A",
            "hunter2\\n",
            ["`secretkey`", "line break, U+000A at position 7"],
        ),
        (
            "A",
            "hunter2 ",
            ["`secretkey`", "white space, U+0020 at position 7"],
        ),
    ] {
        let texts: Vec<&str> = texts.to_vec();
        assert_malformed(
            format!(r#"{{"accesskey": "{id}", "secretkey": "{key}"}}"#),
            &texts,
        );
    }
    let token = r#"{"accesskey": "A", "secretkey": "B", "sessiontoken": "hunter2\u200b"}"#;
    assert_malformed(token, &["`sessiontoken`", "U+200B at position 7"]);
}

#[test]
fn fields_that_are_not_used_do_not_spoil_the_secret() {
    for rest in [
        r#""username": "a", "iam_username": "b""#,
        r#""endpoint": "a", "endpoint_url": "b""#,
        r#""region": "", "aws_region": "eu west 1""#,
        r#""endpoint": "db.internal:3306", "bucket": 5"#,
        r#""endpoint": {"host": "x"}, "region": ["a"], "masterarn": 1, "master_arn": "x""#,
        r#""expiration": "soon", "expires": 12"#,
    ] {
        assert_read(&format!(
            r#"{{"accesskey": "$ID", "secretkey": "$KEY", {rest}}}"#
        ));
    }
}

#[test]
fn a_field_that_is_used_is_refused_with_what_to_change() {
    for (field, name, texts) in [
        (
            r#""endpoint": "s3.example.gov""#,
            "endpoint",
            ["no scheme", "https://"],
        ),
        (
            r#""endpoint": "db.internal:3306""#,
            "endpoint",
            ["no scheme", "Fields::endpoint_url"],
        ),
        (
            r#""endpoint": "localhost""#,
            "endpoint",
            ["no scheme", "https://"],
        ),
        (
            r#""endpoint": "jdbc:mysql://db/x""#,
            "endpoint",
            ["`http", "`https"],
        ),
        (
            r#""endpoint": "s3://bucket""#,
            "endpoint",
            ["`http", "`https"],
        ),
        (
            r#""endpoint": "https://""#,
            "endpoint",
            ["no host", "endpoint"],
        ),
        (
            r#""endpoint": "https:///path""#,
            "endpoint",
            ["no host", "endpoint"],
        ),
        (
            r#""endpoint": "https://user:hunter2@s3.example.gov""#,
            "endpoint",
            ["user name", "remove"],
        ),
        (
            r#""endpoint": "https://s3.example.gov/?x=1""#,
            "endpoint",
            ["query", "remove"],
        ),
        (
            r##""endpoint": "https://s3.example.gov#x""##,
            "endpoint",
            ["fragment", "remove"],
        ),
        (
            r#""endpoint": "https://s3.example.gov:99999""#,
            "endpoint",
            ["port", "65535"],
        ),
        (
            r#""endpoint": "https://s3.example.gov:""#,
            "endpoint",
            ["port", "65535"],
        ),
        (
            r#""endpoint": "https://s3 .example.gov""#,
            "endpoint",
            ["U+0020", "position 10"],
        ),
        (
            r#""endpoint": "https://[::1""#,
            "endpoint",
            ["host", "endpoint"],
        ),
        (
            r#""endpoint": "https://a..b|c""#,
            "endpoint",
            ["host", "endpoint"],
        ),
        (r#""endpoint": """#, "endpoint", ["is empty", "remove"]),
        (r#""endpoint": 5"#, "endpoint", ["a number", "a string"]),
        (
            r#""endpoint": "a", "endpoint_url": "b""#,
            "endpoint",
            ["`endpoint_url`", "different values"],
        ),
        (r#""region": """#, "region", ["is empty", "remove"]),
        (
            r#""region": "eu west 1""#,
            "region",
            ["U+0020", "position 2"],
        ),
        (
            r#""region": "eu-west-1 ""#,
            "region",
            ["U+0020", "position 9"],
        ),
        (
            r#""region": "https://x""#,
            "region",
            ["`region`", "eu-west-1"],
        ),
        (r#""region": 5"#, "region", ["a number", "a string"]),
    ] {
        let text = format!(r#"{{"accesskey": "$ID", "secretkey": "$KEY", {field}}}"#);
        let key = parse(with_example(&text)).expect("not used yet");
        let error = match name {
            "endpoint" => key.endpoint_url().map(drop),
            _ => key.region().map(drop),
        }
        .expect_err(field);
        assert_eq!(error.kind(), ErrorKind::Malformed, "{field}");
        for text in texts {
            assert!(error.to_string().contains(text), "no {text:?} in {error}");
        }
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    for endpoint in [
        "http://localhost:9000",
        "HTTPS://S3.Example.Gov",
        "https://[::1]:9000/path",
        "https://10.0.0.1",
        "https://minio_1.internal/",
    ] {
        let text = format!(
            r#"{{"accesskey": "$ID", "secretkey": "$KEY", "endpoint": "{endpoint}", "region": "auto"}}"#
        );
        let key = parse(with_example(&text)).expect("read");
        assert_eq!(key.endpoint_url().expect(endpoint), Some(endpoint));
        assert_eq!(key.region().expect("valid"), Some("auto"));
    }
}

#[test]
fn the_expiration_of_session_credentials_becomes_their_expiry() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
    let session = |expiration: &str| {
        parse(format!(
            r#"{{"AccessKeyId": "ASIA", "SecretAccessKey": "x", "SessionToken": "token", "Expiration": {expiration}}}"#
        ))
    };
    for expiration in [
        r#""2030-01-01T00:00:00Z""#,
        r#""2030-01-01T01:00:00+01:00""#,
        r#""2030-01-01 00:00:00+00:00""#,
        r#""2030-01-01T00:00:00.000Z""#,
        "1893456000",
        "1893456000000",
        r#""1893456000""#,
        "1893456000.0",
    ] {
        let key = session(expiration).expect(expiration);
        let expiry = |source| key.to_credentials(source).expiry();
        assert_eq!(expiry(None), Some(at), "{expiration}");
        let sooner = at - Duration::from_secs(1);
        assert_eq!(expiry(Some(sooner)), Some(sooner));
        assert_eq!(expiry(Some(at + Duration::from_secs(1))), Some(at));
    }
    for expiration in [r#""hunter2""#, r#""2030-01-01""#, "true", "-1", "1e300"] {
        let error = session(expiration).map(drop).expect_err(expiration);
        assert!(
            error.to_string().contains("`Expiration`")
                && error.to_string().contains("2030-01-01T00:00:00Z"),
            "{error}"
        );
    }
    assert_eq!(
        session("null").expect("none").to_credentials(None).expiry(),
        None
    );
    let long_term = r#"{"accesskey": "A", "secretkey": "B", "expiration": "2030-01-01T00:00:00Z"}"#;
    let key = parse(long_term).expect("read");
    assert_eq!(
        key.to_credentials(None).expiry(),
        None,
        "a long-term key does not expire"
    );
}

#[test]
fn a_token_is_a_session_token_of_a_temporary_key_only() {
    for (id, field, expected) in [
        ("ASIAIOSFODNN7EXAMPLE", "Token", Some("hunter2")),
        ("AKIAIOSFODNN7EXAMPLE", "Token", None),
        ("AKIAIOSFODNN7EXAMPLE", "SessionToken", Some("hunter2")),
    ] {
        let key = parse(format!(
            r#"{{"Code": "Success", "AccessKeyId": "{id}", "SecretAccessKey": "x", "{field}": "hunter2",
                "Expiration": "2030-01-01T00:00:00Z"}}"#
        ));
        let credentials = key.expect("read").to_credentials(None);
        assert_eq!(credentials.session_token(), expected, "{id} {field}");
        assert_eq!(credentials.expiry().is_some(), expected.is_some());
    }
    let both =
        r#"{"accesskey": "ASIA", "secretkey": "x", "sessiontoken": "hunter2", "token": "other"}"#;
    let credentials = parse(both).expect("read").to_credentials(None);
    assert_eq!(credentials.session_token(), Some("hunter2"));
}

#[test]
fn a_user_name_is_read_without_its_path() {
    for (stored, name) in [
        ("uploader", Some("uploader")),
        ("team/uploader", Some("uploader")),
        ("/a/b/uploader", Some("uploader")),
        (
            "arn:aws:iam::123456789012:user/team/uploader",
            Some("uploader"),
        ),
        ("", None),
        ("team/", None),
    ] {
        let text =
            format!(r#"{{"accesskey": "$ID", "secretkey": "$KEY", "username": "{stored}"}}"#);
        let key = parse(with_example(&text)).expect("read");
        assert_eq!(key.username().expect("one"), name, "{stored}");
    }
}

#[tokio::test]
async fn connectors_tell_when_what_they_made_expires() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
    let text =
        r#"{"accesskey": "A", "secretkey": "B", "sessiontoken": "C", "expiration": 1893456000}"#;
    let connector = AccessKeyConnector::checked_by(NoCheck);
    for (of_source, expected) in [
        (None, at),
        (
            Some(at - Duration::from_secs(1)),
            at - Duration::from_secs(1),
        ),
        (Some(at + Duration::from_secs(1)), at),
    ] {
        let mut secret = Secret::new(text, "v1");
        if let Some(at) = of_source {
            secret = secret.with_expires(at);
        }
        let key = connector.connect(&secret, &DrainToken::new()).await;
        let key = key.expect("connects");
        assert_eq!(connector.expires(&key), Some(expected));
    }
}
