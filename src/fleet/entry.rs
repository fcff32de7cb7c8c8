//! One consumer's last word, with its ages turned into times of the ledger's clock.

use std::collections::HashSet;

use super::assumptions::{Assumptions, ms};
use super::release_status::InUseReason;
use super::report::Report;
use crate::secret::VersionId;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    /// When it was received.
    pub(super) at: u64,
    ttl: u64,
    /// And when it was taken up.
    live: Option<(VersionId, u64)>,
    held: Box<[Held]>,
    others: u32,
    released: Box<[(VersionId, u64)]>,
    refused: Box<[(VersionId, u64)]>,
}

#[derive(Debug)]
struct Held {
    version: VersionId,
    count: u32,
    horizon: Option<u64>,
}

impl Entry {
    pub(super) fn new(
        report: &Report,
        at: u64,
        limits: &Assumptions,
        versions: &mut HashSet<VersionId>,
    ) -> Self {
        let mut once = |version: &VersionId| {
            if let Some(known) = versions.get(version) {
                return known.clone();
            }
            versions.insert(version.clone());
            version.clone()
        };
        let mut past = |list: &[super::report::VersionAge]| {
            list.iter()
                .map(|past| (once(&past.version), at.saturating_sub(ms(past.age))))
                .collect()
        };
        let released = past(&report.released);
        let refused = past(&report.refused);
        Self {
            sequence: report.sequence,
            at,
            ttl: ms(report.ttl.max(limits.ttl.0).min(limits.ttl.1)),
            live: report
                .live
                .as_ref()
                .map(|live| (once(&live.version), at.saturating_sub(ms(live.age)))),
            held: report
                .held
                .iter()
                .map(|held| Held {
                    version: once(&held.version),
                    count: held.count,
                    horizon: held
                        .horizon
                        .map(|left| at.saturating_add(ms(left.min(limits.horizon)))),
                })
                .collect(),
            others: report.others,
            released,
            refused,
        }
    }

    pub(super) fn is_goodbye(&self) -> bool {
        self.live.is_none()
    }

    pub(super) fn live(&self) -> Option<&VersionId> {
        self.live.as_ref().map(|(version, _)| version)
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &VersionId> {
        self.held.iter().map(|held| &held.version)
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = &VersionId> {
        let past = self.released.iter().chain(&self.refused);
        self.live()
            .into_iter()
            .chain(self.held())
            .chain(past.map(|(version, _)| version))
    }

    /// Until when its silence means nothing.
    pub(super) fn ttl_ends(&self, limits: &Assumptions) -> u64 {
        self.at
            .saturating_add(self.ttl)
            .saturating_add(ms(limits.grace))
    }

    /// Whether, by its last word, the process uses the version, and how.
    pub(super) fn uses(&self, version: &VersionId) -> Option<InUseReason> {
        if self.live() == Some(version) {
            return Some(InUseReason::Live);
        }
        match self.held.iter().find(|held| held.version == *version) {
            Some(held) if held.count > 0 => Some(InUseReason::Leased(held.count)),
            // It is named, and so is none of the others.
            Some(_) => None,
            None if self.others > 0 && !self.has_released(version) => Some(InUseReason::Unlisted),
            None => None,
        }
    }

    /// Until when URLs signed with the version are good. The grace is for the clocks of those who sign.
    pub(super) fn horizon(&self, version: &VersionId, limits: &Assumptions) -> Option<u64> {
        self.held
            .iter()
            .filter(|held| held.version == *version)
            .filter_map(|held| held.horizon)
            .max()
            .map(|horizon| horizon.saturating_add(ms(limits.grace)))
    }

    /// Until when any URL is good.
    pub(super) fn last_horizon(&self, limits: &Assumptions) -> u64 {
        let last = self.held.iter().filter_map(|held| held.horizon).max();
        last.map_or(0, |horizon| horizon.saturating_add(ms(limits.grace)))
    }

    pub(super) fn has_released(&self, version: &VersionId) -> bool {
        find(&self.released, version).is_some()
    }

    pub(super) fn refused(&self, version: &VersionId) -> Option<u64> {
        find(&self.refused, version)
    }

    /// When it took the version up, if that is the one which is live.
    pub(super) fn took_up(&self, version: &VersionId) -> Option<u64> {
        self.live
            .as_ref()
            .filter(|(live, _)| live == version)
            .map(|(_, since)| *since)
    }

    /// When it last used the version, as far as it said.
    pub(super) fn last_sign(&self, version: &VersionId) -> Option<u64> {
        if self.uses(version).is_some() {
            return Some(self.at);
        }
        find(&self.released, version)
    }
}

fn find(list: &[(VersionId, u64)], version: &VersionId) -> Option<u64> {
    list.iter()
        .filter(|(found, _)| found == version)
        .map(|(_, at)| *at)
        .max()
}
