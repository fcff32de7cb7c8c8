//! A pending key that can never be accepted: the test ends at once, and the error says what to do.

use credswap::ErrorKind;
use credswap::rotation::Step;
use credswap::rotation::seam::PENDING;
use credswap_testkit::{KeyStatus, Service};
use serde_json::json;

use super::{SECRET, Setup, USER, assert_names, key_in, request};

/// A rotation whose key is created, and its id.
async fn created(setup: &Setup) -> (String, String) {
    let token = setup.cloud.begin_rotation(SECRET);
    for step in [Step::Create, Step::Set] {
        let done = setup.rotation().step(&request(step, &token)).await;
        done.expect("the step succeeds");
    }
    let keys = setup.cloud.keys(USER);
    let current = setup.current_key();
    let new = keys.into_iter().find(|key| key.id != current);
    (token, new.expect("the new key").id)
}

#[tokio::test]
async fn a_key_that_was_deleted_is_not_tested_again() {
    let setup = Setup::new().await;
    let (token, key) = created(&setup).await;
    setup.cloud.delete_key(&key);
    setup.pass(super::LONG * 3);
    for _ in 0..2 {
        let error = setup.rotate(&setup.rotation(), &token).await;
        let error = error.expect_err("it is gone");
        assert_names(
            &error,
            ErrorKind::Rejected,
            &[
                &token,
                &key[16..],
                "does not exist",
                "--version-stage AWSPENDING",
                "--remove-from-version-id",
            ],
        );
        assert!(!error.report().contains(&key), "{}", error.report());
    }
    assert_eq!(setup.cloud.count("sts:GetCallerIdentity"), 2);
    // What it says helps.
    setup.cloud.remove_stage(SECRET, PENDING);
    let token = setup.cloud.begin_rotation(SECRET);
    setup
        .rotate(&setup.rotation(), &token)
        .await
        .expect("it rotates");
}

#[tokio::test]
async fn a_key_that_a_person_deactivated_is_named() {
    let setup = Setup::new().await;
    let (token, key) = created(&setup).await;
    setup.cloud.set_key_status(&key, KeyStatus::Inactive);
    let error = setup.rotate(&setup.rotation(), &token).await;
    let error = error.expect_err("it is inactive");
    assert_names(
        &error,
        ErrorKind::Rejected,
        &[&token, &key[16..], "inactive", "--status Active"],
    );
    setup.cloud.set_key_status(&key, KeyStatus::Active);
    setup
        .rotate(&setup.rotation(), &token)
        .await
        .expect("it is continued");
    assert_eq!(key_in(&setup.current_text()), key);
}

#[tokio::test]
async fn a_key_of_another_user_is_named() {
    let setup = Setup::new().await;
    setup.cloud.hold_new_keys([Service::Sts]);
    setup.cloud.create_user("stranger");
    let other = setup.cloud.create_access_key("stranger");
    let token = setup.cloud.begin_rotation(SECRET);
    let content = json!({"accesskey": other.id(), "secretkey": other.secret(), "username": USER});
    setup
        .cloud
        .put_secret_version(SECRET, &token, &content, &[PENDING]);
    setup.pass(super::LONG * 3);
    let error = setup
        .rotation()
        .step(&request(Step::Test, &token))
        .await
        .expect_err("another user's");
    assert_names(
        &error,
        ErrorKind::Malformed,
        &["belongs to IAM user `stranger`"],
    );
}

#[tokio::test]
async fn a_key_is_tested_on_if_iam_cannot_be_asked() {
    let setup = Setup::new().await;
    setup.cloud.delay_new_keys([Service::Sts], 3);
    let (token, _) = created(&setup).await;
    setup.cloud.create_user("role");
    setup.cloud.deny("role", "iam:ListAccessKeys");
    let role = setup.cloud.create_access_key("role");
    setup.cloud.release_key(role.id());
    let rotation = setup.rotation_by(role.credentials());
    let done = rotation.step(&request(Step::Test, &token)).await;
    done.expect("it is accepted at last");
}
