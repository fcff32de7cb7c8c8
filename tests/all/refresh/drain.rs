//! Drains: told once, and never too early (rule 5).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use credswap::hot::Lease;
use credswap::refresh::RefreshEvent;
use credswap::{Error, Refreshable, Secret, VersionId};
use tokio::time::Instant;

use super::world::{World, settle};

#[tokio::test(start_paused = true)]
async fn a_drain_is_told_once_and_only_after_the_last_lease() {
    let world = World::at("v1").await;
    let mut events = world.refreshable.events();
    let lease = world.refreshable.lease();
    world.rotate("v2");
    assert!(matches!(
        events.recv().await,
        Ok(RefreshEvent::Swapped { generation: 2, .. })
    ));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(events.try_recv().is_err(), "told under a lease");
    let status = world.refreshable.status();
    assert_eq!(status.held.len(), 1);
    assert!(status.uses(&"v1".into()) && status.uses(&"v2".into()));
    assert!(world.source.said_drained().is_empty());

    drop(lease);
    match events.recv().await.expect("told") {
        RefreshEvent::Drained {
            generation,
            version,
            still_in_use,
            ..
        } => {
            assert_eq!((generation, version.as_str(), still_in_use), (1, "v1", false));
        }
        other => panic!("{other:?}"),
    }
    settle().await;
    assert!(world.refreshable.status().held.is_empty());
    assert!(!world.refreshable.status().uses(&"v1".into()));
    assert_eq!(world.source.said_drained(), [VersionId::from("v1")]);
    assert!(events.try_recv().is_err(), "told twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_is_never_told_before_the_swap_that_began_it() {
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
    // Nobody has a lease, so each drain is over as soon as it begins.
    for old in 1..=2_000 {
        keys.refresh().await.expect("swaps");
        match events.recv().await.expect("keeps up") {
            RefreshEvent::Swapped { generation, .. } => assert_eq!(generation, old + 1),
            other => panic!("told before the swap: {other:?}"),
        }
        match events.recv().await.expect("keeps up") {
            RefreshEvent::Drained { generation, .. } => assert_eq!(generation, old),
            other => panic!("told before the drain: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_came_back_is_not_said_to_be_drained() {
    let world = World::at("v1").await;
    let lease = world.refreshable.lease();
    world.swap("v2").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.swap("v1").await;
    settle().await;
    let mut events = world.refreshable.events();
    drop(lease); // generation 1 is drained, but its version is live again as generation 3
    match events.recv().await.expect("told") {
        RefreshEvent::Drained {
            generation: 1,
            still_in_use,
            ..
        } => assert!(still_in_use),
        other => panic!("{other:?}"),
    }
    settle().await;
    assert!(!world.source.said_drained().contains(&"v1".into()));
}

#[tokio::test(start_paused = true)]
async fn the_status_says_until_when_a_released_generation_is_kept() {
    let world = World::at("v1").await;
    let (first, minute) = (world.refreshable.lease(), Duration::from_secs(60));
    world.swap("v2").await;
    let second = world.refreshable.lease();
    world.swap("v3").await;
    // Signed with the old one after the swap.
    Lease::hold(&first).pin_until(Instant::now() + minute);
    drop(first);
    settle().await;
    let held = world.refreshable.status().held;
    let [one, other] = &held[..] else {
        panic!("both are held: {held:?}")
    };
    // The status has the wall clock's times, which goes on a little meanwhile.
    let kept = one.horizon.expect("it has one").duration_since(one.since);
    let kept = kept.expect("it is to come");
    assert!(kept >= minute && kept < 2 * minute, "{kept:?}");
    assert_eq!(other.horizon, None);
    drop(second);
}
