//! The right key: the live one, for each attempt, on the same connections; and never shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::presigning::PresigningConfig;
use credswap_testkit::Action;

use super::put;
use crate::support::cloud_fixture::{BUCKET, World, eventually, tail};

#[tokio::test]
async fn the_next_request_after_a_swap_is_signed_with_the_new_key() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let clone = s3.clone();
    put(&s3, "before").await.expect("old key");
    let new = world.rotate();
    keys.refresh().await.expect("swaps");
    put(&s3, "after").await.expect("new key");
    put(&clone, "clone").await.expect("new key");
    assert_eq!(
        world.signers("s3:PutObject"),
        [tail(&world.key), tail(&new), tail(&new)]
    );
}

#[tokio::test]
async fn a_retry_after_a_swap_is_signed_with_the_new_key() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let new = world.rotate();
    let puts = Arc::new(AtomicUsize::new(0));
    world.cloud.on_call({
        let puts = Arc::clone(&puts);
        move |call| match call.name().as_str() {
            "s3:PutObject" if puts.fetch_add(1, Ordering::SeqCst) == 0 => {
                Action::Fail(503, "SlowDown")
            }
            _ => Action::Pass,
        }
    });
    let request = tokio::spawn(async move { put(&s3, "retried").await });
    world.cloud.called("s3:PutObject", 1).await;
    keys.refresh().await.expect("swaps while the SDK backs off");
    request.await.expect("no panic").expect("succeeds");
    assert_eq!(
        world.signers("s3:PutObject"),
        [tail(&world.key), tail(&new)]
    );
}

#[tokio::test]
async fn swaps_open_no_connection() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    put(&s3, "first").await.expect("old key");
    for round in 0..10 {
        world.rotate();
        keys.refresh().await.expect("swaps");
        put(&s3, &format!("round {round}")).await.expect("new key");
    }
    assert_eq!(keys.generation(), 11);
    assert_eq!(world.cloud.s3_connections_opened(), 1);
}

#[tokio::test]
async fn credentials_given_to_one_operation_are_its_own() {
    let world = World::new().await;
    let (_keys, _, s3) = world.start().await;
    let root = world.cloud.root();
    s3.list_buckets()
        .customize()
        .config_override(aws_sdk_s3::config::Builder::new().credentials_provider(root.clone()))
        .send()
        .await
        .expect("root may");
    let id = root.access_key_id();
    assert_eq!(world.signers("s3:ListBuckets"), [&id[id.len() - 4..]]);
}

#[tokio::test]
async fn a_presigned_url_is_signed_with_the_live_key_and_holds_it_until_the_longest_has_expired() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    for seconds in [1, 3, 2] {
        let url = s3
            .get_object()
            .bucket(BUCKET)
            .key("name")
            .presigned(PresigningConfig::expires_in(Duration::from_secs(seconds)).expect("valid"))
            .await
            .expect("signs");
        assert!(url.uri().contains(world.key.id()));
    }
    let signed = tokio::time::Instant::now();
    let clock = std::time::SystemTime::UNIX_EPOCH;
    world.rotate();
    keys.refresh().await.expect("swaps");
    let held = keys.status().draining;
    assert!(
        held[0].pinned_until.is_some_and(|at| at > clock),
        "no horizon: {held:?}"
    );
    eventually("drained", || keys.status().draining.is_empty()).await;
    let took = signed.elapsed();
    assert!(
        took > Duration::from_millis(2500),
        "announced {took:?} after a URL for 3 s was signed"
    );
}

#[tokio::test]
async fn nothing_of_the_edge_prints_the_secret_key() {
    let world = World::new().await;
    let (keys, edge, s3) = world.start().await;
    let shown = format!(
        "{keys:?} {edge:?} {:?} {:?} {s3:?} {:?}",
        keys.lease(),
        keys.status(),
        edge.credentials_provider().provide_credentials().await
    );
    assert!(!shown.contains(world.key.secret()), "leaked");
    assert_eq!(
        keys.with(|key| key.id_suffix().to_owned()),
        tail(&world.key)
    );
}
