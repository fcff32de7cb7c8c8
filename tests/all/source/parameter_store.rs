//! Secrets in parameters of Systems Manager: versions, types, and errors that say what to change.

use credswap::source::{FetchRequest, ParameterStore, Source};
use credswap::{Error, ErrorKind, Secret, SecretId};

use super::contract::{Authority, keeps};
use super::json_service::JsonService;
use crate::support::canned::answering;
use crate::support::log::Log;

const NAME: &str = "/prod/uploader";

/// Returns Parameter Store's answer. `changed` is in seconds, as JSON has it.
fn parameter(kind: &str, value: &str, version: u32, changed: &str) -> String {
    format!(
        r#"{{"Parameter":{{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter{NAME}","DataType":"text",
        "LastModifiedDate":{changed},"Name":"{NAME}","Type":"{kind}","Value":"{value}","Version":{version}}}}}"#
    )
}

async fn fetch(source: &ParameterStore) -> Result<Secret, Error> {
    source.fetch(&FetchRequest::default()).await
}

#[tokio::test]
async fn a_parameter_that_was_created_again_has_another_version() {
    let store = JsonService::new();
    let source = ParameterStore::new(&store.sdk(), NAME);
    store.set(
        200,
        parameter("SecureString", "hunter2", 1, "1700000000.123"),
    );
    let first = fetch(&source).await.expect("a parameter");
    assert_eq!(
        (first.version().as_str(), first.expose()),
        ("1/1700000000123", &b"hunter2"[..])
    );
    let created = first.created().expect("Parameter Store tells");
    let since_1970 = created.duration_since(std::time::UNIX_EPOCH);
    assert_eq!(since_1970.expect("later").as_millis(), 1_700_000_000_123);

    store.set(
        200,
        parameter("SecureString", "hunter3", 1, "1700000000.124"),
    );
    let again = fetch(&source).await.expect("a parameter");
    assert_ne!(again.version(), first.version());
    assert_eq!(
        store.requests()[0],
        serde_json::json!({ "Name": NAME, "WithDecryption": true })
    );
}

#[tokio::test]
async fn plain_text_is_a_secret_and_a_list_or_nothing_is_not() {
    let store = JsonService::new();
    let source = ParameterStore::new(&store.sdk(), NAME);
    store.set(200, parameter("String", "hunter2", 1, "1.5"));
    let secret = fetch(&source).await.expect("a parameter");
    assert_eq!(secret.expose(), b"hunter2");
    for (answer, part) in [
        (
            parameter("StringList", "hunter2,x", 1, "1.5"),
            "SecureString",
        ),
        (parameter("SecureString", " ", 1, "1.5"), "is empty"),
        ("{}".to_owned(), "check that the endpoint"),
    ] {
        store.set(200, answer);
        let error = fetch(&source).await.expect_err(part);
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.report().contains("hunter2"), "{}", error.report());
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_encrypted_is_a_warning_once() {
    let (log, _collecting) = Log::collect();
    let store = JsonService::new();
    let source = ParameterStore::new(&store.sdk(), NAME);
    for (kind, warnings) in [("SecureString", 0), ("String", 1), ("String", 1)] {
        store.set(200, parameter(kind, "hunter2", 1, "1.5"));
        fetch(&source.clone()).await.expect("a parameter");
        let logged = log.lines("WARN", "SecureString");
        assert_eq!(logged.len(), warnings, "{logged:?}");
        assert!(logged.iter().all(|line| line.contains(NAME)), "{logged:?}");
        assert!(!log.text().contains("hunter2"), "{}", log.text());
    }
}

#[tokio::test]
async fn a_selector_is_passed_on_and_is_no_part_of_the_id() {
    let store = JsonService::new();
    store.set(200, parameter("SecureString", "hunter2", 7, "1.5"));
    let source = ParameterStore::new(&store.sdk(), format!("{NAME}:live"));
    let secret = fetch(&source).await.expect("a parameter");
    assert_eq!(secret.version().as_str(), "7/1500");
    assert_eq!(store.requests()[0]["Name"], "/prod/uploader:live");
    assert_eq!(source.secret_id(), Some(&SecretId::from(NAME)));
}

#[tokio::test]
async fn a_secret_of_secrets_manager_is_refused_here() {
    let store = JsonService::new();
    let name = "/aws/reference/secretsmanager/prod/uploader";
    let error = fetch(&ParameterStore::new(&store.sdk(), name)).await;
    let error = error.expect_err("its version never changes");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error
            .to_string()
            .ends_with("`SecretsManager::new` with `prod/uploader`")
    );
    assert!(store.requests().is_empty());
}

#[tokio::test]
async fn each_fault_says_what_to_change() {
    const KMS: &str = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you \
                       are not allowed to access. (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException)";
    for (status, code, message, kind, part) in [
        (
            400,
            "ParameterNotFound",
            "",
            ErrorKind::NotFound,
            "`/prod/uploader` does not exist in us-east-1",
        ),
        (
            400,
            "ParameterVersionNotFound",
            "",
            ErrorKind::NotFound,
            "no such version or label",
        ),
        (
            400,
            "AccessDeniedException",
            "User: x is not authorized to perform: ssm:GetParameter on resource: y",
            ErrorKind::PermissionDenied,
            "`ssm:GetParameter`",
        ),
        (
            400,
            "AccessDeniedException",
            "User: x is not authorized to perform: kms:Decrypt on resource: y",
            ErrorKind::PermissionDenied,
            "`kms:Decrypt`",
        ),
        (
            400,
            "AccessDeniedException",
            KMS,
            ErrorKind::PermissionDenied,
            "`kms:Decrypt`",
        ),
        (
            400,
            "InvalidKeyId",
            "… is pending deletion.",
            ErrorKind::PermissionDenied,
            "scheduled for deletion",
        ),
        (
            400,
            "UnrecognizedClientException",
            "",
            ErrorKind::Unauthenticated,
            "does not accept the key",
        ),
        (
            400,
            "ExpiredTokenException",
            "",
            ErrorKind::Unauthenticated,
            "does not accept the key",
        ),
        (
            400,
            "ValidationException",
            "",
            ErrorKind::Config,
            "does not accept the request",
        ),
        (
            400,
            "ThrottlingException",
            "Rate exceeded",
            ErrorKind::Unavailable,
            "throttled",
        ),
        (
            500,
            "InternalServerError",
            "",
            ErrorKind::Unavailable,
            "failed at the service",
        ),
    ] {
        let answer = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
        let sdk = answering(status, answer.leak());
        let error = fetch(&ParameterStore::new(&sdk, NAME).attempts(1)).await;
        let error = error.expect_err(part);
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert!(error.to_string().contains(part), "{}", error.report());
    }
    for code in ["ParameterNotFound", "ValidationException"] {
        let answer = format!(r#"{{"__type":"{code}"}}"#).leak();
        let sdk = answering(400, answer);
        let error = fetch(&ParameterStore::new(&sdk, "prod/uploader")).await;
        let error = error.expect_err("no parameter has such a name");
        assert!(error.to_string().contains("begins with `/`"), "{error}");
    }
}

struct InStore {
    store: JsonService,
    version: u32,
}

impl Authority for InStore {
    fn rotate(&mut self, material: &str) {
        self.version += 1;
        let answer = parameter("SecureString", material, self.version, "1700000000");
        self.store.set(200, answer);
    }

    fn remove(&mut self) -> ErrorKind {
        self.store.set(400, r#"{"__type":"ParameterNotFound"}"#);
        ErrorKind::NotFound
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.store.set(500, "");
        Some(ErrorKind::Unavailable)
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let store = JsonService::new();
    let source = ParameterStore::new(&store.sdk(), NAME).attempts(1);
    keeps(source, InStore { store, version: 0 }, str::to_owned).await;
}
