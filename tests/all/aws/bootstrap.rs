//! A secret that is fetched with the key it holds: the first key comes from elsewhere, each later one from the one before.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use credswap::aws::check::NoCheck;
use credswap::aws::{AccessKeyConnector, BootstrapCredentials};
use credswap::source::SecretsManager;
use credswap::{ErrorKind, RefreshableCredentials};
use credswap_testkit::{AccessKey, Service};

use crate::support::cloud_fixture::{CloudFixture, SECRET, USER, id_suffix};

const READ: &str = "secretsmanager:GetSecretValue";

/// Credentials whose source is configured with bootstrap credentials.
struct Bootstrapped {
    fixture: CloudFixture,
    credentials: RefreshableCredentials,
    bootstrap: BootstrapCredentials,
    /// The id suffix of the initial key.
    initial: String,
}

impl Bootstrapped {
    /// Starts with the administrator's key.
    async fn new() -> Self {
        let fixture = CloudFixture::new().await;
        let initial = fixture.cloud.root();
        Self::with(fixture, initial).await
    }

    /// Starts with the key of another user, and returns it, so that it can be deleted.
    async fn with_deployer() -> (Self, AccessKey) {
        let fixture = CloudFixture::new().await;
        let deployer = fixture.cloud.create_user("deployer").name;
        let key = fixture.cloud.create_access_key(&deployer);
        (Self::with(fixture, key.credentials()).await, key)
    }

    async fn with(fixture: CloudFixture, initial: Credentials) -> Self {
        let id = initial.access_key_id();
        let suffix = id[id.len() - 4..].to_owned();
        let bootstrap = BootstrapCredentials::new(initial);
        let config = aws_sdk_secretsmanager::config::Builder::from(&fixture.sdk());
        let client = aws_sdk_secretsmanager::Client::from_conf(
            credswap::configure!(bootstrap, config).build(),
        );
        let source = SecretsManager::from_client(client, SECRET);
        let connector = AccessKeyConnector::checked_by(NoCheck);
        let credentials = RefreshableCredentials::builder(source, connector)
            .without_polling()
            .start()
            .await
            .expect("the initial key reads");
        bootstrap.switch_to(&credentials);
        Self {
            fixture,
            credentials,
            bootstrap,
            initial: suffix,
        }
    }

    /// Returns the keys that read the secret.
    fn readers(&self) -> Vec<String> {
        self.fixture.signers(READ)
    }

    /// Returns how often each version was rejected.
    fn rejected(&self) -> Vec<u64> {
        let rejected = self.credentials.status().rejected;
        rejected.iter().map(|rejected| rejected.times).collect()
    }

    /// Calls Secrets Manager with the bootstrap hooks, and a provider that was set after them.
    async fn read_with_provider(&self, provider: Credentials) -> bool {
        let config = aws_sdk_secretsmanager::config::Builder::from(&self.fixture.sdk());
        let config = credswap::configure!(&self.bootstrap, config)
            .credentials_provider(SharedCredentialsProvider::new(provider));
        let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
        let read = client.get_secret_value().secret_id(SECRET).send();
        read.await.is_ok()
    }
}

#[tokio::test]
async fn the_initial_key_fetches_first_and_then_the_live_one() {
    let test = Bootstrapped::new().await;
    let new = test.fixture.rotate();
    test.credentials.refresh().await.expect("swaps");
    test.credentials.refresh().await.expect("unchanged");
    let old = id_suffix(&test.fixture.key);
    assert_eq!(test.readers(), [&test.initial, old, id_suffix(&new)]);
}

#[tokio::test]
async fn when_the_live_key_is_dead_the_initial_one_fetches() {
    let test = Bootstrapped::new().await;
    let new = test.fixture.rotate_and_delete_old();
    test.credentials
        .refresh()
        .await
        .expect("swaps within the same refresh");
    let (initial, old) = (test.initial.as_str(), id_suffix(&test.fixture.key));
    assert_eq!(test.readers(), [initial, old, initial]);
    test.credentials.refresh().await.expect("unchanged");
    assert_eq!(
        test.readers().last().map(String::as_str),
        Some(id_suffix(&new)),
        "the newer key is used again"
    );
}

#[tokio::test]
async fn a_rejection_of_the_live_key_is_reported_once() {
    let (test, deployer) = Bootstrapped::with_deployer().await;
    test.fixture.deactivate(&test.fixture.key);
    let version = test.credentials.status().version;
    test.credentials
        .refresh()
        .await
        .expect("the initial key reads");
    assert_eq!(test.credentials.status().rejected[0].version, version);
    assert_eq!(test.rejected(), [1]);

    // With both keys dead each refresh tries the live one again, and must not request the next refresh at once.
    test.fixture.cloud.delete_key(deployer.id());
    for _ in 0..3 {
        test.credentials
            .refresh()
            .await
            .expect_err("no key can read");
    }
    assert_eq!(test.rejected(), [1]);
}

#[tokio::test]
async fn a_live_key_without_permission_leaves_fetches_to_the_initial() {
    let test = Bootstrapped::new().await;
    test.fixture.cloud.deny(USER, READ);
    for _ in 0..2 {
        let refreshed = test.credentials.refresh().await;
        refreshed.expect("the initial key may read");
    }
    let (initial, live) = (test.initial.as_str(), id_suffix(&test.fixture.key));
    assert_eq!(test.readers(), [initial, live, initial, initial]);
    assert!(
        test.rejected().is_empty(),
        "a missing permission is not a rejection"
    );
}

#[tokio::test]
async fn when_both_keys_are_dead_the_error_says_so() {
    let (test, deployer) = Bootstrapped::with_deployer().await;
    test.fixture.rotate_and_delete_old();
    test.fixture.cloud.delete_key(deployer.id());
    let error = test
        .credentials
        .refresh()
        .await
        .expect_err("no key can read");
    assert_eq!(
        error.kind(),
        ErrorKind::Unauthenticated,
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn a_live_key_that_was_too_new_is_tried_again() {
    let (test, deployer) = Bootstrapped::with_deployer().await;
    test.fixture
        .cloud
        .delay_new_keys([Service::SecretsManager], 1);
    let new = test.fixture.rotate();
    test.credentials
        .refresh()
        .await
        .expect("the old key reads its successor");
    test.fixture.cloud.delete_key(deployer.id());
    let error = test.credentials.refresh().await.expect_err("not known yet");
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    test.credentials.refresh().await.expect("it is known now");
    assert_eq!(
        test.readers().last().map(String::as_str),
        Some(id_suffix(&new))
    );
}

#[tokio::test]
async fn a_provider_that_is_set_later_signs_its_own_requests() {
    let test = Bootstrapped::new().await;
    let other = test.fixture.cloud.create_user("other").name;
    let other = test.fixture.cloud.create_access_key(&other);
    assert!(test.read_with_provider(other.credentials()).await);
    assert_eq!(
        test.readers().last().map(String::as_str),
        Some(id_suffix(&other))
    );
}

#[tokio::test]
async fn a_rejection_of_another_key_is_not_blamed_on_the_live_one() {
    let test = Bootstrapped::new().await;
    let wrong = Credentials::new("AKIDUNKNOWN", "none", None, None, "test");
    assert!(!test.read_with_provider(wrong).await);
    assert!(test.rejected().is_empty());
    test.credentials.refresh().await.expect("unchanged");
    assert_eq!(
        test.readers().last().map(String::as_str),
        Some(id_suffix(&test.fixture.key)),
        "the live key is still used"
    );
}

#[tokio::test]
async fn a_rejection_of_another_key_does_not_clear_the_live_one() {
    let test = Bootstrapped::new().await;
    test.fixture.cloud.deny(USER, READ);
    let refreshed = test.credentials.refresh().await;
    refreshed.expect("the initial key may read");
    let wrong = Credentials::new("AKIDUNKNOWN", "none", None, None, "test");
    assert!(!test.read_with_provider(wrong).await);
    test.credentials.refresh().await.expect("unchanged");
    let readers = test.readers();
    let last = &readers[readers.len() - 2..];
    assert_eq!(
        last,
        ["NOWN", &test.initial],
        "the live key was tried: {readers:?}"
    );
}

#[tokio::test]
async fn the_source_does_not_keep_refreshing_alive() {
    let Bootstrapped {
        fixture,
        credentials,
        bootstrap,
        ..
    } = Bootstrapped::new().await;
    let mut status = credentials.subscribe_status();
    drop(credentials);
    let ended = async { while status.changed().await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(5), ended)
        .await
        .expect("the loop ends with its last handle");
    let shown = format!("{bootstrap:?} {:?}", bootstrap.client_hooks());
    assert!(!shown.contains(fixture.key.secret()), "leaked");
}
