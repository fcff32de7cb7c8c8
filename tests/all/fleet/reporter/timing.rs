//! When reports are sent, and what happens when that fails.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_first_report_is_sent_at_once() {
    let fixture = Fixture::new().await;
    let start = Instant::now();
    let (reporter, mut mailbox) = fixture.report();
    let report = mailbox.next().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((live(&report), report.sequence, report.ttl), ("v1", 1, TTL));
    assert_eq!(report.secret_id.as_str(), SECRET);
    assert_eq!(report.instance, *reporter.instance());
    assert_eq!(report.incarnation, reporter.incarnation());
    assert!(report.draining.is_empty() && report.released.is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_reports_within_every_third_of_the_ttl() {
    let fixture = Fixture::new().await;
    let (reporter, mut mailbox) = fixture.report();
    let mut last = Instant::now();
    let mut waits = Vec::new();
    for n in 1..=50 {
        let report = mailbox.next().await;
        assert_eq!((report.sequence, live(&report)), (n, "v1"));
        if n > 1 {
            waits.push(last.elapsed());
        }
        last = Instant::now();
    }
    let (shortest, longest) = (*waits.iter().min().unwrap(), *waits.iter().max().unwrap());
    assert!(
        longest <= TTL / 3 && shortest >= TTL * 3 / 10,
        "{shortest:?} {longest:?}"
    );
    assert!(longest - shortest > Duration::from_millis(500), "no jitter");
    tokio::task::yield_now().await;
    assert_eq!(reporter.status().sent, 50);
}

#[tokio::test(start_paused = true)]
async fn many_changes_are_at_most_ten_reports_a_second() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    let start = Instant::now();
    let names: Vec<&'static str> = (2..102)
        .map(|n| &*Box::leak(format!("v{n}").into_boxed_str()))
        .collect();
    for name in &names {
        fixture.swap(name).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut reports = Vec::new();
    while let Some(report) = mailbox.try_next() {
        reports.push(report);
    }
    let most = start.elapsed().as_millis() / 100 + 1;
    assert!(
        reports.len() as u128 <= most,
        "{} reports, {most} allowed",
        reports.len()
    );
    let last = reports.last().expect("some");
    assert_eq!(
        (live(last), released(last).len()),
        ("v101", 8),
        "the newest"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_finds_nothing_is_not_reported() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    for _ in 0..20 {
        fixture.refreshable.refresh().await.expect("unchanged");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(mailbox.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failed_report_is_repeated_with_the_newest_state() {
    let fixture = Fixture::new().await;
    let (reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    *mailbox.answer.lock().unwrap() = Err(ErrorKind::Unavailable);
    fixture.swap("v2").await;
    let start = Instant::now();
    let mut attempts = 0;
    while start.elapsed() < Duration::from_secs(600) {
        let report = timeout(TTL, mailbox.reports.recv())
            .await
            .expect("it goes on")
            .unwrap()
            .1;
        assert_eq!(live(&report), "v2");
        attempts += 1;
    }
    assert!(
        (40..120).contains(&attempts),
        "backoff up to 15 s: {attempts} attempts in 10 min"
    );
    let status = reporter.status();
    assert!(status.consecutive_failures >= 40, "{status:?}");
    assert_eq!(
        status.last_error.expect("kept").kind(),
        ErrorKind::Unavailable
    );

    fixture.swap("v3").await;
    *mailbox.answer.lock().unwrap() = Ok(());
    let report = mailbox.next().await;
    assert_eq!((live(&report), released(&report)), ("v3", vec!["v1", "v2"]));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(reporter.status().consecutive_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_hangs_is_abandoned_for_a_newer_report() {
    let fixture = Fixture::new().await;
    let (put, mut sent) = mpsc::unbounded_channel();
    let reporter = Reporter::builder(&fixture.refreshable, move |_key, _value| {
        put.send(Instant::now()).unwrap();
        std::future::pending()
    })
    .ttl(TTL)
    .start()
    .expect("starts");
    let first = sent.recv().await.unwrap();
    let second = sent.recv().await.unwrap();
    assert!(
        second - first >= TTL / 3 && second - first < TTL / 2,
        "{:?}",
        second - first
    );
    assert_eq!(
        reporter.status().last_error.unwrap().kind(),
        ErrorKind::Timeout
    );
    let start = Instant::now();
    let error = reporter
        .shutdown(Duration::from_secs(5))
        .await
        .expect_err("hangs");
    assert_eq!(
        (error.kind(), start.elapsed()),
        (ErrorKind::Timeout, Duration::from_secs(5))
    );
}
