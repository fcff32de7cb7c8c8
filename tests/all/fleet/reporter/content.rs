//! What the reports of a consumer say.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_version_is_released_when_its_drain_is_announced() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    let leases = [fixture.refreshable.lease(), fixture.refreshable.lease()];
    fixture.swap("v2").await;
    let report = mailbox.next().await;
    assert_eq!(
        (live(&report), draining(&report)),
        ("v2", vec![("v1", 2, false)])
    );
    assert!(report.released.is_empty());

    let later = Instant::now() + TTL * 2;
    while Instant::now() < later {
        let report = mailbox.next().await;
        assert_eq!(
            draining(&report),
            [("v1", 2, false)],
            "as long as it is leased"
        );
    }
    let dropped = Instant::now();
    drop(leases);
    let report = mailbox.next().await;
    assert!(
        dropped.elapsed() <= Duration::from_millis(100),
        "{:?}",
        dropped.elapsed()
    );
    assert_eq!((draining(&report), released(&report)), (vec![], vec!["v1"]));
    let repeated = mailbox.next().await;
    assert_eq!(released(&repeated), ["v1"]);
    assert_eq!(
        repeated.released[0].age,
        dropped.elapsed(),
        "with the time since then"
    );
}

#[tokio::test(start_paused = true)]
async fn more_draining_versions_than_fit_are_counted() {
    let fixture = Fixture::new().await;
    let mut leases = vec![fixture.refreshable.lease()];
    for n in 2..=20 {
        fixture
            .swap(Box::leak(format!("v{n}").into_boxed_str()))
            .await;
        leases.push(fixture.refreshable.lease());
    }
    let (_reporter, mut mailbox) = fixture.report();
    let report = mailbox.next().await;
    assert_eq!(
        (report.draining.len(), report.unlisted),
        (16, 3),
        "19 drain"
    );
}

#[tokio::test(start_paused = true)]
async fn presigned_urls_are_reported_with_the_time_left() {
    let fixture = Fixture::new().await;
    let (reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    let lease = fixture.refreshable.lease();
    Lease::token(&lease).pin_until(Instant::now() + Duration::from_secs(3600));
    drop(lease);
    reporter.report_now();
    let report = mailbox.next().await;
    assert_eq!(
        draining(&report),
        [("v1", 0, true)],
        "of the live version, too"
    );
    let left = report.draining[0].pinned.expect("some");
    assert!(left <= Duration::from_secs(3600) && left >= Duration::from_secs(3599));

    fixture.swap("v2").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    reporter.report_now();
    let mut last = mailbox.next().await;
    while let Some(report) = mailbox.try_next() {
        last = report;
    }
    assert_eq!(
        (live(&last), draining(&last)),
        ("v2", vec![("v1", 0, true)])
    );
    assert!(last.released.is_empty());

    reporter.shutdown(TTL).await.expect("sent");
    let mut last = mailbox.next().await;
    while let Some(report) = mailbox.try_next() {
        last = report;
    }
    assert!(last.is_final());
    assert_eq!(
        draining(&last),
        [("v1", 0, true)],
        "they outlive the process"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_is_reported_at_once_with_its_time() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    assert!(mailbox.next().await.rejected.is_empty());
    tokio::time::sleep(Duration::from_secs(5)).await;
    fixture.refreshable.report_rejected(1);
    let report = mailbox.next().await;
    assert_eq!(
        (report.rejected[0].version.as_str(), report.rejected[0].age),
        ("v1", Duration::ZERO)
    );
    let rejected = Instant::now();
    let later = mailbox.next().await;
    assert_eq!(later.rejected[0].age, rejected.elapsed());

    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.refreshable.report_rejected(1);
    let again = mailbox.next().await;
    assert_eq!(
        (again.rejected.len(), again.rejected[0].age),
        (1, Duration::ZERO)
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_is_reported_while_it_drains_only() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    let lease = fixture.refreshable.lease();
    fixture.swap("v2").await;
    fixture.refreshable.report_rejected(1);
    let mut status = fixture.refreshable.subscribe_status();
    let noted = status.wait_for(|status| !status.rejected.is_empty());
    assert_eq!(noted.await.unwrap().rejected[0].version.as_str(), "v1");
    drop(lease);
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.refreshable.report_rejected(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rejected = fixture.refreshable.status().rejected;
    assert_eq!(
        (rejected.len(), rejected[0].times),
        (1, 1),
        "it has drained"
    );
    let mut last = mailbox.next().await;
    while let Some(report) = mailbox.try_next() {
        last = report;
    }
    assert_eq!((last.rejected.len(), released(&last)), (1, vec!["v1"]));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_withdraws_the_release() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    fixture.swap("v2").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    fixture.swap("v1").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut last = mailbox.next().await;
    while let Some(report) = mailbox.try_next() {
        last = report;
    }
    assert_eq!((live(&last), released(&last)), ("v1", vec!["v2"]));
}

#[tokio::test(start_paused = true)]
async fn without_its_refreshable_it_repeats_the_last_status() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    let lease = fixture.refreshable.lease();
    fixture.swap("v2").await;
    drop(fixture);
    tokio::time::sleep(TTL).await;
    drop(lease);
    while mailbox.try_next().is_some() {}
    let report = mailbox.next().await;
    assert_eq!(
        (live(&report), released(&report)),
        ("v2", vec![]),
        "no drain was announced"
    );
    assert_eq!(draining(&report), [("v1", 1, false)]);
}
