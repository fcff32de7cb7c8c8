//! What releases a version, and what does not.

use super::*;

#[test]
fn an_empty_ledger_releases_nothing() {
    assert_eq!(
        status(&Ledger::default(), 1_000_000),
        ReleaseStatus::Unknown
    );
}

#[test]
fn it_is_released_by_a_report_after_the_last_adoption() {
    let mut ledger = Ledger::default();
    let mut pod = ReportSeries::of("pod", 1);
    ledger.fold(&pod.live("new", 3000).released("old", 1000), at(10_000));
    assert_eq!(
        users(status(&ledger, 10_000))[0].1,
        InUseReason::NotYetReported,
        "it may fetch the old version once more, and lose the network before it can report that"
    );
    let drained = 9000;
    let settled = drained + SETTLED;
    ledger.fold(
        &pod.live("new", settled - 1 - 7000)
            .released("old", settled - 1 - drained),
        at(settled - 1),
    );
    assert_eq!(
        users(status(&ledger, settled))[0].1,
        InUseReason::NotYetReported
    );
    ledger.fold(
        &pod.live("new", settled - 7000)
            .released("old", settled - drained),
        at(settled),
    );
    assert_eq!(released(status(&ledger, settled)), (drained, vec![]));
    assert_eq!(
        released(status(&ledger, settled + 86_400_000)),
        (drained, vec![]),
        "an expired report still counts as the last one"
    );
}

#[test]
fn expired_consumers_are_presumed_gone_and_named() {
    let mut ledger = Ledger::default();
    ledger.fold(&ReportSeries::of("crashed", 1).live("old", 0), at(1000));
    ledger.fold(&ReportSeries::of("idle", 1).live("older", 0), at(1000));
    let mut pod = ReportSeries::of("pod", 1);
    let mut now = 1000;
    while now <= 1000 + TTL + GRACE + 1 {
        ledger.fold(&pod.live("new", now), at(now));
        if now <= 1000 + TTL + GRACE {
            assert_eq!(users(status(&ledger, now))[0].0, "crashed");
        }
        now += 10_000;
    }
    ledger.fold(&pod.live("new", now), at(now));
    assert_eq!(
        released(status(&ledger, now)),
        (
            1000 + TTL + GRACE,
            vec![("crashed".into(), true), ("idle".into(), false)]
        ),
    );
}

#[test]
fn expired_consumers_alone_release_nothing() {
    let mut ledger = Ledger::default();
    ledger.fold(&ReportSeries::of("a", 1).live("old", 0), at(1000));
    ledger.fold(&ReportSeries::of("b", 1).live("new", 0), at(1000));
    assert_eq!(status(&ledger, 10_000_000), ReleaseStatus::Unknown);
}

#[test]
fn a_final_report_releases_what_does_not_drain() {
    let mut ledger = Ledger::default();
    let mut pod = ReportSeries::of("pod", 1);
    ledger.fold(&pod.live("old", 0), at(1000));
    let mut other = ReportSeries::of("other", 1);
    ledger.fold(&other.live("old", 0), at(1000));
    ledger.fold(&pod.next().released("old", 0), at(2000));
    assert_eq!(users(status(&ledger, 2000))[0].0, "other");
    ledger.fold(&other.next().draining("old", 1, None), at(3000));
    assert_eq!(
        users(status(&ledger, 3000)),
        [("other".into(), draining(1), 3000 + TTL + GRACE)],
        "it ended before the drain was announced"
    );
    assert_eq!(
        released(status(&ledger, 3001 + TTL + GRACE)),
        (3000 + TTL + GRACE, vec![("other".into(), true)])
    );
}

#[test]
fn a_final_report_from_before_the_version_releases_nothing() {
    let mut ledger = Ledger::default();
    ledger.fold(
        &ReportSeries::of("pod", 1).next().released("older", 0),
        at(1000),
    );
    assert_eq!(status(&ledger, 2000), ReleaseStatus::Unknown);
    ledger.fold(
        &ReportSeries::of("pod", 2).next().released("old", 500),
        at(3000),
    );
    assert_eq!(released(status(&ledger, 3000)), (2500, vec![]));
}

#[test]
fn the_current_version_is_never_released() {
    let mut ledger = Ledger::default();
    ledger.fold(
        &ReportSeries::of("pod", 1).next().released("old", 0),
        at(1000),
    );
    assert_eq!(
        ledger.release_status(&query(SECRET, "old", "old", 1000)),
        ReleaseStatus::Unknown
    );
}

#[test]
fn a_full_ledger_releases_nothing() {
    let mut ledger = Ledger::new(Assumptions::default().max_consumers(1));
    let mut pod = ReportSeries::of("pod", 1);
    ledger.fold(&pod.live("new", SETTLED), at(1_000_000));
    assert_eq!(released(status(&ledger, 1_000_000)).1, []);
    let left_out = ledger.fold(&ReportSeries::of("other", 1).live("old", 0), at(1_000_000));
    assert_eq!(left_out, FoldOutcome::Full);
    assert_eq!(status(&ledger, 1_000_000), ReleaseStatus::Unknown);
    assert_eq!(
        ledger.fold(&pod.live("new", SETTLED), at(1_000_001)),
        FoldOutcome::Applied
    );
    assert_eq!(
        released(status(&ledger, 5_000_000)).1,
        [],
        "the consumer that was left out did not report again"
    );
}
