//! What a consumer says, and when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use credswap::fleet::{InstanceId, Ledger, ReleaseStatus as UsageTracker, Report, Reporter};
use credswap::hot::Lease;
use credswap::{Error, ErrorKind, Refreshable, Secret};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

const SECRET: &str = "prod/uploader";
const TTL: Duration = Duration::from_secs(90);

/// A secret whose version the test sets, and the refreshable that follows it.
struct Fixture {
    version: Arc<Mutex<&'static str>>,
    keys: Refreshable<String>,
}

impl Fixture {
    async fn new() -> Self {
        let version = Arc::new(Mutex::new("v1"));
        let read = Arc::clone(&version);
        let source = move || {
            let version = *read.lock().unwrap();
            async move { Ok::<_, Error>(Secret::new("material", version)) }
        };
        let connect = |secret: Secret| async move { Ok(secret.expose_str()?.to_owned()) };
        let keys = Refreshable::builder(source, connect)
            .seed(1)
            .start()
            .await
            .expect("starts");
        Self { version, keys }
    }

    async fn swap(&self, version: &'static str) {
        *self.version.lock().unwrap() = version;
        self.keys.refresh().await.expect("swaps");
        assert_eq!(self.keys.status().version.as_str(), version);
    }

    /// A reporter whose reports the test receives.
    fn report(&self) -> (Reporter, Mailbox) {
        let (mailbox, outbox) = Mailbox::new();
        let reporter = Reporter::builder(&self.keys, SECRET, outbox)
            .instance(InstanceId::new("pod").unwrap())
            .ttl(TTL)
            .seed(7)
            .start()
            .expect("starts");
        (reporter, mailbox)
    }
}

type Answer = Arc<Mutex<Result<(), ErrorKind>>>;

struct Mailbox {
    reports: mpsc::UnboundedReceiver<(Instant, Report)>,
    /// What sending answers.
    answer: Answer,
}

type Sending = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Mailbox {
    fn new() -> (
        Self,
        impl Fn(String, Vec<u8>) -> Sending + Send + Sync + 'static,
    ) {
        let (put, reports) = mpsc::unbounded_channel();
        let answer: Answer = Arc::new(Mutex::new(Ok(())));
        let answers = Arc::clone(&answer);
        let outbox = move |key: String, value: Vec<u8>| -> Sending {
            let report = Report::decode(key.as_bytes(), &value).expect("a report");
            let _ = put.send((Instant::now(), report));
            let answer = *answers.lock().unwrap();
            Box::pin(async move { answer.map_err(|kind| Error::new(kind, "scripted")) })
        };
        (Self { reports, answer }, outbox)
    }

    async fn next(&mut self) -> Report {
        timeout(TTL, self.reports.recv())
            .await
            .expect("in time")
            .expect("open")
            .1
    }

    fn try_next(&mut self) -> Option<Report> {
        self.reports.try_recv().ok().map(|(_, report)| report)
    }
}

fn live(report: &Report) -> &str {
    report.live.as_ref().expect("alive").version.as_str()
}

fn released(report: &Report) -> Vec<&str> {
    report
        .released
        .iter()
        .map(|past| past.version.as_str())
        .collect()
}

fn held(report: &Report) -> Vec<(&str, u32, bool)> {
    let held = report.held.iter();
    held.map(|h| (h.version.as_str(), h.count, h.horizon.is_some()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_report_goes_out_at_once() {
    let fixture = Fixture::new().await;
    let start = Instant::now();
    let (reporter, mut mailbox) = fixture.report();
    let report = mailbox.next().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((live(&report), report.sequence, report.ttl), ("v1", 1, TTL));
    assert_eq!(report.secret, SECRET);
    assert_eq!(report.instance, *reporter.instance());
    assert_eq!(report.incarnation, reporter.incarnation());
    assert!(report.held.is_empty() && report.released.is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_shows_life_within_a_third_of_the_ttl_each_time() {
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
async fn a_version_is_held_until_its_drain_is_announced_and_released_then() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    let leases = [fixture.keys.lease(), fixture.keys.lease()];
    fixture.swap("v2").await;
    let report = mailbox.next().await;
    assert_eq!(
        (live(&report), held(&report)),
        ("v2", vec![("v1", 2, false)])
    );
    assert!(report.released.is_empty());

    let let_go = Instant::now() + TTL * 2;
    while Instant::now() < let_go {
        let report = mailbox.next().await;
        assert_eq!(held(&report), [("v1", 2, false)], "as long as it is leased");
    }
    let dropped = Instant::now();
    drop(leases);
    let report = mailbox.next().await;
    assert!(
        dropped.elapsed() <= Duration::from_millis(100),
        "{:?}",
        dropped.elapsed()
    );
    assert_eq!((held(&report), released(&report)), (vec![], vec!["v1"]));
    let later = mailbox.next().await;
    assert_eq!(released(&later), ["v1"]);
    assert_eq!(
        later.released[0].age,
        dropped.elapsed(),
        "it says how long ago"
    );
}

#[tokio::test(start_paused = true)]
async fn many_changes_at_once_are_one_report_and_ten_a_second_at_most() {
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
async fn a_look_that_finds_nothing_is_no_news() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    for _ in 0..20 {
        fixture.keys.refresh().await.expect("unchanged");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(mailbox.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn more_old_versions_than_fit_are_counted() {
    let fixture = Fixture::new().await;
    let mut leases = vec![fixture.keys.lease()];
    for n in 2..=20 {
        fixture
            .swap(Box::leak(format!("v{n}").into_boxed_str()))
            .await;
        leases.push(fixture.keys.lease());
    }
    let (_reporter, mut mailbox) = fixture.report();
    let report = mailbox.next().await;
    assert_eq!((report.held.len(), report.others), (16, 3), "19 are held");
}

#[tokio::test(start_paused = true)]
async fn signed_urls_are_reported_with_what_is_left_of_them() {
    let fixture = Fixture::new().await;
    let (reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    let lease = fixture.keys.lease();
    Lease::token(&lease).pin_until(Instant::now() + Duration::from_secs(3600));
    drop(lease);
    reporter.report_now();
    let report = mailbox.next().await;
    assert_eq!(held(&report), [("v1", 0, true)], "of the live version, too");
    let left = report.held[0].horizon.expect("some");
    assert!(left <= Duration::from_secs(3600) && left >= Duration::from_secs(3599));

    fixture.swap("v2").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    reporter.report_now();
    let mut last = mailbox.next().await;
    while let Some(report) = mailbox.try_next() {
        last = report;
    }
    assert_eq!((live(&last), held(&last)), ("v2", vec![("v1", 0, true)]));
    assert!(last.released.is_empty());

    reporter.shutdown(TTL).await.expect("sent");
    let mut goodbye = mailbox.next().await;
    while let Some(report) = mailbox.try_next() {
        goodbye = report;
    }
    assert!(goodbye.is_goodbye());
    assert_eq!(
        held(&goodbye),
        [("v1", 0, true)],
        "they outlive the process"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_reported_at_once_with_its_time() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    assert!(mailbox.next().await.refused.is_empty());
    tokio::time::sleep(Duration::from_secs(5)).await;
    fixture.keys.report_rejected(1);
    let report = mailbox.next().await;
    assert_eq!(
        (report.refused[0].version.as_str(), report.refused[0].age),
        ("v1", Duration::ZERO)
    );
    let refused = Instant::now();
    let later = mailbox.next().await;
    assert_eq!(later.refused[0].age, refused.elapsed());

    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.keys.report_rejected(1);
    let again = mailbox.next().await;
    assert_eq!(
        (again.refused.len(), again.refused[0].age),
        (1, Duration::ZERO)
    );
}

#[tokio::test(start_paused = true)]
async fn an_old_key_that_is_refused_while_it_drains_is_reported_and_one_that_has_drained_is_not() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    let lease = fixture.keys.lease();
    fixture.swap("v2").await;
    fixture.keys.report_rejected(1);
    assert_eq!(fixture.keys.status().rejected[0].version.as_str(), "v1");
    drop(lease);
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.keys.report_rejected(1);
    let refused = fixture.keys.status().rejected;
    assert_eq!((refused.len(), refused[0].times), (1, 1), "old news");
    let mut last = mailbox.next().await;
    while let Some(report) = mailbox.try_next() {
        last = report;
    }
    assert_eq!((last.refused.len(), released(&last)), (1, vec!["v1"]));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_takes_the_release_back() {
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
async fn what_can_not_be_sent_is_sent_later_and_says_what_is_true_then() {
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
            .expect("goes on")
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
async fn a_send_that_hangs_is_given_up_and_a_newer_report_sent() {
    let fixture = Fixture::new().await;
    let (put, mut sent) = mpsc::unbounded_channel();
    let reporter = Reporter::builder(&fixture.keys, SECRET, move |_key, _value| {
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

#[tokio::test(start_paused = true)]
async fn a_goodbye_releases_what_was_live_and_not_what_has_not_drained() {
    let fixture = Fixture::new().await;
    let (reporter, mut mailbox) = fixture.report();
    let lease = fixture.keys.lease();
    fixture.swap("v2").await;
    reporter.shutdown(TTL).await.expect("sent");
    let mut last = mailbox.next().await;
    while let Some(report) = mailbox.try_next() {
        last = report;
    }
    assert!(last.is_goodbye());
    assert_eq!(
        (held(&last), released(&last)),
        (vec![("v1", 1, false)], vec!["v2"])
    );
    drop(lease);
    tokio::time::sleep(TTL * 3).await;
    assert!(mailbox.try_next().is_none(), "it has gone");
    reporter.shutdown(TTL).await.expect("twice is no error");
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_tried_again() {
    let fixture = Fixture::new().await;
    let (reporter, mut mailbox) = fixture.report();
    mailbox.next().await;
    *mailbox.answer.lock().unwrap() = Err(ErrorKind::Unavailable);
    let answer = Arc::clone(&mailbox.answer);
    let shutdown = tokio::spawn(async move { reporter.shutdown(TTL).await });
    assert!(mailbox.next().await.is_goodbye());
    *answer.lock().unwrap() = Ok(());
    let second = mailbox.next().await;
    assert!(second.is_goodbye() && second.sequence == 3);
    shutdown.await.unwrap().expect("sent");
}

#[tokio::test(start_paused = true)]
async fn dropped_it_is_silent_without_a_goodbye() {
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
async fn without_its_reloader_it_goes_on_with_the_last_status() {
    let fixture = Fixture::new().await;
    let (_reporter, mut mailbox) = fixture.report();
    let lease = fixture.keys.lease();
    fixture.swap("v2").await;
    drop(fixture);
    tokio::time::sleep(TTL).await;
    drop(lease);
    while mailbox.try_next().is_some() {}
    let report = mailbox.next().await;
    assert_eq!(
        (live(&report), released(&report)),
        ("v2", vec![]),
        "nobody announced the drain"
    );
    assert_eq!(held(&report), [("v1", 1, false)]);
}

#[tokio::test(start_paused = true)]
async fn each_start_is_a_life_of_its_own() {
    let fixture = Fixture::new().await;
    let (first, _a) = fixture.report();
    let (second, _b) = fixture.report();
    assert_eq!(first.instance(), second.instance());
    assert_ne!(first.incarnation(), second.incarnation());
}

#[tokio::test(start_paused = true)]
async fn settings_out_of_bounds_are_refused() {
    let fixture = Fixture::new().await;
    let outbox = || |_: String, _: Vec<u8>| async { Ok(()) };
    for ttl in [0, 4, 3601] {
        let plan = Reporter::builder(&fixture.keys, SECRET, outbox());
        let error = plan
            .ttl(Duration::from_secs(ttl))
            .start()
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    let error = Reporter::builder(&fixture.keys, "", outbox())
        .start()
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_from_end_to_end_is_released_when_all_have_let_go() {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let start = Instant::now();
    let now = move || u64::try_from(start.elapsed().as_millis()).unwrap() + 1_000_000;
    let mut fleet = Vec::new();
    for _ in 0..3 {
        let fixture = Fixture::new().await;
        let ledger = Arc::clone(&ledger);
        let reporter =
            Reporter::builder(&fixture.keys, SECRET, move |key: String, value: Vec<u8>| {
                let folded =
                    ledger
                        .lock()
                        .unwrap()
                        .fold_record(key.as_bytes(), Some(&value), now());
                async move { folded.map(|_| ()) }
            });
        fleet.push((reporter.start().expect("starts"), fixture));
    }
    let verdict = || {
        ledger
            .lock()
            .unwrap()
            .verdict(SECRET, &"v1".into(), &"v2".into(), now())
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(matches!(verdict(), UsageTracker::InUse { by, .. } if by.len() == 3));
    let lease = fleet[0].1.keys.lease();
    for (_, fixture) in &fleet {
        fixture.swap("v2").await;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(matches!(verdict(), UsageTracker::InUse { by, .. } if by.len() == 1));
    drop(lease);
    let let_go = now();
    tokio::time::sleep(Duration::from_secs(90 + 30)).await;
    assert!(
        matches!(verdict(), UsageTracker::InUse { .. }),
        "not settled yet"
    );
    tokio::time::sleep(TTL / 3).await;
    match verdict() {
        UsageTracker::Released {
            since,
            presumed_gone,
            ..
        } => {
            assert!(presumed_gone.is_empty());
            assert!(
                (let_go..let_go + 100).contains(&since),
                "{since}, let go at {let_go}"
            );
        }
        other => panic!("{other:?}"),
    }
}
