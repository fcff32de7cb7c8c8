//! What keeps a key in use: requests until they end, clones of its credentials, and nothing else.

use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use credswap::refresh::RefreshEvent;
use credswap_testkit::Action;

use super::put;
use crate::support::cloud_fixture::{BUCKET, CloudFixture, eventually};

#[tokio::test]
async fn a_request_in_flight_keeps_its_key_in_use_until_it_ends() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let mut events = credentials.events();
    fixture.cloud.inject("s3:PutObject", Action::Hang, 1);
    let request = tokio::spawn(async move { put(&s3, "slow").await });
    fixture.cloud.called("s3:PutObject", 1).await;
    fixture.rotate();
    credentials.refresh().await.expect("swaps");
    assert!(matches!(
        events.recv().await,
        Ok(RefreshEvent::Swapped { .. })
    ));
    tokio::time::timeout(Duration::from_millis(100), events.recv())
        .await
        .expect_err("drained under a request");
    assert_eq!(credentials.status().draining.len(), 1);

    fixture.cloud.release();
    request
        .await
        .expect("no panic")
        .expect("the old key is still good");
    assert!(matches!(
        events.recv().await,
        Ok(RefreshEvent::Drained { generation: 1, .. })
    ));
}

#[tokio::test]
async fn a_cancelled_or_timed_out_request_releases_its_key() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    fixture.cloud.inject("s3:PutObject", Action::Hang, 2);
    let cancelled = tokio::spawn(async move { put(&s3, "cancelled").await });
    fixture.cloud.called("s3:PutObject", 1).await;
    let hasty = fixture
        .s3_config()
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(Duration::from_millis(200))
                .build(),
        );
    let hasty = aws_sdk_s3::Client::from_conf(credswap::configure!(credentials, hasty).build());
    put(&hasty, "timed out").await.expect_err("hangs");
    fixture.rotate();
    credentials.refresh().await.expect("swaps");
    assert_eq!(
        credentials.status().draining.len(),
        1,
        "one is still in flight"
    );
    cancelled.abort();
    eventually("drained", || credentials.status().draining.is_empty()).await;
    fixture.cloud.release();
}

#[tokio::test]
async fn an_sdk_backoff_between_attempts_keeps_no_key_in_use() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let slow = fixture.s3_config().retry_config(
        RetryConfig::standard()
            .with_initial_backoff(Duration::from_secs(60))
            .with_max_backoff(Duration::from_secs(60))
            .with_use_static_exponential_base(true),
    );
    let slow = aws_sdk_s3::Client::from_conf(credswap::configure!(credentials, slow).build());
    fixture.cloud.throttle("s3:PutObject", 1);
    let waiting = tokio::spawn(async move { put(&slow, "throttled").await });
    fixture.cloud.called("s3:PutObject", 1).await;
    fixture.rotate();
    credentials.refresh().await.expect("swaps");
    eventually("drained during the backoff", || {
        credentials.status().draining.is_empty()
    })
    .await;
    waiting.abort();
}

#[tokio::test]
async fn every_clone_of_the_credentials_keeps_the_key_in_use() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let provided = credentials.provide_credentials().await.expect("live");
    let clone = provided.clone();
    let identity = aws_smithy_runtime_api::client::identity::Identity::from(clone.clone());
    fixture.rotate();
    credentials.refresh().await.expect("swaps");
    for last in [
        Box::new(provided) as Box<dyn std::any::Any>,
        Box::new(clone),
        Box::new(identity),
    ] {
        tokio::task::yield_now().await;
        assert_eq!(
            credentials.status().draining.len(),
            1,
            "drained while it can be signed with"
        );
        drop(last);
    }
    eventually("drained", || credentials.status().draining.is_empty()).await;
}

#[tokio::test]
async fn a_body_that_is_still_being_read_keeps_no_key_in_use() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let content = vec![7; 8 << 20]; // more than the sockets' buffers hold
    let put = s3.put_object().bucket(BUCKET).key("large");
    let body = aws_sdk_s3::primitives::ByteStream::from(content.clone());
    put.body(body).send().await.expect("stored");
    let get = s3.get_object().bucket(BUCKET).key("large").send();
    let object = get.await.expect("the head of the answer");
    let old = credentials.status().version;
    fixture.rotate_and_delete_old();
    credentials.refresh().await.expect("swaps");
    credentials.drained(&old).await.expect("replaced");
    let read = object.body.collect().await.expect("the body needs no key");
    assert!(read.into_bytes() == content);
}
