//! Metrics, and the rejected keys in the status.

use std::collections::BTreeMap;
use std::time::Duration;

use credswap::ErrorKind;
use credswap::connect::Verdict;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::fixture::{Fixture, error, settle};

/// Each metric by its name and labels; of a histogram, how many values it has.
fn read(snapshotter: &Snapshotter) -> BTreeMap<String, f64> {
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    metrics
        .map(|(key, _, help, value)| {
            assert!(help.is_some(), "{key:?} has no help text");
            let mut labels = key.key().labels();
            assert!(labels.any(|l| l.key() == "refreshable"), "{key:?}");
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
async fn refreshes_swaps_drains_and_failures_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // A current-thread runtime: the refreshable's task runs on this thread, under this recorder.
    let _here = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::at("v1").await;
    let lease = fixture.refreshable.lease();
    fixture.swap("v2").await;
    drop(lease);
    settle().await;
    fixture.source.now(Err(ErrorKind::Unavailable));
    let failed = fixture.refreshable.refresh().await;
    failed.expect_err("the source is down");
    let metrics = read(&snapshotter);
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
        assert_eq!(metrics.get(name), Some(&value), "{name}: {metrics:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_drains_is_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _here = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::at("v1").await;
    let _lease = fixture.refreshable.lease();
    fixture.swap("v2").await;
    let metrics = read(&snapshotter);
    assert_eq!(metrics["credswap_draining_generations"], 1.0);
    assert!(
        !metrics.contains_key("credswap_drain_seconds"),
        "{metrics:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn counters_exist_from_the_start_and_each_state_is_a_gauge() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _here = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::at("v1").await;
    settle().await;
    let start = read(&snapshotter);
    for name in [
        "credswap_swaps_total",
        "credswap_refreshes_total reason=event",
        "credswap_refreshes_total reason=scheduled",
        "credswap_refresh_failures_total kind=unavailable",
        "credswap_refresh_failures_total kind=malformed",
        "credswap_live_rejected",
        "credswap_source_failing",
        "credswap_version_waiting reason=forbidden",
    ] {
        assert_eq!(start.get(name), Some(&0.0), "{name}: {start:#?}");
    }
    let listening = |metrics: &BTreeMap<String, f64>| {
        let mut triggers = metrics.iter();
        let found = triggers.find(|(name, _)| name.starts_with("credswap_trigger_listening "));
        *found.expect("a trigger").1
    };
    assert_eq!(start["credswap_ready"], 1.0);
    assert_eq!(start["credswap_running"], 1.0);
    assert_eq!(listening(&start), 1.0);
    assert!(start["credswap_last_success_timestamp_seconds"] > 1.7e9);

    fixture.refreshable.report_rejected(1);
    fixture.source.now(Err(ErrorKind::Unavailable));
    settle().await;
    let failing = read(&snapshotter);
    for (name, value) in [
        ("credswap_ready", 0.0),
        ("credswap_live_rejected", 1.0),
        ("credswap_source_failing", 1.0),
    ] {
        assert_eq!(failing[name], value, "{name}");
    }
    fixture.source.now(Ok("v2"));
    let forbidden = Verdict::Forbidden(error(ErrorKind::Forbidden));
    fixture.connector.returns([forbidden]);
    fixture.refreshable.refresh().await.expect_err("forbidden");
    let waiting = read(&snapshotter);
    assert_eq!(waiting["credswap_version_waiting reason=forbidden"], 1.0);
    assert_eq!(waiting["credswap_source_failing"], 0.0);
    let end = fixture.refreshable.shutdown(Duration::ZERO);
    end.await.expect("nothing drains");
    let ended = read(&snapshotter);
    assert_eq!((ended["credswap_running"], listening(&ended)), (0.0, 0.0));
}

fn rejected(fixture: &Fixture) -> Vec<(String, u64)> {
    let rejected = fixture.refreshable.status().rejected.into_iter();
    rejected.map(|r| (r.version.to_string(), r.times)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_noted_while_its_version_is_in_use() {
    let fixture = Fixture::at("v1").await;
    let lease = fixture.refreshable.lease();
    fixture.swap("v2").await;
    let mut status = fixture.refreshable.subscribe_status();
    let times = |version: &str, count| (version.to_owned(), count);
    for (generation, expected) in [
        (1, vec![times("v1", 1)]),
        (2, vec![times("v1", 1), times("v2", 1)]),
        (1, vec![times("v2", 1), times("v1", 2)]),
    ] {
        status.mark_unchanged();
        fixture.refreshable.report_rejected(generation);
        status.changed().await.expect("the refreshable is there");
        assert_eq!(rejected(&fixture), expected);
    }
    drop(lease);
    settle().await;
    status.mark_unchanged();
    fixture.refreshable.report_rejected(1);
    settle().await;
    assert!(!status.has_changed().expect("the refreshable is there"));
    assert_eq!(
        rejected(&fixture),
        [times("v2", 1), times("v1", 2)],
        "old news"
    );
}

#[tokio::test(start_paused = true)]
async fn the_newest_eight_rejected_versions_are_kept() {
    let fixture = Fixture::at("a").await;
    let mut leases = vec![fixture.refreshable.lease()];
    for version in ["b", "c", "d", "e", "f", "g", "h", "i"] {
        fixture.swap(version).await;
        leases.push(fixture.refreshable.lease());
    }
    for generation in 1..=9 {
        fixture.refreshable.report_rejected(generation);
    }
    settle().await;
    let kept: Vec<_> = rejected(&fixture).into_iter().map(|(v, _)| v).collect();
    assert_eq!(kept, ["b", "c", "d", "e", "f", "g", "h", "i"]);
}
