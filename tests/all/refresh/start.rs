//! What the start waits for, and what it does not wait for.

use std::time::Duration;

use credswap::refresh::Timeouts;
use credswap::trigger::{Health, Reason, RefreshRequester};
use credswap::{ErrorKind, Refreshable};
use tokio::time::Instant;

use super::fixture::{ManualTrigger, ScriptedSource, TextConnector, live, settle};

#[tokio::test(start_paused = true)]
async fn start_returns_when_a_checked_value_is_live() {
    let connector = TextConnector::default();
    let refreshable = Refreshable::builder(ScriptedSource::at("v1"), connector.clone())
        .start()
        .await
        .expect("starts");
    assert_eq!(*refreshable.lease(), "material of v1");
    assert_eq!(connector.checks(), 1);
    settle().await;
    let status = refreshable.status();
    assert_eq!((status.version.as_str(), status.generation), ("v1", 1));
    assert!(status.is_healthy());
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_returns_the_sources_error_and_leaves_nothing_running() {
    let source = ScriptedSource::default();
    source.next(Err(ErrorKind::PermissionDenied));
    let (builder, trigger) = ManualTrigger::attach(Refreshable::builder(
        source.clone(),
        TextConnector::default(),
    ));
    let error = builder.start().await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    drop(trigger);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(source.fetches(), 1, "something still runs");
}

#[tokio::test(start_paused = true)]
async fn start_waits_for_propagation_up_to_its_timeout() {
    let connector = TextConnector::default();
    connector.rejects_as_new(3);
    Refreshable::builder(ScriptedSource::at("v1"), connector)
        .start()
        .await
        .expect("propagated at last");

    let connector = TextConnector::default();
    connector.rejects_as_new(1000);
    let begun = Instant::now();
    let failure = Refreshable::builder(ScriptedSource::at("v1"), connector)
        .start()
        .await
        .expect_err("never");
    assert_eq!(failure.kind(), ErrorKind::NotPropagated);
    let took = begun.elapsed();
    assert!((120..130).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_never_connects_does_not_hold_up_the_start() {
    let refreshable = Refreshable::builder(ScriptedSource::at("v1"), TextConnector::default())
        .trigger(|requester: RefreshRequester| async move {
            requester.set_health(Health::disconnected("the broker is not there"));
            std::future::pending().await
        })
        .start()
        .await
        .expect("starts without it");
    settle().await;
    let status = refreshable.status();
    assert_eq!(
        status.triggers[0].health,
        Health::disconnected("the broker is not there")
    );
    assert!(!status.is_healthy());
}

#[tokio::test(start_paused = true)]
async fn an_event_between_the_first_read_and_the_subscription_is_not_lost() {
    let source = ScriptedSource::at("v1");
    let rotated = source.clone();
    // The trigger subscribes only after the first read has been made, and a rotation has passed unseen.
    let refreshable = Refreshable::builder(source, TextConnector::default())
        .trigger(move |requester: RefreshRequester| async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            rotated.now(Ok("v2"));
            requester.request(Reason::CatchUp);
            std::future::pending().await
        })
        .start()
        .await
        .expect("starts");
    live(&refreshable, "v2", Duration::from_secs(3)).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_can_wait_for_a_source_that_is_down() {
    let source = ScriptedSource::default();
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout] {
        source.next(Err(kind));
    }
    source.next(Ok("v1"));
    let begun = Instant::now();
    let refreshable = Refreshable::builder(source.clone(), TextConnector::default())
        .start_within(Duration::from_secs(60))
        .await
        .expect("up in time");
    assert_eq!(refreshable.status().version.as_str(), "v1");
    assert!(refreshable.status().consecutive_failures == 0 && refreshable.status().is_ready());
    assert_eq!(source.fetches(), 3);
    let took = begun.elapsed().as_secs();
    assert!((2..10).contains(&took), "the delays of retries: {took} s");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_waits_ends_at_its_deadline_with_the_last_error() {
    let source = ScriptedSource::default();
    source.next(Err(ErrorKind::Unavailable));
    let begun = Instant::now();
    let error = Refreshable::builder(source.clone(), TextConnector::default())
        .start_within(Duration::from_secs(60))
        .await
        .expect_err("still down");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert!((5..12).contains(&source.fetches()), "{}", source.fetches());
    settle().await;
    assert_eq!(source.shutdowns(), 1, "nothing runs");
}

#[tokio::test(start_paused = true)]
async fn a_start_does_not_wait_for_what_a_person_must_change() {
    let source = ScriptedSource::default();
    source.next(Err(ErrorKind::Unavailable));
    source.next(Err(ErrorKind::PermissionDenied));
    let error = Refreshable::builder(source.clone(), TextConnector::default())
        .start_within(Duration::from_secs(3600))
        .await
        .expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn times_may_be_as_long_as_can_be() {
    let source = ScriptedSource::at("v1");
    let timeouts = Timeouts::default()
        .fetch(Duration::MAX)
        .connect(Duration::MAX)
        .check(Duration::MAX)
        .propagation(Duration::MAX)
        .stale_reads(Duration::MAX)
        .newer_key(Duration::MAX);
    source.next(Err(ErrorKind::Unavailable));
    let refreshable = Refreshable::builder(source.clone(), TextConnector::default())
        .timeouts(timeouts)
        .poll_every(Duration::MAX)
        .start_within(Duration::MAX)
        .await
        .expect("starts");
    refreshable.report_rejected(1);
    settle().await;
    source.now(Ok("v2"));
    refreshable.refresh().await.expect("another version");
    assert_eq!(refreshable.status().version.as_str(), "v2");
    assert!(refreshable.status().ended.is_none());
}
