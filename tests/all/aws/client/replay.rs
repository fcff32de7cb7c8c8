//! Requests whose key is dead: replayed with the newer one where that is possible, and explained where it is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use credswap_testkit::{Action, Service};

use super::put;
use crate::support::cloud_fixture::{BUCKET, CloudFixture, SECRET, USER, eventually, id_suffix};

/// Puts a body that can be read once.
async fn put_stream(s3: &Client) -> Result<PutObjectOutput, SdkError<PutObjectError>> {
    let chunks = futures::stream::iter((0..8).map(|_| {
        Ok::<_, std::io::Error>(http_body::Frame::data(bytes::Bytes::from_static(
            &[7; 4096],
        )))
    }));
    let once = ByteStream::new(SdkBody::from_body_1_x(http_body_util::StreamBody::new(
        chunks,
    )));
    let put = s3.put_object().bucket(BUCKET).key("stream");
    put.content_length(8 * 4096).body(once).send().await
}

#[tokio::test]
async fn a_request_whose_key_was_deleted_is_replayed_with_the_new_one() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let new = fixture.rotate_and_delete_old(); // no event announces the new one
    put(&s3, "replayed").await.expect("replayed");
    assert_eq!(
        fixture.signers("s3:PutObject"),
        [id_suffix(&fixture.key), id_suffix(&new)]
    );
    assert_eq!(credentials.generation(), 2);
}

#[tokio::test]
async fn a_request_whose_key_was_deactivated_is_replayed() {
    let fixture = CloudFixture::new().await;
    let (_credentials, s3) = fixture.start().await;
    fixture.rotate();
    fixture.deactivate(&fixture.key);
    put(&s3, "replayed").await.expect("replayed");
}

#[tokio::test]
async fn a_replay_uses_none_of_the_users_retries() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let client = |attempts| {
        let config = fixture.s3_config().retry_config(
            RetryConfig::standard()
                .with_max_attempts(attempts)
                .with_initial_backoff(Duration::from_millis(1)),
        );
        aws_sdk_s3::Client::from_conf(credswap::configure!(credentials, config).build())
    };
    fixture.rotate_and_delete_old();
    put(&client(1), "no retries")
        .await
        .expect("replayed without retries");

    fixture.rotate_and_delete_old();
    let puts = Arc::new(AtomicUsize::new(0));
    fixture
        .cloud
        .on_call(move |call| match call.name().as_str() {
            "s3:PutObject" if puts.fetch_add(1, Ordering::SeqCst) == 1 => {
                Action::Fail(503, "SlowDown")
            }
            _ => Action::Pass,
        });
    put(&client(2), "rejected, then throttled")
        .await
        .expect("the user's own retry is still there");
}

#[tokio::test]
async fn replays_leave_the_sdks_process_wide_retry_quota_alone() {
    let fixture = CloudFixture::new().await;
    let (_credentials, s3) = fixture.start().await;
    // Each retry of the SDK's takes 5 or more of 500 tokens, and a success gives back one at most.
    for round in 0..110 {
        fixture.rotate_and_delete_old();
        put(&s3, &format!("round {round}")).await.expect("replayed");
    }
    fixture.cloud.throttle("s3:PutObject", 1);
    put(&s3, "throttled")
        .await
        .expect("there is quota left for a plain retry");
}

#[tokio::test]
async fn many_requests_with_a_dead_key_cost_one_fetch() {
    let fixture = CloudFixture::new().await;
    let (_credentials, s3) = fixture.start().await;
    put(&s3, "warm").await.expect("old key");
    let before = fixture.fetches();
    fixture.rotate_and_delete_old();
    let all = (0..64).map(|n| {
        let s3 = s3.clone();
        async move { put(&s3, &format!("object {n}")).await }
    });
    for result in futures::future::join_all(all).await {
        result.expect("replayed");
    }
    let fetches = fixture.fetches() - before;
    assert!(fetches <= 2, "{fetches} fetches");
}

#[tokio::test]
async fn a_replay_whose_own_key_has_died_is_replayed_again() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let cloud = fixture.cloud.clone();
    // The first two attempts find their key deleted, with a newer one in the secret.
    let attempts = Arc::new(AtomicUsize::new(0));
    fixture.cloud.on_call(move |call| {
        if call.name() == "s3:PutObject" && attempts.fetch_add(1, Ordering::SeqCst) < 2 {
            let dead = call.access_key_id().expect("signed").to_owned();
            let key = cloud.create_access_key(USER);
            cloud.put_secret(SECRET, key.to_json());
            cloud.delete_key(&dead);
        }
        Action::Pass
    });
    put(&s3, "twice").await.expect("the third key is good");
    assert_eq!(credentials.generation(), 3);
    fixture.cloud.clear_faults(); // the hook has a clone of the cloud
}

#[tokio::test]
async fn an_operation_whose_keys_all_died_returns_the_rejection() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let cloud = fixture.cloud.clone();
    fixture.cloud.on_call(move |call| {
        if call.name() == "s3:PutObject" {
            let dead = call.access_key_id().expect("signed").to_owned();
            let key = cloud.create_access_key(USER);
            cloud.put_secret(SECRET, key.to_json());
            cloud.delete_key(&dead);
        }
        Action::Pass
    });
    let rejected = put(&s3, "never")
        .await
        .expect_err("no key lives long enough");
    assert_eq!(rejected.code(), Some("InvalidAccessKeyId"));
    assert_eq!(fixture.cloud.count("s3:PutObject"), 9, "eight replays");
    fixture.cloud.clear_faults(); // the hook has a clone of the cloud
    // The last rejection was reported, too.
    let newer = async { credentials.updates().newer_than(9).await };
    let newer = tokio::time::timeout(Duration::from_secs(5), newer).await;
    newer.expect("the key that came after it is live");
}

#[tokio::test]
async fn a_new_key_that_s3_does_not_know_yet_is_tried_again() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let config = fixture.s3_config().retry_config(RetryConfig::disabled());
    let s3 = Client::from_conf(credswap::configure!(credentials, config).build());
    put(&s3, "before").await.expect("the old key is known");
    // The new one was proven with another service.
    fixture.cloud.delay_new_keys([Service::S3], 2);
    let new = fixture.rotate();
    credentials.refresh().await.expect("swaps");
    put(&s3, "after").await.expect("tried again");
    let (old, new) = (id_suffix(&fixture.key), id_suffix(&new));
    assert_eq!(fixture.signers("s3:PutObject"), [old, new, new, new]);
    assert_eq!(credentials.generation(), 2);
}

#[tokio::test]
async fn a_key_that_stays_unknown_fails_each_request_in_time() {
    let fixture = CloudFixture::new().await;
    let timeouts = CloudFixture::timeouts().newer_key(Duration::from_millis(700));
    let builder = fixture.builder().timeouts(timeouts);
    let credentials = builder.start().await.expect("starts");
    let s3 = fixture.s3(&credentials);
    fixture.cloud.hold_new_keys([Service::S3]);
    let new = fixture.rotate();
    credentials.refresh().await.expect("swaps");
    for requests in 1..=2 {
        let rejected = s3.list_buckets().send().await.expect_err("not known");
        assert_eq!(rejected.code(), Some("InvalidAccessKeyId"));
        // At once, and after at most 500 ms; another 500 ms or more would be too long.
        assert_eq!(fixture.cloud.count("s3:ListBuckets"), 2 * requests);
    }
    fixture.cloud.release_key(new.id());
    s3.list_buckets().send().await.expect("it is known");
}

#[tokio::test]
async fn when_no_newer_key_comes_the_services_error_is_returned() {
    let fixture = CloudFixture::new().await;
    let timeouts = CloudFixture::timeouts()
        .newer_key(Duration::from_millis(300))
        .propagation(Duration::ZERO); // it is known everywhere by now
    let builder = fixture.builder().timeouts(timeouts);
    let credentials = builder.start().await.expect("starts");
    let s3 = fixture.s3(&credentials);
    fixture.delete(&fixture.key); // and nothing new in the secret
    let begun = tokio::time::Instant::now();
    let rejected = s3.list_buckets().send().await.expect_err("dead");
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "did not wait"
    );
    assert_eq!(rejected.code(), Some("InvalidAccessKeyId"));
    let raw = rejected.raw_response().expect("the service's own answer");
    assert_eq!(raw.status().as_u16(), 403);
    assert!(raw.body().bytes().is_some_and(|body| !body.is_empty()));
    assert!(matches!(rejected, SdkError::ServiceError(_)));
    assert_eq!(
        fixture.cloud.count("s3:ListBuckets"),
        1,
        "signed again with a dead key"
    );

    let begun = tokio::time::Instant::now();
    let rejected = s3.list_buckets().send().await.expect_err("dead");
    assert_eq!(
        rejected.code(),
        Some("InvalidAccessKeyId"),
        "the service's own answer"
    );
    assert!(begun.elapsed() < Duration::from_millis(300), "waited again");

    fixture.rotate();
    credentials.refresh().await.expect("swaps");
    s3.list_buckets().send().await.expect("works again");
}

#[tokio::test]
async fn a_stream_is_not_replayed_and_its_rejection_is_reported() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    put(&s3, "warm").await.expect("old key");
    fixture.rotate_and_delete_old();
    let rejected = put_stream(&s3).await.expect_err("cannot be sent twice");
    assert_eq!(rejected.code(), Some("InvalidAccessKeyId"));
    eventually("the refresh that it led to", || {
        credentials.generation() == 2
    })
    .await;
    put_stream(&s3).await.expect("the next one");
}

#[tokio::test]
async fn a_denied_request_is_replayed_only_if_a_newer_key_is_live() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let before = fixture.fetches();
    fixture.cloud.deny(USER, "s3:ListBuckets");
    let denied = s3.list_buckets().send().await.expect_err("denied");
    assert_eq!(denied.code(), Some("AccessDenied"));
    assert_eq!(
        fixture.cloud.count("s3:ListBuckets"),
        1,
        "replayed for nothing"
    );
    assert_eq!(
        fixture.fetches(),
        before,
        "a missing permission is no reason to refresh"
    );
    fixture.cloud.allow(USER, "s3:ListBuckets");

    // A HEAD is rejected without a code. Signed with the old key, answered when the new one is live.
    put(&s3, "object").await.expect("old key");
    fixture.cloud.inject("s3:HeadObject", Action::Hang, 1);
    let head = tokio::spawn({
        let s3 = s3.clone();
        async move { s3.head_object().bucket(BUCKET).key("object").send().await }
    });
    fixture.cloud.called("s3:HeadObject", 1).await;
    fixture.rotate();
    credentials.refresh().await.expect("swaps");
    fixture.delete(&fixture.key);
    fixture.cloud.release();
    head.await
        .expect("no panic")
        .expect("replayed with the new key");
}

#[tokio::test]
async fn other_services_replay_too() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let sts = aws_sdk_sts::Client::from_conf(
        credswap::configure!(
            credentials,
            aws_sdk_sts::config::Builder::from(&fixture.sdk())
        )
        .build(),
    );
    let secrets = aws_sdk_secretsmanager::Client::from_conf(
        credswap::configure!(
            credentials,
            aws_sdk_secretsmanager::config::Builder::from(&fixture.sdk())
        )
        .build(),
    );
    fixture.rotate_and_delete_old();
    sts.get_caller_identity()
        .send()
        .await
        .expect("InvalidClientTokenId, then replayed");
    fixture.rotate_and_delete_old();
    secrets
        .list_secret_version_ids()
        .secret_id(SECRET)
        .send()
        .await
        .expect("UnrecognizedClientException, then replayed");
}

#[tokio::test]
async fn a_rejected_key_of_other_credentials_is_not_taken_for_ours() {
    let fixture = CloudFixture::new().await;
    let (_credentials, s3) = fixture.start().await;
    let (other, _) = fixture.start().await;
    fixture.delete(&fixture.key); // and nothing new in the secret
    let before = fixture.fetches();
    let rejected = s3
        .list_buckets()
        .customize()
        .config_override(aws_sdk_s3::config::Builder::new().credentials_provider(other.clone()))
        .send()
        .await
        .expect_err("dead");
    assert_eq!(
        rejected.code(),
        Some("InvalidAccessKeyId"),
        "the service's own answer"
    );
    assert_eq!(fixture.fetches(), before, "fetched for another key");
}
