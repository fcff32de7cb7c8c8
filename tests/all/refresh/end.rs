//! The end: by a shutdown, or because the last handle was dropped.

use std::time::Duration;

use credswap::trigger::Reason;
use credswap::{ErrorKind, Refreshable, VersionId};
use tokio::time::Instant;

use super::fixture::{Fixture, SOON, ScriptedSource, TextConnector, settle};

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_drains_and_leaves_the_value_usable() {
    let fixture = Fixture::at("v1").await;
    let lease = fixture.refreshable.lease();
    fixture.swap("v2").await;

    let timeout = fixture
        .refreshable
        .shutdown(Duration::from_secs(5))
        .await
        .expect_err("leased");
    assert_eq!(timeout.draining[0].version.as_str(), "v1");
    fixture.rotate("v3");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(*fixture.refreshable.lease(), "material of v2");
    assert_eq!(
        fixture
            .refreshable
            .refresh()
            .await
            .expect_err("over")
            .kind(),
        ErrorKind::ShutDown
    );
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn shutdown_returns_as_soon_as_the_drains_are_done() {
    let fixture = Fixture::at("v1").await;
    let lease = fixture.refreshable.lease();
    fixture.swap("v2").await;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(lease);
    });
    let begun = Instant::now();
    fixture
        .refreshable
        .shutdown(Duration::from_secs(60))
        .await
        .expect("drained");
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(fixture.source.notified_drained(), [VersionId::from("v1")]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_answers_those_who_wait_for_a_refresh() {
    let fixture = Fixture::at("v1").await;
    fixture.source.takes(Duration::from_secs(20));
    let waiting = tokio::spawn({
        let refreshable = fixture.refreshable.clone();
        async move { refreshable.refresh().await }
    });
    tokio::time::sleep(SOON).await;
    fixture
        .refreshable
        .shutdown(Duration::ZERO)
        .await
        .expect("nothing drains");
    let answer = waiting.await.expect("no panic").expect_err("over");
    assert_eq!(answer.kind(), ErrorKind::ShutDown);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_loop() {
    let fixture = Fixture::at("v1").await;
    drop(fixture.refreshable);
    settle().await;
    let before = fixture.source.fetches();
    fixture.trigger.request(Reason::Event);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(fixture.source.fetches(), before);
}

#[tokio::test(start_paused = true)]
async fn the_source_is_notified_of_the_end_once_however_it_comes() {
    let shut_down = Fixture::at("v1").await;
    let within = Duration::from_secs(1);
    shut_down.refreshable.shutdown(within).await.expect("idle");
    assert_eq!(shut_down.source.shutdowns(), 1);
    shut_down.refreshable.shutdown(within).await.expect("idle");
    drop(shut_down.refreshable);

    let dropped = Fixture::at("v1").await;
    drop(dropped.refreshable);

    let failed = ScriptedSource::default();
    failed.next(Err(ErrorKind::NotFound));
    let start = Refreshable::builder(failed.clone(), TextConnector::default()).start();
    start.await.expect_err("not found");

    let given_up = ScriptedSource::at("v1");
    given_up.takes(Duration::from_secs(10));
    let start = Refreshable::builder(given_up.clone(), TextConnector::default()).start();
    tokio::time::timeout(SOON, start).await.expect_err("slow");

    settle().await;
    for (what, source) in [
        ("shutdown", shut_down.source),
        ("drop", dropped.source),
        ("failed start", failed),
        ("dropped start", given_up),
    ] {
        assert_eq!(source.shutdowns(), 1, "{what}");
    }
}
