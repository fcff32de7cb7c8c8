//! A new key is too new, wrong or dead, or has no permission for what the check asks.

use std::time::Duration;

use aws_credential_types::Credentials;
use credswap::aws::Check;
use credswap::aws::check::{CallerIdentity, HeadBucket, NoCheck};
use credswap::connect::Verdict;
use credswap::{Error, ErrorKind};
use credswap_testkit::{AccessKey, Action, Cloud, KeyStatus, Service};

use crate::support::canned::{answering, config, nowhere, reach, s3_config};

/// A cloud with a user, its key, and both checks.
struct CheckFixture {
    cloud: Cloud,
    key: AccessKey,
    sts: CallerIdentity,
    s3: HeadBucket,
}

impl CheckFixture {
    async fn new() -> Self {
        let cloud = Cloud::start().await;
        cloud.create_bucket("uploads");
        cloud.create_user("uploader");
        let key = cloud.create_access_key("uploader");
        // The checks' own credentials are good, and must not be used for a check.
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

/// Returns the verdict's name, and its error.
fn name_and_error(verdict: Verdict) -> (&'static str, Option<Error>) {
    match verdict {
        Verdict::Good => ("good", None),
        Verdict::NotYet(error) => ("not yet", Some(error)),
        Verdict::Bad(error) => ("bad", Some(error)),
        Verdict::Forbidden(error) => ("forbidden", Some(error)),
        Verdict::Unknown(error) => ("unknown", Some(error)),
        other => panic!("an unknown verdict: {other:?}"),
    }
}

async fn assert_finds(
    check: &impl Check,
    key: &Credentials,
    verdict: &str,
    kind: ErrorKind,
    text: &str,
) {
    let (found, error) = name_and_error(check.check(key).await);
    let error = error.expect("a verdict with an error");
    assert_eq!((found, error.kind()), (verdict, kind), "{}", error.report());
    assert!(error.to_string().contains(text), "no {text:?} in {error}");
    let shown = format!("{error:?}");
    assert!(!shown.contains(key.secret_access_key()), "{shown}");
    assert!(!shown.contains(key.access_key_id()), "{shown}");
}

async fn assert_good(check: &impl Check, key: &Credentials) {
    let (found, error) = name_and_error(check.check(key).await);
    assert_eq!(found, "good", "{error:?}");
}

#[tokio::test]
async fn a_key_that_is_accepted_is_good() {
    let fixture = CheckFixture::new().await;
    assert_good(&fixture.sts, &fixture.key.credentials()).await;
    assert_good(&fixture.s3, &fixture.key.credentials()).await;
}

#[tokio::test]
async fn a_key_too_new_is_not_bad_and_becomes_good() {
    let fixture = CheckFixture::new().await;
    fixture.cloud.hold_new_keys([Service::Sts, Service::S3]);
    let new = fixture.cloud.create_access_key("uploader");
    let key = new.credentials();
    assert_finds(
        &fixture.sts,
        &key,
        "not yet",
        ErrorKind::NotPropagated,
        "too new",
    )
    .await;
    assert_finds(
        &fixture.s3,
        &key,
        "not yet",
        ErrorKind::NotPropagated,
        "too new",
    )
    .await;
    fixture.cloud.release_key(new.id());
    assert_good(&fixture.sts, &key).await;
    assert_good(&fixture.s3, &key).await;
}

#[tokio::test]
async fn each_key_is_checked_by_itself() {
    let fixture = CheckFixture::new().await;
    assert_good(&fixture.sts, &fixture.key.credentials()).await;
    assert_good(&fixture.s3, &fixture.key.credentials()).await;
    fixture
        .cloud
        .set_key_status(fixture.key.id(), KeyStatus::Inactive);
    let key = fixture.key.credentials();
    assert_finds(
        &fixture.sts,
        &key,
        "not yet",
        ErrorKind::NotPropagated,
        "deactivated",
    )
    .await;
    assert_finds(
        &fixture.s3,
        &key,
        "not yet",
        ErrorKind::NotPropagated,
        "deactivated",
    )
    .await;
    let other = fixture.cloud.create_access_key("uploader");
    assert_good(&fixture.sts, &other.credentials()).await;
    assert_good(&fixture.s3, &other.credentials()).await;
}

#[tokio::test]
async fn a_wrong_secret_access_key_is_bad() {
    let fixture = CheckFixture::new().await;
    let key = Credentials::new(fixture.key.id(), "not the secret", None, None, "test");
    assert_finds(
        &fixture.sts,
        &key,
        "bad",
        ErrorKind::Rejected,
        "secret access key",
    )
    .await;
    assert_finds(
        &fixture.s3,
        &key,
        "bad",
        ErrorKind::Rejected,
        "secret access key",
    )
    .await;
}

#[tokio::test]
async fn a_token_that_has_expired_is_bad() {
    let fixture = CheckFixture::new().await;
    fixture
        .cloud
        .inject("*", Action::Fail(400, "ExpiredToken"), 3);
    let key = fixture.key.credentials();
    assert_finds(
        &fixture.sts,
        &key,
        "bad",
        ErrorKind::Rejected,
        "session token",
    )
    .await;
    assert_finds(
        &fixture.s3,
        &key,
        "bad",
        ErrorKind::Rejected,
        "session token",
    )
    .await;
}

#[tokio::test]
async fn a_missing_permission_is_forbidden_and_not_bad() {
    let fixture = CheckFixture::new().await;
    fixture.cloud.deny("uploader", "s3:ListBucket");
    let key = fixture.key.credentials();
    assert_finds(
        &fixture.s3,
        &key,
        "forbidden",
        ErrorKind::Forbidden,
        "HeadBucket",
    )
    .await;
    assert_good(&fixture.sts, &key).await;
}

#[tokio::test]
async fn a_missing_bucket_says_nothing_about_the_key() {
    let fixture = CheckFixture::new().await;
    let check = HeadBucket::new(
        &s3_config(&fixture.cloud, fixture.cloud.root()),
        "downloads",
    );
    let key = fixture.key.credentials();
    assert_finds(&check, &key, "unknown", ErrorKind::Config, "`downloads`").await;
}

#[tokio::test]
async fn another_region_and_clock_skew_say_nothing_about_the_key() {
    let key = Credentials::new("AKIDEXAMPLE", "none-of-it", None, None, "test");
    let moved = answering(301, "<Error><Code>PermanentRedirect</Code></Error>");
    let check = HeadBucket::new(&moved, "uploads");
    assert_finds(&check, &key, "unknown", ErrorKind::Config, "another region").await;
    let late = answering(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>");
    let check = CallerIdentity::new(&late);
    assert_finds(&check, &key, "unknown", ErrorKind::Config, "clock").await;
}

#[tokio::test]
async fn a_failing_service_says_nothing_about_the_key() {
    let fixture = CheckFixture::new().await;
    let key = fixture.key.credentials();
    fixture.cloud.throttle("*", 100);
    assert_finds(
        &fixture.sts,
        &key,
        "unknown",
        ErrorKind::Unavailable,
        "throttled",
    )
    .await;
    assert_finds(&fixture.s3, &key, "unknown", ErrorKind::Unavailable, "").await;
    fixture.cloud.clear_faults();
    fixture.cloud.break_down("*", 100);
    assert_finds(
        &fixture.sts,
        &key,
        "unknown",
        ErrorKind::Unavailable,
        "failed",
    )
    .await;
    fixture.cloud.clear_faults();
    fixture.cloud.inject("*", Action::Hang, 100);
    let soon = Duration::from_millis(50);
    assert_finds(
        &fixture.sts.clone().timeout(soon),
        &key,
        "unknown",
        ErrorKind::Timeout,
        "50ms",
    )
    .await;
    assert_finds(
        &fixture.s3.clone().timeout(soon),
        &key,
        "unknown",
        ErrorKind::Timeout,
        "50ms",
    )
    .await;
}

#[tokio::test]
async fn an_unreachable_endpoint_says_nothing_about_the_key() {
    let fixture = CheckFixture::new().await;
    let key = fixture.key.credentials();
    let config = reach(&nowhere(), fixture.cloud.root()).build();
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
async fn a_closure_is_a_check_and_no_check_accepts_every_key() {
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

/// Answers of stores whose denial does not tell an unknown key from a missing permission.
#[tokio::test]
async fn a_denial_that_proves_nothing_is_not_that_of_a_genuine_key() {
    let key = Credentials::new("AKIDEXAMPLE", "none-of-it", None, None, "test");
    for (answer, verdict, kind, text) in [
        // R2, Garage, versitygw.
        (
            answering(
                401,
                "<Error><Code>Unauthorized</Code><Message>Unauthorized</Message></Error>",
            ),
            "not yet",
            ErrorKind::NotPropagated,
            "does not know",
        ),
        (
            answering(
                403,
                "<Error><Code>AccessDenied</Code><Message>Forbidden: No such key: GKAA</Message></Error>",
            ),
            "not yet",
            ErrorKind::NotPropagated,
            "does not know",
        ),
        (
            answering(
                403,
                "<Error><Code>AccessDenied</Code><Message>Forbidden: Invalid signature</Message></Error>",
            ),
            "bad",
            ErrorKind::Rejected,
            "secret access key",
        ),
        // Whatever the signature is, the answer is the same.
        (
            answering(
                403,
                "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            ),
            "not yet",
            ErrorKind::NotPropagated,
            "does not tell",
        ),
        (
            answering(403, ""),
            "not yet",
            ErrorKind::NotPropagated,
            "does not tell",
        ),
        (
            answering(401, ""),
            "not yet",
            ErrorKind::NotPropagated,
            "does not tell",
        ),
        (
            answering(401, "<Error><Code>NotLoggedIn</Code></Error>"),
            "not yet",
            ErrorKind::NotPropagated,
            "does not tell",
        ),
        (
            answering(
                400,
                "<Error><Code>InvalidArgument</Code><Message>Credential access key has length 11, should be 32</Message></Error>",
            ),
            "bad",
            ErrorKind::Rejected,
            "access key id",
        ),
        // AWS names the user.
        (
            answering(
                403,
                "<Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/u is not authorized to perform: x</Message></Error>",
            ),
            "forbidden",
            ErrorKind::Forbidden,
            "genuine",
        ),
    ] {
        assert_finds(
            &HeadBucket::new(&answer, "uploads"),
            &key,
            verdict,
            kind,
            text,
        )
        .await;
        assert_finds(&CallerIdentity::new(&answer), &key, verdict, kind, text).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unproven_key_is_never_published() {
    use credswap::aws::AccessKeyConnector;
    use credswap::refresh::{OnForbidden, Timeouts};
    let garage = answering(
        403,
        "<Error><Code>AccessDenied</Code><Message>Forbidden: No such key: GKAA</Message></Error>",
    );
    let source = || async {
        Ok::<_, Error>(credswap::Secret::new(
            r#"{"accesskey": "GKAA", "secretkey": "none"}"#,
            "v1",
        ))
    };
    for check in [
        garage,
        answering(401, ""),
        answering(403, "<Error><Code>AccessDenied</Code></Error>"),
    ] {
        let connector = AccessKeyConnector::checked_by(HeadBucket::new(&check, "uploads"));
        let started = credswap::RefreshableCredentials::builder(source, connector)
            .on_forbidden(OnForbidden::Accept)
            .timeouts(Timeouts::default().propagation(Duration::from_secs(3)))
            .start()
            .await;
        let error = started.expect_err("nothing proves the key");
        assert_eq!(error.kind(), ErrorKind::NotPropagated, "{}", error.report());
    }
}
