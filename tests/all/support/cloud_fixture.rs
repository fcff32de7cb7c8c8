//! What the tests of the SDK edge share: the embedded cloud, a user with a key in a secret, and SDK clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_types::SdkConfig;
use aws_types::region::Region;
use credswap::aws::{self, Edge, LiveKey};
use credswap::refresh::{Builder, Timeouts};
use credswap::source::Source;
use credswap::{Error, ErrorKind, Refreshable, Secret};
use credswap_testkit::{AccessKey, Cloud, KeyStatus, SecretContent};

pub(crate) const SECRET: &str = "prod/uploader";
pub(crate) const USER: &str = "uploader";
pub(crate) const BUCKET: &str = "uploads";

/// A cloud with one user, whose key is in one secret.
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) key: AccessKey,
    pub(crate) fetches: Arc<AtomicUsize>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let cloud = Cloud::start().await;
        cloud.create_bucket(BUCKET);
        cloud.create_user(USER);
        let key = cloud.create_access_key(USER);
        cloud.create_secret(SECRET, key.to_json());
        Self {
            cloud,
            key,
            fetches: Arc::default(),
        }
    }

    /// How to reach the cloud: without a key, with one HTTP client.
    pub(crate) fn sdk(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::from_static(self.cloud.region()))
            .endpoint_url(self.cloud.endpoint_url())
            .http_client(HttpClientBuilder::new().build_http())
            .credentials_provider(SharedCredentialsProvider::new(self.cloud.root()))
            .build()
    }

    /// S3's configuration, without a key.
    pub(crate) fn s3_config(&self) -> aws_sdk_s3::config::Builder {
        let mut builder = aws_sdk_s3::config::Builder::from(&self.sdk())
            .endpoint_url(self.cloud.s3_endpoint_url())
            .force_path_style(true);
        builder.set_credentials_provider(None);
        builder
    }

    /// Reads the secret straight from the cloud's memory: what is tested here is the edge, not the source.
    pub(crate) fn source(&self) -> impl Source {
        let cloud = self.cloud.clone();
        let fetches = Arc::clone(&self.fetches);
        move || {
            fetches.fetch_add(1, Ordering::SeqCst);
            let SecretContent::Text(content) = cloud.current_secret(SECRET) else {
                panic!("the test's secrets are text")
            };
            let version = cloud.staged(SECRET, "AWSCURRENT").expect("current");
            async move { Ok::<_, Error>(Secret::new(content, version)) }
        }
    }

    pub(crate) fn planned(&self) -> Builder<impl Source, aws::Credentials<aws::check::NoCheck>> {
        let mut timeouts = Timeouts::default();
        timeouts.poll = credswap::Backoff::new(Duration::from_millis(5), Duration::from_millis(50));
        timeouts.newer_key = Duration::from_secs(5);
        Refreshable::builder(
            self.source(),
            aws::credentials_checked_by(aws::check::NoCheck),
        )
        .timeouts(timeouts)
    }

    /// A refreshable without triggers, its edge, and an S3 client over it.
    pub(crate) async fn start(&self) -> (Refreshable<LiveKey>, Edge, aws_sdk_s3::Client) {
        let keys = self.planned().start().await.expect("the first key");
        let edge = Edge::new(&keys);
        let s3 = self.s3(&edge);
        (keys, edge, s3)
    }

    pub(crate) fn s3(&self, edge: &Edge) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(credswap::configure!(edge, self.s3_config()).build())
    }

    /// Puts a new key into the secret; the old one stays as it is.
    pub(crate) fn rotate(&self) -> AccessKey {
        let live = self.cloud.keys(USER);
        if live.len() > 1 {
            // As the rotation would: room for the new one is made by removing the oldest.
            self.cloud.delete_key(&live[0].id);
        }
        let key = self.cloud.create_access_key(USER);
        self.cloud.put_secret(SECRET, key.to_json());
        key
    }

    /// The same, and the old key is gone before anybody can have heard of the new one.
    pub(crate) fn rotate_rashly(&self) -> AccessKey {
        let old = self.cloud.keys(USER).pop().expect("the current key");
        let new = self.rotate();
        self.cloud.delete_key(&old.id);
        new
    }

    pub(crate) fn delete(&self, key: &AccessKey) {
        self.cloud.delete_key(key.id());
    }

    pub(crate) fn deactivate(&self, key: &AccessKey) {
        self.cloud.set_key_status(key.id(), KeyStatus::Inactive);
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// The last four characters of the keys that signed the calls of `action`, in their order.
    pub(crate) fn signers(&self, action: &str) -> Vec<String> {
        self.cloud
            .calls()
            .iter()
            .filter(|record| record.call.name() == action)
            .map(|record| record.call.key_suffix().to_owned())
            .collect()
    }
}

pub(crate) fn tail(key: &AccessKey) -> &str {
    &key.id()[key.id().len() - 4..]
}

/// The error of this crate in an SDK error's chain of causes.
pub(crate) fn our_kind(error: &(dyn std::error::Error + 'static)) -> Option<ErrorKind> {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(ours) = inner.downcast_ref::<Error>() {
            return Some(ours.kind());
        }
        cause = inner.source();
    }
    None
}

/// Polls until `done`, at most ten seconds.
pub(crate) async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "not in ten seconds: {what}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
