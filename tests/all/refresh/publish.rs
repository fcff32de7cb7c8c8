//! What is published: only what is proven, and never the same twice (rules 1 and 4).

use std::time::Duration;

use credswap::connect::Verdict;
use credswap::hot::Lease;
use credswap::refresh::{OnForbidden, RefreshEvent, Refreshed};
use credswap::trigger::Reason;
use credswap::{Error, ErrorKind, Refreshable, Secret, VersionId};
use tokio::time::timeout;

use super::fixture::{Fixture, ScriptedSource, TextConnector, error, settle};

#[tokio::test(start_paused = true)]
async fn an_event_swaps_to_the_new_version_at_once() {
    let fixture = Fixture::at("v1").await;
    let old = fixture.refreshable.lease();
    fixture.swap("v2").await;
    assert_eq!(*fixture.refreshable.lease(), "material of v2");
    assert_eq!(*old, "material of v1");
    assert_eq!(Lease::generation(&old), 1);
    assert_eq!(fixture.refreshable.generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_version_is_not_swapped_and_not_reported() {
    let fixture = Fixture::at("v1").await;
    let mut events = fixture.refreshable.events();
    let updates = fixture.refreshable.updates();
    fixture.trigger.request(Reason::Interval);
    settle().await;
    let refreshed = fixture.refreshable.refresh().await.expect("reads");
    assert!(
        matches!(refreshed, Refreshed::Unchanged { .. }),
        "{refreshed:?}"
    );
    assert_eq!(fixture.refreshable.generation(), 1);
    assert_eq!(updates.latest(), 1);
    assert!(events.try_recv().is_err(), "an event about nothing");
    assert_eq!(fixture.connector.checks(), 1, "checked again for nothing");
}

#[tokio::test(start_paused = true)]
async fn a_bad_new_version_never_replaces_a_good_one_and_is_reported() {
    let fixture = Fixture::at("v1").await;
    let mut events = fixture.refreshable.events();
    fixture
        .connector
        .returns([Verdict::Bad(error(ErrorKind::Rejected))]);
    fixture.rotate("v2");
    match events.recv().await.expect("reported") {
        RefreshEvent::Failed(error) => assert_eq!(error.kind(), ErrorKind::Rejected),
        other => panic!("{other:?}"),
    }
    let status = fixture.refreshable.status();
    assert_eq!(
        (status.version.as_str(), status.consecutive_failures),
        ("v1", 1)
    );
    assert_eq!(
        status.last_error.expect("kept").error.kind(),
        ErrorKind::Rejected
    );
    assert_eq!(*fixture.refreshable.lease(), "material of v1");
    // It is fetched again without a request, and taken when it is good.
    fixture.live("v2", Duration::from_secs(3)).await;
    assert_eq!(fixture.refreshable.status().consecutive_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_does_not_connect_never_replaces_a_good_one() {
    let source = ScriptedSource::at("v1");
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
    let fixture = Fixture::at("v1").await;
    fixture.connector.rejects_as_new(8);
    fixture.rotate("v2");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*fixture.refreshable.lease(), "material of v1");
    assert_eq!(
        fixture.refreshable.status().consecutive_failures,
        0,
        "waiting is no failure"
    );
    fixture.live("v2", Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_version_is_taken_while_an_older_one_waits_for_its_propagation() {
    let fixture = Fixture::at("v1").await;
    fixture.connector.rejects_as_new(4);
    fixture.rotate("v2");
    settle().await;
    fixture.connector.accepts_all();
    fixture.swap("v3").await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_never_propagates_is_reported_and_tried_again() {
    let fixture = Fixture::at("v1").await;
    fixture.connector.rejects_as_new(60);
    fixture.rotate("v2");
    let mut events = fixture.refreshable.events();
    match timeout(Duration::from_secs(130), events.recv())
        .await
        .expect("bounded")
        .expect("reported")
    {
        RefreshEvent::Failed(error) => assert_eq!(error.kind(), ErrorKind::NotPropagated),
        other => panic!("{other:?}"),
    }
    fixture.live("v2", Duration::from_secs(600)).await;
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_key_is_rejected_or_accepted_as_configured() {
    for (policy, expected) in [(OnForbidden::Reject, "v1"), (OnForbidden::Accept, "v2")] {
        let (source, connector) = (ScriptedSource::at("v1"), TextConnector::default());
        let refreshable = Refreshable::builder(source.clone(), connector.clone())
            .on_forbidden(policy)
            .start()
            .await
            .expect("starts");
        connector.returns([Verdict::Forbidden(error(ErrorKind::Forbidden))]);
        source.now(Ok("v2"));
        let result = refreshable.refresh().await;
        assert_eq!(result.is_ok(), policy == OnForbidden::Accept, "{policy:?}");
        assert_eq!(
            refreshable.status().version.as_str(),
            expected,
            "{policy:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_a_swap_once_reads_have_settled() {
    let fixture = Fixture::at("v1").await;
    fixture.swap("v2").await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    fixture.swap("v1").await;
    assert_eq!(fixture.refreshable.generation(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_does_not_swap_back_but_a_rollback_gets_through() {
    let fixture = Fixture::at("v1").await;
    fixture.swap("v2").await;
    fixture.source.now(Ok("v1"));
    let refreshed = fixture.refreshable.refresh().await.expect("reads");
    match refreshed {
        Refreshed::Stale {
            version,
            fetched,
            settled_in,
            ..
        } => {
            assert_eq!((version.as_str(), fetched.as_str()), ("v2", "v1"));
            assert!(settled_in <= fixture.refreshable.timeouts().stale_reads);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.refreshable.status().version.as_str(), "v2");
    // The old version is still there when reads have settled, so it was no stale read: nobody has to request it again.
    fixture.live("v1", Duration::from_secs(31)).await;
}

#[tokio::test(start_paused = true)]
async fn a_person_forces_a_rollback_at_once_and_it_is_proven() {
    let fixture = Fixture::at("v1").await;
    fixture.swap("v2").await;
    fixture.source.now(Ok("v1"));
    fixture
        .connector
        .returns([Verdict::Bad(error(ErrorKind::Rejected))]);
    fixture.refreshable.force_refresh().await.expect_err("bad");
    assert_eq!(fixture.refreshable.status().version.as_str(), "v2");

    let refreshed = fixture.refreshable.force_refresh().await;
    assert!(
        matches!(refreshed, Ok(Refreshed::Swapped { generation: 3, .. })),
        "{refreshed:?}"
    );
    assert_eq!(*fixture.refreshable.lease(), "material of v1");
    // What was forced out counts as stale in its turn, and what is live as unchanged.
    let refreshed = fixture.refreshable.force_refresh().await;
    assert!(
        matches!(refreshed, Ok(Refreshed::Unchanged { .. })),
        "{refreshed:?}"
    );
    fixture.source.now(Ok("v2"));
    let refreshed = fixture.refreshable.refresh().await;
    assert!(
        matches!(refreshed, Ok(Refreshed::Stale { .. })),
        "{refreshed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_that_cannot_go_live_is_discarded() {
    let fixture = Fixture::at("v1").await;
    let bad = || Verdict::Bad(error(ErrorKind::Rejected));
    fixture.connector.returns([bad()]);
    fixture.source.now(Ok("v2"));
    fixture.refreshable.refresh().await.expect_err("bad");
    settle().await;
    assert_eq!(fixture.source.notified_discarded(), [VersionId::from("v2")]);

    // What may pass by itself is kept until another version takes its place.
    let unknown = || Verdict::Unknown(error(ErrorKind::Unavailable));
    fixture.connector.returns([unknown()]);
    fixture.source.now(Ok("v3"));
    fixture.refreshable.refresh().await.expect_err("unknown");
    fixture.connector.rejects_as_new(1);
    settle().await;
    assert_eq!(fixture.source.notified_discarded(), [VersionId::from("v2")]);
    fixture.source.now(Ok("v4"));
    fixture.live("v4", Duration::from_secs(5)).await;
    settle().await;
    let discarded = ["v2", "v3"].map(VersionId::from);
    assert_eq!(fixture.source.notified_discarded(), discarded);
    // Those that were live are drained, not discarded.
    fixture.swap("v5").await;
    settle().await;
    assert_eq!(fixture.source.notified_discarded(), discarded);
    assert_eq!(
        fixture.source.notified_drained(),
        ["v1", "v4"].map(VersionId::from)
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_that_waits_for_its_propagation_is_discarded_at_the_end() {
    let fixture = Fixture::at("v1").await;
    fixture.connector.rejects_as_new(100);
    fixture.rotate("v2");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(fixture.source.notified_discarded().is_empty(), "not yet");
    let within = Duration::from_secs(1);
    fixture.refreshable.shutdown(within).await.expect("idle");
    assert_eq!(fixture.source.notified_discarded(), [VersionId::from("v2")]);
}
