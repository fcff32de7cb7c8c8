//! Secrets that are stored as ciphertext of KMS: what is decrypted, how often, and errors that say what to change.

use std::time::{Duration, SystemTime};

use aws_smithy_types::base64;
use credswap::source::{FetchRequest, KmsEncrypted, Source};
use credswap::test_util::TestSource;
use credswap::{Error, ErrorKind, Secret, SecretId};
use serde_json::json;

use super::contract::{Authority, keeps};
use super::json_service::JsonService;
use crate::support::canned::answering;

/// As symmetric keys make it: a header of control characters, then what looks random.
const CIPHERTEXT: &[u8] = b"\x01\x02\x02\x00\x78\xb1\xff\x00tail";

/// Returns KMS's answer to `Decrypt`.
fn plaintext(text: &str) -> String {
    let plaintext = base64::encode(text);
    json!({ "KeyId": "arn:aws:kms:us-east-1:1:key/k", "Plaintext": plaintext }).to_string()
}

fn kms(answer: impl Into<String>) -> JsonService {
    let kms = JsonService::new();
    kms.set(200, answer);
    kms
}

async fn fetch(source: &impl Source) -> Result<Secret, Error> {
    source.fetch(&FetchRequest::default()).await
}

#[tokio::test]
async fn bytes_and_base64_are_the_same_ciphertext() {
    let encoded = base64::encode(CIPHERTEXT);
    let (start, end) = encoded.split_at(8);
    for material in [
        CIPHERTEXT.to_vec(),
        encoded.clone().into_bytes(),
        format!("\u{feff}{start}\r\n{end}\n").into_bytes(),
    ] {
        let kms = kms(plaintext("hunter2"));
        let inner = TestSource::new(material, "v1");
        let source = KmsEncrypted::new(&kms.sdk(), inner)
            .key_id("alias/configuration")
            .encryption_context("service", "uploader");
        let secret = fetch(&source).await.expect("decrypted");
        assert_eq!(secret.expose(), b"hunter2");
        assert_eq!(
            kms.requests(),
            [json!({
                "CiphertextBlob": encoded,
                "KeyId": "alias/configuration",
                "EncryptionContext": { "service": "uploader" },
            })]
        );
    }
}

#[tokio::test]
async fn without_settings_the_ciphertext_names_the_key() {
    let kms = kms(plaintext("hunter2"));
    let source = KmsEncrypted::new(&kms.sdk(), TestSource::new(CIPHERTEXT, "v1"));
    fetch(&source).await.expect("decrypted");
    let encoded = base64::encode(CIPHERTEXT);
    assert_eq!(kms.requests(), [json!({ "CiphertextBlob": encoded })]);
}

#[tokio::test]
async fn what_is_live_is_not_decrypted_again() {
    let kms = kms(plaintext("hunter2"));
    let inner = TestSource::new(CIPHERTEXT, "v1");
    let source = KmsEncrypted::new(&kms.sdk(), inner.clone());
    fetch(&source).await.expect("decrypted");
    let live = FetchRequest::default().live("v1");
    for material in [CIPHERTEXT, b""] {
        inner.rotate(material, "v1");
        let unchanged = source.fetch(&live).await.expect("unchanged");
        assert_eq!(unchanged.version().as_str(), "v1");
    }
    assert_eq!(kms.requests().len(), 1);

    // One that was fetched and did not go live is needed as a whole.
    inner.rotate(CIPHERTEXT, "v2");
    for _ in 0..2 {
        let second = source.fetch(&live).await.expect("decrypted");
        assert_eq!(second.expose(), b"hunter2");
    }
    assert_eq!(kms.requests().len(), 3);
}

#[tokio::test]
async fn all_but_the_material_is_that_of_the_other_source() {
    let (created, expires) = (
        SystemTime::UNIX_EPOCH,
        SystemTime::UNIX_EPOCH + Duration::from_secs(9),
    );
    let inner = move || async move {
        Ok::<_, Error>(
            Secret::new(CIPHERTEXT, "v1")
                .with_stages(["AWSCURRENT"])
                .with_created(created)
                .with_expires(expires),
        )
    };
    let source = KmsEncrypted::new(&kms(plaintext("hunter2")).sdk(), inner);
    let secret = fetch(&source).await.expect("decrypted");
    assert_eq!(secret.version().as_str(), "v1");
    assert_eq!(secret.stages(), ["AWSCURRENT"]);
    assert_eq!(
        (secret.created(), secret.expires()),
        (Some(created), Some(expires))
    );
    assert_eq!(source.secret_id(), None);
}

#[tokio::test]
async fn what_is_no_ciphertext_is_not_sent_to_kms() {
    for (material, part) in [
        (b"".to_vec(), "is empty"),
        (b"\n".to_vec(), "is empty"),
        (br#"{"password":"hunter2"}"#.to_vec(), "not encrypted"),
        (b"AQICAHi".to_vec(), "cut off"),
        (vec![1; 6145], "at most 6144"),
        (base64::encode(vec![1; 6145]).into_bytes(), "at most 6144"),
    ] {
        let kms = kms(plaintext("hunter2"));
        let source = KmsEncrypted::new(&kms.sdk(), TestSource::new(material, "v1"));
        let error = fetch(&source).await.expect_err(part);
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.report().contains("hunter"), "{}", error.report());
        assert!(kms.requests().is_empty());
    }
    let source = KmsEncrypted::new(&kms("{}").sdk(), TestSource::new(vec![1; 6144], "v1"));
    let error = fetch(&source).await.expect_err("no plaintext");
    assert!(error.to_string().contains("without a plaintext"), "{error}");
}

#[tokio::test]
async fn each_fault_says_what_to_change() {
    for (status, code, kind, part) in [
        (
            400,
            "InvalidCiphertextException",
            ErrorKind::Malformed,
            "than the one with `service`, `stage`",
        ),
        (
            400,
            "IncorrectKeyException",
            ErrorKind::Config,
            "another key than key `alias/a`",
        ),
        (
            400,
            "NotFoundException",
            ErrorKind::Config,
            "key `alias/a` does not exist in us-east-1",
        ),
        (
            400,
            "DisabledException",
            ErrorKind::PermissionDenied,
            "enable it",
        ),
        (
            400,
            "KMSInvalidStateException",
            ErrorKind::PermissionDenied,
            "scheduled for deletion",
        ),
        (
            400,
            "InvalidKeyUsageException",
            ErrorKind::Config,
            "not a symmetric key",
        ),
        (
            400,
            "AccessDeniedException",
            ErrorKind::PermissionDenied,
            "`kms:Decrypt` with key `alias/a`",
        ),
        (
            400,
            "UnrecognizedClientException",
            ErrorKind::Unauthenticated,
            "does not accept the key",
        ),
        (
            400,
            "ValidationException",
            ErrorKind::Config,
            "does not accept the request",
        ),
        (
            400,
            "ThrottlingException",
            ErrorKind::Unavailable,
            "Decrypt of secret `prod/app`, version v1 was throttled",
        ),
        (
            500,
            "KeyUnavailableException",
            ErrorKind::Unavailable,
            "failed at the service",
        ),
    ] {
        let sdk = answering(status, format!(r#"{{"__type":"{code}"}}"#).leak());
        let source = KmsEncrypted::new(&sdk, Named(SecretId::from("prod/app")))
            .key_id("alias/a")
            .encryption_context("stage", "hunter")
            .encryption_context("service", "hunter")
            .attempts(1);
        let error = fetch(&source).await.expect_err(part);
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert!(error.to_string().contains(part), "{}", error.report());
        assert!(!error.report().contains("hunter"), "{}", error.report());
    }
}

/// A source with a name.
#[derive(Debug)]
struct Named(SecretId);

impl Source for Named {
    async fn fetch(&self, _: &FetchRequest) -> Result<Secret, Error> {
        Ok(Secret::new(CIPHERTEXT, "v1"))
    }

    fn secret_id(&self) -> Option<&SecretId> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn an_error_of_the_other_source_is_passed_on() {
    let inner = TestSource::new(CIPHERTEXT, "v1");
    inner.fail(ErrorKind::NotFound);
    let kms = kms(plaintext("hunter2"));
    let error = fetch(&KmsEncrypted::new(&kms.sdk(), inner)).await;
    assert_eq!(error.expect_err("it is gone").kind(), ErrorKind::NotFound);
    assert!(kms.requests().is_empty());
}

#[tokio::test]
async fn what_became_of_a_version_is_passed_on() {
    let inner = TestSource::new(CIPHERTEXT, "v1");
    let source = KmsEncrypted::new(&kms("{}").sdk(), inner.clone());
    source.drained(&"v1".into()).await;
    source.discarded(&"v2".into()).await;
    source.shutdown().await;
    let told = async { tokio::join!(inner.drained("v1"), inner.discarded("v2")) };
    let told = tokio::time::timeout(Duration::from_secs(5), told).await;
    assert!(told.is_ok() && inner.is_shut_down());
}

struct InKms {
    kms: JsonService,
    inner: TestSource,
    version: u32,
}

impl Authority for InKms {
    fn rotate(&mut self, material: &str) {
        self.version += 1;
        self.inner.rotate(CIPHERTEXT, format!("v{}", self.version));
        self.kms.set(200, plaintext(material));
    }

    fn remove(&mut self) -> ErrorKind {
        self.inner.fail(ErrorKind::NotFound);
        ErrorKind::NotFound
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.kms.set(500, "");
        Some(ErrorKind::Unavailable)
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let (kms, inner) = (JsonService::new(), TestSource::new(CIPHERTEXT, "v0"));
    let source = KmsEncrypted::new(&kms.sdk(), inner.clone()).attempts(1);
    let authority = InKms {
        kms,
        inner,
        version: 0,
    };
    keeps(source, authority, str::to_owned).await;
}
