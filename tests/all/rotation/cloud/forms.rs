//! Secrets in other forms than a flat JSON object with a plain user name.

use credswap::ErrorKind;
use serde_json::json;

use super::{SECRET, Setup, USER, assert_names};

#[tokio::test]
async fn a_key_that_cannot_be_replaced_is_refused_before_another_is_made() {
    let setup = Setup::new().await;
    let key = setup.cloud.keys(USER).remove(0).id;
    let object = json!({"accesskey": key, "secretkey": "x", "username": USER});
    for content in [
        json!({"AccessKey": object}).to_string(),
        json!([object]).to_string(),
        json!(object.to_string()).to_string(),
        format!(
            "[default]\naws_access_key_id = {key}\naws_secret_access_key = x\nusername = {USER}"
        ),
        format!("username,accesskey,secretkey\n{USER},{key},x\n"),
    ] {
        setup.cloud.put_secret(SECRET, content.as_str());
        let token = setup.cloud.begin_rotation(SECRET);
        let error = setup.rotate(&setup.rotation(), &token).await;
        let error = error.expect_err(&content);
        assert_names(
            &error,
            ErrorKind::Malformed,
            &["not at the top of a JSON object"],
        );
    }
    assert_eq!(setup.cloud.keys(USER).len(), 1, "a key was left behind");
}

#[tokio::test]
async fn a_user_name_with_its_path_and_a_byte_order_mark_are_no_obstacle() {
    for user in [
        format!("team/{USER}"),
        format!("arn:aws:iam::123456789012:user/team/{USER}"),
    ] {
        let setup = Setup::new().await;
        let key = setup.cloud.keys(USER).remove(0).id;
        let object = json!({"accesskey": key, "secretkey": "x", "username": user});
        let content = format!("\u{feff}{object}");
        setup.cloud.put_secret(SECRET, content.as_str());
        let token = setup.cloud.begin_rotation(SECRET);
        let rotated = setup.rotate(&setup.rotation(), &token).await;
        rotated.expect("it rotates");
        assert!(!setup.current_text().contains(&key), "the old key is left");
        assert!(
            setup.current_text().contains(&user),
            "the name stays as it was"
        );
    }
}
