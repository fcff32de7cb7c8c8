//! What it tells those who watch it: metrics, and in the status which keys were refused.

use std::collections::BTreeMap;

use credswap::ErrorKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::world::{World, settle};

/// Each metric by its name and labels; of a histogram, how many values it has.
fn read(snapshotter: &Snapshotter) -> BTreeMap<String, f64> {
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    metrics
        .map(|(key, _, _, value)| {
            let mut name = key.key().name().to_owned();
            for label in key.key().labels().filter(|l| l.key() != "refreshable") {
                name += &format!(" {}={}", label.key(), label.value());
            }
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(value) => value.into_inner(),
                DebugValue::Histogram(values) => values.len() as f64,
            };
            (name, value)
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn looks_swaps_drains_and_failures_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // A current-thread runtime: the refreshable's task runs on this thread, under this recorder.
    let _here = metrics::set_default_local_recorder(&recorder);
    let world = World::at("v1").await;
    let held = world.refreshable.lease();
    world.swap("v2").await;
    drop(held);
    settle().await;
    world.source.now(Err(ErrorKind::Unavailable));
    let failed = world.refreshable.refresh().await;
    failed.expect_err("the source is down");
    let told = read(&snapshotter);
    for (name, value) in [
        ("credswap_generation", 2.0),
        ("credswap_draining_generations", 0.0),
        ("credswap_consecutive_failures", 1.0),
        ("credswap_refreshes_total reason=event", 1.0),
        ("credswap_refreshes_total reason=manual", 1.0),
        ("credswap_refresh_failures_total kind=unavailable", 1.0),
        ("credswap_swaps_total", 1.0),
        ("credswap_swap_delay_seconds", 1.0),
        ("credswap_drain_seconds", 1.0),
    ] {
        assert_eq!(told.get(name), Some(&value), "{name}: {told:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_is_held_shows() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _here = metrics::set_default_local_recorder(&recorder);
    let world = World::at("v1").await;
    let _held = world.refreshable.lease();
    world.swap("v2").await;
    let told = read(&snapshotter);
    assert_eq!(told["credswap_draining_generations"], 1.0);
    assert!(!told.contains_key("credswap_drain_seconds"), "{told:#?}");
}

fn refused(world: &World) -> Vec<(String, u64)> {
    let refused = world.refreshable.status().refused.into_iter();
    refused.map(|r| (r.version.to_string(), r.times)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_while_its_version_is_in_use() {
    let world = World::at("v1").await;
    let held = world.refreshable.lease();
    world.swap("v2").await;
    let mut status = world.refreshable.subscribe_status();
    let told = |version: &str, times| (version.to_owned(), times);
    for (generation, expected) in [
        (1, vec![told("v1", 1)]),
        (2, vec![told("v1", 1), told("v2", 1)]),
        (1, vec![told("v2", 1), told("v1", 2)]),
    ] {
        status.mark_unchanged();
        world.refreshable.report_rejected(generation);
        assert!(status.has_changed().expect("the refreshable is there"));
        assert_eq!(refused(&world), expected);
    }
    drop(held);
    settle().await;
    status.mark_unchanged();
    world.refreshable.report_rejected(1);
    assert!(!status.has_changed().expect("the refreshable is there"));
    assert_eq!(refused(&world), [told("v2", 1), told("v1", 2)], "old news");
}

#[tokio::test(start_paused = true)]
async fn the_newest_eight_refused_versions_are_kept() {
    let world = World::at("a").await;
    let mut leases = vec![world.refreshable.lease()];
    for version in ["b", "c", "d", "e", "f", "g", "h", "i"] {
        world.swap(version).await;
        leases.push(world.refreshable.lease());
    }
    for generation in 1..=9 {
        world.refreshable.report_rejected(generation);
    }
    let kept: Vec<_> = refused(&world).into_iter().map(|(v, _)| v).collect();
    assert_eq!(kept, ["b", "c", "d", "e", "f", "g", "h", "i"]);
}
