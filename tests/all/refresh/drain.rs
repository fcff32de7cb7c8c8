//! Drains: reported once, and never too early (rule 5).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use credswap::hot::Lease;
use credswap::refresh::RefreshEvent;
use credswap::{Error, ErrorKind, Refreshable, Secret, VersionId};
use tokio::time::Instant;

use super::fixture::{Fixture, settle};

#[tokio::test(start_paused = true)]
async fn a_drain_is_reported_once_and_only_after_the_last_lease() {
    let fixture = Fixture::at("v1").await;
    let mut events = fixture.refreshable.events();
    let lease = fixture.refreshable.lease();
    fixture.rotate("v2");
    assert!(matches!(
        events.recv().await,
        Ok(RefreshEvent::Swapped { generation: 2, .. })
    ));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(events.try_recv().is_err(), "reported under a lease");
    let status = fixture.refreshable.status();
    assert_eq!(status.draining.len(), 1);
    assert!(status.uses(&"v1".into()) && status.uses(&"v2".into()));
    assert!(fixture.source.notified_drained().is_empty());

    drop(lease);
    match events.recv().await.expect("reported") {
        RefreshEvent::Drained {
            generation,
            version,
            still_in_use,
            ..
        } => {
            assert_eq!(
                (generation, version.as_str(), still_in_use),
                (1, "v1", false)
            );
        }
        other => panic!("{other:?}"),
    }
    settle().await;
    assert!(fixture.refreshable.status().draining.is_empty());
    assert!(!fixture.refreshable.status().uses(&"v1".into()));
    assert_eq!(fixture.source.notified_drained(), [VersionId::from("v1")]);
    assert!(events.try_recv().is_err(), "reported twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_is_never_reported_before_its_swap() {
    let version = AtomicUsize::new(0);
    let source = move || {
        let version = version.fetch_add(1, Ordering::SeqCst).to_string();
        async { Ok::<_, Error>(Secret::new("material", version)) }
    };
    let keys = Refreshable::builder(source, |_: Secret| async { Ok::<_, Error>(()) })
        .start()
        .await
        .expect("starts");
    let mut events = keys.events();
    // Nobody has a lease, so each drain completes as soon as it begins.
    for old in 1..=2_000 {
        keys.refresh().await.expect("swaps");
        match events.recv().await.expect("keeps up") {
            RefreshEvent::Swapped { generation, .. } => assert_eq!(generation, old + 1),
            other => panic!("reported before the swap: {other:?}"),
        }
        match events.recv().await.expect("keeps up") {
            RefreshEvent::Drained { generation, .. } => assert_eq!(generation, old),
            other => panic!("reported before the drain: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_came_back_is_still_in_use() {
    let fixture = Fixture::at("v1").await;
    let lease = fixture.refreshable.lease();
    fixture.swap("v2").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    fixture.swap("v1").await;
    settle().await;
    let mut events = fixture.refreshable.events();
    drop(lease); // generation 1 is drained, but its version is live again as generation 3
    match events.recv().await.expect("reported") {
        RefreshEvent::Drained {
            generation: 1,
            still_in_use,
            ..
        } => assert!(still_in_use),
        other => panic!("{other:?}"),
    }
    settle().await;
    assert!(!fixture.source.notified_drained().contains(&"v1".into()));
}

#[tokio::test(start_paused = true)]
async fn the_status_shows_until_when_a_generation_is_pinned() {
    let fixture = Fixture::at("v1").await;
    let (first, minute) = (fixture.refreshable.lease(), Duration::from_secs(60));
    fixture.swap("v2").await;
    let second = fixture.refreshable.lease();
    fixture.swap("v3").await;
    // Signed with the old one after the swap.
    Lease::token(&first).pin_until(Instant::now() + minute);
    drop(first);
    settle().await;
    let draining = fixture.refreshable.status().draining;
    let [one, other] = &draining[..] else {
        panic!("both drain: {draining:?}")
    };
    // The status has the wall clock's times, which goes on a little meanwhile.
    let kept = one
        .pinned_until
        .expect("it has one")
        .duration_since(one.since);
    let kept = kept.expect("it is to come");
    assert!(kept >= minute && kept < 2 * minute, "{kept:?}");
    assert_eq!(other.pinned_until, None);
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn drained_waits_for_the_replacement_and_the_last_lease() {
    let fixture = Fixture::at("v1").await;
    let keys = fixture.refreshable.clone();
    let lease = keys.lease();
    let drained = tokio::spawn(async move { keys.drained(&"v1".into()).await });
    settle().await;
    assert!(!drained.is_finished(), "it is live");
    fixture.swap("v2").await;
    settle().await;
    assert!(!drained.is_finished(), "it is leased");
    drop(lease);
    drained.await.expect("no panic").expect("drained");
    // A version that was never live here is in nobody's way.
    let unknown = "v0".into();
    fixture
        .refreshable
        .drained(&unknown)
        .await
        .expect("drained");
}

#[tokio::test(start_paused = true)]
async fn drained_goes_on_after_the_shutdown_but_not_for_the_live_version() {
    let fixture = Fixture::at("v1").await;
    let keys = fixture.refreshable.clone();
    let lease = keys.lease();
    fixture.swap("v2").await;
    keys.shutdown(Duration::ZERO).await.expect_err("leased");
    let live = keys.drained(&"v2".into()).await.expect_err("it stays live");
    assert_eq!(live.kind(), ErrorKind::ShutDown);
    let drained = tokio::spawn(async move { keys.drained(&"v1".into()).await });
    settle().await;
    assert!(!drained.is_finished(), "it is leased");
    drop(lease);
    drained.await.expect("no panic").expect("drained");
}
