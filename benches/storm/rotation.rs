//! Rotates at a steady pace, and deletes old keys when the way says so.

use std::collections::HashMap;
use std::time::Duration;

use credswap::VersionId;
use credswap::refresh::RefreshEvent;
use credswap_testkit::Cloud;
use hdrhistogram::Histogram;
use tokio::sync::broadcast;
use tokio::time::{Instant, interval_at, sleep_until};

use super::uploads;
use super::ways::{Retire, Uploader};
use crate::common;
use crate::common::cloud::{FIRST_USER, SECRET, new_key};

/// How long the last drains may take when the uploads have ended.
const PATIENCE: Duration = uploads::PATIENCE.saturating_add(Duration::from_secs(10));

/// What the rotations came to.
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

/// Rotates until the time is over, and sees the last drains through.
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
    // Late ticks are made up for: so many a second it is.
    let mut pace = interval_at(Instant::now() + pause, pause);
    loop {
        let is_over = Instant::now() >= until;
        if is_over && swapped.is_empty() && keys.old().count() == 0 {
            return rotations;
        }
        let end = if is_over { until + PATIENCE } else { until };
        tokio::select! {
            _ = pace.tick(), if rotates && !is_over => {
                rotations.made += 1;
                let key = new_key(cloud, rotations.made);
                let version = cloud.put_secret(SECRET, key.to_json());
                uploader.rotated(&key);
                keys.rotated(version.into(), key.id());
                if let Retire::AtOnce = retire {
                    keys.delete_all_old();
                }
            }
            notice = next(&mut retire) => match notice {
                RefreshEvent::Swapped { generation, version, previous, .. } => {
                    swapped.insert(generation - 1, Instant::now()); // that is the one which drains
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
                RefreshEvent::Failed(error) => panic!("a look failed: {}", error.report()),
                _ => {}
            },
            () = sleep_until(end) => {
                assert!(
                    !is_over,
                    "{PATIENCE:?} after the last upload: no word of a drain of the generations {:?}, {} old keys",
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
        .expect("the refreshable is there, and we keep up")
}

/// The keys that exist, oldest first.
struct Keys<'a> {
    cloud: &'a Cloud,
    existing: Vec<(VersionId, String)>,
}

impl<'a> Keys<'a> {
    fn new(cloud: &'a Cloud) -> Self {
        let version = cloud.staged(SECRET, "AWSCURRENT").expect("there is one");
        let key = &cloud.keys(FIRST_USER)[0];
        Self {
            cloud,
            existing: vec![(version.into(), key.id.clone())],
        }
    }

    fn rotated(&mut self, version: VersionId, id: &str) {
        self.existing.push((version, id.to_owned()));
    }

    /// All but the secret's current one.
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

    /// Two rotations so close to each other that one look found both: nobody ever had the first one's key.
    fn delete_between(&mut self, before: &VersionId, after: &VersionId) {
        let place = |version| self.existing.iter().position(|(v, _)| v == version);
        let (Some(before), Some(after)) = (place(before), place(after)) else {
            return;
        };
        let skipped = self.existing[before + 1..after].iter();
        for version in skipped.map(|(v, _)| v.clone()).collect::<Vec<_>>() {
            self.delete(&version);
        }
    }
}
