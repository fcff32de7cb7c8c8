//! The steps, in order, again, at the same time, and out of order.

use std::sync::atomic::Ordering;
use std::time::Duration;

use credswap::ErrorKind;
use credswap::rotation::seam::{CURRENT, PENDING, PREVIOUS};
use credswap::rotation::{Step, StepRequest};
use credswap_testkit::{KeyStatus, SecretContent, Service};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::{SECRET, Setup, USER, assert_names, policy, request};
use crate::support::log::Log;

#[tokio::test]
async fn a_rotation_replaces_only_the_key_and_announces() {
    let setup = Setup::new().await;
    let (old, before) = (setup.current_key(), setup.current_text());
    let old_version = setup.version();
    let token = setup.cloud.begin_rotation(SECRET);
    setup
        .rotate(&setup.rotation(), &token)
        .await
        .expect("it rotates");

    assert_eq!(setup.cloud.staged(SECRET, CURRENT), Some(token.clone()));
    let (new, after) = (setup.current_key(), setup.current_text());
    assert_ne!(new, old);
    let json: Value = serde_json::from_str(&after).expect("JSON");
    let secret = json["secretkey"].as_str().expect("a secret key");
    let before_json: Value = serde_json::from_str(&before).expect("JSON");
    let old_secret = before_json["secretkey"].as_str().expect("a secret key");
    let expected = before.replace(&old, &new).replace(old_secret, secret);
    assert!(after == expected, "all but the key stays, byte for byte");

    let [event] = &setup.events()[..] else {
        panic!("one event")
    };
    assert_eq!(event.secret_id, setup.cloud.secret_arn(SECRET));
    assert_eq!(event.version_id.as_str(), token);
    assert_eq!(event.previous_version_id, Some(old_version.as_str().into()));
    // Both keys work: consumers have all the time they need.
    let active = KeyStatus::Active;
    assert!(
        setup
            .cloud
            .keys(USER)
            .iter()
            .all(|key| key.status == active)
    );
}

#[tokio::test]
async fn each_step_may_be_called_again_at_any_time() {
    let setup = Setup::new().await;
    let rotation = setup.rotation();
    let token = setup.cloud.begin_rotation(SECRET);
    for done in 0..4 {
        for step in &Step::ALL[..=done] {
            for _ in 0..2 {
                let answer = rotation.step(&request(*step, &token)).await;
                answer.unwrap_or_else(|error| panic!("{step}: {}", error.report()));
            }
        }
    }
    assert_eq!(setup.cloud.keys(USER).len(), 2);
    assert_eq!(setup.cloud.count("iam:CreateAccessKey"), 1);
    assert_eq!(
        setup.events().len(),
        2,
        "a retry that finds it moved announces again"
    );
    assert_eq!(
        setup.events()[0].previous_version_id,
        setup.events()[1].previous_version_id
    );
}

#[tokio::test]
async fn two_concurrent_runs_of_a_step_end_in_one_key() {
    let setup = Setup::new().await;
    let rotation = setup.rotation();
    let token = setup.cloud.begin_rotation(SECRET);
    for step in Step::ALL {
        let request = request(step, &token);
        let (one, other) = tokio::join!(rotation.step(&request), rotation.step(&request));
        assert!(one.is_ok() || other.is_ok(), "{step}: {one:?} {other:?}");
        for error in [one, other].into_iter().filter_map(Result::err) {
            assert!(error.is_retryable(), "{step}: {}", error.report());
        }
    }
    assert_eq!(setup.cloud.keys(USER).len(), 2);
    assert_eq!(setup.cloud.staged(SECRET, CURRENT), Some(token));
}

#[tokio::test]
async fn a_retry_publishes_an_event_that_was_not_published() {
    let setup = Setup::new().await;
    let token = setup.cloud.begin_rotation(SECRET);
    setup.events.failures.store(1, Ordering::SeqCst);
    let failed = setup.rotate(&setup.rotation(), &token).await;
    assert_names(
        &failed.expect_err("no broker"),
        ErrorKind::Unavailable,
        &["no broker"],
    );
    assert_eq!(setup.cloud.staged(SECRET, CURRENT), Some(token.clone()));
    setup
        .rotate(&setup.rotation(), &token)
        .await
        .expect("it is retried");
    assert_eq!(setup.events().len(), 1);
    assert!(setup.events()[0].previous_version_id.is_some());
}

#[tokio::test]
async fn a_token_that_is_not_staged_begins_nothing() {
    let setup = Setup::new().await;
    let stale = setup.cloud.begin_rotation(SECRET);
    setup.cloud.remove_stage(SECRET, PENDING);
    for token in ["00000000-0000-4000-8000-000000000000", &stale] {
        for step in Step::ALL {
            let error = setup.rotation().step(&request(step, token)).await;
            let error = error.expect_err("not staged");
            assert_names(
                &error,
                ErrorKind::InvalidRequest,
                &[token, "not staged", step.as_str()],
            );
        }
    }
    let error = setup
        .builder_by(setup.cloud.root())
        .accept_new_tokens()
        .build()
        .step(&StepRequest::new(
            Step::Create,
            "none",
            stale.as_str().into(),
        ))
        .await;
    assert_names(
        &error.expect_err("no secret"),
        ErrorKind::NotFound,
        &["`none`"],
    );
    // While one is under way, a new token does not begin another.
    setup.cloud.begin_rotation(SECRET);
    let error = setup
        .builder_by(setup.cloud.root())
        .accept_new_tokens()
        .build()
        .step(&request(Step::Create, &stale))
        .await;
    assert_names(
        &error.expect_err("one at a time"),
        ErrorKind::InvalidRequest,
        &["is being rotated"],
    );
    assert_eq!(setup.cloud.count("iam:CreateAccessKey"), 0);
}

#[tokio::test]
async fn finish_before_create_publishes_nothing() {
    let setup = Setup::new().await;
    let before = setup.cloud.staged(SECRET, CURRENT);
    let token = setup.cloud.begin_rotation(SECRET);
    for step in [Step::Set, Step::Finish] {
        let error = setup
            .rotation()
            .step(&request(step, &token))
            .await
            .expect_err("empty");
        assert_names(
            &error,
            ErrorKind::InvalidRequest,
            &["call createSecret first"],
        );
    }
    assert_eq!(setup.cloud.staged(SECRET, CURRENT), before);
    assert!(setup.events().is_empty());
}

#[tokio::test]
async fn a_test_without_a_rotation_tests_the_current_key() {
    // RotateImmediately=false: testSecret alone, on a version that is empty, or holds a copy.
    let setup = Setup::new().await;
    let token = setup.cloud.begin_rotation(SECRET);
    setup
        .rotation()
        .step(&request(Step::Test, &token))
        .await
        .expect("it works");
    setup
        .cloud
        .put_secret_version(SECRET, &token, setup.current_text(), &[PENDING]);
    setup
        .rotation()
        .step(&request(Step::Test, &token))
        .await
        .expect("it works");
    // A copy of the current key is not a rotation.
    let error = setup
        .rotation()
        .step(&request(Step::Finish, &token))
        .await
        .expect_err("a copy");
    assert_names(&error, ErrorKind::Rejected, &["holds the current key"]);
}

#[tokio::test]
async fn a_new_key_is_tested_again_and_a_wrong_one_is_not() {
    let setup = Setup::new().await;
    let token = setup.cloud.begin_rotation(SECRET);
    setup.cloud.delay_new_keys([Service::Sts], 3);
    setup
        .rotate(&setup.rotation(), &token)
        .await
        .expect("STS accepts it at last");
    assert_eq!(setup.cloud.count("sts:GetCallerIdentity"), 4);

    // Never accepted: reported as that, after the propagation timeout.
    setup.released(&setup.cloud.staged(SECRET, PREVIOUS).expect("previous"));
    setup.cloud.hold_new_keys([Service::Sts]);
    let token = setup.cloud.begin_rotation(SECRET);
    let giving_up_soon = setup
        .builder_by(setup.cloud.root())
        .policy(policy().propagation(Duration::from_millis(100)))
        .build();
    let error = setup
        .rotate(&giving_up_soon, &token)
        .await
        .expect_err("not accepted");
    assert_names(&error, ErrorKind::NotPropagated, &["too new"]);

    // Wrong: reported at once.
    setup.cloud.clear_faults();
    let asked = setup.cloud.count("sts:GetCallerIdentity");
    setup.cloud.remove_stage(SECRET, PENDING);
    let wrong = setup.cloud.begin_rotation(SECRET);
    let id = setup.current_key();
    let content = json!({"accesskey": id, "secretkey": "wrong", "username": USER});
    setup
        .cloud
        .put_secret_version(SECRET, &wrong, &content, &[PENDING]);
    let error = setup
        .rotation()
        .step(&request(Step::Test, &wrong))
        .await
        .expect_err("wrong");
    assert_names(&error, ErrorKind::Rejected, &["does not belong to it"]);
    assert_eq!(setup.cloud.count("sts:GetCallerIdentity"), asked + 1);
}

#[tokio::test]
async fn a_binary_secret_stays_binary() {
    let setup = Setup::new().await;
    let text = setup.current_text();
    setup.cloud.put_secret(SECRET, text.into_bytes());
    setup
        .rotate(&setup.rotation(), &setup.cloud.begin_rotation(SECRET))
        .await
        .expect("it rotates");
    assert!(matches!(
        setup.cloud.current_secret(SECRET),
        SecretContent::Binary(_)
    ));
}

#[tokio::test]
async fn at_no_level_a_log_shows_a_secret() {
    let (log, collecting) = Log::collect_from(LevelFilter::TRACE);
    let setup = Setup::new().await;
    let secret = || {
        let json: Value = serde_json::from_str(&setup.current_text()).expect("JSON");
        json["secretkey"].as_str().expect("a secret key").to_owned()
    };
    let (old, old_version) = (secret(), setup.version());
    let token = setup.cloud.begin_rotation(SECRET);
    let rotation = setup.rotation();
    setup.rotate(&rotation, &token).await.expect("it rotates");
    setup.released(&old_version);
    rotation.retire(SECRET).await.expect("it retires");
    drop(collecting);
    let log = log.text();
    assert!(log.contains("secretsmanager.PutSecretValue"), "a request");
    for (secret, whose) in [(old, "old"), (secret(), "new")] {
        let at = log.find(&secret);
        let before = at.map(|at| log[..at].lines().next_back().unwrap_or_default());
        let line = before.map(|line| line.chars().take(200).collect::<String>());
        assert_eq!(line, None, "the {whose} secret is shown after this");
    }
}
