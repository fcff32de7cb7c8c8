//! A secret that holds its key in a second place, where a rotation would leave the old one.

use credswap::ErrorKind;
use credswap::rotation::seam::{CURRENT, PENDING};
use serde_json::{Value, json};

use super::{SECRET, Setup, USER, assert_names};

/// The user's key, as the testkit made it.
fn key(setup: &Setup) -> (String, String) {
    let json: Value = serde_json::from_str(&setup.current_text()).expect("JSON");
    let text = |name: &str| json[name].as_str().expect("a text").to_owned();
    (text("accesskey"), text("secretkey"))
}

async fn refused(setup: &Setup, content: &Value) -> Option<credswap::Error> {
    setup.put(content.clone());
    let token = setup.cloud.begin_rotation(SECRET);
    let answer = setup.rotate(&setup.rotation(), &token).await;
    setup.cloud.remove_stage(SECRET, PENDING);
    match answer {
        Ok(()) => None,
        Err(error) => {
            assert_eq!(setup.cloud.keys(USER).len(), 1, "nothing was created");
            assert_ne!(setup.cloud.staged(SECRET, CURRENT), Some(token));
            Some(error)
        }
    }
}

#[tokio::test]
async fn a_second_place_is_refused_and_named_and_its_value_is_not() {
    let setup = Setup::new().await;
    let (id, secret) = key(&setup);
    let encoded = secret.replace('/', "%2F").replace('+', "%2B");
    let escaped = secret.replace('/', "\\/");
    let base64 = aws_smithy_types::base64::encode(format!("{id}:{secret}"));
    let plain = json!({"username": USER, "accesskey": id, "secretkey": secret});
    for (field, value) in [
        ("uri", json!(format!("s3://{id}:{secret}@host/bucket"))),
        ("smtp_username", json!(id)),
        ("note", json!(format!("the key is {id}."))),
        ("password", json!(secret)),
        ("dsn", json!(format!("x:{encoded}@host"))),
        ("nested", json!({"deep": [{"key": id}]})),
        ("list", json!([1, null, id])),
        (
            "config",
            json!(format!(r#"{{"aws_secret_access_key":"{escaped}"}}"#)),
        ),
        (
            "ini",
            json!(format!("[default]\naws_access_key_id = {id}\n")),
        ),
        ("authorization", json!(format!("Basic {base64}"))),
        ("names", json!({ id.as_str(): 1 })),
    ] {
        let mut content = plain.clone();
        content[field] = value;
        let error = refused(&setup, &content).await.expect(field);
        assert_names(&error, ErrorKind::Malformed, &[&format!("`{field}`")]);
        let report = error.report();
        assert!(
            !report.contains(&id) && !report.contains(&secret),
            "{report}"
        );
    }
    // The name of a field can be what leaks.
    let mut content = plain.clone();
    content[&id] = json!("x");
    let error = refused(&setup, &content).await.expect("refused");
    assert!(!error.report().contains(&id), "{error}");
}

#[tokio::test]
async fn what_only_looks_like_a_second_place_is_rotated() {
    let setup = Setup::new().await;
    let (id, secret) = key(&setup);
    let content = json!({
        "username": USER, "accesskey": id, "AWS_ACCESS_KEY_ID": id, "secretkey": secret,
        "aws_secret_access_key": secret, "note": format!("…{}", &id[16..]), "port": 1.0,
        "before": "AKIAIOSFODNN7EXAMPLE", "bucket": null,
    });
    assert!(refused(&setup, &content).await.is_none());
    let json: Value = serde_json::from_str(&setup.current_text()).expect("JSON");
    assert_eq!(json["AWS_ACCESS_KEY_ID"], json["accesskey"]);
    assert_ne!(json["accesskey"], id.as_str());
    assert_eq!(json["before"], "AKIAIOSFODNN7EXAMPLE");
}
