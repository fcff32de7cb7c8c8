//! What holds a key: requests until they end, credentials that were handed out, and nothing else.

use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use credswap::refresh::RefreshEvent;
use credswap_testkit::Action;

use super::put;
use crate::support::cloud_fixture::{World, eventually};

#[tokio::test]
async fn a_request_in_flight_holds_its_key_until_it_ends() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let mut events = keys.events();
    world.cloud.inject("s3:PutObject", Action::Hang, 1);
    let request = tokio::spawn(async move { put(&s3, "slow").await });
    world.cloud.called("s3:PutObject", 1).await;
    world.rotate();
    keys.refresh().await.expect("swaps");
    assert!(matches!(
        events.recv().await,
        Ok(RefreshEvent::Swapped { .. })
    ));
    tokio::time::timeout(Duration::from_millis(100), events.recv())
        .await
        .expect_err("announced under a request");
    assert_eq!(keys.status().draining.len(), 1);

    world.cloud.release();
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
async fn a_request_that_is_cancelled_or_times_out_lets_go_of_its_key() {
    let world = World::new().await;
    let (keys, edge, s3) = world.start().await;
    world.cloud.inject("s3:PutObject", Action::Hang, 2);
    let cancelled = tokio::spawn(async move { put(&s3, "cancelled").await });
    world.cloud.called("s3:PutObject", 1).await;
    let impatient = world
        .s3_config()
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(Duration::from_millis(200))
                .build(),
        );
    let impatient = aws_sdk_s3::Client::from_conf(credswap::configure!(edge, impatient).build());
    put(&impatient, "timed out").await.expect_err("hangs");
    world.rotate();
    keys.refresh().await.expect("swaps");
    assert_eq!(keys.status().draining.len(), 1, "one is still in flight");
    cancelled.abort();
    eventually("drained", || keys.status().draining.is_empty()).await;
    world.cloud.release();
}

#[tokio::test]
async fn an_sdk_backoff_between_two_attempts_holds_no_key() {
    let world = World::new().await;
    let (keys, edge, _) = world.start().await;
    let patient = world.s3_config().retry_config(
        RetryConfig::standard()
            .with_initial_backoff(Duration::from_secs(60))
            .with_max_backoff(Duration::from_secs(60))
            .with_use_static_exponential_base(true),
    );
    let patient = aws_sdk_s3::Client::from_conf(credswap::configure!(edge, patient).build());
    world.cloud.throttle("s3:PutObject", 1);
    let waiting = tokio::spawn(async move { put(&patient, "throttled").await });
    world.cloud.called("s3:PutObject", 1).await;
    world.rotate();
    keys.refresh().await.expect("swaps");
    eventually("drained while the SDK waits", || {
        keys.status().draining.is_empty()
    })
    .await;
    waiting.abort();
}

#[tokio::test]
async fn credentials_that_were_handed_out_hold_their_key_with_every_clone() {
    let world = World::new().await;
    let (keys, edge, _) = world.start().await;
    let handed_out = edge
        .credentials_provider()
        .provide_credentials()
        .await
        .expect("live");
    let clone = handed_out.clone();
    let identity = aws_smithy_runtime_api::client::identity::Identity::from(clone.clone());
    world.rotate();
    keys.refresh().await.expect("swaps");
    for last in [
        Box::new(handed_out) as Box<dyn std::any::Any>,
        Box::new(clone),
        Box::new(identity),
    ] {
        tokio::task::yield_now().await;
        assert_eq!(
            keys.status().draining.len(),
            1,
            "drained while somebody could sign"
        );
        drop(last);
    }
    eventually("drained", || keys.status().draining.is_empty()).await;
}
