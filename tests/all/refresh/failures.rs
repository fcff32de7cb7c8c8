//! A source that fails, hangs or panics, and a trigger that does: the loop goes on, with what it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use credswap::refresh::Timeouts;
use credswap::trigger::{Health, Interval, Reason, RefreshRequester};
use credswap::{Error, ErrorKind, Refreshable, Secret};
use tokio::time::Instant;

use super::fixture::{Fixture, ScriptedSource, TextConnector, live, settle};

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_tried_again_with_backoff_until_it_answers() {
    let fixture = Fixture::at("v1").await;
    fixture.source.now(Err(ErrorKind::Unavailable));
    fixture.trigger.request(Reason::Event);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let failures = fixture.refreshable.status().consecutive_failures;
    assert!((6..=20).contains(&failures), "{failures}");
    assert_eq!(
        *fixture.refreshable.lease(),
        "material of v1",
        "the last good one stays"
    );
    fixture.source.now(Ok("v2"));
    // No further event: the one that came during the outage is not lost.
    fixture.live("v2", Duration::from_secs(125)).await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_times_out() {
    let (source, connector) = (ScriptedSource::at("v1"), TextConnector::default());
    let timeouts = Timeouts::default().fetch(Duration::from_secs(3));
    let refreshable = Refreshable::builder(source.clone(), connector)
        .timeouts(timeouts)
        .start()
        .await
        .expect("starts");
    source.takes(Duration::from_secs(3600));
    let begun = Instant::now();
    let failure = refreshable.refresh().await.expect_err("hangs");
    assert_eq!(failure.kind(), ErrorKind::Timeout);
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_source_is_an_error_and_not_the_end() {
    let fetches = Arc::new(AtomicUsize::new(0));
    let source = move || {
        let n = fetches.fetch_add(1, Ordering::SeqCst);
        async move {
            assert_ne!(n, 1, "the second fetch panics");
            Ok::<_, Error>(Secret::new("m", format!("v{n}")))
        }
    };
    let refreshable = Refreshable::builder(source, TextConnector::default())
        .start()
        .await
        .expect("starts");
    let failure = refreshable.refresh().await.expect_err("panics");
    assert_eq!(failure.kind(), ErrorKind::Panicked);
    live(&refreshable, "v2", Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_panics_is_reported_and_the_others_go_on() {
    let source = ScriptedSource::at("v1");
    let refreshable = Refreshable::builder(source.clone(), TextConnector::default())
        .trigger(|_requester: RefreshRequester| async { panic!("a defect in a trigger") })
        .trigger(Interval::every(Duration::from_secs(60)))
        .start()
        .await
        .expect("starts");
    settle().await;
    assert!(matches!(
        refreshable.status().triggers[0].health,
        Health::Disconnected { .. }
    ));
    source.now(Ok("v2"));
    live(&refreshable, "v2", Duration::from_secs(67)).await;
}
