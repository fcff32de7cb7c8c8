//! One consumer's newest report, with its ages converted to times on the ledger's clock.

use std::collections::HashSet;
use std::time::Duration;

use super::assumptions::Assumptions;
use super::release_status::InUseReason;
use super::time::LedgerTime;
use crate::fleet::report::{Report, VersionAge};
use crate::secret::VersionId;

/// One consumer's newest report.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) received: LedgerTime,
    expires: LedgerTime,
    live: Option<Event>,
    draining: Box<[Draining]>,
    unlisted: u32,
    released: Box<[Event]>,
    rejected: Box<[Event]>,
}

/// What happened to a version, and when.
#[derive(Debug)]
struct Event {
    version: VersionId,
    at: LedgerTime,
}

#[derive(Debug)]
struct Draining {
    version: VersionId,
    outstanding: u32,
    pinned_until: Option<LedgerTime>,
}

impl Entry {
    /// Converts a report. `versions` has each version's name once, to be shared by all entries.
    pub(super) fn new(
        report: &Report,
        received: LedgerTime,
        assumptions: &Assumptions,
        versions: &mut HashSet<VersionId>,
    ) -> Self {
        let mut shared = |version: &VersionId| {
            if let Some(known) = versions.get(version) {
                return known.clone();
            }
            versions.insert(version.clone());
            version.clone()
        };
        let ttl = report
            .ttl
            .max(assumptions.shortest_ttl)
            .min(assumptions.longest_ttl);
        let mut event = |version: &VersionId, age: Duration| Event {
            version: shared(version),
            at: received - age,
        };
        let live = report
            .live
            .as_ref()
            .map(|live| event(&live.version, live.age));
        let mut events = |list: &[VersionAge]| {
            list.iter()
                .map(|entry| event(&entry.version, entry.age))
                .collect()
        };
        let (released, rejected) = (events(&report.released), events(&report.rejected));
        let draining = report.draining.iter().map(|draining| Draining {
            version: shared(&draining.version),
            outstanding: draining.outstanding,
            // The grace covers the clocks of whoever checks the URLs.
            pinned_until: draining
                .pinned
                .map(|left| received + left.min(assumptions.longest_pin) + assumptions.grace),
        });
        Self {
            sequence: report.sequence,
            received,
            expires: received + ttl + assumptions.grace,
            live,
            draining: draining.collect(),
            unlisted: report.unlisted,
            released,
            rejected,
        }
    }

    pub(super) fn is_final(&self) -> bool {
        self.live.is_none()
    }

    pub(super) fn live(&self) -> Option<&VersionId> {
        self.live.as_ref().map(|live| &live.version)
    }

    pub(super) fn draining(&self) -> impl Iterator<Item = &VersionId> {
        self.draining.iter().map(|draining| &draining.version)
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = &VersionId> {
        let past = self.released.iter().chain(&self.rejected);
        self.live()
            .into_iter()
            .chain(self.draining())
            .chain(past.map(|event| &event.version))
    }

    /// Returns until when the consumer counts as alive without a further report.
    pub(super) fn expires(&self) -> LedgerTime {
        self.expires
    }

    /// Returns why the process uses the version, if it does according to the report.
    pub(super) fn uses(&self, version: &VersionId) -> Option<InUseReason> {
        if self.live() == Some(version) {
            return Some(InUseReason::Live);
        }
        match self.draining.iter().find(|d| d.version == *version) {
            Some(&Draining { outstanding, .. }) if outstanding > 0 => {
                Some(InUseReason::Draining { outstanding })
            }
            // It is listed, so it is not one of the unlisted.
            Some(_) => None,
            None if self.unlisted > 0 && !self.has_released(version) => Some(InUseReason::Unlisted),
            None => None,
        }
    }

    /// Returns until when presigned URLs pin the version.
    pub(super) fn pinned_until(&self, version: &VersionId) -> Option<LedgerTime> {
        self.draining
            .iter()
            .filter(|draining| draining.version == *version)
            .filter_map(|draining| draining.pinned_until)
            .max()
    }

    /// Returns until when presigned URLs pin any version.
    pub(super) fn last_pin(&self) -> Option<LedgerTime> {
        self.draining
            .iter()
            .filter_map(|draining| draining.pinned_until)
            .max()
    }

    pub(super) fn has_released(&self, version: &VersionId) -> bool {
        latest(&self.released, version).is_some()
    }

    /// Returns when the version's key was last rejected.
    pub(super) fn rejected(&self, version: &VersionId) -> Option<LedgerTime> {
        latest(&self.rejected, version)
    }

    /// Returns when the consumer adopted the version, if that is the one that is live.
    pub(super) fn adopted(&self, version: &VersionId) -> Option<LedgerTime> {
        let live = self.live.as_ref().filter(|live| live.version == *version);
        live.map(|live| live.at)
    }

    /// Returns when the consumer last used the version, as far as the report says.
    pub(super) fn last_use(&self, version: &VersionId) -> Option<LedgerTime> {
        if self.uses(version).is_some() {
            return Some(self.received);
        }
        latest(&self.released, version)
    }
}

fn latest(list: &[Event], version: &VersionId) -> Option<LedgerTime> {
    list.iter()
        .filter(|event| event.version == *version)
        .map(|event| event.at)
        .max()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::fleet::report::{DrainingVersion, Incarnation, InstanceId, LiveVersion};

    const TTL: Duration = Duration::from_secs(90);

    fn entry(change: impl FnOnce(&mut Report)) -> Entry {
        let instance = InstanceId::new("pod").expect("a name");
        let incarnation = Incarnation::new(SystemTime::UNIX_EPOCH, 1);
        let mut report = Report::new(instance, incarnation, 1, "prod/uploader", TTL);
        report.live = Some(LiveVersion::new("live", Duration::ZERO));
        change(&mut report);
        let received = LedgerTime::from_millis(1_000_000);
        Entry::new(
            &report,
            received,
            &Assumptions::default(),
            &mut HashSet::new(),
        )
    }

    #[test]
    fn a_report_tells_why_a_version_is_used() {
        let entry = entry(|report| {
            report.draining = vec![
                DrainingVersion::new("draining", 3),
                DrainingVersion::new("pinned", 0).pinned(TTL),
            ];
            report.unlisted = 1;
            report.released = vec![VersionAge::new("released", Duration::ZERO)];
        });
        for (version, expected) in [
            ("live", Some(InUseReason::Live)),
            ("draining", Some(InUseReason::Draining { outstanding: 3 })),
            ("pinned", None),
            ("released", None),
            ("other", Some(InUseReason::Unlisted)),
        ] {
            assert_eq!(entry.uses(&version.into()), expected, "{version}");
        }
    }

    #[test]
    fn ages_become_times_of_the_ledger() {
        let entry = entry(|report| {
            report.live = Some(LiveVersion::new("live", Duration::from_secs(10)));
            report.released = vec![
                VersionAge::new("old", Duration::from_secs(30)),
                VersionAge::new("old", Duration::from_secs(20)),
            ];
            report.draining = vec![DrainingVersion::new("pinned", 0).pinned(TTL)];
        });
        let seconds = |seconds: u64| Some(LedgerTime::from_millis(seconds * 1000));
        let grace = 30;
        assert_eq!(entry.adopted(&"live".into()), seconds(990));
        assert_eq!(entry.last_use(&"live".into()), seconds(1000));
        assert_eq!(entry.last_use(&"old".into()), seconds(980), "the latest");
        assert_eq!(entry.pinned_until(&"pinned".into()), seconds(1090 + grace));
        assert_eq!(Some(entry.expires()), seconds(1090 + grace));
    }
}
