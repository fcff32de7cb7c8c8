//! Start, shutdown, and a whole rotation.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_final_report_releases_what_does_not_drain() {
    let fixture = Fixture::new().await;
    let (reporter, mut mailbox) = fixture.report();
    let lease = fixture.refreshable.lease();
    fixture.swap("v2").await;
    reporter.shutdown(TTL).await.expect("sent");
    let mut last = mailbox.next().await;
    while let Some(report) = mailbox.try_next() {
        last = report;
    }
    assert!(last.is_final());
    assert_eq!(
        (draining(&last), released(&last)),
        (vec![("v1", 1, false)], vec!["v2"])
    );
    drop(lease);
    tokio::time::sleep(TTL * 3).await;
    assert!(mailbox.try_next().is_none(), "it has ended");
    reporter
        .shutdown(TTL)
        .await
        .expect("a second call succeeds");
}

#[tokio::test(start_paused = true)]
async fn the_final_report_is_repeated_until_it_is_sent() {
    let fixture = Fixture::new().await;
    let (reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    *mailbox.answer.lock().unwrap() = Err(ErrorKind::Unavailable);
    let answer = Arc::clone(&mailbox.answer);
    let shutdown = tokio::spawn(async move { reporter.shutdown(TTL).await });
    assert!(mailbox.next().await.is_final());
    *answer.lock().unwrap() = Ok(());
    let second = mailbox.next().await;
    assert!(second.is_final() && second.sequence == 3);
    shutdown.await.unwrap().expect("sent");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_reporter_sends_no_final_report() {
    let fixture = Fixture::new().await;
    let (reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    drop(reporter);
    assert!(
        timeout(TTL * 3, mailbox.reports.recv())
            .await
            .expect("closed")
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn each_start_is_an_incarnation_of_its_own() {
    let fixture = Fixture::new().await;
    let (first, _a) = fixture.report();
    let (second, _b) = fixture.report();
    assert_eq!(first.instance(), second.instance());
    assert_ne!(first.incarnation(), second.incarnation());
}

#[tokio::test(start_paused = true)]
async fn settings_out_of_range_are_errors() {
    let fixture = Fixture::new().await;
    let sink = || |_: String, _: Vec<u8>| async { Ok(()) };
    for ttl in [0, 4, 3601] {
        let builder = Reporter::builder(&fixture.refreshable, sink());
        let error = builder
            .ttl(Duration::from_secs(ttl))
            .start()
            .expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    let unnamed = Fixture::builder("v1").start().await.expect("starts");
    let error = Reporter::builder(&unnamed, sink())
        .start()
        .expect_err("no name");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("secret_id"), "{error}");
    let misnamed = Fixture::builder("v1").secret_id("");
    let misnamed = misnamed.start().await.expect("starts");
    let error = Reporter::builder(&misnamed, sink())
        .start()
        .expect_err("an empty name");
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_is_released_when_all_have_drained() {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let start = Instant::now();
    let now = move || LedgerTime::from_millis(1_000_000) + start.elapsed();
    let mut fleet = Vec::new();
    for _ in 0..3 {
        let fixture = Fixture::new().await;
        let ledger = Arc::clone(&ledger);
        let reporter =
            Reporter::builder(&fixture.refreshable, move |key: String, value: Vec<u8>| {
                let folded =
                    ledger
                        .lock()
                        .unwrap()
                        .fold_record(key.as_bytes(), Some(&value), now());
                async move { folded.map(|_| ()) }
            });
        fleet.push((reporter.start().expect("starts"), fixture));
    }
    let status = || {
        ledger.lock().unwrap().release_status(&ReleaseQuery {
            secret_id: SECRET.into(),
            version: "v1".into(),
            current_version: "v2".into(),
            now: now(),
        })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(matches!(status(), ReleaseStatus::InUse { by, .. } if by.len() == 3));
    let lease = fleet[0].1.refreshable.lease();
    for (_, fixture) in &fleet {
        fixture.swap("v2").await;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(matches!(status(), ReleaseStatus::InUse { by, .. } if by.len() == 1));
    drop(lease);
    let drained = now();
    tokio::time::sleep(Duration::from_secs(90 + 30)).await;
    assert!(
        matches!(status(), ReleaseStatus::InUse { .. }),
        "a consumer may still adopt it"
    );
    tokio::time::sleep(TTL / 3).await;
    match status() {
        ReleaseStatus::Released {
            since,
            presumed_gone,
            ..
        } => {
            assert!(presumed_gone.is_empty());
            assert!(
                (drained..drained + Duration::from_millis(100)).contains(&since),
                "{since:?}, drained at {drained:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}
