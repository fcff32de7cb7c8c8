//! Clients with our provider and identity cache alone, with our provider alone, and many clients on one credentials.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::IdentityCache;
use credswap::aws::LiveKey;
use credswap::{RefreshableCredentials, RefreshableS3Client};
use credswap_testkit::Action;

use super::put;
use crate::support::cloud_fixture::{CloudFixture, SECRET, eventually, id_suffix};

const IDENTITY: &str = "sts:GetCallerIdentity";
const VERSIONS: &str = "secretsmanager:ListSecretVersionIds";

/// An STS client with the credentials' `SdkConfig`.
fn sts(fixture: &CloudFixture, credentials: &RefreshableCredentials) -> aws_sdk_sts::Client {
    aws_sdk_sts::Client::new(&credentials.sdk_config(&fixture.sdk()))
}

async fn drained(credentials: &RefreshableCredentials, version: &credswap::VersionId) {
    let drained = credentials.drained(version);
    tokio::time::timeout(Duration::from_secs(5), drained)
        .await
        .expect("drained within five seconds")
        .expect("it was replaced");
}

#[tokio::test]
async fn a_client_of_the_sdk_config_swaps_at_its_next_attempt() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let sts = sts(&fixture, &credentials);
    sts.get_caller_identity().send().await.expect("old key");
    let (old, new) = (credentials.status().version, fixture.rotate());
    credentials.refresh().await.expect("swaps");
    sts.get_caller_identity().send().await.expect("new key");
    let signers = fixture.signers(IDENTITY);
    assert_eq!(signers, [id_suffix(&fixture.key), id_suffix(&new)]);
    drained(&credentials, &old).await;
}

#[tokio::test]
async fn a_request_of_the_sdk_config_keeps_its_key_in_use() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let sts = sts(&fixture, &credentials);
    fixture.cloud.inject(IDENTITY, Action::Hang, 1);
    let request = tokio::spawn(async move { sts.get_caller_identity().send().await });
    fixture.cloud.called(IDENTITY, 1).await;
    let old = credentials.status().version;
    fixture.rotate();
    credentials.refresh().await.expect("swaps");
    tokio::task::yield_now().await;
    assert_eq!(
        credentials.status().draining.len(),
        1,
        "drained under a request"
    );
    fixture.cloud.release();
    let answer = request.await.expect("no panic");
    answer.expect("the old key is still good");
    drained(&credentials, &old).await;
}

#[tokio::test]
async fn a_rejection_under_the_sdk_config_is_not_replayed() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let sts = sts(&fixture, &credentials);
    fixture.rotate_and_delete_old();
    let before = fixture.fetches();
    let rejected = sts.get_caller_identity().send().await;
    let code = rejected.expect_err("the key is dead");
    let code = aws_sdk_sts::error::ProvideErrorMetadata::code(&code).map(str::to_owned);
    assert_eq!(code.as_deref(), Some("InvalidClientTokenId"));
    assert_eq!(fixture.cloud.count(IDENTITY), 1);
    assert_eq!(fixture.fetches(), before);
    assert!(credentials.status().rejected.is_empty());
}

#[tokio::test]
async fn a_provider_without_a_cache_swaps_at_once() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let config = fixture
        .s3_config()
        .identity_cache(IdentityCache::no_cache())
        .credentials_provider(SharedCredentialsProvider::new(credentials.clone()));
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    put(&s3, "before").await.expect("old key");
    let (old, new) = (credentials.status().version, fixture.rotate());
    credentials.refresh().await.expect("swaps");
    put(&s3, "after").await.expect("new key");
    let signers = fixture.signers("s3:PutObject");
    assert_eq!(signers, [id_suffix(&fixture.key), id_suffix(&new)]);
    drained(&credentials, &old).await;
}

#[tokio::test]
async fn a_provider_behind_the_sdk_cache_delays_the_drain() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let config = fixture
        .s3_config()
        .credentials_provider(credentials.clone());
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    put(&s3, "before").await.expect("old key");
    let old = credentials.status().version;
    fixture.rotate();
    credentials.refresh().await.expect("swaps");
    put(&s3, "after").await.expect("the old key is still good");
    let key = id_suffix(&fixture.key);
    assert_eq!(
        fixture.signers("s3:PutObject"),
        [key, key],
        "from the cache"
    );
    assert_eq!(
        credentials.status().draining.len(),
        1,
        "the cache has the key"
    );
    drop(s3);
    drained(&credentials, &old).await;
}

#[tokio::test]
async fn all_clients_on_one_credentials_swap_and_drain_together() {
    let fixture = CloudFixture::new().await;
    let (credentials, s3) = fixture.start().await;
    let other_s3 = fixture.s3(&credentials);
    let sdk = credentials.sdk_config(&fixture.sdk());
    let sts = aws_sdk_sts::Client::new(&sdk);
    let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
    let call_all = async || {
        put(&s3, "one").await.expect("signed with a good key");
        put(&other_s3, "two").await.expect("signed with a good key");
        let identity = sts.get_caller_identity().send().await;
        identity.expect("signed with a good key");
        let versions = secrets.list_secret_version_ids().secret_id(SECRET).send();
        versions.await.expect("signed with a good key");
    };
    call_all().await;
    for _ in 0..3 {
        let (old, new) = (credentials.status().version, fixture.rotate());
        credentials.refresh().await.expect("swaps");
        call_all().await;
        for action in ["s3:PutObject", IDENTITY, VERSIONS] {
            let signers = fixture.signers(action);
            assert_eq!(signers.last().map(String::as_str), Some(id_suffix(&new)));
        }
        drained(&credentials, &old).await;
    }
}

#[tokio::test]
async fn several_clients_share_one_refresh_when_their_key_dies() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let clients: Vec<_> = (0..8).map(|_| fixture.s3(&credentials)).collect();
    fixture.rotate_and_delete_old();
    let before = fixture.fetches();
    let puts = clients.iter().map(|s3| put(s3, "replayed"));
    for result in futures::future::join_all(puts).await {
        result.expect("replayed");
    }
    let fetches = fixture.fetches() - before;
    assert!(fetches <= 2, "{fetches} fetches");
}

#[tokio::test]
async fn an_sdk_config_and_a_secret_id_are_enough_to_start() {
    let fixture = CloudFixture::new().await;
    let credentials = RefreshableCredentials::from_secrets_manager(&fixture.sdk(), SECRET)
        .start()
        .await
        .expect("fetched, and proven by STS");
    assert_eq!(credentials.lease().access_key_id(), fixture.key.id());
    assert_eq!(fixture.signers(IDENTITY), [id_suffix(&fixture.key)]);
    let id = credentials.secret_id().expect("the source knows it");
    assert!(id.matches(SECRET));

    fixture.cloud.put_secret(
        SECRET,
        format!(
            r#"{{"accesskey": "{}", "secretkey": "{}", "endpoint": "{}"}}"#,
            fixture.key.id(),
            fixture.key.secret(),
            fixture.cloud.s3_endpoint_url()
        ),
    );
    let s3 = RefreshableS3Client::from_secrets_manager(&fixture.sdk(), SECRET)
        .expect("it has an HTTP client")
        .start()
        .await
        .expect("fetched, and proven by STS and S3");
    assert_eq!(s3.lease().key().access_key_id(), fixture.key.id());
}

#[tokio::test]
async fn fixed_credentials_sign_and_are_not_replayed() {
    let fixture = CloudFixture::new().await;
    let key = LiveKey::from(fixture.key.credentials());
    let credentials = RefreshableCredentials::fixed(key);
    let s3 = fixture.s3(&credentials);
    put(&s3, "fixed").await.expect("the key is good");
    let key = Credentials::new(fixture.key.id(), "wrong", None, None, "test");
    let wrong = fixture.s3(&RefreshableCredentials::fixed(LiveKey::from(key)));
    put(&wrong, "wrong").await.expect_err("the secret is wrong");
    assert_eq!(fixture.cloud.count("s3:PutObject"), 2);
    eventually("no drain is pending", || {
        credentials.status().draining.is_empty()
    })
    .await;
}
