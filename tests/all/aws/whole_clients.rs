//! Whole clients as values: what they are made of, what they share, how long they live, and what they report.

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_types::SdkConfig;
use credswap::aws::S3ClientConnector;
use credswap::aws::check::NoCheck;
use credswap::refresh::Refreshed;
use credswap::{ErrorKind, Refreshable, RefreshableS3Client};
use credswap_testkit::Action;

use crate::support::cloud_fixture::{BUCKET, CloudFixture, SECRET, USER, eventually, id_suffix};

/// Starts clients whose secret has the endpoint, the region and the bucket.
async fn start(fixture: &CloudFixture) -> RefreshableS3Client {
    start_with(fixture, &fixture.sdk()).await
}

async fn start_with(fixture: &CloudFixture, sdk: &SdkConfig) -> RefreshableS3Client {
    write(fixture, &fixture.key);
    let connector = S3ClientConnector::checked_by(sdk, NoCheck)
        .expect("has an HTTP client")
        .configure(|builder| builder.force_path_style(true));
    Refreshable::builder(fixture.source(), connector)
        .without_polling()
        .start()
        .await
        .expect("starts")
}

fn write(fixture: &CloudFixture, key: &credswap_testkit::AccessKey) {
    fixture.cloud.put_secret(
        SECRET,
        format!(
            r#"{{"accesskey": "{}", "secretkey": "{}", "endpoint": "{}", "region": "us-east-1", "bucket": "{BUCKET}"}}"#,
            key.id(),
            key.secret(),
            fixture.cloud.s3_endpoint_url(),
        ),
    );
}

/// Puts a new key into the secret, and swaps the client.
async fn rotate(fixture: &CloudFixture, s3: &RefreshableS3Client) -> credswap_testkit::AccessKey {
    let key = fixture.rotate();
    write(fixture, &key);
    s3.refresh().await.expect("swaps");
    key
}

#[tokio::test]
async fn an_sdk_config_without_a_behavior_version_will_do() {
    let fixture = CloudFixture::new().await;
    let mut sdk = fixture.sdk().to_builder();
    sdk.set_behavior_version(None);
    let s3 = start_with(&fixture, &sdk.build()).await;
    let put = s3.lease().put_object().bucket(BUCKET).key("name").send();
    put.await.expect("the newest is used");
}

#[tokio::test]
async fn a_client_has_all_that_the_secret_says() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    let lease = s3.lease();
    let bucket = lease.bucket().expect("named").to_owned();
    assert_eq!(bucket, BUCKET);
    lease
        .put_object()
        .bucket(bucket)
        .key("name")
        .send()
        .await
        .expect("endpoint and region of the secret");
    assert_eq!(lease.key().id_suffix(), id_suffix(&fixture.key));
    let new = rotate(&fixture, &s3).await;
    s3.lease()
        .list_buckets()
        .send()
        .await
        .expect("the new client");
    assert_eq!(fixture.signers("s3:ListBuckets"), [id_suffix(&new)]);
}

#[tokio::test]
async fn a_request_keeps_the_generation_of_its_client_in_use() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    fixture.cloud.inject("s3:ListBuckets", Action::Hang, 1);
    // The lease is dropped at the end of this statement; the request is not.
    let request = tokio::spawn(s3.lease().list_buckets().send());
    fixture.cloud.called("s3:ListBuckets", 1).await;
    rotate(&fixture, &s3).await;
    tokio::task::yield_now().await;
    assert_eq!(s3.status().draining.len(), 1, "drained under a request");
    fixture.cloud.release();
    request
        .await
        .expect("no panic")
        .expect("the old key is still good");
    eventually("drained", || s3.status().draining.is_empty()).await;
}

#[tokio::test]
async fn clones_and_unsent_requests_keep_the_generation_in_use() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    let clone = s3.lease().client().clone();
    let unsent = s3.lease().list_buckets();
    rotate(&fixture, &s3).await;
    drop(clone);
    tokio::task::yield_now().await;
    assert_eq!(s3.status().draining.len(), 1);
    unsent.send().await.expect("still possible");
    eventually("drained", || s3.status().draining.is_empty()).await;
}

#[tokio::test]
async fn all_generations_share_the_connections() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    for _ in 0..10 {
        s3.lease().list_buckets().send().await.expect("works");
        rotate(&fixture, &s3).await;
    }
    s3.lease().list_buckets().send().await.expect("works");
    assert_eq!(s3.generation(), 11);
    assert_eq!(fixture.cloud.s3_connections_opened(), 1);
}

#[tokio::test]
async fn a_rejected_client_is_reported_and_replaced() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    let version = s3.status().version;
    let new = fixture.rotate();
    write(&fixture, &new);
    fixture.delete(&fixture.key);
    let old = s3.lease();
    let rejected = old.list_buckets().send().await;
    let rejected = rejected.expect_err("bound to its key");
    assert_eq!(rejected.code(), Some("InvalidAccessKeyId"));
    eventually("swapped by itself", || s3.generation() == 2).await;
    let status = s3.status();
    assert_eq!(status.rejected.len(), 1, "{status:?}");
    assert_eq!(status.rejected[0].version, version);
    s3.lease()
        .list_buckets()
        .send()
        .await
        .expect("the new client");
}

#[tokio::test]
async fn a_rejected_client_that_drains_reports_its_own_generation() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    let (version, old) = (s3.status().version, s3.lease());
    rotate(&fixture, &s3).await;
    fixture.deactivate(&fixture.key);
    let fetches = fixture.fetches();
    let rejected = old.list_buckets().send().await;
    rejected.expect_err("bound to its key");
    eventually("reported", || !s3.status().rejected.is_empty()).await;
    assert_eq!(s3.status().rejected[0].version, version);
    // The live one is another: there is nothing to fetch.
    let refreshed = s3.refresh().await.expect("unchanged");
    assert!(matches!(refreshed, Refreshed::Unchanged { .. }));
    assert_eq!(fixture.fetches(), fetches + 1);
}

#[tokio::test]
async fn a_client_without_permission_reports_nothing() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    fixture.cloud.deny(USER, "s3:ListBuckets");
    let denied = s3.lease().list_buckets().send().await;
    denied.expect_err("not permitted");
    s3.refresh().await.expect("unchanged");
    assert!(s3.status().rejected.is_empty());
}

#[tokio::test]
async fn without_an_http_client_the_error_says_what_to_set() {
    let sdk = aws_types::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .build();
    let error = S3ClientConnector::checked_by(&sdk, NoCheck).expect_err("no HTTP client");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("http_client("), "{error}");
}

#[tokio::test]
async fn debug_output_never_has_the_secret_key() {
    let fixture = CloudFixture::new().await;
    let s3 = start(&fixture).await;
    let connector =
        S3ClientConnector::checked_by(&fixture.sdk(), NoCheck).expect("has an HTTP client");
    let shown = format!(
        "{:?} {:?} {connector:?} {s3:?}",
        s3.lease(),
        s3.lease().client()
    );
    assert!(!shown.contains(fixture.key.secret()), "leaked");
    assert!(
        tokio::time::timeout(Duration::from_secs(5), s3.shutdown(Duration::ZERO))
            .await
            .is_ok()
    );
}
