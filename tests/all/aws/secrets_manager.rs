//! Secrets Manager rejects a request, fails, hangs, or answers something unexpected.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_secretsmanager::Client;
use credswap::source::{FetchRequest, SecretsManager, Source};
use credswap::{Error, ErrorKind, Secret};
use credswap_testkit::{AccessKey, Action, Cloud};

use crate::support::canned::{answering, config, nowhere, reach};

const READ: &str = "secretsmanager:GetSecretValue";
const MATERIAL: &str = "hunter2hunter2";

/// A cloud with a secret, and a user that may read it.
struct SourceFixture {
    cloud: Cloud,
    reader: AccessKey,
    version: String,
}

impl SourceFixture {
    async fn new() -> Self {
        let cloud = Cloud::start().await;
        cloud.create_user("reader");
        let reader = cloud.create_access_key("reader");
        let version = cloud.create_secret("prod/uploader", MATERIAL);
        Self {
            cloud,
            reader,
            version,
        }
    }

    fn client(&self) -> Client {
        Client::new(&config(&self.cloud, self.reader.credentials()))
    }

    fn source(&self) -> SecretsManager {
        SecretsManager::from_client(self.client(), "prod/uploader")
    }
}

/// Fetches, and returns the error.
async fn fetch_error(source: &impl Source) -> Error {
    let error = source
        .fetch(&FetchRequest::default())
        .await
        .expect_err("the fetch fails");
    let shown = format!("{error:?} {}", error.report());
    assert!(!shown.contains(MATERIAL), "{shown}");
    error
}

/// The error is of this kind and has these texts.
fn assert_tells(error: &Error, kind: ErrorKind, texts: &[&str]) {
    assert_eq!(error.kind(), kind, "{}", error.report());
    for text in texts {
        assert!(error.to_string().contains(text), "no {text:?} in {error}");
    }
}

#[tokio::test]
async fn a_string_is_read_with_its_version_stages_and_time() {
    let fixture = SourceFixture::new().await;
    let secret: Secret = fixture
        .source()
        .fetch(&FetchRequest::default())
        .await
        .expect("it is there");
    assert_eq!(secret.expose(), MATERIAL.as_bytes());
    assert_eq!(secret.version().as_str(), fixture.version);
    assert_eq!(secret.stages(), ["AWSCURRENT"]);
    assert!(secret.created().is_some());
}

#[tokio::test]
async fn a_binary_secret_is_read_as_it_is() {
    let fixture = SourceFixture::new().await;
    let version = fixture
        .cloud
        .put_secret("prod/uploader", vec![0, 159, 146, 150]);
    let secret = fixture
        .source()
        .fetch(&FetchRequest::default())
        .await
        .expect("it is there");
    assert_eq!(secret.expose(), [0, 159, 146, 150]);
    assert_eq!(secret.version().as_str(), version);
}

#[tokio::test]
async fn another_stage_can_be_read() {
    let fixture = SourceFixture::new().await;
    fixture.cloud.put_secret("prod/uploader", "newer");
    let secret = fixture
        .source()
        .stage("AWSPREVIOUS")
        .fetch(&FetchRequest::default())
        .await
        .expect("it is there");
    assert_eq!(secret.version().as_str(), fixture.version);
    let error = fetch_error(&fixture.source().stage("AWSPENDING")).await;
    assert_tells(
        &error,
        ErrorKind::NotFound,
        &["`prod/uploader`", "`AWSPENDING`"],
    );
}

#[tokio::test]
async fn a_missing_secret_is_named_with_its_region() {
    let fixture = SourceFixture::new().await;
    let error = fetch_error(&SecretsManager::from_client(
        fixture.client(),
        "prod/unloader",
    ))
    .await;
    assert_tells(
        &error,
        ErrorKind::NotFound,
        &["`prod/unloader`", "us-east-1"],
    );
    assert_eq!(fixture.cloud.count(READ), 1, "nothing to retry");
}

#[tokio::test]
async fn a_secret_scheduled_for_deletion_can_be_restored() {
    let fixture = SourceFixture::new().await;
    fixture.cloud.delete_secret("prod/uploader");
    let error = fetch_error(&fixture.source()).await;
    assert_tells(
        &error,
        ErrorKind::NotFound,
        &["scheduled for deletion", "restore-secret"],
    );
    fixture.cloud.restore_secret("prod/uploader");
    fixture
        .source()
        .fetch(&FetchRequest::default())
        .await
        .expect("it is back");
}

#[tokio::test]
async fn the_missing_permission_is_named() {
    let fixture = SourceFixture::new().await;
    fixture.cloud.deny("reader", "kms:Decrypt");
    let error = fetch_error(&fixture.source()).await;
    assert_tells(&error, ErrorKind::PermissionDenied, &["`kms:Decrypt`"]);
    fixture.cloud.deny("reader", READ);
    let error = fetch_error(&fixture.source()).await;
    assert_tells(
        &error,
        ErrorKind::PermissionDenied,
        &["`secretsmanager:GetSecretValue`"],
    );
    fixture
        .cloud
        .inject(READ, Action::Fail(400, "DecryptionFailure"), 1);
    let error = fetch_error(&fixture.source()).await;
    assert_tells(&error, ErrorKind::PermissionDenied, &["`kms:Decrypt`"]);
}

#[tokio::test]
async fn a_secret_with_kms_in_its_name_does_not_blame_kms() {
    let denied = answering(
        400,
        r#"{"__type":"AccessDeniedException","Message":"User: u is not authorized to perform: secretsmanager:GetSecretValue on resource: kms:Decrypt-tests"}"#,
    );
    let error = fetch_error(&SecretsManager::from_client(
        Client::new(&denied),
        "kms:Decrypt-tests",
    ))
    .await;
    assert_tells(
        &error,
        ErrorKind::PermissionDenied,
        &["`secretsmanager:GetSecretValue`"],
    );
}

#[tokio::test]
async fn a_reader_with_a_dead_key_is_unauthenticated() {
    let fixture = SourceFixture::new().await;
    let wrong = Credentials::new(fixture.reader.id(), "not the secret", None, None, "test");
    let client = Client::new(&config(&fixture.cloud, wrong));
    let error = fetch_error(&SecretsManager::from_client(client, "prod/uploader")).await;
    assert_tells(&error, ErrorKind::Unauthenticated, &["secret access key"]);

    fixture.cloud.delete_key(fixture.reader.id());
    let error = fetch_error(&fixture.source()).await;
    assert_tells(
        &error,
        ErrorKind::Unauthenticated,
        &["does not know the access key"],
    );

    fixture
        .cloud
        .inject(READ, Action::Fail(400, "ExpiredTokenException"), 1);
    let error = fetch_error(&fixture.source()).await;
    assert_tells(&error, ErrorKind::Unauthenticated, &["session token"]);
}

#[tokio::test]
async fn a_code_in_another_protocol_is_understood() {
    let xml = answering(
        403,
        "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>",
    );
    let error = fetch_error(&SecretsManager::from_client(Client::new(&xml), "s")).await;
    assert_tells(
        &error,
        ErrorKind::Unauthenticated,
        &["does not know the access key"],
    );
}

#[tokio::test]
async fn throttling_is_retried_even_if_the_client_has_no_retries() {
    let fixture = SourceFixture::new().await;
    let client = fixture.client();
    let retries = client.config().retry_config().expect("they are set");
    assert_eq!(retries.max_attempts(), 1);
    fixture.cloud.throttle(READ, 2);
    SecretsManager::from_client(client, "prod/uploader")
        .fetch(&FetchRequest::default())
        .await
        .expect("the third attempt is answered");
    assert_eq!(fixture.cloud.count(READ), 3);
}

#[tokio::test]
async fn failures_of_the_service_and_the_network_are_retried() {
    let fixture = SourceFixture::new().await;
    fixture.cloud.break_down(READ, 1);
    fixture.cloud.inject(READ, Action::Disconnect, 1);
    fixture
        .source()
        .fetch(&FetchRequest::default())
        .await
        .expect("the third attempt is answered");
    assert_eq!(fixture.cloud.count(READ), 3);
}

#[tokio::test]
async fn exhausted_retries_return_the_last_error() {
    let fixture = SourceFixture::new().await;
    fixture.cloud.throttle(READ, 2);
    let error = fetch_error(&fixture.source().attempts(2)).await;
    assert_tells(&error, ErrorKind::Unavailable, &["throttled"]);
    assert_eq!(fixture.cloud.count(READ), 2);
    fixture.cloud.break_down(READ, 1);
    let error = fetch_error(&fixture.source().attempts(1)).await;
    assert_tells(&error, ErrorKind::Unavailable, &["failed at the service"]);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_service_that_hangs_is_a_timeout() {
    let fixture = SourceFixture::new().await;
    fixture.cloud.inject(READ, Action::Hang, 2);
    let source = fixture
        .source()
        .attempts(2)
        .attempt_timeout(Duration::from_millis(50));
    let error = fetch_error(&source).await;
    assert_tells(&error, ErrorKind::Timeout, &["no answer in time"]);
}

#[tokio::test]
async fn an_unreachable_endpoint_is_unavailable() {
    let config = reach(
        &nowhere(),
        Credentials::new("AKIDEXAMPLE", "none", None, None, "test"),
    )
    .build();
    let source = SecretsManager::from_client(Client::new(&config), "prod/uploader").attempts(1);
    assert_tells(
        &fetch_error(&source).await,
        ErrorKind::Unavailable,
        &["no connection"],
    );
}

#[tokio::test]
async fn missing_configuration_is_named() {
    let fixture = SourceFixture::new().await;
    let config = config(&fixture.cloud, fixture.reader.credentials());
    for endpoint in [None, Some(fixture.cloud.endpoint_url())] {
        let mut without_region = config.to_builder();
        without_region.set_region(None).set_endpoint_url(endpoint);
        let client = Client::new(&without_region.build());
        let error = fetch_error(&SecretsManager::from_client(client, "prod/uploader")).await;
        assert_tells(&error, ErrorKind::Config, &["region"]);
    }

    let mut without_key = config.to_builder();
    without_key.set_credentials_provider(None);
    let client = Client::new(&without_key.build());
    let error = fetch_error(&SecretsManager::from_client(client, "prod/uploader")).await;
    assert_tells(&error, ErrorKind::Config, &["credentials"]);
}

#[derive(Debug)]
struct Failing(fn() -> CredentialsError);

impl ProvideCredentials for Failing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err((self.0)()))
    }
}

#[tokio::test]
async fn a_provider_without_credentials_is_explained() {
    let fixture = SourceFixture::new().await;
    let cases: [(fn() -> CredentialsError, _, _); 5] = [
        (
            CredentialsError::not_loaded_no_source,
            ErrorKind::Config,
            "there are none",
        ),
        (
            || CredentialsError::invalid_configuration("x"),
            ErrorKind::Config,
            "configuration is invalid",
        ),
        (
            || CredentialsError::provider_timed_out(Duration::ZERO),
            ErrorKind::Timeout,
            "in time",
        ),
        (
            || CredentialsError::provider_error("x"),
            ErrorKind::Unavailable,
            "provider failed",
        ),
        (
            || CredentialsError::provider_error(Error::new(ErrorKind::NoNewerKey, "none came")),
            ErrorKind::NoNewerKey,
            "was not sent",
        ),
    ];
    for (failing, kind, text) in cases {
        let mut config = config(&fixture.cloud, fixture.reader.credentials()).into_builder();
        config.set_credentials_provider(Some(SharedCredentialsProvider::new(Failing(failing))));
        let client = Client::new(&config.build());
        let error =
            fetch_error(&SecretsManager::from_client(client, "prod/uploader").attempts(1)).await;
        assert_tells(&error, kind, &[text]);
    }
    assert_eq!(fixture.cloud.count(READ), 0);
}

#[tokio::test]
async fn an_empty_secret_is_malformed() {
    for body in [
        r#"{"VersionId":"v1"}"#,
        r#"{"VersionId":"v1","SecretString":""}"#,
        r#"{"VersionId":"v1","SecretBinary":""}"#,
    ] {
        let error = fetch_error(&SecretsManager::from_client(
            Client::new(&answering(200, body)),
            "s",
        ))
        .await;
        assert_tells(&error, ErrorKind::Malformed, &["is empty"]);
    }
    let body = r#"{"SecretString":"hunter2hunter2"}"#;
    let error = fetch_error(&SecretsManager::from_client(
        Client::new(&answering(200, body)),
        "s",
    ))
    .await;
    assert_tells(&error, ErrorKind::Malformed, &["version id"]);
}

#[tokio::test]
async fn a_truncated_response_is_not_quoted() {
    let cut = r#"{"VersionId":"v1","SecretString":"hunter2hunter2"#;
    let error = fetch_error(
        &SecretsManager::from_client(Client::new(&answering(200, cut)), "s").attempts(1),
    )
    .await;
    assert_tells(&error, ErrorKind::Unavailable, &["cut off"]);
}

#[tokio::test]
async fn the_services_message_is_the_cause_unless_it_has_secrets() {
    let parameter = answering(
        400,
        r#"{"__type":"InvalidParameterException","Message":"Invalid name."}"#,
    );
    let error = fetch_error(&SecretsManager::from_client(Client::new(&parameter), "s p")).await;
    assert_tells(&error, ErrorKind::Config, &["`s p`"]);
    assert!(
        error.report().contains("Invalid name."),
        "{}",
        error.report()
    );

    let signature = answering(
        400,
        r#"{"__type":"InvalidSignatureException","message":"no match. The Canonical String should have been x-amz-security-token:hunter2hunter2"}"#,
    );
    let error = fetch_error(&SecretsManager::from_client(Client::new(&signature), "s")).await;
    assert_tells(&error, ErrorKind::Unauthenticated, &[]);
}

#[tokio::test]
async fn clock_skew_is_not_blamed_on_the_key() {
    let late = answering(
        400,
        r#"{"__type":"InvalidSignatureException","message":"Signature expired: 20200101T000000Z is now earlier than 20200101T001000Z"}"#,
    );
    let error =
        fetch_error(&SecretsManager::from_client(Client::new(&late), "s").attempts(1)).await;
    assert_tells(&error, ErrorKind::Config, &["clock"]);
}
