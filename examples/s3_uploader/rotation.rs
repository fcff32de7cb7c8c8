//! The authority's side: the crate's rotation, run in the process, and the end of the old key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use credswap::Error;
use credswap::aws::{AccessKey, Fields};
use credswap::kafka::Producer;
use credswap::rotation::{
    Announcer, KeyAction, KeyActionReason, Policy, Rotation as Steps, RotationEvent, Runner,
    UsageSource,
};
use credswap::source::{FetchRequest, SecretsManager, Source};
use tokio::time::{Instant, sleep, sleep_until};

use crate::board::{Board, Rotated};
use crate::embedded::World;

/// How long the consumers may use the old key: longer than any request here.
const RELEASE: Duration = Duration::from_secs(60);
/// Between two looks at whether they still do. A schedule would look each hour.
const LOOK: Duration = Duration::from_millis(100);

/// Rotates the key in one secret.
pub(crate) struct Rotation {
    runner: Runner,
    secret: SecretsManager,
    iam: aws_sdk_iam::Client,
    secret_id: String,
    user: String,
    waits: bool,
    told: Told,
}

/// Publishes, and knows when the broker had it.
#[derive(Clone)]
struct Told {
    producer: Arc<Producer>,
    at: Arc<Mutex<Option<Instant>>>,
}

impl Rotation {
    /// Rotates with an administrator's clients; `holders` say when an old key may go, if it `waits` for their word.
    pub(crate) fn new(
        world: &World,
        holders: impl UsageSource,
        waits: bool,
    ) -> anyhow::Result<Self> {
        let sdk = world.sdk();
        let producer = world.announcer().map_err(said)?;
        let told = Told {
            producer: Arc::new(producer),
            at: Arc::default(),
        };
        // For a key that lives for seconds: nothing is watched, and there is one clock. Elsewhere the defaults are right.
        let policy = Policy::default()
            .watch(Duration::ZERO)
            .clock_skew(Duration::from_secs(1));
        let steps = Steps::access_keys(&sdk)
            .usage(holders)
            .announcer(told.clone())
            .policy(policy)
            .build();
        Ok(Self {
            runner: Runner::new(steps),
            secret: SecretsManager::new(&sdk, world.secret_id()),
            iam: aws_sdk_iam::Client::new(&sdk),
            user: world.user().to_owned(),
            waits,
            secret_id: world.secret_id().to_owned(),
            told,
        })
    }

    /// Rotates every so often until the work is over.
    pub(crate) async fn keep_rotating(&self, every: Duration, board: &Board) {
        let mut next = board.begun() + every;
        while next < board.until() {
            sleep_until(next).await;
            if board.is_over() {
                return;
            }
            if let Err(error) = self.rotate(board).await {
                return board.failed(format!("rotation: {error:#}"));
            }
            next = (next + every).max(Instant::now());
        }
    }

    /// One rotation, to the end of the old key.
    async fn rotate(&self, board: &Board) -> anyhow::Result<()> {
        let old = self.access_key_id().await?;
        self.runner.rotate(&self.secret_id).await.map_err(said)?;
        let announced = self.told.last().context("the event was not published")?;
        let access_key_id = self.access_key_id().await?;
        board.rotated(Rotated {
            announced,
            access_key_id,
        });
        if self.waits {
            self.retire().await?;
        } else {
            let delete = self.iam.delete_access_key().user_name(&self.user);
            delete.access_key_id(old).send().await?;
        }
        board.retired(announced.elapsed());
        Ok(())
    }

    /// Asks until there is no key but the current one.
    async fn retire(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + RELEASE;
        loop {
            let waits_for = match self.runner.retire(&self.secret_id).await {
                Ok(retired) => {
                    let mut old = retired.keys.into_iter().filter(|key| {
                        key.action != KeyAction::Deleted
                            && !matches!(key.reason, KeyActionReason::Labelled(_))
                    });
                    match old.next() {
                        None => return Ok(()),
                        Some(key) if key.action != KeyAction::Kept => continue,
                        Some(key) => key.reason.to_string(),
                    }
                }
                Err(error) if error.is_retryable() => error.report(),
                Err(error) => return Err(said(error)),
            };
            if Instant::now() > deadline {
                bail!("the old key is there after {RELEASE:?}: {waits_for}");
            }
            sleep(LOOK).await;
        }
    }

    /// The id of the current key.
    async fn access_key_id(&self) -> anyhow::Result<String> {
        let secret = self.secret.fetch(&FetchRequest::default()).await;
        let key = AccessKey::parse(&secret.map_err(said)?, &Fields::default()).map_err(said)?;
        Ok(key.id().to_owned())
    }
}

impl Told {
    fn last(&self) -> Option<Instant> {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Announcer for Told {
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        self.producer.announce(event).await?;
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }
}

fn said(error: Error) -> anyhow::Error {
    anyhow!(error.report())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credswap_way::Credswap;
    use crate::flights::Flights;
    use crate::way::Way;
    use credswap_testkit::KeyStatus;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_old_key_goes_when_the_last_consumer_lets_go_and_not_before() {
        let world = World::start().await;
        let site = world.site(3).expect("a site");
        let flights = Flights::default();
        let way = Credswap::start(&site, &flights).await.expect("a way");
        let holders = Credswap::holders(&site).expect("holders");
        let rotation = Rotation::new(&world, holders, true).expect("a rotation");
        let keys = || world.cloud().keys(world.user());
        let old = way.live().access_key_id;
        let held = way.hold(2);
        let version = rotation.runner.rotate(&rotation.secret_id).await;
        version.expect("rotated");
        let new = rotation.access_key_id().await;
        let new = new.expect("its key");

        let holding = async || {
            let retired = rotation.runner.retire(&rotation.secret_id).await;
            let retired = retired.expect("it requester").keys;
            let report = retired.into_iter().find(|key| key.id == old);
            match report.expect("it is there").reason {
                KeyActionReason::InUse { by } => by.len(),
                other => panic!("not held: {other}"),
            }
        };
        let alone = async {
            while holding().await > 1 {
                sleep(LOOK).await;
            }
        };
        let alone = tokio::time::timeout(RELEASE, alone).await;
        alone.expect("the other two let go");
        for _ in 0..20 {
            assert_eq!(holding().await, 1);
        }
        let active = keys().iter().all(|key| key.status == KeyStatus::Active);
        assert!(active && keys().len() == 2);

        drop(held);
        rotation.retire().await.expect("retired");
        let left: Vec<_> = keys().into_iter().map(|key| key.id).collect();
        assert_eq!(left, [new]);
        way.close().await;
    }
}
