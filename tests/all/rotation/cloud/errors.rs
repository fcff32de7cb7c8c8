//! What the operator of a rotation must change, and what the errors say about it.

use aws_credential_types::Credentials;
use credswap::ErrorKind;
use credswap::rotation::seam::CURRENT;
use credswap_testkit::Action;
use serde_json::{Value, json};

use super::{LONG, SECRET, Setup, USER, assert_names};

#[tokio::test]
async fn the_master_secrets_key_calls_iam() {
    let setup = Setup::new().await;
    setup.cloud.create_user("rotator");
    setup.cloud.create_user("role");
    let master = setup.cloud.create_access_key("rotator");
    setup.cloud.create_secret("master", master.to_json());
    let key = setup.cloud.keys(USER).remove(0).id;
    let arn = setup.cloud.secret_arn("master");
    setup.put(json!({"accesskey": key, "secretkey": "x", "username": USER, "masterarn": arn}));
    setup.cloud.deny("role", "iam:*");
    let role = setup.cloud.create_access_key("role").credentials();
    let token = setup.cloud.begin_rotation(SECRET);
    setup
        .rotate(&setup.rotation_by(role.clone()), &token)
        .await
        .expect("it rotates");

    let text = setup.current_text();
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["masterarn"], arn);

    // And without a master secret, the role is what is denied.
    setup.put(json!({"accesskey": key, "secretkey": "x", "username": USER}));
    let token = setup.cloud.begin_rotation(SECRET);
    let error = setup
        .rotate(&setup.rotation_by(role), &token)
        .await
        .expect_err("denied");
    assert_names(
        &error,
        ErrorKind::PermissionDenied,
        &["iam:ListAccessKeys", "the rotation's role"],
    );
}

#[tokio::test]
async fn an_unusable_master_secret_is_named() {
    let setup = Setup::new().await;
    let key = setup.cloud.keys(USER).remove(0).id;
    let with_master =
        |arn: &str| json!({"accesskey": key, "secretkey": "x", "username": USER, "masterarn": arn});
    let fails = async |role: Credentials| {
        let token = setup.cloud.begin_rotation(SECRET);
        let answer = setup.rotate(&setup.rotation_by(role), &token).await;
        answer.expect_err("it cannot rotate")
    };
    let root = setup.cloud.root();

    setup.put(with_master("no-such-master"));
    let error = fails(root.clone()).await;
    assert_names(
        &error,
        ErrorKind::NotFound,
        &["no-such-master", "does not exist"],
    );

    setup.cloud.create_secret("master", "{}");
    setup.put(with_master("master"));
    let error = fails(root.clone()).await;
    assert_names(&error, ErrorKind::Malformed, &["`master`", "no access key"]);

    setup.cloud.create_user("rotator");
    let master = setup.cloud.create_access_key("rotator");
    setup.cloud.put_secret("master", master.to_json());
    setup.cloud.deny("rotator", "iam:CreateAccessKey");
    let error = fails(root.clone()).await;
    assert_names(
        &error,
        ErrorKind::PermissionDenied,
        &[
            "`iam:CreateAccessKey`",
            "grant it to the user whose key is in the master secret `master`",
        ],
    );

    // A master key that is seconds old may only be unknown yet.
    setup.cloud.delete_key(master.id());
    setup.pass(2 * LONG);
    let error = fails(root).await;
    assert_names(
        &error,
        ErrorKind::Unauthenticated,
        &["the master secret `master`"],
    );
    assert_eq!(setup.cloud.keys(USER).len(), 1, "nothing is left");
}

#[tokio::test]
async fn what_cannot_be_rotated_is_left_unchanged() {
    let setup = Setup::new().await;
    let key = setup.cloud.keys(USER).remove(0).id;
    let stranger = setup.cloud.create_user("stranger").name;
    let full = json!({"accesskey": key, "secretkey": "x"});
    let with = |field: &str, value: &str| {
        let mut content = full.clone();
        content[field] = value.into();
        content
    };
    let mut session = with("username", USER);
    session["sessiontoken"] = "t".into();
    for (content, expected) in [
        (full.clone(), "has no user name"),
        (with("username", "nobody"), "`nobody`"),
        (
            with("username", &stranger),
            "belongs to IAM user `uploader`",
        ),
        (session, "session token"),
        (json!({"username": USER}), "access key id"),
        (json!([]), "not an object"),
    ] {
        setup.put(content);
        let token = setup.cloud.begin_rotation(SECRET);
        let error = setup
            .rotate(&setup.rotation(), &token)
            .await
            .expect_err(expected);
        assert_names(&error, ErrorKind::Malformed, &[expected]);
        assert_eq!(setup.cloud.keys(USER).len(), 1);
        assert_ne!(setup.cloud.staged(SECRET, CURRENT), Some(token));
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    for action in [
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
        "secretsmanager:TagResource",
        "iam:ListAccessKeys",
        "iam:CreateAccessKey",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    ] {
        let setup = Setup::new().await;
        setup.cloud.create_user("role");
        setup.cloud.deny("role", action);
        let role = setup.cloud.create_access_key("role").credentials();
        let token = setup.cloud.begin_rotation(SECRET);
        let error = setup
            .rotate(&setup.rotation_by(role), &token)
            .await
            .expect_err(action);
        assert_names(&error, ErrorKind::PermissionDenied, &[action]);
        // What was created and not stored was deleted.
        let keys = setup.cloud.keys(USER).len();
        assert_eq!(
            keys,
            if action.ends_with("Stage") { 2 } else { 1 },
            "{action}"
        );
        setup.cloud.allow("role", action);
        setup
            .rotate(&setup.rotation(), &token)
            .await
            .expect("it converges");
    }
}

#[tokio::test]
async fn a_user_name_that_iam_does_not_accept_is_named() {
    for (code, expected) in [
        ("ValidationError", "not a name that IAM accepts"),
        ("NoSuchEntity", "does not exist"),
    ] {
        let setup = Setup::new().await;
        let answer = Action::Fail(400, code);
        setup.cloud.inject("iam:ListAccessKeys", answer, 1);
        let token = setup.cloud.begin_rotation(SECRET);
        let error = setup.rotate(&setup.rotation(), &token).await;
        assert_names(
            &error.expect_err(code),
            ErrorKind::Malformed,
            &[USER, expected, "without its path or ARN"],
        );
    }
}
