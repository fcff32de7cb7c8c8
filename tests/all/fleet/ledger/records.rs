//! Records in any order, tombstones, limits, and what the ledger lists.

use super::*;

#[test]
fn late_and_duplicated_reports_change_nothing() {
    let mut ledger = Ledger::default();
    let mut pod = ReportSeries::of("pod", 1);
    let first = pod.live("new", 0);
    let second = pod.live("new", 0).draining("old", 1, None);
    assert_eq!(ledger.fold(&second, at(2000)), FoldOutcome::Applied);
    assert_eq!(ledger.fold(&second, at(3000)), FoldOutcome::Stale);
    assert_eq!(ledger.fold(&first, at(4000)), FoldOutcome::Stale);
    assert_eq!(
        users(status(&ledger, 4000)),
        [("pod".into(), draining(1), 2000 + TTL + GRACE)],
        "neither what it uses, nor the time of the last report"
    );
}

#[test]
fn reported_times_are_limited() {
    let mut ledger = Ledger::default();
    let year = Duration::from_secs(365 * 86_400);
    let mut report = ReportSeries::of("forger", 1)
        .live("old", 0)
        .draining("old", 0, Some(0));
    report.ttl = year;
    report.draining[0].pinned = Some(year);
    ledger.fold(&report, at(0));
    let user = &users(status(&ledger, 0))[0];
    assert_eq!(user.2, 7 * 86_400_000 + GRACE, "the longest presigned URL");
    report.sequence += 1;
    report.draining.clear();
    ledger.fold(&report, at(0));
    assert_eq!(users(status(&ledger, 0))[0].2, 3_600_000 + GRACE);
    report.sequence += 1;
    report.ttl = Duration::ZERO;
    ledger.fold(&report, at(0));
    assert_eq!(users(status(&ledger, 0))[0].2, 5000 + GRACE);
}

#[test]
fn rejections_are_listed_with_their_time() {
    let mut ledger = Ledger::default();
    let mut report = ReportSeries::of("pod", 1).live("old", 0);
    report
        .rejected
        .push(VersionAge::new("old", Duration::from_millis(400)));
    ledger.fold(&report, at(1000));
    let rejections = ledger.rejections(&SECRET.into(), &v("old"));
    assert_eq!((rejections.len(), rejections[0].at), (1, at(600)));
    assert!(ledger.rejections(&SECRET.into(), &v("new")).is_empty());
}

#[test]
fn a_tombstone_removes_one_incarnation_of_one_secret() {
    let mut ledger = Ledger::default();
    let report = ReportSeries::of("pod", 1).live("old", 0);
    ledger.fold(&report, at(1000));
    ledger.fold(&ReportSeries::of("pod", 2).live("old", 0), at(1000));
    ledger
        .fold_record(report.key().as_bytes(), None, at(2000))
        .expect("a key");
    ledger
        .fold_record(report.key().as_bytes(), None, at(2000))
        .expect("twice");
    assert_eq!((ledger.len(), users(status(&ledger, 2000)).len()), (1, 1));
    ledger
        .fold_record(b"anything", None, at(2000))
        .expect_err("not a report's key");
}

#[test]
fn old_reports_are_forgotten_except_for_presigned_urls() {
    let mut ledger = Ledger::default();
    ledger.fold(&ReportSeries::of("gone", 1).next(), at(0));
    ledger.fold(&ReportSeries::of("crashed", 1).live("old", 0), at(0));
    let day = Duration::from_secs(86_400);
    let mut short = Ledger::new(Assumptions::default().forget_after(day));
    short.fold(
        &ReportSeries::of("signer", 1)
            .next()
            .draining("old", 0, Some(2 * 86_400_000)),
        at(0),
    );
    short.fold(&ReportSeries::of("gone", 1).next(), at(0));
    ledger.prune(at(8 * 86_400_000));
    assert_eq!(ledger.len(), 2);
    ledger.prune(at(8 * 86_400_000 + 1));
    assert!(ledger.is_empty());
    short.prune(at(86_400_001));
    assert_eq!(
        (short.len(), users(status(&short, 86_400_001)).len()),
        (1, 1)
    );
}

#[test]
fn consumers_are_listed_with_their_presence() {
    let mut ledger = Ledger::default();
    ledger.fold(&ReportSeries::of("gone", 1).next(), at(1000));
    ledger.fold(&ReportSeries::of("expired", 1).live("old", 0), at(1000));
    ledger.fold(
        &ReportSeries::of("there", 1)
            .live("new", 0)
            .draining("old", 1, None),
        at(200_000),
    );
    let mut list: Vec<_> = ledger
        .consumers(&SECRET.into(), at(200_000))
        .map(|c| (c.instance.to_string(), c.presence, c.live, c.draining))
        .collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        list,
        [
            ("expired".into(), Presence::Expired, Some(v("old")), vec![]),
            ("gone".into(), Presence::Ended, None, vec![]),
            (
                "there".into(),
                Presence::Alive,
                Some(v("new")),
                vec![v("old")]
            ),
        ]
    );
}

#[test]
fn contradicting_limits_of_the_ttl_do_not_panic() {
    let assumptions = Assumptions::default()
        .shortest_ttl(Duration::from_secs(3600))
        .longest_ttl(Duration::from_secs(5));
    let mut ledger = Ledger::new(assumptions);
    let mut reports = ReportSeries::of("a", 1);
    assert_eq!(
        ledger.fold(&reports.live("new", 0), at(0)),
        FoldOutcome::Applied
    );
    let presence = |now| {
        ledger
            .consumers(&SECRET.into(), at(now))
            .next()
            .unwrap()
            .presence
    };
    assert_eq!(presence(5_000 + GRACE), Presence::Alive);
    assert_eq!(presence(5_001 + GRACE), Presence::Expired);
}
