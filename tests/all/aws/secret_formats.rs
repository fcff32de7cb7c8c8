//! A secret in the forms that people store: other spellings, nested objects, profiles, `export` lines, other encodings.

use credswap::aws::{AccessKey, Fields};
use credswap::{Error, ErrorKind, Secret};
use proptest::prelude::*;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Returns the text with the example key in the places of `$ID` and `$KEY`.
pub(super) fn with_example(text: &str) -> String {
    text.replace("$ID", ID).replace("$KEY", KEY)
}

pub(super) fn parse(text: impl Into<Vec<u8>>) -> Result<AccessKey, Error> {
    AccessKey::parse(&Secret::new(text, "v1"), &Fields::default())
}

pub(super) fn assert_read(text: &str) {
    let key = parse(with_example(text)).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let credentials = key.to_credentials(None);
    assert_eq!(credentials.access_key_id(), ID, "{text:?}");
    assert_eq!(credentials.secret_access_key(), KEY, "{text:?}");
}

/// Parsing fails with an error that has these texts and none of the values.
pub(super) fn assert_malformed(text: impl Into<Vec<u8>>, expected: &[&str]) {
    let text = text.into();
    let shown = String::from_utf8_lossy(&text).into_owned();
    let Err(error) = parse(text) else {
        panic!("{shown:?} was read")
    };
    assert_eq!(error.kind(), ErrorKind::Malformed);
    for text in expected {
        assert!(
            error.to_string().contains(text),
            "no {text:?} in {error} for {shown:?}"
        );
    }
    let report = format!("{error:?} {}", error.report());
    for value in ["wJalr", "K7MDENG", "AKIAIOS", "hunter2"] {
        assert!(!report.contains(value), "{report}");
    }
}

#[test]
fn names_are_compared_by_letters_and_digits_only() {
    for (id, key) in [
        ("accessKeyID", "accessSecretKey"),
        ("Access key ID", "Secret access key"),
        ("Access Key Id ", " Secret Access Key"),
        ("ACCESS-KEY.ID", "secret.access-key"),
        ("aws access key id", "aws secret access key"),
        ("AccessKeyId", "AccessKeySecret"),
        ("\u{feff}accesskey", "secret\u{200b}key"),
    ] {
        assert_read(&format!(r#"{{"{id}": "$ID", "{key}": "$KEY"}}"#));
    }
}

#[test]
fn a_key_in_one_nested_object_is_read() {
    for text in [
        r#"{"AccessKey": {"UserName": "u", "AccessKeyId": "$ID", "Status": "Active", "SecretAccessKey": "$KEY"}}"#,
        r#"{"spec": {"secretS3": {"accessKeyID": "$ID", "accessSecretKey": "$KEY"}, "secretAzure": null}}"#,
        r#"{"request_id": "x", "lease_duration": 1, "data": {"access_key": "$ID", "secret_key": "$KEY"}}"#,
        r#"{"data": {"data": {"access_key": "$ID", "secret_key": "$KEY"}, "metadata": {"version": 2}}}"#,
        r#"{"AccessKeys": [{"AccessKeyId": "$ID", "SecretAccessKey": "$KEY"}]}"#,
        r#"[{"AccessKeyId": "$ID", "SecretAccessKey": "$KEY"}]"#,
        r#"{"ARN": "x", "SecretString": "{\"accesskey\": \"$ID\", \"secretkey\": \"$KEY\"}"}"#,
        r#""{\"accesskey\": \"$ID\", \"secretkey\": \"$KEY\"}""#,
        r#"{"accesskey": "$ID", "secretkey": "$KEY", "old": {"accesskey": "hunter2", "secretkey": "hunter2"}}"#,
    ] {
        assert_read(text);
    }
}

#[test]
fn what_stands_around_a_nested_key_is_read_from_the_inside_out() {
    let key = parse(with_example(
        r#"{"region": "eu-west-1", "bucketName": "top", "spec": {"bucketName": "uploads", "secretS3":
            {"endpoint": "https://s3.example.com", "accessKeyID": "$ID", "accessSecretKey": "$KEY"}}}"#,
    ))
    .expect("one key");
    assert_eq!(key.region().expect("valid"), Some("eu-west-1"));
    assert_eq!(key.bucket().expect("valid"), Some("uploads"));
    assert_eq!(
        key.endpoint_url().expect("valid"),
        Some("https://s3.example.com")
    );
}

#[test]
fn a_key_in_no_single_place_is_an_error_that_says_where() {
    let pair = r#"{"AccessKeyId": "$ID", "SecretAccessKey": "$KEY"}"#;
    let two = format!(r#"{{"current": {pair}, "a": {{"previous": {pair}}}}}"#);
    assert_malformed(with_example(&two), &["`current`", "`a.previous`"]);
    assert_malformed(
        with_example(r#"{"a": {"accesskey": "$ID", "secretkye": "$KEY"}}"#),
        &["inside `a`", "secret_access_key", "`secretkye`"],
    );
    assert_malformed(
        with_example(r#"{"a": {"accesskey": "$ID"}, "b": {"secretkey": "$KEY"}}"#),
        &["inside `a`", "inside `b`", "missing"],
    );
    assert_malformed(
        with_example(r#"{"accesskey": "$ID", "nested": {"secretkey": "$KEY"}}"#),
        &["secret access key", "inside `nested`"],
    );
    assert_malformed(
        with_example(r#"{"AccessKey": {"AccessKeyId": "$ID", "SecretAccessKey": 12}}"#),
        &["`AccessKey.SecretAccessKey`", "a number"],
    );
    let deep = "{\"a\":".repeat(40) + pair + &"}".repeat(40);
    assert_malformed(with_example(&deep), &["missing"]);
}

#[test]
fn profiles_and_lines_of_assignments_are_read() {
    for text in [
        "[default]\naws_access_key_id = $ID\naws_secret_access_key = $KEY\n",
        "aws_access_key_id = $ID\naws_secret_access_key = $KEY",
        "export AWS_ACCESS_KEY_ID=$ID\nexport AWS_SECRET_ACCESS_KEY=\"$KEY\"\n",
        "AWS_ACCESS_KEY_ID='$ID'\r\nAWS_SECRET_ACCESS_KEY=$KEY # the secret\r\n",
        "\n# a comment\n; another\n[uploader]\nregion=eu-west-1\naws_access_key_id=$ID\naws_secret_access_key=$KEY",
        "[other]\nregion = x\n[default]\naws_access_key_id = $ID\naws_secret_access_key = $KEY\n[p]\naws_access_key_id = a\n\
         aws_secret_access_key = b",
        "[profile default]\naws_access_key_id=$ID\naws_secret_access_key=$KEY\n[profile x]\naws_access_key_id=a\n\
         aws_secret_access_key=b",
        "set AWS_ACCESS_KEY_ID=$ID\nSET AWS_SECRET_ACCESS_KEY=$KEY",
        "$Env:AWS_ACCESS_KEY_ID=\"$ID\"\n$env:AWS_SECRET_ACCESS_KEY=\"$KEY\"",
        "accesskey: $ID\nsecretkey: \"$KEY\"\n",
        "aws.accessKeyId=$ID\naws.secretKey=$KEY",
        "Access key ID,Secret access key\n$ID,$KEY\n",
        "\u{feff}User name,Password,Access key ID,Secret access key,Console login link\r\nu,\"a,\"\"b\",$ID,$KEY,https://x\r\n",
    ] {
        assert_read(text);
    }
}

#[test]
fn the_fields_of_the_chosen_profile_are_used() {
    let key = parse(with_example(
        "bucket = uploads\n[a]\nregion = us-east-1\n[default]\nregion = eu-west-1\naws_access_key_id = $ID\n\
         aws_secret_access_key = $KEY\naws_session_token =\n",
    ))
    .expect("read");
    assert_eq!(key.region().expect("valid"), Some("eu-west-1"));
    assert_eq!(key.bucket().expect("valid"), Some("uploads"));
    assert_eq!(key.to_credentials(None).session_token(), None);
}

#[test]
fn text_in_no_known_format_names_what_it_is() {
    assert_malformed(
        with_example(
            "[a]\naws_access_key_id=$ID\naws_secret_access_key=$KEY\n[b]\naws_access_key_id=$ID\naws_secret_access_key=x",
        ),
        &["more than one", "`a`", "`b`", "default"],
    );
    for (text, expected) in [
        ("[default]\naws_access_key_id = $ID\n", "secret access key"),
        (
            "aws_access_key_id = $ID\naws_secret_access_key =",
            "is empty",
        ),
        ("", "empty"),
        ("  \n ", "empty"),
        ("$KEY", "neither"),
        ("$ID:$KEY", "neither"),
        ("$KEY==", "neither"),
        ("hunter2=", "neither"),
        ("42", "neither"),
        ("null", "neither"),
        ("<xml><AccessKeyId>$ID</AccessKeyId></xml>", "XML"),
        ("\"hunter2\"", "not an object"),
        ("[\"hunter2\"]", "not an object"),
        ("{'accesskey': '$ID'}", "line 1, column 2"),
        (
            "Access key ID,Secret access key\n$ID,$KEY\n$ID,$KEY\n",
            "2 rows",
        ),
        ("Access key ID,Secret access key\n", "no row"),
    ] {
        assert_malformed(with_example(text), &["version v1", expected]);
    }
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain("{\"accesskey\": \"hunter2\"}".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_malformed(utf16, &["UTF-16", "UTF-8"]);
}

#[test]
fn a_byte_order_mark_at_the_start_is_no_fault() {
    assert_read("\u{feff}{\"accesskey\": \"$ID\", \"secretkey\": \"$KEY\"}");
    assert_read("\u{feff}\u{feff}\n{\"accesskey\": \"$ID\", \"secretkey\": \"$KEY\"}");
    assert_read("\u{feff}aws_access_key_id=$ID\naws_secret_access_key=$KEY");
}

#[test]
fn an_odd_character_between_the_values_is_named() {
    assert_malformed("\u{200b}{\"accesskey\": \"hunter2\"}", &["U+200B"]);
    assert_malformed("{\0\"\0a\0", &["U+0000"]);
    assert_malformed(
        "{\u{201c}accesskey\u{201d}: \"hunter2\"}",
        &["line 1", "U+201C"],
    );
    assert_malformed("{\"accesskey\":\u{a0}\"hunter2\"}", &["U+00A0"]);
}

/// Values that must never be in an error, in text that is nearly a secret.
fn nearly_a_secret() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("accesskey"),
        Just("AWS_SECRET_ACCESS_KEY"),
        Just("secretkey"),
        Just("sessiontoken"),
        Just("endpoint"),
        Just("region"),
        Just("Expiration"),
        Just("other"),
    ];
    let value = "(MARK3R|[ \\u{200b}\\n\"\\\\]){0,3}";
    let member = (name, value).prop_map(|(name, value)| (name.to_owned(), value));
    (
        prop::collection::vec(member, 0..6),
        0..5_u8,
        any::<prop::sample::Index>(),
        prop::option::of("[\\[\\]{},:='\"#;<\\u{feff}a\\n]"),
    )
        .prop_map(|(members, format, cut, odd)| {
            let mut text = match format {
                0 => serde_json::Value::Object(
                    members.into_iter().map(|(n, v)| (n, v.into())).collect(),
                )
                .to_string(),
                1 => serde_json::json!({"a": members.into_iter().map(|(n, v)| (n, serde_json::Value::from(v)))
                    .collect::<serde_json::Map<_, _>>()})
                .to_string(),
                2 => format!("[default]\n{}", lines(&members, " = ")),
                3 => lines(&members, "="),
                _ => {
                    let (names, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
                    format!("{}\n{}", names.join(","), values.join(","))
                }
            };
            if let Some(odd) = odd {
                let mut at = cut.index(text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                text.insert_str(at, &odd);
            }
            text
        })
}

fn lines(members: &[(String, String)], separator: &str) -> String {
    let lines = members.iter().map(|(n, v)| format!("{n}{separator}{v}\n"));
    lines.collect()
}

proptest! {
    #[test]
    fn an_error_never_has_a_value(text in nearly_a_secret()) {
        let key = parse(text.as_str());
        let mut shown = format!("{key:?}");
        match &key {
            Err(error) => shown += &error.report(),
            Ok(key) => {
                let faults = [key.region().err(), key.endpoint_url().err(), key.bucket().err(), key.username().err()];
                shown.extend(faults.into_iter().flatten().map(|error| error.report()));
            }
        }
        prop_assert!(!shown.contains("MARK3R"), "{}", shown);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(\\PC|[\\s\\u{feff}\"=:\\[\\]{},]){0,60}", bytes: Vec<u8>) {
        let _ = parse(text);
        let _ = parse(bytes);
    }
}
