//! What keeps a version in use, and for how long.

use super::*;

#[test]
fn a_version_is_in_use_while_it_is_live_and_while_it_drains() {
    let mut ledger = Ledger::default();
    let mut pod = ReportSeries::of("pod", 1);
    ledger.fold(&pod.live("old", 0), at(1000));
    assert_eq!(
        users(status(&ledger, 1000)),
        [("pod".into(), InUseReason::Live, 1000 + TTL + GRACE)]
    );
    ledger.fold(&pod.live("new", 0).draining("old", 3, None), at(2000));
    assert_eq!(
        users(status(&ledger, 2000)),
        [("pod".into(), draining(3), 2000 + TTL + GRACE)]
    );
}

#[test]
fn one_consumer_keeps_a_version_in_use_for_all() {
    let mut ledger = Ledger::default();
    let mut pods: Vec<_> = (0..10)
        .map(|n| ReportSeries::of(&format!("pod-{n}"), 1))
        .collect();
    let mut now = 1000 + SETTLED;
    for pod in &mut pods {
        ledger.fold(&pod.live("new", SETTLED), at(now));
    }
    assert_eq!(released(status(&ledger, now)), (1000, vec![]));
    let mut straggler = ReportSeries::of("straggler", 1);
    ledger.fold(&straggler.live("old", 0), at(now));
    assert_eq!(
        users(status(&ledger, now)).len(),
        1,
        "only those who use it are named"
    );
    ledger.fold(&straggler.live("new", 0).released("old", 0), at(now + 1));
    assert_eq!(
        users(status(&ledger, now + 1)).len(),
        11,
        "the version was in use: all have to report once more"
    );
    let drained = now + 1;
    now = drained + SETTLED;
    pods.push(straggler);
    for pod in &mut pods {
        assert_eq!(
            users(status(&ledger, now))[0].1,
            InUseReason::NotYetReported
        );
        ledger.fold(
            &pod.live("new", now - 1000).released("old", now - drained),
            at(now),
        );
    }
    assert_eq!(released(status(&ledger, now)), (drained, vec![]));
}

#[test]
fn presigned_urls_count_beyond_ttl_end_and_restart() {
    for is_final in [true, false] {
        let mut ledger = Ledger::default();
        let mut pod = ReportSeries::of("pod", 1);
        ledger.fold(
            &pod.live("old", 0).draining("old", 0, Some(5_000_000)),
            at(1000),
        );
        if is_final {
            ledger.fold(
                &pod.next()
                    .released("old", 0)
                    .draining("old", 0, Some(4_999_000)),
                at(2000),
            );
        }
        let mut again = ReportSeries::of("pod", 2);
        let end = 5_001_000 + GRACE;
        ledger.fold(&again.live("new", end - 500_000), at(end));
        assert_eq!(
            users(status(&ledger, end)),
            [("pod".into(), InUseReason::PresignedUrls, end)]
        );
        ledger.fold(&again.live("new", end - 499_999), at(end + 1));
        let presumed_gone = if is_final {
            vec![]
        } else {
            vec![("pod".into(), true)]
        };
        assert_eq!(released(status(&ledger, end + 1)), (end, presumed_gone));
    }
}

#[test]
fn two_incarnations_of_one_instance_both_count() {
    let mut ledger = Ledger::default();
    let mut first = ReportSeries::of("pod", 1);
    let mut second = ReportSeries::of("pod", 2);
    ledger.fold(&second.live("new", 0), at(1000));
    ledger.fold(&first.live("old", 0), at(1001));
    assert_eq!(users(status(&ledger, 1001)).len(), 1);
    assert_eq!(ledger.len(), 2);
    ledger.fold(&second.live("new", 0), at(1002));
    assert_eq!(
        users(status(&ledger, 1002))[0].1,
        InUseReason::Live,
        "the older one is still running"
    );
    ledger.fold(&first.next().released("old", 0), at(1002));
    let later = 1002 + SETTLED;
    ledger.fold(&second.live("new", later), at(later));
    assert_eq!(released(status(&ledger, later)), (1002, vec![]));
}

#[test]
fn unlisted_versions_may_be_any_that_is_not_released() {
    let mut ledger = Ledger::default();
    let mut pod = ReportSeries::of("pod", 1);
    let mut report = pod.live("new", SETTLED).released("drained", 0);
    report.unlisted = 1;
    ledger.fold(&report, at(1_000_000));
    assert_eq!(
        users(status(&ledger, 1_000_000))[0].1,
        InUseReason::Unlisted
    );
    let drained = ledger.release_status(&query(SECRET, "drained", "new", 1_000_000));
    assert_eq!(users(drained)[0].1, InUseReason::NotYetReported);
}

#[test]
fn names_and_arns_identify_the_same_secret() {
    let mut ledger = Ledger::default();
    ledger.fold(&ReportSeries::of("by-name", 1).live("old", 0), at(1000));
    let mut report = ReportSeries::of("by-arn", 1).live("old", 0);
    report.secret_id = ARN.into();
    ledger.fold(&report, at(1000));
    report.secret_id = "prod/other".into();
    ledger.fold(&report, at(1000));
    for secret in [SECRET, ARN] {
        let status = ledger.release_status(&query(secret, "old", "new", 1000));
        assert_eq!(users(status).len(), 2, "{secret}");
    }
}
