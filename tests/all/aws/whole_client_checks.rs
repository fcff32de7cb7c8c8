//! What is proven before a whole client goes live: its key, and by a request of its own its endpoint.

use std::time::Duration;

use aws_types::SdkConfig;
use credswap::aws::check::NoCheck;
use credswap::aws::{OwnRequest, S3ClientConnector};
use credswap::connect::{Connect, Verdict};
use credswap::hot::DrainToken;
use credswap::refresh::OnForbidden;
use credswap::{Error, ErrorKind, Refreshable, RefreshableS3Client, Secret};

use crate::support::canned::{answering, nowhere};
use crate::support::cloud_fixture::{BUCKET, CloudFixture, SECRET, USER};

fn connector(sdk: &SdkConfig) -> S3ClientConnector<NoCheck> {
    S3ClientConnector::checked_by(sdk, NoCheck)
        .expect("has an HTTP client")
        .configure(|builder| {
            builder
                .force_path_style(true)
                .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        })
}

/// Returns a secret with the fixture's key and these members.
fn secret(fixture: &CloudFixture, members: &str) -> String {
    let (id, secret) = (fixture.key.id(), fixture.key.secret());
    format!(r#"{{"accesskey": "{id}", "secretkey": "{secret}", {members}}}"#)
}

fn good(fixture: &CloudFixture) -> String {
    let endpoint = fixture.cloud.s3_endpoint_url();
    secret(
        fixture,
        &format!(r#""endpoint": "{endpoint}", "region": "us-east-1""#),
    )
}

async fn start(fixture: &CloudFixture) -> RefreshableS3Client {
    fixture.cloud.put_secret(SECRET, good(fixture));
    Refreshable::builder(fixture.source(), connector(&fixture.sdk()))
        .without_polling()
        .start()
        .await
        .expect("starts")
}

/// Returns the verdict on a client made of this secret.
async fn verdict<C: Connect>(connector: &C, secret: &str) -> Result<Verdict, Error> {
    let secret = Secret::new(secret, "v1");
    let client = connector.connect(&secret, &DrainToken::new()).await?;
    Ok(connector.check(&client).await)
}

#[tokio::test]
async fn a_client_whose_endpoint_cannot_work_never_goes_live() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    let nowhere = format!(r#""endpoint": "{}", "region": "us-east-1""#, nowhere());
    for (members, kind) in [
        (r#""endpoint": "s3.example.gov""#, ErrorKind::Malformed),
        (r#""endpoint": "db.internal:3306""#, ErrorKind::Malformed),
        (r#""region": """#, ErrorKind::Malformed),
        (r#""region": "eu west 1""#, ErrorKind::Malformed),
        (nowhere.as_str(), ErrorKind::Unavailable),
    ] {
        fixture.cloud.put_secret(SECRET, secret(&fixture, members));
        let error = s3.refresh().await.expect_err(members);
        assert_eq!(error.kind(), kind, "{members}: {error}");
        let call = s3.lease().list_buckets().send().await;
        call.expect("the last good client stays");
    }
    fixture.cloud.put_secret(SECRET, good(&fixture));
    s3.refresh().await.expect("corrected");
}

#[tokio::test]
async fn what_is_not_s3_is_not_taken_for_it() {
    let fixture = CloudFixture::new().await;
    for (status, body) in [
        (200, ""),
        (200, "<!DOCTYPE html><html><body>Welcome</body></html>"),
        (200, "{}"),
        (403, "<html>Forbidden</html>"),
        (403, ""),
        (404, "not found"),
        (401, ""),
        (400, "this is MySQL"),
        (502, "bad gateway"),
    ] {
        for members in [r#""region": "us-east-1""#, r#""bucket": "uploads""#] {
            let connector = connector(&answering(status, body));
            let verdict = verdict(&connector, &secret(&fixture, members)).await;
            let Verdict::Unknown(error) = verdict.expect("connects") else {
                panic!("{status} {body:?}")
            };
            assert!(
                error.to_string().contains("endpoint") || status == 502,
                "{status} {body:?}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn a_key_that_may_do_little_is_proven_all_the_same() {
    let fixture = CloudFixture::new().await;
    fixture.cloud.deny(USER, "s3:ListBuckets");
    fixture.cloud.deny(USER, "s3:ListBucket");
    let with_bucket = good(&fixture).replace('}', &format!(r#", "bucket": "{BUCKET}"}}"#));
    for content in [good(&fixture), with_bucket] {
        let sdk = fixture.sdk();
        let proven = verdict(&connector(&sdk), &content).await;
        assert!(matches!(proven, Ok(Verdict::Good)), "{proven:?}");
        let strict = connector(&sdk).client_check(OwnRequest::default().require_success());
        let denied = verdict(&strict, &content).await;
        assert!(matches!(denied, Ok(Verdict::NotYet(_))), "{denied:?}");
    }
}

#[tokio::test]
async fn a_dead_key_a_wrong_one_and_a_missing_bucket_are_not_proven() {
    let fixture = CloudFixture::new().await;
    let connector = connector(&fixture.sdk());
    let content = good(&fixture);
    let wrong = content.replace(fixture.key.secret(), "wrong");
    let verdict_on = verdict(&connector, &wrong).await.expect("connects");
    assert!(matches!(verdict_on, Verdict::Bad(_)), "{verdict_on:?}");
    let missing = content.replace('}', r#", "bucket": "no-such-bucket"}"#);
    let Verdict::Unknown(error) = verdict(&connector, &missing).await.expect("connects") else {
        panic!("there is no such bucket")
    };
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`no-such-bucket`"), "{error}");
    fixture.delete(&fixture.key);
    let verdict_on = verdict(&connector, &content).await.expect("connects");
    assert!(matches!(verdict_on, Verdict::NotYet(_)), "{verdict_on:?}");
}

#[tokio::test]
async fn a_key_that_is_accepted_without_permission_still_needs_an_endpoint() {
    let fixture = CloudFixture::new().await;
    let forbidden = |_| async { Verdict::Forbidden(Error::new(ErrorKind::Forbidden, "no")) };
    let connector = S3ClientConnector::checked_by(&fixture.sdk(), forbidden)
        .expect("has an HTTP client")
        .configure(|builder| builder.force_path_style(true));
    fixture.cloud.put_secret(
        SECRET,
        secret(&fixture, &format!(r#""endpoint": "{}""#, nowhere())),
    );
    let start = Refreshable::builder(fixture.source(), connector)
        .on_forbidden(OnForbidden::Accept)
        .start()
        .await;
    assert_eq!(
        start.expect_err("nothing listens").kind(),
        ErrorKind::Unavailable
    );
}

#[tokio::test]
async fn the_check_of_the_client_can_be_chosen() {
    let fixture = CloudFixture::new().await;
    let sdk = fixture.sdk();
    let content = secret(&fixture, &format!(r#""endpoint": "{}""#, nowhere()));
    let unchecked = connector(&sdk).client_check(NoCheck);
    let unproven = verdict(&unchecked, &content).await;
    assert!(matches!(unproven, Ok(Verdict::Good)), "{unproven:?}");

    let own = connector(&sdk).client_check(|s3: aws_sdk_s3::Client| async move {
        match s3.list_objects_v2().bucket(BUCKET).send().await {
            Ok(_) => Verdict::Good,
            Err(_) => Verdict::Bad(Error::new(ErrorKind::Rejected, "not this one")),
        }
    });
    let proven = verdict(&own, &good(&fixture)).await;
    assert!(matches!(proven, Ok(Verdict::Good)), "{proven:?}");

    let named = connector(&sdk).client_check(OwnRequest::bucket("no-such-bucket"));
    let missing = verdict(&named, &good(&fixture)).await;
    assert!(matches!(missing, Ok(Verdict::Unknown(_))), "{missing:?}");

    let hasty = connector(&sdk).client_check(OwnRequest::default().timeout(Duration::ZERO));
    let Ok(Verdict::Unknown(error)) = verdict(&hasty, &good(&fixture)).await else {
        panic!("no time")
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_client_without_any_region_is_refused() {
    let fixture = CloudFixture::new().await;
    let mut sdk = fixture.sdk().to_builder();
    sdk.set_region(None);
    let connector = connector(&sdk.build());
    let error = verdict(&connector, &secret(&fixture, r#""bucket": "b""#)).await;
    let error = error.expect_err("no region");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("region"), "{error}");
}

#[tokio::test]
async fn an_endpoint_that_comes_up_late_is_waited_for() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    let bucket = good(&fixture).replace('}', r#", "bucket": "late-bucket"}"#);
    fixture.cloud.put_secret(SECRET, bucket);
    s3.refresh().await.expect_err("the bucket is missing");
    fixture.cloud.create_bucket("late-bucket");
    s3.refresh().await.expect("it is there now");
    assert_eq!(s3.lease().bucket(), Some("late-bucket"));
}
