//! What a refreshable's status is worth telling: pure.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::report::{DrainingVersion, LiveVersion, MAX_DRAINING, MAX_LISTED, Report, VersionAge};
use crate::refresh::Status;
use crate::secret::VersionId;

/// The generation that is live in the cell, and when the last URL signed with it expires.
pub(super) type Horizon = (u64, Instant);

/// What was seen of the status so far.
pub(super) struct UsageTracker {
    status: Status,
    live_since: Instant,
    released: VecDeque<(VersionId, Instant)>,
    refused: VecDeque<(VersionId, Instant)>,
}

impl UsageTracker {
    pub(super) fn new(status: Status, now: Instant) -> Self {
        // Refusals from before nobody can date: they count as new, and are told.
        let refused = status.rejected.iter().map(|r| (r.version.clone(), now));
        Self {
            refused: refused.collect(),
            status,
            live_since: now,
            released: VecDeque::new(),
        }
    }

    /// Sees the status as it is now. Whether there is news in it: each look changes it, and most find nothing.
    pub(super) fn observe(&mut self, status: Status, now: Instant) -> bool {
        let before = std::mem::replace(&mut self.status, status);
        let status = &self.status;
        let held = |status: &Status| {
            let held = status.draining.iter();
            held.map(|held| (held.generation, held.pinned_until))
                .collect::<Vec<_>>()
        };
        let news = before.generation != status.generation
            || before.rejected != status.rejected
            || held(&before) != held(status);
        if before.version != status.version {
            self.live_since = now;
        }
        // The status holds a version until its drain has been announced.
        let held = before.draining.iter().map(|held| &held.version);
        for version in held.chain([&before.version]) {
            if !status.uses(version) {
                note(&mut self.released, version, now);
            }
        }
        self.released.retain(|(version, _)| !status.uses(version));
        for refused in &status.rejected {
            if !before.rejected.contains(refused) {
                note(&mut self.refused, &refused.version, now);
            }
        }
        news
    }

    /// All of it, but for who says it.
    pub(super) fn tell(&self, report: &mut Report, live: Option<Horizon>, now: Instant) {
        let past = |(version, at): &(VersionId, Instant)| VersionAge {
            version: version.clone(),
            age: now.duration_since(*at),
        };
        report.live = Some(LiveVersion {
            version: self.status.version.clone(),
            age: now.duration_since(self.live_since),
        });
        report.released = self.released.iter().map(past).collect();
        report.refused = self.refused.iter().map(past).collect();

        let left = |end: Option<Instant>| end?.checked_duration_since(now);
        let mut held: Vec<DrainingVersion> = Vec::new();
        for old in &self.status.draining {
            let horizon = left(old.pin());
            let count = u32::try_from(old.outstanding()).unwrap_or(u32::MAX);
            // Drained is what has been announced as drained.
            let count = count.max(u32::from(horizon.is_none()));
            let held = named(&mut held, &old.version);
            held.count = held.count.saturating_add(count);
            held.horizon = held.horizon.max(horizon);
        }
        if let Some((version, horizon)) = live.and_then(|(generation, end)| {
            let held = self
                .status
                .draining
                .iter()
                .find(|h| h.generation == generation);
            let version = held.map_or(&self.status.version, |held| &held.version);
            Some((version, left(Some(end))?))
        }) {
            let held = named(&mut held, version);
            held.horizon = held.horizon.max(Some(horizon));
        }
        // What does not fit in is counted. Signed URLs come first: the process may end, and they do not.
        held.sort_by_key(|held| std::cmp::Reverse(held.horizon));
        let others = held.len().saturating_sub(MAX_DRAINING);
        held.truncate(MAX_DRAINING);
        report.held = held;
        report.others = u32::try_from(others).unwrap_or(u32::MAX);
    }

    /// The same as a goodbye: whoever says it has stopped to use the live version.
    pub(super) fn bid_farewell(&self, report: &mut Report, live: Option<Horizon>, now: Instant) {
        self.tell(report, live, now);
        report.live = None;
        let version = &self.status.version;
        if !self
            .status
            .draining
            .iter()
            .any(|held| held.version == *version)
        {
            if report.released.len() == MAX_LISTED {
                report.released.remove(0);
            }
            report.released.push(VersionAge {
                version: version.clone(),
                age: Duration::ZERO,
            });
        }
    }
}

fn named<'a>(held: &'a mut Vec<DrainingVersion>, version: &VersionId) -> &'a mut DrainingVersion {
    let index = held.iter().position(|held| held.version == *version);
    let index = index.unwrap_or_else(|| {
        held.push(DrainingVersion {
            version: version.clone(),
            count: 0,
            horizon: None,
        });
        held.len() - 1
    });
    &mut held[index]
}

/// The newest are kept, each once.
fn note(list: &mut VecDeque<(VersionId, Instant)>, version: &VersionId, now: Instant) {
    list.retain(|(noted, _)| noted != version);
    if list.len() == MAX_LISTED {
        list.pop_front();
    }
    list.push_back((version.clone(), now));
}
