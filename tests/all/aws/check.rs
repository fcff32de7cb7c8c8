//! A new key is too new, wrong, dead, or may not do what the check asks.

use std::time::Duration;

use aws_credential_types::Credentials;
use credswap::aws::Check;
use credswap::aws::check::{CallerIdentity, HeadBucket, NoCheck};
use credswap::connect::Verdict;
use credswap::{Error, ErrorKind};
use credswap_testkit::{AccessKey, Action, Cloud, KeyStatus, Service};

use crate::support::canned::{answering, config, nowhere, reach, s3_config};

struct World {
    cloud: Cloud,
    key: AccessKey,
    sts: CallerIdentity,
    s3: HeadBucket,
}

impl World {
    async fn new() -> Self {
        let cloud = Cloud::start().await;
        cloud.create_bucket("uploads");
        cloud.create_user("uploader");
        let key = cloud.create_access_key("uploader");
        // The checks' own credentials are good, and must not be what is checked.
        let sts = CallerIdentity::new(&config(&cloud, cloud.root()));
        let s3 = HeadBucket::new(&s3_config(&cloud, cloud.root()), "uploads");
        Self {
            cloud,
            key,
            sts,
            s3,
        }
    }
}

/// `good`, `not yet`, …, and the error.
fn sorted(verdict: Verdict) -> (&'static str, Option<Error>) {
    match verdict {
        Verdict::Good => ("good", None),
        Verdict::NotYet(error) => ("not yet", Some(error)),
        Verdict::Bad(error) => ("bad", Some(error)),
        Verdict::Forbidden(error) => ("forbidden", Some(error)),
        Verdict::Unknown(error) => ("unknown", Some(error)),
        other => panic!("a verdict that is new here: {other:?}"),
    }
}

async fn assert_finds(
    check: &impl Check,
    key: &Credentials,
    verdict: &str,
    kind: ErrorKind,
    words: &str,
) {
    let (found, error) = sorted(check.check(key).await);
    let error = error.expect("all but good have an error");
    assert_eq!((found, error.kind()), (verdict, kind), "{}", error.report());
    assert!(error.to_string().contains(words), "no {words:?} in {error}");
    let shown = format!("{error:?}");
    assert!(!shown.contains(key.secret_access_key()), "{shown}");
    assert!(!shown.contains(key.access_key_id()), "{shown}");
}

async fn assert_good(check: &impl Check, key: &Credentials) {
    let (found, error) = sorted(check.check(key).await);
    assert_eq!(found, "good", "{error:?}");
}

#[tokio::test]
async fn a_key_that_works_is_good() {
    let world = World::new().await;
    assert_good(&world.sts, &world.key.credentials()).await;
    assert_good(&world.s3, &world.key.credentials()).await;
}

#[tokio::test]
async fn a_key_too_new_is_not_bad_and_becomes_good() {
    let world = World::new().await;
    world.cloud.hold_new_keys([Service::Sts, Service::S3]);
    let new = world.cloud.create_access_key("uploader");
    let key = new.credentials();
    assert_finds(
        &world.sts,
        &key,
        "not yet",
        ErrorKind::NotPropagated,
        "too new",
    )
    .await;
    assert_finds(
        &world.s3,
        &key,
        "not yet",
        ErrorKind::NotPropagated,
        "too new",
    )
    .await;
    world.cloud.release_key(new.id());
    assert_good(&world.sts, &key).await;
    assert_good(&world.s3, &key).await;
}

#[tokio::test]
async fn each_key_is_judged_by_itself_whatever_was_checked_before() {
    let world = World::new().await;
    assert_good(&world.sts, &world.key.credentials()).await;
    assert_good(&world.s3, &world.key.credentials()).await;
    world
        .cloud
        .set_key_status(world.key.id(), KeyStatus::Inactive);
    let key = world.key.credentials();
    assert_finds(
        &world.sts,
        &key,
        "not yet",
        ErrorKind::NotPropagated,
        "deactivated",
    )
    .await;
    assert_finds(
        &world.s3,
        &key,
        "not yet",
        ErrorKind::NotPropagated,
        "deactivated",
    )
    .await;
    let other = world.cloud.create_access_key("uploader");
    assert_good(&world.sts, &other.credentials()).await;
    assert_good(&world.s3, &other.credentials()).await;
}

#[tokio::test]
async fn a_secret_that_is_not_the_keys_is_bad() {
    let world = World::new().await;
    let key = Credentials::new(world.key.id(), "not the secret", None, None, "test");
    assert_finds(
        &world.sts,
        &key,
        "bad",
        ErrorKind::Rejected,
        "secret access key",
    )
    .await;
    assert_finds(
        &world.s3,
        &key,
        "bad",
        ErrorKind::Rejected,
        "secret access key",
    )
    .await;
}

#[tokio::test]
async fn a_token_that_has_expired_is_bad() {
    let world = World::new().await;
    world
        .cloud
        .inject("*", Action::Fail(400, "ExpiredToken"), 3);
    let key = world.key.credentials();
    assert_finds(
        &world.sts,
        &key,
        "bad",
        ErrorKind::Rejected,
        "session token",
    )
    .await;
    assert_finds(&world.s3, &key, "bad", ErrorKind::Rejected, "session token").await;
}

#[tokio::test]
async fn a_missing_permission_is_forbidden_and_not_bad() {
    let world = World::new().await;
    world.cloud.deny("uploader", "s3:ListBucket");
    let key = world.key.credentials();
    assert_finds(
        &world.s3,
        &key,
        "forbidden",
        ErrorKind::Forbidden,
        "HeadBucket",
    )
    .await;
    assert_good(&world.sts, &key).await;
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_says_nothing_about_the_key() {
    let world = World::new().await;
    let check = HeadBucket::new(&s3_config(&world.cloud, world.cloud.root()), "downloads");
    let key = world.key.credentials();
    assert_finds(&check, &key, "unknown", ErrorKind::Config, "`downloads`").await;
}

#[tokio::test]
async fn a_bucket_elsewhere_and_a_wrong_clock_say_nothing_about_the_key() {
    let key = Credentials::new("AKIDEXAMPLE", "none-of-it", None, None, "test");
    let moved = answering(301, "<Error><Code>PermanentRedirect</Code></Error>");
    let check = HeadBucket::new(&moved, "uploads");
    assert_finds(&check, &key, "unknown", ErrorKind::Config, "another region").await;
    let late = answering(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>");
    let check = CallerIdentity::new(&late);
    assert_finds(&check, &key, "unknown", ErrorKind::Config, "clock").await;
}

#[tokio::test]
async fn throttling_failing_and_hanging_services_say_nothing_about_the_key() {
    let world = World::new().await;
    let key = world.key.credentials();
    world.cloud.throttle("*", 100);
    assert_finds(
        &world.sts,
        &key,
        "unknown",
        ErrorKind::Unavailable,
        "throttled",
    )
    .await;
    assert_finds(&world.s3, &key, "unknown", ErrorKind::Unavailable, "").await;
    world.cloud.clear_faults();
    world.cloud.break_down("*", 100);
    assert_finds(
        &world.sts,
        &key,
        "unknown",
        ErrorKind::Unavailable,
        "failed",
    )
    .await;
    world.cloud.clear_faults();
    world.cloud.inject("*", Action::Hang, 100);
    let soon = Duration::from_millis(50);
    assert_finds(
        &world.sts.clone().timeout(soon),
        &key,
        "unknown",
        ErrorKind::Timeout,
        "50ms",
    )
    .await;
    assert_finds(
        &world.s3.clone().timeout(soon),
        &key,
        "unknown",
        ErrorKind::Timeout,
        "50ms",
    )
    .await;
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_says_nothing_about_the_key() {
    let world = World::new().await;
    let key = world.key.credentials();
    let config = reach(&nowhere(), world.cloud.root()).build();
    assert_finds(
        &CallerIdentity::new(&config),
        &key,
        "unknown",
        ErrorKind::Unavailable,
        "no connection",
    )
    .await;
    assert_finds(
        &HeadBucket::new(&config, "uploads"),
        &key,
        "unknown",
        ErrorKind::Unavailable,
        "no connection",
    )
    .await;
}

#[tokio::test]
async fn a_closure_judges_the_credentials_and_no_check_takes_them_all() {
    let key = Credentials::new("AKIDEXAMPLE", "none-of-it", None, None, "test");
    let by_id = |key: Credentials| async move {
        match key.access_key_id() {
            "AKIDEXAMPLE" => Verdict::Bad(Error::new(ErrorKind::Rejected, "an example")),
            _ => Verdict::Good,
        }
    };
    assert_finds(&by_id, &key, "bad", ErrorKind::Rejected, "an example").await;
    assert_good(&NoCheck, &key).await;
}
