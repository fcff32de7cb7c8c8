//! The end: by a shutdown, or since nobody has a handle any more.

use std::time::Duration;

use credswap::trigger::Reason;
use credswap::{ErrorKind, VersionId};
use tokio::time::Instant;

use super::world::{SOON, World, settle};

#[tokio::test(start_paused = true)]
async fn shutdown_stops_looking_waits_for_drains_and_leaves_the_value_usable() {
    let world = World::at("v1").await;
    let lease = world.refreshable.lease();
    world.swap("v2").await;

    let still = world
        .refreshable
        .shutdown(Duration::from_secs(5))
        .await
        .expect_err("leased");
    assert_eq!(still.held[0].version.as_str(), "v1");
    world.rotate("v3");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(*world.refreshable.lease(), "material of v2");
    assert_eq!(
        world.refreshable.refresh().await.expect_err("over").kind(),
        ErrorKind::ShutDown
    );
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn shutdown_returns_as_soon_as_the_drains_are_done() {
    let world = World::at("v1").await;
    let lease = world.refreshable.lease();
    world.swap("v2").await;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(lease);
    });
    let begun = Instant::now();
    world
        .refreshable
        .shutdown(Duration::from_secs(60))
        .await
        .expect("drained");
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(world.source.said_drained(), [VersionId::from("v1")]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_answers_those_who_wait_for_a_look() {
    let world = World::at("v1").await;
    world.source.takes(Duration::from_secs(20));
    let waiting = tokio::spawn({
        let refreshable = world.refreshable.clone();
        async move { refreshable.refresh().await }
    });
    tokio::time::sleep(SOON).await;
    world
        .refreshable
        .shutdown(Duration::ZERO)
        .await
        .expect("nothing held");
    let answer = waiting.await.expect("no panic").expect_err("over");
    assert_eq!(answer.kind(), ErrorKind::ShutDown);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_loop() {
    let world = World::at("v1").await;
    drop(world.refreshable);
    settle().await;
    let before = world.source.fetches();
    world.hand.request(Reason::Event);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.source.fetches(), before);
}
