//! Turns the states of a refreshable into what the process reports. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::fleet::report::{DrainingVersion, LiveVersion, Report, VersionAge};
use crate::refresh::Status;
use crate::secret::VersionId;

/// Reads until when presigned URLs pin the live generation, if they do.
pub(super) type ReadLivePin = Box<dyn Fn() -> Option<LivePin> + Send + Sync>;

/// Until when presigned URLs pin the live generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct LivePin {
    /// The generation's number: the status may not know it yet.
    pub(super) generation: u64,
    pub(super) until: Instant,
}

/// The status so far, and what happened to earlier versions.
pub(super) struct UsageTracker {
    status: Status,
    live_since: Instant,
    released: VecDeque<(VersionId, Instant)>,
    rejected: VecDeque<(VersionId, Instant)>,
}

impl UsageTracker {
    /// Creates a tracker whose first status is `status`.
    pub(super) fn new(status: Status, now: Instant) -> Self {
        // The status does not say when earlier rejections happened: they count as new, and are reported.
        let rejected = status.rejected.iter().map(|r| (r.version.clone(), now));
        Self {
            rejected: rejected.collect(),
            status,
            live_since: now,
            released: VecDeque::new(),
        }
    }

    /// Takes the newest status over. Returns whether it has to be reported: each refresh changes the status, and most find
    /// nothing new.
    pub(super) fn observe(&mut self, status: Status, now: Instant) -> bool {
        let before = std::mem::replace(&mut self.status, status);
        let status = &self.status;
        let draining = |status: &Status| {
            let draining = status.draining.iter();
            draining
                .map(|draining| (draining.generation, draining.pinned_until))
                .collect::<Vec<_>>()
        };
        let has_news = before.generation != status.generation
            || before.rejected != status.rejected
            || draining(&before) != draining(status);
        if before.version != status.version {
            self.live_since = now;
        }
        // The status lists a version until its drain has been announced.
        let used_before = before.draining.iter().map(|draining| &draining.version);
        for version in used_before.chain([&before.version]) {
            if !status.uses(version) {
                push(&mut self.released, version, now);
            }
        }
        self.released.retain(|(version, _)| !status.uses(version));
        for rejected in &status.rejected {
            if !before.rejected.contains(rejected) {
                push(&mut self.rejected, &rejected.version, now);
            }
        }
        has_news
    }

    /// Fills in everything except who reports.
    pub(super) fn fill(&self, report: &mut Report, live_pin: Option<LivePin>, now: Instant) {
        let past = |(version, at): &(VersionId, Instant)| {
            VersionAge::new(version.clone(), now.duration_since(*at))
        };
        report.live = Some(LiveVersion::new(
            self.status.version.clone(),
            now.duration_since(self.live_since),
        ));
        report.released = self.released.iter().map(past).collect();
        report.rejected = self.rejected.iter().map(past).collect();
        let mut draining = self.draining(live_pin, now);
        // What does not fit is counted. Presigned URLs come first: they outlive the process.
        draining.sort_by_key(|draining| std::cmp::Reverse(draining.pinned));
        let unlisted = draining.len().saturating_sub(Report::MAX_DRAINING);
        draining.truncate(Report::MAX_DRAINING);
        report.draining = draining;
        report.unlisted = u32::try_from(unlisted).unwrap_or(u32::MAX);
    }

    /// Fills in the final report: the live version is not used any more.
    pub(super) fn fill_final(&self, report: &mut Report, live_pin: Option<LivePin>, now: Instant) {
        self.fill(report, live_pin, now);
        report.live = None;
        let version = &self.status.version;
        if self.status.draining.iter().all(|d| d.version != *version) {
            if report.released.len() == Report::MAX_RECENT {
                report.released.remove(0);
            }
            report
                .released
                .push(VersionAge::new(version.clone(), Duration::ZERO));
        }
    }

    /// Returns the versions that drain or are pinned, each once.
    fn draining(&self, live_pin: Option<LivePin>, now: Instant) -> Vec<DrainingVersion> {
        let left = |end: Option<Instant>| end?.checked_duration_since(now);
        let mut list = Vec::new();
        for old in &self.status.draining {
            let pinned = left(old.pin());
            let outstanding = u32::try_from(old.outstanding()).unwrap_or(u32::MAX);
            let entry = entry(&mut list, &old.version);
            // A version counts as drained when its drain has been announced, not before.
            entry.outstanding = entry
                .outstanding
                .saturating_add(outstanding.max(u32::from(pinned.is_none())));
            entry.pinned = entry.pinned.max(pinned);
        }
        if let Some(pin) = live_pin
            && let Some(pinned) = left(Some(pin.until))
        {
            let draining = self.status.draining.iter();
            let replaced = { draining }.find(|draining| draining.generation == pin.generation);
            let version = replaced.map_or(&self.status.version, |replaced| &replaced.version);
            let entry = entry(&mut list, version);
            entry.pinned = entry.pinned.max(Some(pinned));
        }
        list
    }
}

/// Returns the version's entry, after adding it if there is none.
fn entry<'a>(list: &'a mut Vec<DrainingVersion>, version: &VersionId) -> &'a mut DrainingVersion {
    let index = list.iter().position(|entry| entry.version == *version);
    let index = index.unwrap_or_else(|| {
        list.push(DrainingVersion::new(version.clone(), 0));
        list.len() - 1
    });
    &mut list[index]
}

/// Adds a version. The newest are kept, each version once.
fn push(list: &mut VecDeque<(VersionId, Instant)>, version: &VersionId, now: Instant) {
    list.retain(|(earlier, _)| earlier != version);
    if list.len() == Report::MAX_RECENT {
        list.pop_front();
    }
    list.push_back((version.clone(), now));
}
