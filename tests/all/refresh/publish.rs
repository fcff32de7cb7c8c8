//! What is published: only what is proven, and never the same twice (rules 1 and 4).

use std::time::Duration;

use credswap::connect::Verdict;
use credswap::hot::Lease;
use credswap::refresh::{RefreshEvent, OnForbidden, Outcome};
use credswap::trigger::Reason;
use credswap::{Error, ErrorKind, Refreshable, Secret};
use tokio::time::timeout;

use super::world::{Scripted, Text, World, error, settle};

#[tokio::test(start_paused = true)]
async fn an_event_swaps_to_the_new_version_at_once() {
    let world = World::at("v1").await;
    let old = world.refreshable.lease();
    world.swap("v2").await;
    assert_eq!(*world.refreshable.lease(), "material of v2");
    assert_eq!(*old, "material of v1");
    assert_eq!(Lease::generation(&old), 1);
    assert_eq!(world.refreshable.generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_version_is_no_swap_and_no_notice() {
    let world = World::at("v1").await;
    let mut events = world.refreshable.events();
    let updates = world.refreshable.updates();
    world.hand.request(Reason::Interval);
    settle().await;
    let looked = world.refreshable.refresh().await.expect("reads");
    assert!(matches!(looked, Outcome::Unchanged { .. }), "{looked:?}");
    assert_eq!(world.refreshable.generation(), 1);
    assert_eq!(updates.latest(), 1);
    assert!(events.try_recv().is_err(), "a notice about nothing");
    assert_eq!(world.text.checks(), 1, "checked again for nothing");
}

#[tokio::test(start_paused = true)]
async fn a_bad_new_version_never_replaces_a_good_one_and_is_reported() {
    let world = World::at("v1").await;
    let mut events = world.refreshable.events();
    world.text.says([Verdict::Bad(error(ErrorKind::Rejected))]);
    world.rotate("v2");
    match events.recv().await.expect("told") {
        RefreshEvent::Failed(error) => assert_eq!(error.kind(), ErrorKind::Rejected),
        other => panic!("{other:?}"),
    }
    let status = world.refreshable.status();
    assert_eq!(
        (status.version.as_str(), status.consecutive_failures),
        ("v1", 1)
    );
    assert_eq!(
        status.last_error.expect("kept").error.kind(),
        ErrorKind::Rejected
    );
    assert_eq!(*world.refreshable.lease(), "material of v1");
    // It is looked at again by itself, and taken when it is good.
    world.live("v2", Duration::from_secs(3)).await;
    assert_eq!(world.refreshable.status().consecutive_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_does_not_connect_never_replaces_a_good_one() {
    let source = Scripted::at("v1");
    let connect = |secret: Secret| async move {
        match secret.version().as_str() {
            "v1" => Ok(1),
            _ => Err(Error::new(ErrorKind::Malformed, "the field is missing")),
        }
    };
    let refreshable = Refreshable::builder(source.clone(), connect)
        .start()
        .await
        .expect("starts");
    source.now(Ok("v2"));
    let failure = refreshable.refresh().await.expect_err("malformed");
    assert_eq!(failure.kind(), ErrorKind::Malformed);
    assert_eq!(*refreshable.lease(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_propagated_is_waited_for_while_the_old_one_stays() {
    let world = World::at("v1").await;
    world.text.does_not_know_yet(8);
    world.rotate("v2");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*world.refreshable.lease(), "material of v1");
    assert_eq!(
        world.refreshable.status().consecutive_failures,
        0,
        "waiting is no failure"
    );
    world.live("v2", Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_version_is_taken_while_an_older_one_waits_for_its_propagation() {
    let world = World::at("v1").await;
    world.text.does_not_know_yet(4);
    world.rotate("v2");
    settle().await;
    world.text.knows_all();
    world.swap("v3").await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_never_propagates_is_reported_after_the_bound_and_tried_again() {
    let world = World::at("v1").await;
    world.text.does_not_know_yet(60);
    world.rotate("v2");
    let mut events = world.refreshable.events();
    match timeout(Duration::from_secs(130), events.recv())
        .await
        .expect("bounded")
        .expect("told")
    {
        RefreshEvent::Failed(error) => assert_eq!(error.kind(), ErrorKind::NotPropagated),
        other => panic!("{other:?}"),
    }
    world.live("v2", Duration::from_secs(600)).await;
}

#[tokio::test(start_paused = true)]
async fn a_genuine_key_that_may_not_is_rejected_or_accepted_as_configured() {
    for (policy, expected) in [(OnForbidden::Reject, "v1"), (OnForbidden::Accept, "v2")] {
        let (source, text) = (Scripted::at("v1"), Text::default());
        let refreshable = Refreshable::builder(source.clone(), text.clone())
            .on_forbidden(policy)
            .start()
            .await
            .expect("starts");
        text.says([Verdict::Forbidden(error(ErrorKind::Forbidden))]);
        source.now(Ok("v2"));
        let result = refreshable.refresh().await;
        assert_eq!(result.is_ok(), policy == OnForbidden::Accept, "{policy:?}");
        assert_eq!(refreshable.status().version.as_str(), expected, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_version_that_comes_back_is_a_swap_once_reads_have_settled() {
    let world = World::at("v1").await;
    world.swap("v2").await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    world.swap("v1").await;
    assert_eq!(world.refreshable.generation(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_right_after_a_swap_does_not_swap_back_but_a_rollback_gets_through() {
    let world = World::at("v1").await;
    world.swap("v2").await;
    world.source.now(Ok("v1"));
    let looked = world.refreshable.refresh().await.expect("reads");
    assert!(matches!(looked, Outcome::Unchanged { .. }), "{looked:?}");
    assert_eq!(world.refreshable.status().version.as_str(), "v2");
    // The old version is still there when reads have settled, so it was no stale read: nobody has to say it again.
    world.live("v1", Duration::from_secs(31)).await;
}
