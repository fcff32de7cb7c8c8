//! Two sets of credentials in one process: of two secrets in one account, and of two accounts. What happens to one does not
//! touch the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_s3::Client;
use credswap::aws::AccessKeyConnector;
use credswap::aws::check::NoCheck;
use credswap::{Error, ErrorKind, Refreshable, RefreshableCredentials, Secret, VersionId};
use credswap_testkit::{AccessKey, Action, Cloud, SecretContent};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::put;
use crate::support::cloud_fixture::{CloudFixture, eventually};

/// Credentials of one user, whose key is in one secret, and a client with them.
struct Set {
    name: &'static str,
    cloud: Cloud,
    credentials: RefreshableCredentials,
    s3: Client,
    fetches: Arc<AtomicUsize>,
    source_is_down: Arc<AtomicBool>,
}

impl Set {
    async fn start(account: &CloudFixture, name: &'static str) -> Self {
        let cloud = account.cloud.clone();
        cloud.create_user(name);
        cloud.create_secret(name, cloud.create_access_key(name).to_json());
        let (fetches, source_is_down) = (Arc::<AtomicUsize>::default(), Arc::default());
        let source = {
            let (cloud, fetches) = (cloud.clone(), Arc::clone(&fetches));
            let source_is_down: Arc<AtomicBool> = Arc::clone(&source_is_down);
            move || {
                fetches.fetch_add(1, Ordering::SeqCst);
                let result = match source_is_down.load(Ordering::SeqCst) {
                    true => Err(Error::new(ErrorKind::Unavailable, "it is down")),
                    false => Ok(secret(&cloud, name)),
                };
                std::future::ready(result)
            }
        };
        let credentials = Refreshable::builder(source, AccessKeyConnector::checked_by(NoCheck))
            .name(name)
            .secret_id(name)
            .without_polling()
            .timeouts(CloudFixture::timeouts())
            .start()
            .await
            .expect("the first key");
        let s3 = account.s3(&credentials);
        Self {
            name,
            cloud,
            credentials,
            s3,
            fetches,
            source_is_down,
        }
    }

    /// Puts a new key into the secret, and deletes the old one if so asked.
    fn rotate(&self, deletes_old: bool) -> AccessKey {
        let old = self.cloud.keys(self.name).remove(0);
        let new = self.cloud.create_access_key(self.name);
        self.cloud.put_secret(self.name, new.to_json());
        if deletes_old {
            self.cloud.delete_key(&old.id);
        }
        new
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Returns the id of the key that signed the last call.
    async fn signer(&self) -> String {
        put(&self.s3, self.name).await.expect("a good key");
        let calls = self.cloud.calls();
        let call = calls.iter().rev().find(|record| {
            let resource = record.call.resource.as_deref().unwrap_or_default();
            resource.ends_with(self.name)
        });
        let id = call.and_then(|record| record.call.access_key_id());
        id.expect("it was signed").to_owned()
    }

    fn live_id(&self) -> String {
        self.credentials.lease().access_key_id().to_owned()
    }
}

fn secret(cloud: &Cloud, name: &str) -> Secret {
    let SecretContent::Text(content) = cloud.current_secret(name) else {
        panic!("the test's secrets are text")
    };
    Secret::new(content, cloud.staged(name, "AWSCURRENT").expect("current"))
}

/// Two sets in one account, and two sets in two accounts.
async fn pairs() -> Vec<[Set; 2]> {
    let (one, other) = (CloudFixture::new().await, CloudFixture::new().await);
    vec![
        [
            Set::start(&one, "uploads").await,
            Set::start(&one, "billing").await,
        ],
        [
            Set::start(&one, "reports").await,
            Set::start(&other, "partner").await,
        ],
    ]
}

async fn drained(set: &Set, version: &VersionId) {
    let drained = tokio::time::timeout(Duration::from_secs(5), set.credentials.drained(version));
    drained.await.expect("it drains").expect("it was replaced");
}

#[tokio::test]
async fn a_dead_key_of_one_set_costs_the_other_nothing() {
    for [dead, other] in pairs().await {
        let (key, fetches) = (other.live_id(), other.fetches());
        let status = other.credentials.status();
        let new = dead.rotate(true);
        let requests = (0..8).flat_map(|_| [put(&dead.s3, "a"), put(&other.s3, "b")]);
        for result in futures::future::join_all(requests).await {
            result.expect("replayed, or never rejected");
        }
        assert_eq!(dead.signer().await, new.id());
        assert_eq!(dead.credentials.generation(), 2);

        assert_eq!(other.signer().await, key);
        assert_eq!(other.fetches(), fetches, "fetched for another set's key");
        let now = other.credentials.status();
        assert_eq!((now.generation, now.last_success), (1, status.last_success));
        assert!(now.rejected.is_empty() && now.is_healthy(), "{now:?}");
    }
}

#[tokio::test]
async fn a_drain_of_one_set_does_not_wait_for_the_other() {
    for [swapped, busy] in pairs().await {
        let held = busy.credentials.lease();
        busy.cloud.inject("s3:GetObject", Action::Hang, 1);
        let request = {
            let get = busy.s3.get_object().bucket("uploads").key("none");
            tokio::spawn(async move { drop(get.send().await) })
        };
        busy.cloud.called("s3:GetObject", 1).await;
        let old = swapped.credentials.status().version;
        swapped.rotate(false);
        swapped.credentials.refresh().await.expect("swaps");
        drained(&swapped, &old).await;

        // And the other way round: the drain of the busy one waits for its own use alone.
        let old = busy.credentials.status().version;
        busy.rotate(false);
        busy.credentials.refresh().await.expect("swaps");
        assert_eq!(busy.credentials.status().draining.len(), 1);
        assert!(swapped.credentials.status().draining.is_empty());
        busy.cloud.release();
        request.await.expect("answered");
        drop(held);
        drained(&busy, &old).await;
        busy.cloud.clear_calls();
    }
}

#[tokio::test]
async fn a_failing_source_of_one_set_leaves_the_other_current() {
    for [failing, other] in pairs().await {
        let key = failing.live_id();
        failing.source_is_down.store(true, Ordering::SeqCst);
        let error = failing.credentials.refresh().await.expect_err("it is down");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let new = other.rotate(true);
        assert_eq!(
            other.signer().await,
            new.id(),
            "replayed with the newer key"
        );
        assert!(other.credentials.status().is_healthy());
        assert_eq!(failing.signer().await, key, "the last good one");
        assert!(failing.credentials.status().source_failing_since.is_some());
    }
}

#[tokio::test]
async fn the_end_of_one_set_leaves_the_other_running() {
    for [ended, other] in pairs().await {
        ended
            .credentials
            .shutdown(Duration::from_secs(1))
            .await
            .expect("no drain");
        let new = other.rotate(false);
        other.credentials.refresh().await.expect("it runs");
        assert_eq!(other.signer().await, new.id());
        drop(ended);
        eventually("it still runs", || other.credentials.status().is_running()).await;
    }
}

/// Returns how often each set's key was rejected, and how often its requests were replayed.
fn counts(snapshotter: &Snapshotter, set: &str) -> (u64, u64) {
    let (mut rejections, mut replays) = (0, 0);
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let key = key.key();
        let is_of_set =
            |label: &metrics::Label| (label.key(), label.value()) == ("refreshable", set);
        if let DebugValue::Counter(count) = value
            && key.labels().any(is_of_set)
        {
            match key.name() {
                "credswap_rejections_total" => rejections += count,
                "credswap_replays_total" => replays += count,
                _ => {}
            }
        }
    }
    (rejections, replays)
}

#[tokio::test]
async fn rejections_and_replays_are_counted_by_set() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // A current-thread runtime: the clients run on this thread, under this recorder.
    let _here = metrics::set_default_local_recorder(&recorder);
    let [dead, other] = pairs().await.remove(0);
    dead.rotate(true);
    put(&dead.s3, "a").await.expect("replayed");
    put(&other.s3, "b").await.expect("a good key");
    assert_eq!(counts(&snapshotter, dead.name), (1, 1));
    assert_eq!(counts(&snapshotter, other.name), (0, 0));
}
