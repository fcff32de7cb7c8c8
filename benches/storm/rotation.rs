//! Rotates at a steady pace, and deletes old keys when the way says so.

use std::collections::HashMap;
use std::time::Duration;

use credswap::VersionId;
use credswap::reload::Notice;
use credswap_embedded::Cloud;
use hdrhistogram::Histogram;
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior};

use super::ways::{Retire, Uploader};
use crate::common;

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
    let mut state = Retirement {
        cloud,
        held: HashMap::new(),
        swapped: HashMap::new(),
        drains: common::nanoseconds(),
    };
    let mut made = 0;
    let mut pace = tokio::time::interval_at(Instant::now() + pause, pause);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut retire = uploader.retire();
    let first = cloud
        .staged(common::cloud::SECRET, "AWSCURRENT")
        .expect("there is one");
    let user = "uploader-0";
    let mut live = (VersionId::from(first), cloud.keys(user)[0].id.clone());
    loop {
        tokio::select! {
            _ = pace.tick(), if rotates && Instant::now() < until => {
                made += 1;
                let key = common::cloud::new_key(cloud, made);
                let version = cloud.put_secret(common::cloud::SECRET, key.to_json());
                let old = std::mem::replace(&mut live, (version.into(), key.id().to_owned()));
                state.held.insert(old.0.clone(), old.1);
                uploader.rotated(&key);
                if let Retire::AtOnce = retire {
                    state.delete(&old.0);
                }
            }
            notice = next(&mut retire) => match (notice, &retire) {
                (Notice::Swapped { generation, previous, .. }, _) => {
                    // The drain is of the generation before this one.
                    state.swapped.insert(generation - 1, Instant::now());
                    if let Retire::WhenSwapped(_) = retire {
                        state.delete(&previous);
                    }
                }
                (Notice::Drained { generation, version, .. }, _) => {
                    state.drained(generation);
                    if let Retire::WhenDrained(_) = retire {
                        state.delete(&version);
                    }
                }
                (Notice::Failed(error), _) => eprintln!("  a look failed: {}", error.report()),
                _ => {}
            },
            () = tokio::time::sleep_until(until), if Instant::now() < until => {}
        }
        // What still drains at the end ends with the last uploads, or something is wrong.
        let over = Instant::now() >= until;
        let settled = state.held.is_empty() && state.swapped.is_empty();
        if over && (settled || Instant::now() > until + Duration::from_secs(10)) {
            if !settled {
                eprintln!("  {} old keys never drained", state.held.len());
            }
            return Rotations {
                made,
                drains: state.drains,
            };
        }
    }
}

struct Retirement<'a> {
    cloud: &'a Cloud,
    /// Key ids by version, of those replaced and not deleted yet.
    held: HashMap<VersionId, String>,
    /// When generations were replaced that have not drained yet.
    swapped: HashMap<u64, Instant>,
    drains: Histogram<u64>,
}

impl Retirement<'_> {
    fn delete(&mut self, version: &VersionId) {
        if let Some(id) = self.held.remove(version) {
            self.cloud.delete_key(&id);
        }
    }

    fn drained(&mut self, generation: u64) {
        if let Some(since) = self.swapped.remove(&generation) {
            common::record(&mut self.drains, since.elapsed());
        }
    }
}

async fn next(retire: &mut Retire) -> Notice {
    let notices: &mut broadcast::Receiver<Notice> = match retire {
        Retire::AtOnce => std::future::pending().await,
        Retire::WhenSwapped(notices) | Retire::WhenDrained(notices) => notices,
    };
    notices
        .recv()
        .await
        .expect("the reloader is there, and we keep up")
}
