//! The ledger, word by word.

use std::time::{Duration, SystemTime};

use credswap::VersionId;
use credswap::fleet::{
    Assumptions, DrainingVersion, FoldOutcome, InUseReason, Incarnation, InstanceId, Ledger,
    LiveVersion, Presence, ReleaseStatus, Report, VersionAge,
};

const SECRET: &str = "prod/uploader";
const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf";
/// TTL, grace and settling time of these tests, in milliseconds.
const TTL: u64 = 90_000;
const GRACE: u64 = 30_000;
const SETTLE: u64 = 90_000;
/// A word that is given so long after somebody moved on is the last.
const SETTLED: u64 = SETTLE + GRACE;

/// One life of one instance, which counts its reports.
struct Reports {
    instance: InstanceId,
    incarnation: Incarnation,
    sequence: u64,
}

impl Reports {
    fn of(name: &str, life: u64) -> Self {
        Self {
            instance: InstanceId::new(name).unwrap(),
            incarnation: Incarnation::new(SystemTime::UNIX_EPOCH, life),
            sequence: 0,
        }
    }

    fn next(&mut self) -> Report {
        self.sequence += 1;
        Report::new(
            self.instance.clone(),
            self.incarnation,
            self.sequence,
            SECRET,
            Duration::from_millis(TTL),
        )
    }

    /// LiveVersion for `age`.
    fn live(&mut self, version: &str, age: u64) -> Report {
        let mut report = self.next();
        report.live = Some(LiveVersion {
            version: version.into(),
            age: Duration::from_millis(age),
        });
        report
    }
}

trait With {
    fn holding(self, version: &str, count: u32, horizon: Option<u64>) -> Self;
    fn released(self, version: &str, age: u64) -> Self;
}

impl With for Report {
    fn holding(mut self, version: &str, count: u32, horizon: Option<u64>) -> Self {
        self.held.push(DrainingVersion {
            version: version.into(),
            count,
            horizon: horizon.map(Duration::from_millis),
        });
        self
    }

    fn released(mut self, version: &str, age: u64) -> Self {
        self.released.push(VersionAge {
            version: version.into(),
            age: Duration::from_millis(age),
        });
        self
    }
}

fn v(name: &str) -> VersionId {
    name.into()
}

/// About "old", while "new" is current.
fn verdict(ledger: &Ledger, now: u64) -> ReleaseStatus {
    ledger.verdict(SECRET, &v("old"), &v("new"), now)
}

fn holders(verdict: ReleaseStatus) -> Vec<(String, InUseReason, u64)> {
    match verdict {
        ReleaseStatus::InUse { by, .. } => by
            .into_iter()
            .map(|holder| (holder.instance.to_string(), holder.why, holder.until))
            .collect(),
        other => panic!("not held: {other:?}"),
    }
}

fn released(verdict: ReleaseStatus) -> (u64, Vec<(String, bool)>) {
    match verdict {
        ReleaseStatus::Released {
            since,
            presumed_gone,
            ..
        } => (
            since,
            presumed_gone
                .into_iter()
                .map(|silent| (silent.instance.to_string(), silent.used))
                .collect(),
        ),
        other => panic!("not released: {other:?}"),
    }
}

#[test]
fn an_empty_ledger_consents_to_nothing() {
    assert_eq!(
        verdict(&Ledger::default(), 1_000_000),
        ReleaseStatus::Unknown
    );
}

#[test]
fn a_version_is_held_while_it_is_live_and_while_it_drains() {
    let mut ledger = Ledger::default();
    let mut pod = Reports::of("pod", 1);
    ledger.fold(&pod.live("old", 0), 1000);
    assert_eq!(
        holders(verdict(&ledger, 1000)),
        [("pod".into(), InUseReason::Live, 1000 + TTL + GRACE)]
    );
    ledger.fold(&pod.live("new", 0).holding("old", 3, None), 2000);
    assert_eq!(
        holders(verdict(&ledger, 2000)),
        [("pod".into(), InUseReason::Leased(3), 2000 + TTL + GRACE)]
    );
}

#[test]
fn it_is_released_by_a_word_that_is_given_when_things_have_settled() {
    let mut ledger = Ledger::default();
    let mut pod = Reports::of("pod", 1);
    ledger.fold(&pod.live("new", 3000).released("old", 1000), 10_000);
    assert_eq!(
        holders(verdict(&ledger, 10_000))[0].1,
        InUseReason::NotYetReported,
        "it might read the old version once more, and be cut off before it can say so"
    );
    let drained = 9000;
    let settled = drained + SETTLED;
    ledger.fold(
        &pod.live("new", settled - 1 - 7000)
            .released("old", settled - 1 - drained),
        settled - 1,
    );
    assert_eq!(
        holders(verdict(&ledger, settled))[0].1,
        InUseReason::NotYetReported
    );
    ledger.fold(
        &pod.live("new", settled - 7000)
            .released("old", settled - drained),
        settled,
    );
    assert_eq!(released(verdict(&ledger, settled)), (drained, vec![]));
    assert_eq!(
        released(verdict(&ledger, settled + 86_400_000)),
        (drained, vec![]),
        "its word stays its word when it has gone silent"
    );
}

#[test]
fn whoever_holds_holds_for_all() {
    let mut ledger = Ledger::default();
    let mut pods: Vec<_> = (0..10)
        .map(|n| Reports::of(&format!("pod-{n}"), 1))
        .collect();
    let mut now = 1000 + SETTLED;
    for pod in &mut pods {
        ledger.fold(&pod.live("new", SETTLED), now);
    }
    assert_eq!(released(verdict(&ledger, now)), (1000, vec![]));
    let mut straggler = Reports::of("straggler", 1);
    ledger.fold(&straggler.live("old", 0), now);
    assert_eq!(
        holders(verdict(&ledger, now)).len(),
        1,
        "only those who use it are named"
    );
    ledger.fold(&straggler.live("new", 0).released("old", 0), now + 1);
    assert_eq!(
        holders(verdict(&ledger, now + 1)).len(),
        11,
        "the version was in use: all are to be heard once more"
    );
    let let_go = now + 1;
    now = let_go + SETTLED;
    pods.push(straggler);
    for pod in &mut pods {
        assert_eq!(
            holders(verdict(&ledger, now))[0].1,
            InUseReason::NotYetReported
        );
        ledger.fold(
            &pod.live("new", now - 1000).released("old", now - let_go),
            now,
        );
    }
    assert_eq!(released(verdict(&ledger, now)), (let_go, vec![]));
}

#[test]
fn silence_becomes_an_assumption_after_the_ttl_and_is_named() {
    let mut ledger = Ledger::default();
    ledger.fold(&Reports::of("crashed", 1).live("old", 0), 1000);
    ledger.fold(&Reports::of("idle", 1).live("older", 0), 1000);
    let mut pod = Reports::of("pod", 1);
    let mut now = 1000;
    while now <= 1000 + TTL + GRACE + 1 {
        ledger.fold(&pod.live("new", now), now);
        if now <= 1000 + TTL + GRACE {
            assert_eq!(holders(verdict(&ledger, now))[0].0, "crashed");
        }
        now += 10_000;
    }
    ledger.fold(&pod.live("new", now), now);
    assert_eq!(
        released(verdict(&ledger, now)),
        (
            1000 + TTL + GRACE,
            vec![("crashed".into(), true), ("idle".into(), false)]
        ),
    );
}

#[test]
fn silence_alone_is_no_word() {
    let mut ledger = Ledger::default();
    ledger.fold(&Reports::of("a", 1).live("old", 0), 1000);
    ledger.fold(&Reports::of("b", 1).live("new", 0), 1000);
    assert_eq!(verdict(&ledger, 10_000_000), ReleaseStatus::Unknown);
}

#[test]
fn a_goodbye_ends_it_at_once_but_for_what_it_holds() {
    let mut ledger = Ledger::default();
    let mut pod = Reports::of("pod", 1);
    ledger.fold(&pod.live("old", 0), 1000);
    let mut other = Reports::of("other", 1);
    ledger.fold(&other.live("old", 0), 1000);
    ledger.fold(&pod.next().released("old", 0), 2000);
    assert_eq!(holders(verdict(&ledger, 2000))[0].0, "other");
    ledger.fold(&other.next().holding("old", 1, None), 3000);
    assert_eq!(
        holders(verdict(&ledger, 3000)),
        [("other".into(), InUseReason::Leased(1), 3000 + TTL + GRACE)],
        "it went before its drain was announced"
    );
    assert_eq!(
        released(verdict(&ledger, 3001 + TTL + GRACE)),
        (3000 + TTL + GRACE, vec![("other".into(), true)])
    );
}

#[test]
fn a_goodbye_from_before_the_version_came_is_no_word_on_it() {
    let mut ledger = Ledger::default();
    ledger.fold(&Reports::of("pod", 1).next().released("older", 0), 1000);
    assert_eq!(verdict(&ledger, 2000), ReleaseStatus::Unknown);
    ledger.fold(&Reports::of("pod", 2).next().released("old", 500), 3000);
    assert_eq!(released(verdict(&ledger, 3000)), (2500, vec![]));
}

#[test]
fn signed_urls_count_beyond_ttl_goodbye_and_restart() {
    for goodbye in [true, false] {
        let mut ledger = Ledger::default();
        let mut pod = Reports::of("pod", 1);
        ledger.fold(&pod.live("old", 0).holding("old", 0, Some(5_000_000)), 1000);
        if goodbye {
            ledger.fold(
                &pod.next()
                    .released("old", 0)
                    .holding("old", 0, Some(4_999_000)),
                2000,
            );
        }
        let mut again = Reports::of("pod", 2);
        let end = 5_001_000 + GRACE;
        ledger.fold(&again.live("new", end - 500_000), end);
        assert_eq!(
            holders(verdict(&ledger, end)),
            [("pod".into(), InUseReason::PresignedUrls, end)]
        );
        ledger.fold(&again.live("new", end - 499_999), end + 1);
        let presumed_gone = if goodbye {
            vec![]
        } else {
            vec![("pod".into(), true)]
        };
        assert_eq!(released(verdict(&ledger, end + 1)), (end, presumed_gone));
    }
}

#[test]
fn late_and_doubled_reports_change_nothing() {
    let mut ledger = Ledger::default();
    let mut pod = Reports::of("pod", 1);
    let first = pod.live("new", 0);
    let second = pod.live("new", 0).holding("old", 1, None);
    assert_eq!(ledger.fold(&second, 2000), FoldOutcome::Counts);
    assert_eq!(ledger.fold(&second, 3000), FoldOutcome::Old);
    assert_eq!(ledger.fold(&first, 4000), FoldOutcome::Old);
    assert_eq!(
        holders(verdict(&ledger, 4000)),
        [("pod".into(), InUseReason::Leased(1), 2000 + TTL + GRACE)],
        "neither what it holds, nor when it was heard"
    );
}

#[test]
fn two_lives_of_one_instance_both_count() {
    let mut ledger = Ledger::default();
    let mut first = Reports::of("pod", 1);
    let mut second = Reports::of("pod", 2);
    ledger.fold(&second.live("new", 0), 1000);
    ledger.fold(&first.live("old", 0), 1001);
    assert_eq!(holders(verdict(&ledger, 1001)).len(), 1);
    assert_eq!(ledger.len(), 2);
    ledger.fold(&second.live("new", 0), 1002);
    assert_eq!(
        holders(verdict(&ledger, 1002))[0].1,
        InUseReason::Live,
        "the older one is alive"
    );
    ledger.fold(&first.next().released("old", 0), 1002);
    let later = 1002 + SETTLED;
    ledger.fold(&second.live("new", later), later);
    assert_eq!(released(verdict(&ledger, later)), (1002, vec![]));
}

#[test]
fn more_versions_than_can_be_named_count_for_each_that_is_not_released() {
    let mut ledger = Ledger::default();
    let mut pod = Reports::of("pod", 1);
    let mut report = pod.live("new", SETTLED).released("drained", 0);
    report.others = 1;
    ledger.fold(&report, 1_000_000);
    assert_eq!(
        holders(verdict(&ledger, 1_000_000))[0].1,
        InUseReason::Unlisted
    );
    let drained = ledger.verdict(SECRET, &v("drained"), &v("new"), 1_000_000);
    assert_eq!(holders(drained)[0].1, InUseReason::NotYetReported);
}

#[test]
fn the_current_version_is_never_released() {
    let mut ledger = Ledger::default();
    ledger.fold(&Reports::of("pod", 1).next().released("old", 0), 1000);
    assert_eq!(
        ledger.verdict(SECRET, &v("old"), &v("old"), 1000),
        ReleaseStatus::Unknown
    );
}

#[test]
fn names_and_arns_mean_the_same_secret() {
    let mut ledger = Ledger::default();
    ledger.fold(&Reports::of("by-name", 1).live("old", 0), 1000);
    let mut report = Reports::of("by-arn", 1).live("old", 0);
    report.secret = ARN.to_owned();
    ledger.fold(&report, 1000);
    report.secret = "prod/other".to_owned();
    ledger.fold(&report, 1000);
    for secret in [SECRET, ARN] {
        let verdict = ledger.verdict(secret, &v("old"), &v("new"), 1000);
        assert_eq!(holders(verdict).len(), 2, "{secret}");
    }
}

#[test]
fn stated_times_are_bounded() {
    let mut ledger = Ledger::default();
    let year = Duration::from_secs(365 * 86_400);
    let mut report = Reports::of("forger", 1)
        .live("old", 0)
        .holding("old", 0, Some(0));
    report.ttl = year;
    report.held[0].horizon = Some(year);
    ledger.fold(&report, 0);
    let holder = &holders(verdict(&ledger, 0))[0];
    assert_eq!(
        holder.2,
        7 * 86_400_000 + GRACE,
        "a signed URL's longest life"
    );
    report.sequence += 1;
    report.held.clear();
    ledger.fold(&report, 0);
    assert_eq!(holders(verdict(&ledger, 0))[0].2, 3_600_000 + GRACE);
    report.sequence += 1;
    report.ttl = Duration::ZERO;
    ledger.fold(&report, 0);
    assert_eq!(holders(verdict(&ledger, 0))[0].2, 5000 + GRACE);
}

#[test]
fn refusals_are_told_with_their_time() {
    let mut ledger = Ledger::default();
    let mut report = Reports::of("pod", 1).live("old", 0);
    report.refused.push(VersionAge {
        version: "old".into(),
        age: Duration::from_millis(400),
    });
    ledger.fold(&report, 1000);
    let refusals = ledger.refusals(SECRET, &v("old"));
    assert_eq!((refusals.len(), refusals[0].at), (1, 600));
    assert!(ledger.refusals(SECRET, &v("new")).is_empty());
}

#[test]
fn a_tombstone_removes_one_life_of_one_secret() {
    let mut ledger = Ledger::default();
    let report = Reports::of("pod", 1).live("old", 0);
    ledger.fold(&report, 1000);
    ledger.fold(&Reports::of("pod", 2).live("old", 0), 1000);
    ledger
        .fold_record(report.key().as_bytes(), None, 2000)
        .expect("a key");
    ledger
        .fold_record(report.key().as_bytes(), None, 2000)
        .expect("twice");
    assert_eq!(
        (ledger.len(), holders(verdict(&ledger, 2000)).len()),
        (1, 1)
    );
    ledger
        .fold_record(b"anything", None, 2000)
        .expect_err("no key of a report");
}

#[test]
fn while_there_is_no_room_nothing_is_released() {
    let mut limits = Assumptions::default();
    limits.consumers = 1;
    let mut ledger = Ledger::new(limits);
    let mut pod = Reports::of("pod", 1);
    ledger.fold(&pod.live("new", SETTLED), 1_000_000);
    assert_eq!(released(verdict(&ledger, 1_000_000)).1, []);
    let turned_away = ledger.fold(&Reports::of("other", 1).live("old", 0), 1_000_000);
    assert_eq!(turned_away, FoldOutcome::Full);
    assert_eq!(verdict(&ledger, 1_000_000), ReleaseStatus::Unknown);
    assert_eq!(
        ledger.fold(&pod.live("new", SETTLED), 1_000_001),
        FoldOutcome::Counts
    );
    assert_eq!(
        released(verdict(&ledger, 5_000_000)).1,
        [],
        "it was not heard again"
    );
}

#[test]
fn what_is_long_past_is_forgotten_except_for_signed_urls() {
    let mut ledger = Ledger::default();
    ledger.fold(&Reports::of("gone", 1).next(), 0);
    ledger.fold(&Reports::of("crashed", 1).live("old", 0), 0);
    let mut limits = Assumptions::default();
    limits.forget = Duration::from_secs(86_400);
    let mut short = Ledger::new(limits);
    short.fold(
        &Reports::of("signer", 1)
            .next()
            .holding("old", 0, Some(2 * 86_400_000)),
        0,
    );
    short.fold(&Reports::of("gone", 1).next(), 0);
    ledger.prune(8 * 86_400_000);
    assert_eq!(ledger.len(), 2);
    ledger.prune(8 * 86_400_000 + 1);
    assert!(ledger.is_empty());
    short.prune(86_400_001);
    assert_eq!(
        (short.len(), holders(verdict(&short, 86_400_001)).len()),
        (1, 1)
    );
}

#[test]
fn consumers_are_listed_with_their_presence() {
    let mut ledger = Ledger::default();
    ledger.fold(&Reports::of("gone", 1).next(), 1000);
    ledger.fold(&Reports::of("silent", 1).live("old", 0), 1000);
    ledger.fold(
        &Reports::of("there", 1)
            .live("new", 0)
            .holding("old", 1, None),
        200_000,
    );
    let mut list: Vec<_> = ledger
        .consumers(SECRET, 200_000)
        .map(|c| (c.instance.to_string(), c.presence, c.live, c.held))
        .collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        list,
        [
            ("gone".into(), Presence::Gone, None, vec![]),
            (
                "silent".into(),
                Presence::ExpiredConsumer,
                Some(v("old")),
                vec![]
            ),
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
fn limits_on_the_ttl_that_contradict_each_other_are_no_panic() {
    let mut limits = Assumptions::default();
    limits.ttl = (Duration::from_secs(3600), Duration::from_secs(5));
    let mut ledger = Ledger::new(limits);
    let mut reports = Reports::of("a", 1);
    assert_eq!(ledger.fold(&reports.live("new", 0), 0), FoldOutcome::Counts);
    let presence = |now| ledger.consumers(SECRET, now).next().unwrap().presence;
    assert_eq!(presence(5_000 + GRACE), Presence::Alive);
    assert_eq!(presence(5_001 + GRACE), Presence::ExpiredConsumer);
}
