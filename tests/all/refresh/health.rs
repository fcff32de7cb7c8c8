//! What the status says about the live value, the one that waits, the source and the loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use credswap::connect::Verdict;
use credswap::refresh::{EndReason, Status, WaitingReason};
use credswap::trigger::{Health, RefreshRequester};
use credswap::{Error, ErrorKind, Refreshable, Secret};

use super::fixture::{Fixture, ScriptedSource, TextConnector, error, settle};

/// Longer than fetches may be stale, with the jitter of the delays.
const QUIET: Duration = Duration::from_secs(40);

fn status(fixture: &Fixture) -> Status {
    fixture.refreshable.status()
}

async fn reject(fixture: &Fixture, generation: u64) {
    fixture.refreshable.report_rejected(generation);
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_rejected_live_value_is_not_ready_until_it_is_proven_again() {
    let fixture = Fixture::at("v1").await;
    assert!(status(&fixture).is_ready() && status(&fixture).is_healthy());
    reject(&fixture, 1).await;
    let rejected = status(&fixture);
    assert!(!rejected.is_ready() && !rejected.is_healthy() && rejected.is_running());
    let rejection = rejected.live_rejection.expect("noted");
    assert_eq!((rejection.times, rejection.since), (1, rejection.last));
    assert_eq!(rejected.consecutive_failures, 0, "the source is fine");
    let checks = fixture.connector.checks();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!status(&fixture).is_ready(), "too early to tell");
    tokio::time::sleep(QUIET).await;
    assert!(status(&fixture).is_ready(), "it passed its check again");
    assert_eq!(fixture.connector.checks(), checks + 1);
    assert_eq!(status(&fixture).rejected.len(), 1, "still on the list");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_rejected_again_and_again_stays_unready() {
    let fixture = Fixture::at("v1").await;
    for _ in 0..30 {
        reject(&fixture, 1).await;
        assert!(!status(&fixture).is_ready());
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let rejection = status(&fixture).live_rejection.expect("noted");
    assert_eq!(rejection.times, 30);
}

#[tokio::test(start_paused = true)]
async fn a_value_whose_check_fails_stays_unready_until_another_is_live() {
    let fixture = Fixture::at("v1").await;
    fixture
        .connector
        .returns((0..1000).map(|_| Verdict::NotYet(error(ErrorKind::Rejected))));
    reject(&fixture, 1).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(!status(&fixture).is_ready());
    assert!(
        fixture.source.fetches() < 60,
        "{}",
        fixture.source.fetches()
    );
    fixture.connector.accepts_all();
    fixture.source.now(Ok("v2"));
    // No event, no polling: the source is asked again all the same.
    fixture.live("v2", QUIET).await;
    assert!(status(&fixture).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_value_swapped_in_just_now_may_be_unknown_to_a_service() {
    let fixture = Fixture::at("v1").await;
    fixture.swap("v2").await;
    reject(&fixture, 2).await;
    let young = status(&fixture);
    let rejection = young.live_rejection.as_ref().expect("noted");
    assert!(rejection.may_be_propagating);
    assert!(young.is_ready() && !young.is_healthy());

    fixture.connector.rejects_as_new(1);
    fixture.rotate("v3");
    settle().await;
    assert!(status(&fixture).waiting.is_some());
    assert!(
        !status(&fixture).is_ready(),
        "it was replaced at the source"
    );
    fixture.live("v3", Duration::from_secs(5)).await;

    reject(&fixture, 3).await;
    assert!(status(&fixture).is_ready());
    fixture.connector.rejects_as_new(1000);
    tokio::time::sleep(QUIET).await;
    assert!(!status(&fixture).is_ready(), "its check fails, too");
}

#[tokio::test(start_paused = true)]
async fn only_the_live_version_is_meant_also_after_a_rollback() {
    let fixture = Fixture::at("v1").await;
    let lease = fixture.refreshable.lease();
    reject(&fixture, 1).await;
    fixture.swap("v2").await;
    assert!(status(&fixture).is_ready(), "another version is live");
    reject(&fixture, 1).await;
    assert!(status(&fixture).is_ready(), "the old one was rejected");
    tokio::time::sleep(QUIET).await;
    fixture.swap("v1").await;
    assert!(status(&fixture).is_ready(), "it was rejected before");
    reject(&fixture, 1).await;
    let rejection = status(&fixture).live_rejection;
    assert!(rejection.is_some(), "a lease of the same version");
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_cannot_go_live_is_named_with_the_reason() {
    let fixture = Fixture::at("v1").await;
    type ToVerdict = fn(Error) -> Verdict;
    let cases: [(ToVerdict, _); 4] = [
        (Verdict::NotYet, WaitingReason::NotPropagated),
        (Verdict::Forbidden, WaitingReason::Forbidden),
        (Verdict::Bad, WaitingReason::CheckFailed),
        (Verdict::Unknown, WaitingReason::CheckFailed),
    ];
    fixture.source.now(Ok("v2"));
    let mut since = None;
    for (verdict, reason) in cases {
        fixture.connector.accepts_all();
        fixture
            .connector
            .returns((0..1000).map(|_| verdict(error(ErrorKind::Rejected))));
        let _ = tokio::time::timeout(Duration::from_secs(1), fixture.refreshable.refresh()).await;
        let status = status(&fixture);
        let waiting = status.waiting.as_ref().expect("v2 waits");
        assert_eq!((waiting.version.as_str(), waiting.reason), ("v2", reason));
        assert_eq!(waiting.error.to_string(), "scripted verdict");
        assert_eq!(*since.get_or_insert(waiting.since), waiting.since);
        assert!(status.is_ready(), "v1 works");
        assert_eq!(status.source_failing_since, None);
    }
    fixture.source.now(Ok("v1"));
    fixture.refreshable.refresh().await.expect("unchanged");
    assert!(status(&fixture).waiting.is_none(), "rolled back");
    fixture.source.now(Ok("v3"));
    fixture.connector.accepts_all();
    fixture.refreshable.refresh().await.expect("swapped");
    assert!(status(&fixture).waiting.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_malformed_version_waits_and_a_failing_source_is_another_thing() {
    let source = ScriptedSource::at("v1");
    let connect = |secret: Secret| async move {
        match secret.version().as_str() {
            "v2" => Err(Error::new(ErrorKind::Malformed, "no field")),
            _ => Ok(()),
        }
    };
    let refreshable = Refreshable::builder(source.clone(), connect)
        .without_polling()
        .start()
        .await
        .expect("starts");
    source.now(Ok("v2"));
    refreshable.refresh().await.expect_err("malformed");
    let waiting = refreshable.status().waiting.expect("v2");
    assert_eq!(waiting.reason, WaitingReason::ConnectFailed);

    source.now(Err(ErrorKind::Unavailable));
    refreshable.refresh().await.expect_err("down");
    let since = refreshable.status().source_failing_since.expect("now");
    refreshable.refresh().await.expect_err("down");
    let status = refreshable.status();
    assert_eq!(status.source_failing_since, Some(since));
    assert_eq!(status.waiting.expect("still").version.as_str(), "v2");
    assert!(!refreshable.status().is_healthy() && refreshable.status().is_ready());

    source.now(Ok("v1"));
    refreshable.refresh().await.expect("up");
    let status = refreshable.status();
    assert!(status.source_failing_since.is_none() && status.waiting.is_none());
    assert!(status.is_healthy());
}

#[tokio::test(start_paused = true)]
async fn the_end_is_in_the_status_whatever_its_reason() {
    let fixture = Fixture::at("v1").await;
    let mut following = fixture.refreshable.subscribe_status();
    fixture
        .refreshable
        .shutdown(Duration::ZERO)
        .await
        .expect("nothing drains");
    assert_eq!(status(&fixture).ended, Some(EndReason::ShutDown));
    assert!(!status(&fixture).is_running() && status(&fixture).is_ready());
    while following.changed().await.is_ok() {}
    assert_eq!(following.borrow().ended, Some(EndReason::ShutDown));

    let fixture = Fixture::at("v1").await;
    let following = fixture.refreshable.subscribe_status();
    drop(fixture.refreshable);
    settle().await;
    assert_eq!(following.borrow().ended, Some(EndReason::Dropped));
    assert!(Refreshable::fixed(()).status().is_running());
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_panics_has_ended_and_leaves_nobody_waiting() {
    let broken = Arc::new(AtomicBool::new(false));
    let clock = {
        let broken = Arc::clone(&broken);
        move || {
            assert!(!broken.load(Ordering::SeqCst), "the clock is broken");
            SystemTime::UNIX_EPOCH
        }
    };
    let refreshable = Refreshable::builder(ScriptedSource::at("v1"), TextConnector::default())
        .without_polling()
        .clock(clock)
        .start()
        .await
        .expect("starts");
    let mut following = refreshable.subscribe_status();
    broken.store(true, Ordering::SeqCst);
    let gone = refreshable.refresh().await.expect_err("the loop is gone");
    assert_eq!(gone.kind(), ErrorKind::ShutDown);
    assert_eq!(refreshable.status().ended, Some(EndReason::Panicked));
    while following.changed().await.is_ok() {}
    assert_eq!(*refreshable.lease(), "material of v1");
    let gone = refreshable.refresh().await.expect_err("still gone");
    assert_eq!(gone.kind(), ErrorKind::ShutDown);
}

#[test]
fn a_loop_whose_runtime_is_gone_has_ended() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime")
    };
    let first = runtime();
    let refreshable = first.block_on(async {
        Refreshable::builder(ScriptedSource::at("v1"), TextConnector::default())
            .start()
            .await
            .expect("starts")
    });
    assert!(refreshable.status().is_running());
    drop(first);
    assert_eq!(refreshable.status().ended, Some(EndReason::RuntimeGone));
    let gone = runtime().block_on(refreshable.refresh());
    assert_eq!(gone.expect_err("no loop").kind(), ErrorKind::ShutDown);
}

#[tokio::test(start_paused = true)]
async fn a_status_is_json_with_times_reasons_and_messages() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_860_800);
    let source = ScriptedSource::at("v1");
    let connector = TextConnector::default();
    let refreshable = Refreshable::builder(source.clone(), connector.clone())
        .without_polling()
        .clock(move || at)
        .trigger(|requester: RefreshRequester| async move {
            requester.set_health(Health::disconnected("no broker"));
            std::future::pending().await
        })
        .start()
        .await
        .expect("starts");
    let _lease = refreshable.lease();
    source.now(Ok("v2"));
    refreshable.refresh().await.expect("swapped");
    refreshable.report_rejected(2);
    connector.returns([Verdict::Forbidden(error(ErrorKind::Forbidden))]);
    source.now(Ok("v3"));
    refreshable.refresh().await.expect_err("forbidden");
    let json = serde_json::to_value(refreshable.status()).expect("serializes");
    let time = "2026-01-31T12:00:00.000Z";
    let error = serde_json::json!({"kind": "forbidden", "message": "scripted verdict"});
    assert_eq!(
        json,
        serde_json::json!({
            "ready": false,
            "running": true,
            "healthy": false,
            "version": "v2",
            "generation": 2,
            "since": time,
            "expires": null,
            "expired": false,
            "live_rejection": {"since": time, "last": time, "times": 1, "may_be_propagating": true},
            "waiting": {"version": "v3", "since": time, "reason": "forbidden", "error": error},
            "last_success": time,
            "last_error": {"error": error, "at": time},
            "consecutive_failures": 1,
            "source_failing_since": null,
            "draining": [
                {"version": "v1", "generation": 1, "since": time, "pinned_until": null, "outstanding": 1}
            ],
            "rejected": [{"version": "v2", "times": 1, "last": time}],
            "triggers": [{"name": json["triggers"][0]["name"], "health": "disconnected", "reason": "no broker"}],
            "ended": null,
        })
    );
}
