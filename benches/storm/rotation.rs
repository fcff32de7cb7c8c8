//! Rotates at a constant rate, and deletes old keys when the strategy allows it.

use std::collections::HashMap;
use std::time::Duration;

use credswap::VersionId;
use credswap::refresh::RefreshEvent;
use credswap_testkit::Cloud;
use hdrhistogram::Histogram;
use tokio::sync::broadcast;
use tokio::time::{Instant, interval_at, sleep_until};

use super::strategies::{Retire, Uploader};
use super::uploads;
use crate::common;
use crate::common::cloud::{FIRST_USER, SECRET, new_key};

/// How long the last drains may take after the uploads have ended.
const DRAIN_TIMEOUT: Duration = uploads::TIMEOUT.saturating_add(Duration::from_secs(10));

/// The results of the rotations.
pub(crate) struct Rotations {
    pub(crate) made: usize,
    /// From each swap to its drain.
    pub(crate) drains: Histogram<u64>,
}

impl Default for Rotations {
    fn default() -> Self {
        Self {
            made: 0,
            drains: common::nanoseconds(),
        }
    }
}

impl Rotations {
    pub(crate) fn add(&mut self, more: Self) {
        self.made += more.made;
        self.drains += more.drains;
    }
}

/// Rotates until `until`, and returns after the last drain.
pub(crate) async fn run(
    cloud: &Cloud,
    uploader: &dyn Uploader,
    rotates: bool,
    pause: Duration,
    until: Instant,
) -> Rotations {
    let mut rotations = Rotations::default();
    let mut keys = Keys::new(cloud);
    let mut swapped = HashMap::new();
    let mut retire = uploader.retire();
    // Late ticks are caught up, to keep the rate.
    let mut ticks = interval_at(Instant::now() + pause, pause);
    loop {
        let is_over = Instant::now() >= until;
        if is_over && swapped.is_empty() && keys.old().count() == 0 {
            return rotations;
        }
        let end = if is_over {
            until + DRAIN_TIMEOUT
        } else {
            until
        };
        tokio::select! {
            _ = ticks.tick(), if rotates && !is_over => {
                rotations.made += 1;
                let key = new_key(cloud, rotations.made);
                let version = cloud.put_secret(SECRET, key.to_json());
                uploader.rotated(&key);
                keys.add(version.into(), key.id());
                if let Retire::AtOnce = retire {
                    keys.delete_all_old();
                }
            }
            event = next(&mut retire) => match event {
                RefreshEvent::Swapped { generation, version, previous, .. } => {
                    swapped.insert(generation - 1, Instant::now()); // the generation that drains
                    keys.delete_between(&previous, &version);
                    if let Retire::WhenSwapped(_) = retire {
                        keys.delete(&previous);
                    }
                }
                RefreshEvent::Drained { generation, version, .. } => {
                    if let Some(since) = swapped.remove(&generation) {
                        common::record(&mut rotations.drains, since.elapsed());
                    }
                    if let Retire::WhenDrained(_) = retire {
                        keys.delete(&version);
                    }
                }
                RefreshEvent::Failed(error) => panic!("a refresh failed: {error:#}"),
                _ => {}
            },
            () = sleep_until(end) => {
                assert!(
                    !is_over,
                    "{DRAIN_TIMEOUT:?} after the last upload: generations {:?} are not drained, {} old keys exist",
                    swapped.keys(),
                    keys.old().count(),
                );
            }
        }
    }
}

async fn next(retire: &mut Retire) -> RefreshEvent {
    let events: &mut broadcast::Receiver<RefreshEvent> = match retire {
        Retire::AtOnce => std::future::pending().await,
        Retire::WhenSwapped(events) | Retire::WhenDrained(events) => events,
    };
    events
        .recv()
        .await
        .expect("the refresh loop runs, and no event is missed")
}

/// The keys that exist, oldest first.
struct Keys<'a> {
    cloud: &'a Cloud,
    existing: Vec<(VersionId, String)>,
}

impl<'a> Keys<'a> {
    fn new(cloud: &'a Cloud) -> Self {
        let version = cloud
            .staged(SECRET, "AWSCURRENT")
            .expect("the secret has a current version");
        let key = &cloud.keys(FIRST_USER)[0];
        Self {
            cloud,
            existing: vec![(version.into(), key.id.clone())],
        }
    }

    fn add(&mut self, version: VersionId, id: &str) {
        self.existing.push((version, id.to_owned()));
    }

    /// Returns all versions but the secret's current one.
    fn old(&self) -> impl Iterator<Item = &VersionId> {
        self.existing
            .iter()
            .rev()
            .skip(1)
            .map(|(version, _)| version)
    }

    fn delete(&mut self, version: &VersionId) {
        self.existing.retain(|(existing, id)| {
            let stays = existing != version;
            if !stays {
                self.cloud.delete_key(id);
            }
            stays
        });
    }

    fn delete_all_old(&mut self) {
        for version in self.old().cloned().collect::<Vec<_>>() {
            self.delete(&version);
        }
    }

    /// Deletes the keys of versions that were replaced before a refresh could fetch them: no consumer ever had them.
    fn delete_between(&mut self, before: &VersionId, after: &VersionId) {
        let index = |version| self.existing.iter().position(|(v, _)| v == version);
        let (Some(before), Some(after)) = (index(before), index(after)) else {
            return;
        };
        let skipped = self.existing[before + 1..after].iter();
        for version in skipped.map(|(v, _)| v.clone()).collect::<Vec<_>>() {
            self.delete(&version);
        }
    }
}
