//! What the tests of SDK clients share: the testkit's cloud, a user whose key is in a secret, and clients of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_types::SdkConfig;
use aws_types::region::Region;
use credswap::aws::AccessKeyConnector;
use credswap::aws::check::NoCheck;
use credswap::refresh::{Builder, Timeouts};
use credswap::source::Source;
use credswap::{Backoff, Error, ErrorKind, Refreshable, RefreshableCredentials, Secret};
use credswap_testkit::{AccessKey, Cloud, KeyStatus, SecretContent};

pub(crate) const SECRET: &str = "prod/uploader";
pub(crate) const USER: &str = "uploader";
pub(crate) const BUCKET: &str = "uploads";

/// A cloud with one bucket and one user, whose first key is in one secret.
pub(crate) struct CloudFixture {
    pub(crate) cloud: Cloud,
    pub(crate) key: AccessKey,
    fetches: Arc<AtomicUsize>,
}

impl CloudFixture {
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

    /// Returns the configuration of a client with the administrator's key. Its clones share one HTTP client.
    pub(crate) fn sdk(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::from_static(self.cloud.region()))
            .endpoint_url(self.cloud.endpoint_url())
            .http_client(HttpClientBuilder::new().build_http())
            .credentials_provider(SharedCredentialsProvider::new(self.cloud.root()))
            .build()
    }

    /// Returns the configuration of an S3 client without a key.
    pub(crate) fn s3_config(&self) -> aws_sdk_s3::config::Builder {
        let mut builder = aws_sdk_s3::config::Builder::from(&self.sdk())
            .endpoint_url(self.cloud.s3_endpoint_url())
            .force_path_style(true);
        builder.set_credentials_provider(None);
        builder
    }

    /// Returns a source that reads the secret from the cloud's memory, for tests of clients.
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

    /// Returns the timeouts for tests.
    pub(crate) fn timeouts() -> Timeouts {
        Timeouts::default()
            .poll(Backoff::new(
                Duration::from_millis(5),
                Duration::from_millis(50),
            ))
            .newer_key(Duration::from_secs(5))
    }

    /// Configures credentials that are refreshed on request only.
    pub(crate) fn builder(&self) -> Builder<impl Source, AccessKeyConnector<NoCheck>> {
        Refreshable::builder(self.source(), AccessKeyConnector::checked_by(NoCheck))
            .without_polling()
            .timeouts(Self::timeouts())
    }

    /// Starts credentials, and an S3 client with them.
    pub(crate) async fn start(&self) -> (RefreshableCredentials, aws_sdk_s3::Client) {
        let credentials = self.builder().start().await.expect("the first key");
        let s3 = self.s3(&credentials);
        (credentials, s3)
    }

    pub(crate) fn s3(&self, credentials: &RefreshableCredentials) -> aws_sdk_s3::Client {
        let config = credswap::configure!(credentials, self.s3_config());
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// Puts a new key into the secret; the old one stays active.
    pub(crate) fn rotate(&self) -> AccessKey {
        let keys = self.cloud.keys(USER);
        if keys.len() > 1 {
            // A user has two keys at most: make room, as a rotation does.
            self.cloud.delete_key(&keys[0].id);
        }
        let key = self.cloud.create_access_key(USER);
        self.cloud.put_secret(SECRET, key.to_json());
        key
    }

    /// Puts a new key into the secret, and deletes the old one before any client can have the new one.
    pub(crate) fn rotate_and_delete_old(&self) -> AccessKey {
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

    /// Returns how often the source was fetched.
    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Returns the id suffixes of the keys that signed the calls of `action`, in order.
    pub(crate) fn signers(&self, action: &str) -> Vec<String> {
        self.cloud
            .calls()
            .iter()
            .filter(|record| record.call.name() == action)
            .map(|record| record.call.key_suffix().to_owned())
            .collect()
    }
}

pub(crate) fn id_suffix(key: &AccessKey) -> &str {
    &key.id()[key.id().len() - 4..]
}

/// Returns the kind of this crate's error among an SDK error's causes.
pub(crate) fn error_kind(error: &(dyn std::error::Error + 'static)) -> Option<ErrorKind> {
    std::iter::successors(Some(error), |cause| (**cause).source())
        .find_map(|cause| cause.downcast_ref::<Error>())
        .map(Error::kind)
}

/// Polls until `done`, for at most ten seconds.
pub(crate) async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "not within ten seconds: {what}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
