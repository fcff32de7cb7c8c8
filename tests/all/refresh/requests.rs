//! When it refreshes: for each event, and not more often for a flood of them (rules 3 and 7).

use std::time::{Duration, SystemTime};

use credswap::connect::Verdict;
use credswap::refresh::Refreshed;
use credswap::source::{BoxSource, FetchRequest, Source};
use credswap::trigger::Reason;
use credswap::{Error, ErrorKind, Refreshable, Secret, SecretId, VersionId};

use super::fixture::{Fixture, SOON, ScriptedSource, TextConnector, error, live, settle};

#[tokio::test(start_paused = true)]
async fn a_burst_of_events_during_a_fetch_costs_one_more_fetch() {
    let fixture = Fixture::at("v1").await;
    fixture.source.takes(Duration::from_secs(1));
    let before = fixture.source.fetches();
    fixture.rotate("v2");
    tokio::time::sleep(SOON).await;
    for _ in 0..500 {
        fixture.trigger.request(Reason::Event);
    }
    fixture.live("v2", Duration::from_secs(2)).await;
    // That one more finds nothing new; it was asked for by events, so stale answers are reckoned with.
    fixture.source.takes(Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let fetches = fixture.source.fetches() - before;
    assert!(
        (2..=25).contains(&fetches),
        "{fetches} fetches for 501 events"
    );
}

#[tokio::test(start_paused = true)]
async fn after_an_event_fetches_go_on_until_the_version_changes() {
    let fixture = Fixture::at("v1").await;
    // Eventually consistent: five reads still give the old version.
    for _ in 0..5 {
        fixture.source.next(Ok("v1"));
    }
    fixture.source.next(Ok("v2"));
    fixture.trigger.request(Reason::Event);
    fixture.live("v2", Duration::from_secs(15)).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_rotation_costs_a_limited_number_of_fetches() {
    let fixture = Fixture::at("v1").await;
    fixture.trigger.request(Reason::Event);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let once = fixture.source.fetches();
    assert!((5..=25).contains(&once), "{once} reads");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(fixture.source.fetches(), once, "it goes on for ever");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_forged_events_is_limited_and_a_true_one_gets_through() {
    let fixture = Fixture::at("v1").await;
    for _ in 0..6_000 {
        fixture.trigger.request(Reason::Event);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let reads = fixture.source.fetches();
    assert!(reads <= 60, "{reads} reads in a minute of forged events");
    fixture.rotate("v2");
    fixture.live("v2", Duration::from_secs(6)).await;
}

#[tokio::test(start_paused = true)]
async fn a_manual_refresh_is_not_deferred_by_a_flood() {
    let fixture = Fixture::at("v1").await;
    for _ in 0..20 {
        fixture.trigger.request(Reason::Event);
        settle().await;
    }
    let reads = fixture.source.fetches();
    fixture.trigger.request(Reason::Event);
    settle().await;
    assert_eq!(
        fixture.source.fetches(),
        reads,
        "events have to wait by now"
    );
    fixture.source.now(Ok("v2"));
    let asked = tokio::time::Instant::now();
    let found = fixture.refreshable.refresh().await.expect("it refreshes");
    assert!(matches!(found, Refreshed::Swapped { .. }), "{found:?}");
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn rotations_in_quick_succession_are_not_limited() {
    let fixture = Fixture::at("v0").await;
    for version in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"] {
        fixture.swap(version).await;
    }
}

#[tokio::test(start_paused = true)]
async fn polling_is_on_by_default_and_suffices() {
    let source = ScriptedSource::at("v1");
    let refreshable = Refreshable::builder(source.clone(), TextConnector::default())
        .start()
        .await
        .expect("starts");
    source.now(Ok("v2"));
    live(&refreshable, "v2", Duration::from_secs(331)).await;
}

#[tokio::test(start_paused = true)]
async fn material_that_expires_is_refreshed_before_it_does() {
    let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let source = ScriptedSource::at("v1");
    source.expires(clock + Duration::from_secs(3600));
    let refreshable = Refreshable::builder(source.clone(), TextConnector::default())
        .without_polling()
        .clock(move || clock)
        .start()
        .await
        .expect("starts");
    source.now(Ok("v2"));
    tokio::time::sleep(Duration::from_secs(2600)).await;
    assert_eq!(source.fetches(), 1, "too early");
    live(&refreshable, "v2", Duration::from_secs(200)).await;
    assert!(source.last_request().reasons.has(Reason::Expiry));
}

#[tokio::test(start_paused = true)]
async fn a_boxed_source_behaves_like_the_source_in_it() {
    let source = ScriptedSource::at("v1");
    let boxed = BoxSource::new(source.clone());
    let connector = TextConnector::default();
    let refreshable = Refreshable::builder(boxed, connector.clone())
        .start()
        .await
        .expect("starts");
    source.now(Ok("v2"));
    refreshable.refresh().await.expect("swaps");
    connector.returns([Verdict::Bad(error(ErrorKind::Rejected))]);
    source.now(Ok("v3"));
    refreshable.refresh().await.expect_err("bad");
    refreshable.shutdown(SOON).await.expect("idle");
    assert_eq!(source.last_request().live_version, Some("v2".into()));
    assert_eq!(source.notified_drained(), [VersionId::from("v1")]);
    assert_eq!(source.notified_discarded(), [VersionId::from("v3")]);
    assert_eq!(source.shutdowns(), 1);
}

#[tokio::test(start_paused = true)]
async fn refresh_returns_what_it_did_and_many_callers_share_one_fetch() {
    let fixture = Fixture::at("v1").await;
    fixture.source.takes(Duration::from_secs(1));
    fixture.source.now(Ok("v2"));
    let before = fixture.source.fetches();
    let answers = futures::future::join_all((0..20).map(|_| fixture.refreshable.refresh())).await;
    for answer in answers {
        match answer.expect("reads") {
            Refreshed::Swapped {
                generation,
                version,
                ..
            } => {
                assert_eq!((generation, version.as_str()), (2, "v2"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fixture.source.fetches() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_requested_during_another_is_answered_by_the_next() {
    let fixture = Fixture::at("v1").await;
    fixture.source.takes(Duration::from_secs(1));
    fixture.trigger.request(Reason::Interval);
    tokio::time::sleep(SOON).await; // that fetch has read "v1" already
    fixture.source.now(Ok("v2"));
    let answer = fixture.refreshable.refresh().await.expect("reads");
    assert!(
        matches!(answer, Refreshed::Swapped { .. }),
        "answered by a refresh that began before: {answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejected_live_key_leads_to_a_refresh_and_an_old_one_does_not() {
    let fixture = Fixture::at("v1").await;
    fixture.source.now(Ok("v2"));
    fixture.refreshable.report_rejected(1);
    fixture.live("v2", SOON).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = fixture.source.fetches();
    fixture.refreshable.report_rejected(1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fixture.source.fetches(), before);
}

#[tokio::test(start_paused = true)]
async fn without_polling_nothing_is_fetched_unless_requested() {
    let source = ScriptedSource::at("v1");
    let _keys = Refreshable::builder(source.clone(), TextConnector::default())
        .without_polling()
        .start()
        .await
        .expect("starts");
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_knows_its_reasons_until_they_are_settled() {
    let fixture = Fixture::at("v1").await;
    let first = fixture.source.last_request();
    assert!(first.reasons.has(Reason::Start) && first.live_version.is_none());

    fixture.source.now(Err(ErrorKind::Unavailable));
    fixture.trigger.request_version("v2");
    tokio::time::sleep(Duration::from_secs(30)).await;
    let retried = fixture.source.last_request();
    assert_eq!(retried.reasons, Reason::Event.into());
    assert_eq!(retried.expected_version, Some("v2".into()));
    assert_eq!(retried.live_version, Some("v1".into()));

    fixture.source.now(Ok("v2"));
    fixture.live("v2", Duration::from_secs(61)).await;
    fixture.refreshable.refresh().await.expect("fetches");
    let next = fixture.source.last_request();
    assert_eq!(next.reasons, Reason::Manual.into());
    assert_eq!(next.expected_version, None);
}

#[tokio::test(start_paused = true)]
async fn a_secret_id_that_contradicts_the_source_is_an_error_at_start() {
    struct Named(SecretId);
    impl Source for Named {
        async fn fetch(&self, _: &FetchRequest) -> Result<Secret, Error> {
            Ok(Secret::new("m", "v1"))
        }
        fn secret_id(&self) -> Option<&SecretId> {
            Some(&self.0)
        }
    }
    let builder = |id: &str| {
        Refreshable::builder(Named("prod/db".into()), TextConnector::default()).secret_id(id)
    };
    let error = builder("prod/other").start().await.expect_err("another");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("prod/other"), "{error}");
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf";
    let keys = builder(arn).start().await.expect("the same secret");
    assert_eq!(keys.secret_id().expect("named").as_str(), "prod/db");
}

#[tokio::test(start_paused = true)]
async fn a_rejection_during_a_fetch_is_noted_at_once_and_refreshes_after_it() {
    let fixture = Fixture::at("v1").await;
    fixture.source.takes(Duration::from_secs(10));
    fixture.trigger.request(Reason::Interval);
    settle().await; // that fetch will return "v1"
    fixture.refreshable.report_rejected(1);
    settle().await;
    assert_eq!(fixture.refreshable.status().rejected[0].times, 1);
    fixture.source.now(Ok("v2"));
    fixture.live("v2", Duration::from_secs(21)).await;
}

#[tokio::test(start_paused = true)]
async fn a_rejection_of_a_key_that_is_replaced_meanwhile_requests_nothing() {
    let fixture = Fixture::at("v1").await;
    fixture.source.now(Ok("v2"));
    fixture.source.takes(Duration::from_secs(1));
    fixture.trigger.request(Reason::Interval);
    settle().await; // that fetch will return "v2"
    fixture.refreshable.report_rejected(1);
    fixture.live("v2", Duration::from_secs(2)).await;
    let before = fixture.source.fetches();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(fixture.source.fetches(), before);
}
