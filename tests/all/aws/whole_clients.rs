//! Whole clients as values: what they are made of, what they share, and how long they live.

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_types::SdkConfig;
use credswap::aws::check::NoCheck;
use credswap::aws::{S3, s3_clients_checked_by};
use credswap::{ErrorKind, Refreshable};
use credswap_testkit::Action;

use crate::support::cloud_fixture::{BUCKET, SECRET, World, eventually, tail};

/// A refreshable of clients, whose secret carries the endpoint, the region and the bucket.
async fn start(world: &World) -> Refreshable<S3> {
    start_with(world, &world.sdk()).await
}

async fn start_with(world: &World, sdk: &SdkConfig) -> Refreshable<S3> {
    write(world, &world.key);
    let clients = s3_clients_checked_by(sdk, NoCheck)
        .expect("has an HTTP client")
        .configure(|builder| builder.force_path_style(true));
    Refreshable::builder(world.source(), clients)
        .start()
        .await
        .expect("starts")
}

fn write(world: &World, key: &credswap_testkit::AccessKey) {
    world.cloud.put_secret(
        SECRET,
        format!(
            r#"{{"accesskey": "{}", "secretkey": "{}", "endpoint": "{}", "region": "us-east-1", "bucket": "{BUCKET}"}}"#,
            key.id(),
            key.secret(),
            world.cloud.s3_endpoint_url(),
        ),
    );
}

/// Puts a new key into the secret, and the client made of it in place.
async fn rotate(world: &World, s3: &Refreshable<S3>) -> credswap_testkit::AccessKey {
    let key = world.rotate();
    write(world, &key);
    s3.refresh().await.expect("swaps");
    key
}

#[tokio::test]
async fn an_sdk_configuration_that_names_no_behavior_version_will_do() {
    let world = World::new().await;
    let mut sdk = world.sdk().to_builder();
    sdk.set_behavior_version(None);
    let s3 = start_with(&world, &sdk.build()).await;
    let put = s3.lease().put_object().bucket(BUCKET).key("name").send();
    put.await.expect("the newest is taken");
}

#[tokio::test]
async fn a_client_is_made_of_all_that_the_secret_says() {
    let world = World::new().await;
    let s3 = start(&world).await;
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
    assert_eq!(lease.key().id_suffix(), tail(&world.key));
    let new = rotate(&world, &s3).await;
    s3.lease()
        .list_buckets()
        .send()
        .await
        .expect("the new client");
    assert_eq!(world.signers("s3:ListBuckets"), [tail(&new)]);
}

#[tokio::test]
async fn a_request_outlives_its_lease_and_holds_the_generation() {
    let world = World::new().await;
    let s3 = start(&world).await;
    world.cloud.inject("s3:ListBuckets", Action::Hang, 1);
    // The lease is gone at the end of this statement; the request is not.
    let request = tokio::spawn(s3.lease().list_buckets().send());
    world.cloud.called("s3:ListBuckets", 1).await;
    rotate(&world, &s3).await;
    tokio::task::yield_now().await;
    assert_eq!(s3.status().draining.len(), 1, "drained under a request");
    world.cloud.release();
    request
        .await
        .expect("no panic")
        .expect("the old key is still good");
    eventually("drained", || s3.status().draining.is_empty()).await;
}

#[tokio::test]
async fn a_clone_of_the_client_and_a_request_not_yet_sent_hold_the_generation() {
    let world = World::new().await;
    let s3 = start(&world).await;
    let clone = s3.lease().client().clone();
    let unsent = s3.lease().list_buckets();
    rotate(&world, &s3).await;
    drop(clone);
    tokio::task::yield_now().await;
    assert_eq!(s3.status().draining.len(), 1);
    unsent.send().await.expect("still possible");
    eventually("drained", || s3.status().draining.is_empty()).await;
}

#[tokio::test]
async fn all_generations_share_the_connections() {
    let world = World::new().await;
    let s3 = start(&world).await;
    for _ in 0..10 {
        s3.lease().list_buckets().send().await.expect("works");
        rotate(&world, &s3).await;
    }
    s3.lease().list_buckets().send().await.expect("works");
    assert_eq!(s3.generation(), 11);
    assert_eq!(world.cloud.s3_connections_opened(), 1);
}

#[tokio::test]
async fn a_refused_client_asks_for_a_look() {
    let world = World::new().await;
    let s3 = start(&world).await;
    let new = world.rotate();
    write(&world, &new);
    world.delete(&world.key);
    let refused = s3
        .lease()
        .list_buckets()
        .send()
        .await
        .expect_err("bound to its key");
    assert_eq!(refused.code(), Some("InvalidAccessKeyId"));
    eventually("swapped by itself", || s3.generation() == 2).await;
    s3.lease()
        .list_buckets()
        .send()
        .await
        .expect("the new client");
}

#[tokio::test]
async fn without_a_shared_http_client_there_is_an_error_that_says_what_to_set() {
    let sdk = aws_types::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .build();
    let error = s3_clients_checked_by(&sdk, NoCheck).expect_err("no HTTP client");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("http_client("), "{error}");
}

#[tokio::test]
async fn neither_the_client_nor_its_maker_prints_the_secret_key() {
    let world = World::new().await;
    let s3 = start(&world).await;
    let clients = s3_clients_checked_by(&world.sdk(), NoCheck).expect("has an HTTP client");
    let shown = format!(
        "{:?} {:?} {clients:?} {s3:?}",
        s3.lease(),
        s3.lease().client()
    );
    assert!(!shown.contains(world.key.secret()), "leaked");
    assert!(
        tokio::time::timeout(Duration::from_secs(5), s3.shutdown(Duration::ZERO))
            .await
            .is_ok()
    );
}
