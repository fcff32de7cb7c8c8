//! Each attempt is signed with the live key, on the same connections, and the key is never printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::presigning::PresigningConfig;
use credswap_testkit::Action;

use super::put;
use crate::support::cloud_fixture::{BUCKET, CloudFixture, id_suffix};

#[tokio::test]
async fn the_next_request_after_a_swap_is_signed_with_the_new_key() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let clone = s3.clone();
    put(&s3, "before").await.expect("old key");
    let new = fixture.rotate();
    credentials.refresh().await.expect("swaps");
    put(&s3, "after").await.expect("new key");
    put(&clone, "clone").await.expect("new key");
    assert_eq!(
        fixture.signers("s3:PutObject"),
        [id_suffix(&fixture.key), id_suffix(&new), id_suffix(&new)]
    );
}

#[tokio::test]
async fn a_retry_after_a_swap_is_signed_with_the_new_key() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let new = fixture.rotate();
    let puts = Arc::new(AtomicUsize::new(0));
    fixture.cloud.on_call({
        let puts = Arc::clone(&puts);
        move |call| match call.name().as_str() {
            "s3:PutObject" if puts.fetch_add(1, Ordering::SeqCst) == 0 => {
                Action::Fail(503, "SlowDown")
            }
            _ => Action::Pass,
        }
    });
    let request = tokio::spawn(async move { put(&s3, "retried").await });
    fixture.cloud.called("s3:PutObject", 1).await;
    credentials
        .refresh()
        .await
        .expect("swaps while the SDK backs off");
    request.await.expect("no panic").expect("succeeds");
    assert_eq!(
        fixture.signers("s3:PutObject"),
        [id_suffix(&fixture.key), id_suffix(&new)]
    );
}

#[tokio::test]
async fn swaps_open_no_connection() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    put(&s3, "first").await.expect("old key");
    for round in 0..10 {
        fixture.rotate();
        credentials.refresh().await.expect("swaps");
        put(&s3, &format!("round {round}")).await.expect("new key");
    }
    assert_eq!(credentials.generation(), 11);
    assert_eq!(fixture.cloud.s3_connections_opened(), 1);
}

#[tokio::test]
async fn credentials_given_to_one_operation_are_its_own() {
    let fixture = CloudFixture::new().await;
    let (_credentials, s3) = fixture.start().await;
    let root = fixture.cloud.root();
    s3.list_buckets()
        .customize()
        .config_override(aws_sdk_s3::config::Builder::new().credentials_provider(root.clone()))
        .send()
        .await
        .expect("root may");
    let id = root.access_key_id();
    assert_eq!(fixture.signers("s3:ListBuckets"), [&id[id.len() - 4..]]);
}

#[tokio::test(start_paused = true)]
async fn a_presigned_url_keeps_its_key_in_use_until_it_expires() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let signed = tokio::time::Instant::now();
    for seconds in [100, 300, 200] {
        let expires = Duration::from_secs(seconds);
        let expires = PresigningConfig::expires_in(expires).expect("valid");
        let get = s3.get_object().bucket(BUCKET).key("name");
        let url = get.presigned(expires).await.expect("signs");
        assert!(url.uri().contains(fixture.key.id()));
    }
    let old = credentials.status().version;
    fixture.rotate();
    credentials.refresh().await.expect("swaps");
    let draining = credentials.status().draining.remove(0);
    let pinned = draining.pinned_until.expect("the URLs have not expired");
    let left = pinned.duration_since(draining.since).expect("later");
    assert!(left > Duration::from_secs(299), "{left:?}");
    credentials.drained(&old).await.expect("replaced");
    let took = signed.elapsed();
    assert!(took >= Duration::from_secs(300), "drained after {took:?}");
}

#[tokio::test]
async fn debug_output_never_has_the_secret_key() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let shown = format!(
        "{credentials:?} {:?} {:?} {:?} {s3:?} {:?}",
        credentials.client_hooks(),
        credentials.lease(),
        credentials.status(),
        credentials.provide_credentials().await
    );
    assert!(!shown.contains(fixture.key.secret()), "leaked");
    assert_eq!(
        credentials.with(|key| key.id_suffix().to_owned()),
        id_suffix(&fixture.key)
    );
}
