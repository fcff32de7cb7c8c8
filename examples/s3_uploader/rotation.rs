//! Rotates the key with the crate's rotation, run in this process, and retires the old key.

use std::time::Duration;

use anyhow::{Context, bail};
use credswap::aws::{AccessKey, Fields};
use credswap::rotation::{
    KeyAction, KeyActionReason, KeyReport, Policy, Rotation, Runner, UsageSource,
};
use credswap::source::{FetchRequest, SecretsManager, Source};
use tokio::time::{Instant, sleep, sleep_until};

use crate::local_services::LocalServices;
use crate::stats::{AnnouncedRotation, Stats};
use crate::timed_announcer::TimedAnnouncer;

/// How long the consumers may use the old key: longer than any request here takes.
const RELEASE: Duration = Duration::from_secs(60);
/// How long to wait before asking again whether they use it. A schedule would ask once an hour.
const RETIRE_EVERY: Duration = Duration::from_millis(100);

/// Rotates the key in one secret.
pub(crate) struct Rotator {
    runner: Runner,
    secret: SecretsManager,
    iam: aws_sdk_iam::Client,
    announcer: TimedAnnouncer,
    secret_id: String,
    user: String,
    waits_for_release: bool,
}

impl Rotator {
    /// Rotates with an administrator's clients. An old key is deleted at once, unless `waits_for_release`: then it is
    /// retired when `usage` shows that it is released.
    pub(crate) fn new(
        services: &LocalServices,
        usage: impl UsageSource,
        waits_for_release: bool,
    ) -> anyhow::Result<Self> {
        let sdk = services.sdk();
        let announcer = TimedAnnouncer::new(services.event_producer()?);
        // These keys live for seconds, and there is one clock. Elsewhere the defaults are right.
        let policy = Policy::default()
            .all_consumers_report()
            .watch(Duration::ZERO)
            .clock_skew(Duration::from_secs(1));
        let rotation = Rotation::access_keys(&sdk)
            .usage(usage)
            .announcer(announcer.clone())
            .policy(policy)
            .build();
        Ok(Self {
            runner: Runner::new(rotation),
            secret: SecretsManager::new(&sdk, services.secret_id()),
            iam: aws_sdk_iam::Client::new(&sdk),
            announcer,
            secret_id: services.secret_id().to_owned(),
            user: services.user().to_owned(),
            waits_for_release,
        })
    }

    /// Rotates periodically until the uploads are over.
    pub(crate) async fn keep_rotating(&self, every: Duration, stats: &Stats) {
        let mut next = stats.started() + every;
        while next < stats.deadline() {
            sleep_until(next).await;
            if stats.is_over() {
                return;
            }
            if let Err(error) = self.rotate(stats).await {
                return stats.failed(format!("rotation: {error:#}"));
            }
            next = (next + every).max(Instant::now());
        }
    }

    /// Rotates once, and returns when the old key is deleted.
    async fn rotate(&self, stats: &Stats) -> anyhow::Result<()> {
        let old = self.access_key_id().await?;
        self.runner.rotate(&self.secret_id).await?;
        let announced = self.announcer.last_acknowledged();
        let announced = announced.context("the event was not published")?;
        stats.rotated(AnnouncedRotation {
            announced,
            access_key_id: self.access_key_id().await?,
        });
        if self.waits_for_release {
            self.retire().await?;
        } else {
            let delete = self.iam.delete_access_key().user_name(&self.user);
            delete.access_key_id(old).send().await?;
        }
        stats.retired(announced.elapsed());
        Ok(())
    }

    /// Retires old keys until the current one is the only one.
    async fn retire(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + RELEASE;
        loop {
            let reason = match self.runner.retire(&self.secret_id).await {
                Ok(report) => match report.keys.into_iter().find(is_left) {
                    None => return Ok(()),
                    Some(key) if key.action != KeyAction::Kept => continue,
                    Some(key) => key.reason.to_string(),
                },
                Err(error) if error.is_retryable() => format!("{error:#}"),
                Err(error) => return Err(error.into()),
            };
            if Instant::now() > deadline {
                bail!("the old key still exists after {RELEASE:?}: {reason}");
            }
            sleep(RETIRE_EVERY).await;
        }
    }

    /// Returns the id of the current key.
    async fn access_key_id(&self) -> anyhow::Result<String> {
        let secret = self.secret.fetch(&FetchRequest::default()).await?;
        let key = AccessKey::parse(&secret, &Fields::default())?;
        Ok(key.id().to_owned())
    }
}

/// Returns whether this is an old key that still exists.
fn is_left(key: &KeyReport) -> bool {
    key.action != KeyAction::Deleted && !matches!(key.reason, KeyActionReason::Labelled(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credswap_strategy::CredswapStrategy;
    use crate::in_flight::InFlight;
    use crate::strategy::Strategy;
    use credswap_testkit::KeyStatus;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_consumer_knows_when_the_event_of_another_process_arrived() {
        let services = LocalServices::start().await;
        let environment = services.environment(1).expect("an environment");
        let strategy = CredswapStrategy::start(&environment, &InFlight::default()).await;
        let strategy = strategy.expect("the strategy starts");
        let usage = CredswapStrategy::usage_source(&environment).expect("a usage source");
        let rotator = Rotator::new(&services, usage, true).expect("a rotator");
        let begun = Instant::now();
        let rotated = rotator.runner.rotate(&rotator.secret_id).await;
        rotated.expect("the key is rotated");
        let swap = async {
            loop {
                if let Some(swap) = strategy.metrics().rotations.pop() {
                    return swap;
                }
                sleep(RETIRE_EVERY).await;
            }
        };
        let swap = tokio::time::timeout(RELEASE, swap).await.expect("swapped");
        assert!((begun..Instant::now()).contains(&swap.requested));
        let new = rotator.access_key_id().await.expect("the new key");
        assert_eq!(swap.access_key_id, new);
        strategy.close().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_old_key_is_retired_when_the_last_consumer_releases_it() {
        let services = LocalServices::start().await;
        let environment = services.environment(3).expect("an environment");
        let in_flight = InFlight::default();
        let strategy = CredswapStrategy::start(&environment, &in_flight).await;
        let strategy = strategy.expect("the strategy starts");
        let usage = CredswapStrategy::usage_source(&environment).expect("a usage source");
        let rotator = Rotator::new(&services, usage, true).expect("a rotator");
        let keys = || services.cloud().keys(services.user());
        let old = strategy.current().access_key_id;
        let lease = strategy.lease(2);
        let rotated = rotator.runner.rotate(&rotator.secret_id).await;
        rotated.expect("the key is rotated");
        let new = rotator.access_key_id().await.expect("the new key");

        let consumers_using_old = async || {
            let report = rotator.runner.retire(&rotator.secret_id).await;
            let mut keys = report.expect("the keys are examined").keys.into_iter();
            let report = keys.find(|key| key.id == old);
            match report.expect("the old key exists").reason {
                KeyActionReason::InUse { by } => by.len(),
                other => panic!("not in use: {other}"),
            }
        };
        let one_is_left = async {
            while consumers_using_old().await > 1 {
                sleep(RETIRE_EVERY).await;
            }
        };
        let released = tokio::time::timeout(RELEASE, one_is_left).await;
        released.expect("the other two release it");
        for _ in 0..20 {
            assert_eq!(consumers_using_old().await, 1);
        }
        let active = keys().iter().all(|key| key.status == KeyStatus::Active);
        assert!(active && keys().len() == 2);

        drop(lease);
        rotator.retire().await.expect("the old key is retired");
        let left: Vec<_> = keys().into_iter().map(|key| key.id).collect();
        assert_eq!(left, [new]);
        strategy.close().await;
    }
}
