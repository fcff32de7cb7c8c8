//! Requests through an edge while the key under them changes: none may fail, none may use the wrong key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use credswap::ErrorKind;
use credswap::reload::Notice;
use credswap_embedded::Action;

use crate::world::{BUCKET, USER, World, eventually, our_kind, tail};

async fn put(s3: &aws_sdk_s3::Client, name: &str) -> Result<(), aws_sdk_s3::Error> {
    s3.put_object()
        .bucket(BUCKET)
        .key(name)
        .body(ByteStream::from_static(b"content"))
        .send()
        .await?;
    Ok(())
}

/// A body that can be read once.
fn stream() -> ByteStream {
    let chunks = futures::stream::iter((0..8).map(|_| {
        Ok::<_, std::io::Error>(http_body::Frame::data(bytes::Bytes::from_static(
            &[7; 4096],
        )))
    }));
    ByteStream::new(SdkBody::from_body_1_x(http_body_util::StreamBody::new(
        chunks,
    )))
}

// --- the right key ----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_next_request_after_a_swap_is_signed_with_the_new_key() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let clone = s3.clone();
    put(&s3, "before").await.expect("old key");
    let new = world.rotate();
    keys.reload().await.expect("swaps");
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
    keys.reload().await.expect("swaps while the SDK backs off");
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
        keys.reload().await.expect("swaps");
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
    keys.reload().await.expect("swaps");
    let held = keys.status().held;
    assert!(
        held[0].horizon.is_some_and(|at| at > clock),
        "no horizon: {held:?}"
    );
    eventually("drained", || keys.status().held.is_empty()).await;
    let took = signed.elapsed();
    assert!(
        took > Duration::from_millis(2500),
        "announced {took:?} after a URL for 3 s was signed"
    );
}

// --- the drain --------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_request_in_flight_holds_its_key_until_it_ends() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let mut notices = keys.notices();
    world.cloud.inject("s3:PutObject", Action::Hang, 1);
    let request = tokio::spawn(async move { put(&s3, "slow").await });
    world.cloud.called("s3:PutObject", 1).await;
    world.rotate();
    keys.reload().await.expect("swaps");
    assert!(matches!(notices.recv().await, Ok(Notice::Swapped { .. })));
    tokio::time::timeout(Duration::from_millis(100), notices.recv())
        .await
        .expect_err("announced under a request");
    assert_eq!(keys.status().held.len(), 1);

    world.cloud.release();
    request
        .await
        .expect("no panic")
        .expect("the old key is still good");
    assert!(matches!(
        notices.recv().await,
        Ok(Notice::Drained { generation: 1, .. })
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
    keys.reload().await.expect("swaps");
    assert_eq!(keys.status().held.len(), 1, "one is still in flight");
    cancelled.abort();
    eventually("drained", || keys.status().held.is_empty()).await;
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
    keys.reload().await.expect("swaps");
    eventually("drained while the SDK waits", || {
        keys.status().held.is_empty()
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
    keys.reload().await.expect("swaps");
    for last in [
        Box::new(handed_out) as Box<dyn std::any::Any>,
        Box::new(clone),
        Box::new(identity),
    ] {
        tokio::task::yield_now().await;
        assert_eq!(
            keys.status().held.len(),
            1,
            "drained while somebody could sign"
        );
        drop(last);
    }
    eventually("drained", || keys.status().held.is_empty()).await;
}

// --- the replay -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_request_whose_key_was_deleted_is_replayed_with_the_new_one() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    let new = world.rotate();
    world.delete(&world.key); // nobody told us of the new one
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
    world.rotate();
    world.delete(&world.key);
    put(&client(1), "no retries")
        .await
        .expect("replayed all the same");

    let old = world.cloud.keys(USER)[0].id.clone();
    world.rotate();
    world.cloud.delete_key(&old);
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
        let old = world.cloud.keys(USER).last().expect("one").id.clone();
        world.rotate();
        world.cloud.delete_key(&old);
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
    world.rotate();
    world.delete(&world.key);
    let all = (0..64).map(|n| {
        let s3 = s3.clone();
        async move { put(&s3, &format!("object {n}")).await }
    });
    for result in futures::future::join_all(all).await {
        result.expect("replayed");
    }
    let looks = world.fetches() - before;
    assert!(looks <= 2, "{looks} looks");
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
            cloud.put_secret(crate::world::SECRET, key.to_json());
            cloud.delete_key(&dead);
        }
        Action::Pass
    });
    put(&s3, "twice").await.expect("the third key is good");
    assert_eq!(keys.generation(), 3);
    world.cloud.clear_faults(); // the hook holds a clone of the cloud
}

#[tokio::test]
async fn when_no_newer_key_comes_the_error_says_so_and_the_next_ones_do_not_wait() {
    let world = World::new().await;
    let mut bounds = credswap::reload::Bounds::default();
    bounds.refresh = Duration::from_millis(300);
    let keys = world
        .planned()
        .bounds(bounds)
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
    keys.reload().await.expect("swaps");
    s3.list_buckets().send().await.expect("works again");
}

#[tokio::test]
async fn a_stream_that_can_be_read_once_is_not_replayed_and_reports_the_key_all_the_same() {
    let world = World::new().await;
    let (keys, _, s3) = world.start().await;
    put(&s3, "warm").await.expect("old key");
    world.rotate();
    world.delete(&world.key);
    let refused = s3
        .put_object()
        .bucket(BUCKET)
        .key("stream")
        .content_length(8 * 4096)
        .body(stream())
        .send()
        .await
        .expect_err("can not be sent twice");
    assert_eq!(refused.code(), Some("InvalidAccessKeyId"));
    eventually("the look that it led to", || keys.generation() == 2).await;
    s3.put_object()
        .bucket(BUCKET)
        .key("stream")
        .content_length(8 * 4096)
        .body(stream())
        .send()
        .await
        .expect("the next one");
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
    keys.reload().await.expect("swaps");
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
    world.rotate();
    world.delete(&world.key);
    sts.get_caller_identity()
        .send()
        .await
        .expect("InvalidClientTokenId, then replayed");
    let old = world.cloud.keys(USER)[0].id.clone();
    world.rotate();
    world.cloud.delete_key(&old);
    secrets
        .list_secret_version_ids()
        .secret_id(crate::world::SECRET)
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

// --- rule 6 -----------------------------------------------------------------------------------------------------------

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
    assert_eq!(keys.peek(|key| key.id_tail().to_owned()), tail(&world.key));
}
