//! Requests whose key is dead: made again with the newer one where that can be, and explained where it cannot.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use credswap::ErrorKind;
use credswap_testkit::{Action, Service};

use super::put;
use crate::support::cloud_fixture::{BUCKET, USER, World, eventually, our_kind, tail};

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
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let new = world.rotate_rashly(); // nobody told us of the new one
    put(&s3, "replayed").await.expect("replayed");
    assert_eq!(
        world.signers("s3:PutObject"),
        [tail(&world.key), tail(&new)]
    );
    assert_eq!(keys.generation(), 2);
}

#[tokio::test]
async fn a_deactivated_key_is_replaced_in_the_same_way() {
    let world = World::new().await;
    let (_keys, _, s3) = world.start().await;
    world.rotate();
    world.deactivate(&world.key);
    put(&s3, "replayed").await.expect("replayed");
}

#[tokio::test]
async fn a_replay_needs_no_retries_of_the_sdks_and_leaves_them_to_the_user() {
    let world = World::new().await;
    let (_keys, edge, _) = world.start().await;
    let client = |attempts| {
        let config = world.s3_config().retry_config(
            RetryConfig::standard()
                .with_max_attempts(attempts)
                .with_initial_backoff(Duration::from_millis(1)),
        );
        aws_sdk_s3::Client::from_conf(credswap::configure!(edge, config).build())
    };
    world.rotate_rashly();
    put(&client(1), "no retries")
        .await
        .expect("replayed all the same");

    world.rotate_rashly();
    let puts = Arc::new(AtomicUsize::new(0));
    world.cloud.on_call(move |call| match call.name().as_str() {
        "s3:PutObject" if puts.fetch_add(1, Ordering::SeqCst) == 1 => Action::Fail(503, "SlowDown"),
        _ => Action::Pass,
    });
    put(&client(2), "refused, then throttled")
        .await
        .expect("the user's own retry is still there");
}

#[tokio::test]
async fn replays_leave_the_sdks_process_wide_retry_quota_alone() {
    let world = World::new().await;
    let (_keys, _, s3) = world.start().await;
    // Each retry of the SDK's takes 5 or more of 500 tokens, and a success gives back one at most.
    for round in 0..110 {
        world.rotate_rashly();
        put(&s3, &format!("round {round}")).await.expect("replayed");
    }
    world.cloud.throttle("s3:PutObject", 1);
    put(&s3, "throttled")
        .await
        .expect("there is quota left for a plain retry");
}

#[tokio::test]
async fn many_requests_with_a_dead_key_cost_one_look() {
    let world = World::new().await;
    let (_keys, _, s3) = world.start().await;
    put(&s3, "warm").await.expect("old key");
    let before = world.fetches();
    world.rotate_rashly();
    let all = (0..64).map(|n| {
        let s3 = s3.clone();
        async move { put(&s3, &format!("object {n}")).await }
    });
    for result in futures::future::join_all(all).await {
        result.expect("replayed");
    }
    let requester = world.fetches() - before;
    assert!(requester <= 2, "{requester} requester");
}

#[tokio::test]
async fn a_replay_whose_own_key_has_died_is_replayed_again() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let cloud = world.cloud.clone();
    // The first two attempts find their key deleted, with a newer one in the secret.
    let attempts = Arc::new(AtomicUsize::new(0));
    world.cloud.on_call(move |call| {
        if call.name() == "s3:PutObject" && attempts.fetch_add(1, Ordering::SeqCst) < 2 {
            let dead = call.access_key_id().expect("signed").to_owned();
            let key = cloud.create_access_key(USER);
            cloud.put_secret(crate::support::cloud_fixture::SECRET, key.to_json());
            cloud.delete_key(&dead);
        }
        Action::Pass
    });
    put(&s3, "twice").await.expect("the third key is good");
    assert_eq!(keys.generation(), 3);
    world.cloud.clear_faults(); // the hook holds a clone of the cloud
}

#[tokio::test]
async fn an_operation_whose_every_key_has_died_ends_with_the_services_answer() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let cloud = world.cloud.clone();
    world.cloud.on_call(move |call| {
        if call.name() == "s3:PutObject" {
            let dead = call.access_key_id().expect("signed").to_owned();
            let key = cloud.create_access_key(USER);
            cloud.put_secret(crate::support::cloud_fixture::SECRET, key.to_json());
            cloud.delete_key(&dead);
        }
        Action::Pass
    });
    let refused = put(&s3, "never")
        .await
        .expect_err("no key lives long enough");
    assert_eq!(refused.code(), Some("InvalidAccessKeyId"));
    assert_eq!(world.cloud.count("s3:PutObject"), 5, "four replays");
    world.cloud.clear_faults(); // the hook holds a clone of the cloud
    // The last refusal was noted, too.
    let newer = async { keys.updates().newer_than(5).await };
    let newer = tokio::time::timeout(Duration::from_secs(5), newer).await;
    newer.expect("the key that came after it is live");
}

#[tokio::test]
async fn a_new_key_that_s3_does_not_know_yet_is_tried_again_until_it_does() {
    let world = World::new().await;
    let (keys, edge, _) = world.start().await;
    let config = world.s3_config().retry_config(RetryConfig::disabled());
    let s3 = Client::from_conf(credswap::configure!(edge, config).build());
    put(&s3, "before").await.expect("the old key is known");
    // What proved the new one is another service.
    world.cloud.delay_new_keys([Service::S3], 2);
    let new = world.rotate();
    keys.refresh().await.expect("swaps");
    put(&s3, "after").await.expect("tried again");
    let (old, new) = (tail(&world.key), tail(&new));
    assert_eq!(world.signers("s3:PutObject"), [old, new, new, new]);
    assert_eq!(keys.generation(), 2);
}

#[tokio::test]
async fn a_new_key_that_never_becomes_known_fails_each_request_after_its_time() {
    let world = World::new().await;
    let mut timeouts = credswap::refresh::Timeouts::default();
    timeouts.newer_key = Duration::from_millis(900);
    let planned = world.planned().timeouts(timeouts);
    let keys = planned.start().await.expect("starts");
    let s3 = world.s3(&credswap::aws::Edge::new(&keys));
    world.cloud.hold_new_keys([Service::S3]);
    let new = world.rotate();
    keys.refresh().await.expect("swaps");
    for requests in 1..=2 {
        let refused = s3.list_buckets().send().await.expect_err("not known");
        assert_eq!(our_kind(&refused), Some(ErrorKind::NoNewerKey));
        // At once, and after half a second; another second would be too long.
        assert_eq!(world.cloud.count("s3:ListBuckets"), 2 * requests);
    }
    world.cloud.release_key(new.id());
    s3.list_buckets().send().await.expect("it is known");
}

#[tokio::test]
async fn when_no_newer_key_comes_the_error_says_so_and_the_next_ones_do_not_wait() {
    let world = World::new().await;
    let mut timeouts = credswap::refresh::Timeouts::default();
    timeouts.newer_key = Duration::from_millis(300);
    timeouts.propagation = Duration::ZERO; // it is known everywhere by now
    let keys = world
        .planned()
        .timeouts(timeouts)
        .start()
        .await
        .expect("starts");
    let s3 = world.s3(&credswap::aws::Edge::new(&keys));
    world.delete(&world.key); // and nothing new in the secret
    let refused = s3.list_buckets().send().await.expect_err("dead");
    assert_eq!(our_kind(&refused), Some(ErrorKind::NoNewerKey));
    let text = aws_smithy_types::error::display::DisplayErrorContext(&refused).to_string();
    assert!(
        text.contains("InvalidAccessKeyId") && text.contains("generation 1"),
        "{text}"
    );
    assert_eq!(
        world.cloud.count("s3:ListBuckets"),
        1,
        "signed again with a dead key"
    );

    let begun = tokio::time::Instant::now();
    let refused = s3.list_buckets().send().await.expect_err("dead");
    assert_eq!(
        refused.code(),
        Some("InvalidAccessKeyId"),
        "the service's own answer"
    );
    assert!(begun.elapsed() < Duration::from_millis(300), "waited again");

    world.rotate();
    keys.refresh().await.expect("swaps");
    s3.list_buckets().send().await.expect("works again");
}

#[tokio::test]
async fn a_stream_that_can_be_read_once_is_not_replayed_and_reports_the_key_all_the_same() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    put(&s3, "warm").await.expect("old key");
    world.rotate_rashly();
    let refused = put_stream(&s3).await.expect_err("can not be sent twice");
    assert_eq!(refused.code(), Some("InvalidAccessKeyId"));
    eventually("the look that it led to", || keys.generation() == 2).await;
    put_stream(&s3).await.expect("the next one");
}

#[tokio::test]
async fn what_is_denied_is_replayed_only_if_a_newer_key_is_live_already() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let before = world.fetches();
    world.cloud.deny(USER, "s3:ListBuckets");
    let denied = s3.list_buckets().send().await.expect_err("denied");
    assert_eq!(denied.code(), Some("AccessDenied"));
    assert_eq!(
        world.cloud.count("s3:ListBuckets"),
        1,
        "replayed for nothing"
    );
    assert_eq!(
        world.fetches(),
        before,
        "a missing permission is no reason to look"
    );
    world.cloud.allow(USER, "s3:ListBuckets");

    // A HEAD is refused without a code. Signed with the old key, answered when the new one is live.
    put(&s3, "object").await.expect("old key");
    world.cloud.inject("s3:HeadObject", Action::Hang, 1);
    let head = tokio::spawn({
        let s3 = s3.clone();
        async move { s3.head_object().bucket(BUCKET).key("object").send().await }
    });
    world.cloud.called("s3:HeadObject", 1).await;
    world.rotate();
    keys.refresh().await.expect("swaps");
    world.delete(&world.key);
    world.cloud.release();
    head.await
        .expect("no panic")
        .expect("replayed with the new key");
}

#[tokio::test]
async fn other_services_replay_too() {
    let world = World::new().await;
    let (_keys, edge, _) = world.start().await;
    let sts = aws_sdk_sts::Client::from_conf(
        credswap::configure!(edge, aws_sdk_sts::config::Builder::from(&world.sdk())).build(),
    );
    let secrets = aws_sdk_secretsmanager::Client::from_conf(
        credswap::configure!(
            edge,
            aws_sdk_secretsmanager::config::Builder::from(&world.sdk())
        )
        .build(),
    );
    world.rotate_rashly();
    sts.get_caller_identity()
        .send()
        .await
        .expect("InvalidClientTokenId, then replayed");
    world.rotate_rashly();
    secrets
        .list_secret_version_ids()
        .secret_id(crate::support::cloud_fixture::SECRET)
        .send()
        .await
        .expect("UnrecognizedClientException, then replayed");
}

#[tokio::test]
async fn a_refused_key_of_another_reloader_is_not_taken_for_ours() {
    let world = World::new().await;
    let (_keys, _, s3) = world.start().await;
    let (_others, other, _) = world.start().await;
    world.delete(&world.key); // and nothing new in the secret
    let before = world.fetches();
    let refused = s3
        .list_buckets()
        .customize()
        .config_override(
            aws_sdk_s3::config::Builder::new().credentials_provider(other.credentials_provider()),
        )
        .send()
        .await
        .expect_err("dead");
    assert_eq!(
        refused.code(),
        Some("InvalidAccessKeyId"),
        "the service's own answer"
    );
    assert_eq!(world.fetches(), before, "looked for another one's key");
}
