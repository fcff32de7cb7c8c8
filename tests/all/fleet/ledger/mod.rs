//! The ledger, report by report.

use std::time::{Duration, SystemTime};

use credswap::VersionId;
use credswap::fleet::{
    Assumptions, DrainingVersion, FoldOutcome, InUseReason, Incarnation, InstanceId, Ledger,
    LedgerTime, LiveVersion, Presence, ReleaseQuery, ReleaseStatus, Report, VersionAge,
};

mod in_use;
mod records;
mod released;

const SECRET: &str = "prod/uploader";
const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf";
/// TTL, grace and late adoption of these tests, in milliseconds.
const TTL: u64 = 90_000;
const GRACE: u64 = 30_000;
const LATE_ADOPTION: u64 = 90_000;
/// A report that is received so long after the first adoption of the current version is its consumer's last.
const SETTLED: u64 = LATE_ADOPTION + GRACE;

/// The reports of one incarnation, with their sequence numbers.
struct ReportSeries {
    instance: InstanceId,
    incarnation: Incarnation,
    sequence: u64,
}

impl ReportSeries {
    fn of(name: &str, incarnation: u64) -> Self {
        Self {
            instance: InstanceId::new(name).unwrap(),
            incarnation: Incarnation::new(SystemTime::UNIX_EPOCH, incarnation),
            sequence: 0,
        }
    }

    /// A final report.
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

    /// A report with a version that has been live for `age`.
    fn live(&mut self, version: &str, age: u64) -> Report {
        let mut report = self.next();
        report.live = Some(LiveVersion::new(version, Duration::from_millis(age)));
        report
    }
}

trait ReportExt {
    fn draining(self, version: &str, outstanding: u32, pinned: Option<u64>) -> Self;
    fn released(self, version: &str, age: u64) -> Self;
}

impl ReportExt for Report {
    fn draining(mut self, version: &str, outstanding: u32, pinned: Option<u64>) -> Self {
        let mut draining = DrainingVersion::new(version, outstanding);
        draining.pinned = pinned.map(Duration::from_millis);
        self.draining.push(draining);
        self
    }

    fn released(mut self, version: &str, age: u64) -> Self {
        let age = Duration::from_millis(age);
        self.released.push(VersionAge::new(version, age));
        self
    }
}

fn v(name: &str) -> VersionId {
    name.into()
}

fn at(milliseconds: u64) -> LedgerTime {
    LedgerTime::from_millis(milliseconds)
}

fn draining(outstanding: u32) -> InUseReason {
    InUseReason::Draining { outstanding }
}

fn query(secret: &str, version: &str, current: &str, now: u64) -> ReleaseQuery {
    ReleaseQuery {
        secret_id: secret.into(),
        version: v(version),
        current_version: v(current),
        now: at(now),
    }
}

/// The status of "old", while "new" is current.
fn status(ledger: &Ledger, now: u64) -> ReleaseStatus {
    ledger.release_status(&query(SECRET, "old", "new", now))
}

fn users(status: ReleaseStatus) -> Vec<(String, InUseReason, u64)> {
    match status {
        ReleaseStatus::InUse { by, .. } => by
            .into_iter()
            .map(|user| {
                let expires = user.expires.as_millis();
                (user.instance.to_string(), user.reason, expires)
            })
            .collect(),
        other => panic!("not in use: {other:?}"),
    }
}

/// Since when it is released, and which consumers are presumed gone, with whether they used it.
fn released(status: ReleaseStatus) -> (u64, Vec<(String, bool)>) {
    match status {
        ReleaseStatus::Released {
            since,
            presumed_gone,
            ..
        } => (
            since.as_millis(),
            presumed_gone
                .into_iter()
                .map(|expired| (expired.instance.to_string(), expired.used))
                .collect(),
        ),
        other => panic!("not released: {other:?}"),
    }
}
