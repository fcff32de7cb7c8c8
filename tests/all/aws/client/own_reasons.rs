//! Requests that are rejected for their own reasons: their error comes soon, and the good key stays good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use credswap::refresh::Timeouts;
use credswap::{ErrorKind, RefreshableCredentials};
use tokio::time::Instant;

use super::{BUCKETS, scripted_s3};
use crate::support::cloud_fixture::{BUCKET, CloudFixture, error_kind};
use crate::support::scripted::{Scripted, service, signer};

/// Starts credentials whose key is known everywhere by now, with the default wait.
async fn start(fixture: &CloudFixture) -> RefreshableCredentials {
    let timeouts = Timeouts::default().propagation(Duration::ZERO);
    let builder = fixture.builder().timeouts(timeouts);
    builder.start().await.expect("starts")
}

/// Rejects every request for the object `broken`, whatever its key.
fn broken(code: &'static str) -> impl Fn(&HttpRequest) -> Scripted + Send + Sync {
    move |request| match request.uri().contains("broken") {
        true => Scripted::s3(403, code, "why"),
        false => Scripted::new(200, BUCKETS),
    }
}

/// Sends good requests all the time.
fn good_traffic(s3: &Client) -> tokio::task::JoinHandle<()> {
    let s3 = s3.clone();
    tokio::spawn(async move {
        loop {
            s3.list_buckets().send().await.expect("good");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
}

async fn get_broken(s3: &Client) -> Option<String> {
    let get = s3.get_object().bucket(BUCKET).key("broken");
    let error = get.send().await.expect_err("broken");
    error.code().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn while_others_succeed_the_services_error_comes_soon() {
    for (code, reports) in [
        ("SignatureDoesNotMatch", 0),
        ("InvalidAccessKeyId", 1),
        ("ExpiredToken", 1),
    ] {
        let fixture = CloudFixture::new().await;
        let credentials = start(&fixture).await;
        let s3 = scripted_s3(&fixture, &credentials, broken(code));
        // Other clients of the same credentials count, too.
        let other = scripted_s3(&fixture, &credentials, broken(code));
        let traffic = good_traffic(&other);
        let before = fixture.fetches();
        for _ in 0..30 {
            let begun = Instant::now();
            assert_eq!(get_broken(&s3).await.as_deref(), Some(code));
            assert!(
                begun.elapsed() < Duration::from_millis(500),
                "{:?}",
                begun.elapsed()
            );
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
        traffic.abort();
        let status = credentials.status();
        let reported: u64 = status.rejected.iter().map(|rejected| rejected.times).sum();
        assert!(reported <= reports, "{code}: reported {reported} times");
        let fetches = fixture.fetches() - before;
        assert!(fetches <= 20, "{code}: {fetches} fetches in two minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_signature_costs_one_refresh_even_without_other_requests() {
    let fixture = CloudFixture::new().await;
    let credentials = start(&fixture).await;
    let s3 = scripted_s3(&fixture, &credentials, broken("SignatureDoesNotMatch"));
    let before = fixture.fetches();
    for _ in 0..60 {
        let begun = Instant::now();
        assert_eq!(
            get_broken(&s3).await.as_deref(),
            Some("SignatureDoesNotMatch")
        );
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(credentials.status().rejected.is_empty());
    let fetches = fixture.fetches() - before;
    assert!(fetches <= 2, "{fetches} fetches");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_dies_after_it_was_suspected_is_still_noticed() {
    let fixture = CloudFixture::new().await;
    let credentials = start(&fixture).await;
    let dead = Arc::new(AtomicBool::new(false));
    let (is_dead, id) = (Arc::clone(&dead), fixture.key.id().to_owned());
    let s3 = scripted_s3(&fixture, &credentials, move |request| {
        let is_dead = is_dead.load(Ordering::SeqCst) && signer(request) == id;
        match is_dead || request.uri().contains("broken") {
            true => Scripted::s3(403, "InvalidAccessKeyId", ""),
            false => Scripted::new(200, BUCKETS),
        }
    });
    let traffic = good_traffic(&s3);
    assert_eq!(get_broken(&s3).await.as_deref(), Some("InvalidAccessKeyId"));
    traffic.abort();
    dead.store(true, Ordering::SeqCst);
    let waiting = tokio::spawn(async move { s3.list_buckets().send().await });
    tokio::time::sleep(Duration::from_secs(3)).await;
    fixture.rotate();
    waiting
        .await
        .expect("no panic")
        .expect("replayed with the new key");
    assert_eq!(credentials.generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_young_key_that_others_use_is_tried_a_few_times_only() {
    let fixture = CloudFixture::new().await;
    let credentials = fixture.builder().timeouts(Timeouts::default());
    let credentials = credentials.start().await.expect("starts");
    let s3 = scripted_s3(&fixture, &credentials, broken("InvalidAccessKeyId"));
    let traffic = good_traffic(&s3);
    let begun = Instant::now();
    assert_eq!(get_broken(&s3).await.as_deref(), Some("InvalidAccessKeyId"));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    traffic.abort();
}

#[tokio::test(start_paused = true)]
async fn a_deleted_key_that_some_servers_still_accept_is_replaced() {
    let fixture = CloudFixture::new().await;
    let credentials = start(&fixture).await;
    let id = fixture.key.id().to_owned();
    // One server has heard of the deletion.
    let s3 = scripted_s3(&fixture, &credentials, move |request| {
        match signer(request) == id && request.uri().contains("name") {
            true => Scripted::s3(403, "InvalidAccessKeyId", ""),
            false => Scripted::new(200, BUCKETS),
        }
    });
    let traffic = good_traffic(&s3);
    for round in 0..3 {
        if round == 1 {
            fixture.rotate();
        }
        let get = s3.get_object().bucket(BUCKET).key("name").send().await;
        assert_eq!(get.is_ok(), round > 0, "round {round}");
        tokio::time::sleep(Duration::from_secs(61)).await;
    }
    traffic.abort();
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_the_users_does_not_hide_the_services_error() {
    let short = Duration::from_secs(2);
    for timeouts in [
        TimeoutConfig::builder().operation_timeout(short).build(),
        TimeoutConfig::builder()
            .operation_attempt_timeout(short)
            .build(),
    ] {
        let fixture = CloudFixture::new().await;
        let credentials = start(&fixture).await;
        let (http, _) = service(broken("InvalidAccessKeyId"));
        let config = fixture
            .s3_config()
            .http_client(http)
            .timeout_config(timeouts);
        let s3 = Client::from_conf(credswap::configure!(credentials, config).build());
        let begun = Instant::now();
        assert_eq!(get_broken(&s3).await.as_deref(), Some("InvalidAccessKeyId"));
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_shutdown_a_dead_key_is_not_waited_for() {
    let fixture = CloudFixture::new().await;
    let credentials = start(&fixture).await;
    let s3 = scripted_s3(&fixture, &credentials, broken("InvalidAccessKeyId"));
    credentials
        .shutdown(Duration::from_secs(1))
        .await
        .expect("nothing drains");
    let begun = Instant::now();
    let get = s3.get_object().bucket(BUCKET).key("broken").send();
    let error = get.await.expect_err("dead");
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(error_kind(&error), Some(ErrorKind::ShutDown));
    let text = aws_smithy_types::error::display::DisplayErrorContext(&error).to_string();
    assert!(
        text.contains("refreshing has ended") && text.contains("403 InvalidAccessKeyId: why"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_wait_of_a_request() {
    let fixture = CloudFixture::new().await;
    let credentials = start(&fixture).await;
    let s3 = scripted_s3(&fixture, &credentials, broken("InvalidAccessKeyId"));
    let waiting = tokio::spawn(async move {
        let get = s3.get_object().bucket(BUCKET).key("broken");
        get.send().await.expect_err("dead")
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    credentials
        .shutdown(Duration::from_secs(1))
        .await
        .expect("nothing drains");
    let error = waiting.await.expect("no panic");
    assert_eq!(error_kind(&error), Some(ErrorKind::ShutDown));
}

#[tokio::test]
async fn clock_skew_is_left_to_the_sdk() {
    for (status, code) in [
        (403, "SignatureDoesNotMatch"),
        (403, "RequestTimeTooSkewed"),
        (400, "InvalidSignatureException"),
    ] {
        let fixture = CloudFixture::new().await;
        let credentials = start(&fixture).await;
        let before = fixture.fetches();
        let s3 = scripted_s3(&fixture, &credentials, move |request| {
            let signed = request.headers().get("x-amz-date").expect("signed");
            let now = now() + 300;
            let date = DateTime::from_secs(now)
                .fmt(Format::HttpDate)
                .expect("a date");
            let answer = match (seconds_of(signed) - now).abs() < 60 {
                true => Scripted::new(200, BUCKETS),
                false => Scripted::s3(status, code, ""),
            };
            answer.header("date", date)
        });
        for _ in 0..3 {
            let begun = Instant::now();
            s3.list_buckets()
                .send()
                .await
                .expect("the SDK corrects the time");
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{:?}",
                begun.elapsed()
            );
        }
        assert_eq!(fixture.fetches(), before, "{code}");
        assert!(credentials.status().rejected.is_empty(), "{code}");
    }
}

#[allow(clippy::disallowed_methods)] // the SDK signs with the wall clock's time
fn now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    i64::try_from(since.expect("after 1970").as_secs()).expect("not in the far future")
}

/// Reads `20240226T000000Z`.
fn seconds_of(date: &str) -> i64 {
    let at = |range: std::ops::Range<usize>| &date[range];
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        at(0..4),
        at(4..6),
        at(6..8),
        at(9..11),
        at(11..13),
        at(13..15)
    );
    DateTime::from_str(&text, Format::DateTime)
        .expect("a time")
        .secs()
}
