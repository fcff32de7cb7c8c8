//! When it looks: often enough for each event, and not more often for a flood of them (rules 3 and 7).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use credswap::refresh::Outcome;
use credswap::trigger::{Interval, Reason};
use credswap::{Error, Refreshable, Secret};

use super::world::{SOON, Scripted, Text, World, live, settle};

#[tokio::test(start_paused = true)]
async fn a_burst_of_events_during_a_fetch_costs_one_fetch_more() {
    let world = World::at("v1").await;
    world.source.takes(Duration::from_secs(1));
    let before = world.source.fetches();
    world.rotate("v2");
    tokio::time::sleep(SOON).await;
    for _ in 0..500 {
        world.hand.request(Reason::Interval);
    }
    world.live("v2", Duration::from_secs(2)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.source.fetches() - before, 2);
}

#[tokio::test(start_paused = true)]
async fn after_an_event_reads_go_on_until_the_version_changes() {
    let world = World::at("v1").await;
    // Eventually consistent: five reads still give the old version.
    for _ in 0..5 {
        world.source.next(Ok("v1"));
    }
    world.source.next(Ok("v2"));
    world.hand.request(Reason::Event);
    world.live("v2", Duration::from_secs(15)).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_announces_nothing_costs_a_bounded_number_of_reads() {
    let world = World::at("v1").await;
    world.hand.request(Reason::Event);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let once = world.source.fetches();
    assert!((5..=25).contains(&once), "{once} reads");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.source.fetches(), once, "it goes on for ever");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_forged_events_is_limited_and_a_true_one_still_gets_through() {
    let world = World::at("v1").await;
    for _ in 0..6_000 {
        world.hand.request(Reason::Event);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let reads = world.source.fetches();
    assert!(reads <= 60, "{reads} reads in a minute of forged events");
    world.rotate("v2");
    world.live("v2", Duration::from_secs(6)).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_asks_for_is_not_put_off_by_a_flood() {
    let world = World::at("v1").await;
    for _ in 0..20 {
        world.hand.request(Reason::Event);
        settle().await;
    }
    let reads = world.source.fetches();
    world.hand.request(Reason::Event);
    settle().await;
    assert_eq!(world.source.fetches(), reads, "events have to wait by now");
    world.source.now(Ok("v2"));
    let asked = tokio::time::Instant::now();
    let found = world.refreshable.refresh().await.expect("it requester");
    assert!(matches!(found, Outcome::Swapped { .. }), "{found:?}");
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn rotations_in_quick_succession_are_not_limited() {
    let world = World::at("v0").await;
    for version in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"] {
        world.swap(version).await;
    }
}

#[tokio::test(start_paused = true)]
async fn polling_alone_brings_the_new_version() {
    let source = Scripted::at("v1");
    let refreshable = Refreshable::builder(source.clone(), Text::default())
        .trigger(Interval::every(Duration::from_secs(300)))
        .start()
        .await
        .expect("starts");
    source.now(Ok("v2"));
    live(&refreshable, "v2", Duration::from_secs(331)).await;
}

#[tokio::test(start_paused = true)]
async fn material_that_expires_is_read_again_before_it_does() {
    let clock = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let fetches = Arc::new(AtomicUsize::new(0));
    let source = {
        let fetches = Arc::clone(&fetches);
        move || {
            let n = fetches.fetch_add(1, Ordering::SeqCst);
            async move {
                Ok::<_, Error>(
                    Secret::new("m", format!("v{n}"))
                        .with_expires(clock + Duration::from_secs(3600)),
                )
            }
        }
    };
    let refreshable = Refreshable::builder(source, Text::default())
        .clock(move || clock)
        .start()
        .await
        .expect("starts");
    live(&refreshable, "v1", Duration::from_secs(2800)).await;
}

#[tokio::test(start_paused = true)]
async fn reload_says_what_it_found_and_many_callers_share_one_fetch() {
    let world = World::at("v1").await;
    world.source.takes(Duration::from_secs(1));
    world.source.now(Ok("v2"));
    let before = world.source.fetches();
    let answers = futures::future::join_all((0..20).map(|_| world.refreshable.refresh())).await;
    for answer in answers {
        match answer.expect("reads") {
            Outcome::Swapped {
                generation,
                version,
                ..
            } => {
                assert_eq!((generation, version.as_str()), (2, "v2"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.source.fetches() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn a_reload_asked_for_during_a_look_is_answered_by_the_next() {
    let world = World::at("v1").await;
    world.source.takes(Duration::from_secs(1));
    world.hand.request(Reason::Interval);
    tokio::time::sleep(SOON).await; // that fetch has read "v1" already
    world.source.now(Ok("v2"));
    let answer = world.refreshable.refresh().await.expect("reads");
    assert!(
        matches!(answer, Outcome::Swapped { .. }),
        "answered by a look that began before: {answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_that_is_live_leads_to_a_look_and_an_old_one_does_not() {
    let world = World::at("v1").await;
    world.source.now(Ok("v2"));
    world.refreshable.report_rejected(1);
    world.live("v2", SOON).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = world.source.fetches();
    world.refreshable.report_rejected(1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.source.fetches(), before);
}
