//! The secret whose key calls IAM: its fields, and a key in it that IAM does not know yet.

use std::time::Duration;

use credswap::ErrorKind;
use credswap::aws::Fields;
use credswap::rotation::Policy;
use credswap_testkit::Service;
use serde_json::json;

use super::{LONG, SECRET, Setup, USER, assert_names, policy};

/// A secret whose master secret has these fields, with a key that may call IAM.
async fn with_master(id_field: &str, secret_field: &str) -> Setup {
    let setup = Setup::new().await;
    setup.cloud.create_user("rotator");
    let master = setup.cloud.create_access_key("rotator");
    let content = json!({id_field: master.id(), secret_field: master.secret()});
    setup.cloud.create_secret("master", &content);
    setup
}

fn put(setup: &Setup, id_field: &str, secret_field: &str) {
    let key = setup.cloud.keys(USER).remove(0).id;
    setup.put(json!({id_field: key, secret_field: "x", "username": USER, "masterarn": "master"}));
}

#[tokio::test]
async fn its_fields_may_have_the_names_that_are_set_or_common_ones() {
    for (id_field, secret_field) in [("key", "password"), ("accesskey", "secretkey")] {
        let setup = with_master(id_field, secret_field).await;
        put(&setup, "key", "password");
        let rotation = setup
            .builder_by(setup.cloud.root())
            .fields(
                Fields::default()
                    .access_key_id("key")
                    .secret_access_key("password"),
            )
            .build();
        let token = setup.cloud.begin_rotation(SECRET);
        setup
            .rotate(&rotation, &token)
            .await
            .unwrap_or_else(|error| panic!("{id_field}: {}", error.report()));
    }
}

#[tokio::test]
async fn a_key_that_is_seconds_old_is_tried_again_in_the_step() {
    let setup = Setup::new().await;
    setup.cloud.delay_new_keys([Service::Iam], 2);
    setup.cloud.create_user("rotator");
    let master = setup.cloud.create_access_key("rotator");
    setup.cloud.create_secret("master", master.to_json());
    put(&setup, "accesskey", "secretkey");
    let token = setup.cloud.begin_rotation(SECRET);
    setup
        .rotate(&setup.rotation(), &token)
        .await
        .expect("IAM knows the key at the third call");
}

#[tokio::test]
async fn a_new_key_that_stays_unknown_is_retryable_and_an_old_one_is_not() {
    let setup = Setup::new().await;
    setup.cloud.hold_new_keys([Service::Iam]);
    setup.cloud.create_user("rotator");
    let master = setup.cloud.create_access_key("rotator");
    setup.cloud.create_secret("master", master.to_json());
    put(&setup, "accesskey", "secretkey");
    let impatient = |policy: Policy| {
        let policy = policy.action_deadline(Duration::from_millis(100));
        setup.builder_by(setup.cloud.root()).policy(policy).build()
    };
    let token = setup.cloud.begin_rotation(SECRET);
    let error = setup
        .rotate(&impatient(policy()), &token)
        .await
        .expect_err("not known");
    assert_names(
        &error,
        ErrorKind::NotPropagated,
        &["the master secret `master`", "too new"],
    );
    assert!(setup.cloud.count("iam:ListAccessKeys") > 1);

    setup.pass(2 * LONG);
    setup.cloud.clear_calls();
    let error = setup
        .rotate(&impatient(policy()), &token)
        .await
        .expect_err("not known");
    assert_names(
        &error,
        ErrorKind::Unauthenticated,
        &["the master secret `master`"],
    );
    assert_eq!(setup.cloud.count("iam:ListAccessKeys"), 1);
}
