//! A secret that is stored as ciphertext of KMS, wherever that is.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::Builder;
use aws_sdk_kms::primitives::Blob;
use aws_smithy_types::base64;
use aws_types::SdkConfig;

use super::{FetchRequest, Source};
use crate::error::{Error, ErrorKind};
use crate::sdk::auth_error::AuthErrorKind;
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::{CallError, ServiceError};
use crate::sdk::retry_policy::RetryPolicy;
use crate::secret::{Secret, SecretId, VersionId};

/// The longest ciphertext that `Decrypt` takes. `Encrypt` takes at most 4096 bytes of plaintext.
const MAX_CIPHERTEXT: usize = 6144;

/// Fetches ciphertext from another source and decrypts it with a symmetric key of KMS.
///
#[cfg_attr(feature = "s3", doc = "```no_run")]
#[cfg_attr(not(feature = "s3"), doc = "```ignore")]
/// # fn example(sdk: &aws_types::SdkConfig) {
/// use credswap::source::{KmsEncrypted, S3Object};
/// let object = S3Object::new(sdk, "configuration", "prod/uploader.json.encrypted");
/// let source = KmsEncrypted::new(sdk, object)
///     .key_id("alias/configuration")
///     .encryption_context("service", "uploader");
/// # }
/// ```
///
/// The ciphertext is what `aws kms encrypt` makes of the secret (at most 4 KiB of it), as bytes or as base64, which is what the
/// command prints; line breaks are skipped. The two cannot be mistaken for each other: the bytes of a ciphertext are not text.
/// Text that is not base64 is not sent to KMS, because it may be the secret itself, stored without encryption by mistake.
///
/// ```sh
/// aws kms encrypt --key-id alias/configuration --encryption-context service=uploader \
///     --plaintext fileb://uploader.json --query CiphertextBlob --output text > uploader.json.encrypted
/// ```
///
/// The caller needs `kms:Decrypt` on the key ([policy](crate::docs::permissions#ciphertext-of-kms)), and what the other needs.
///
/// # Versions
/// Those of the other source, as its times, its name, and whatever else it does. The version that is live is not decrypted again:
/// a fetch that finds nothing new makes no call of KMS.
#[derive(Clone)]
pub struct KmsEncrypted<S> {
    ciphertext: S,
    client: Client,
    key_id: Option<String>,
    context: HashMap<String, String>,
    retry_policy: RetryPolicy,
}

impl<S: Source> KmsEncrypted<S> {
    /// Creates a source that decrypts what `ciphertext` fetches, with the region, endpoint, HTTP client and credentials of `sdk`.
    pub fn new(sdk: &SdkConfig, ciphertext: S) -> Self {
        Self::from_client(Client::new(&with_behavior(sdk)), ciphertext)
    }

    /// Creates a source that uses a client of your own.
    pub fn from_client(client: Client, ciphertext: S) -> Self {
        Self {
            ciphertext,
            client,
            key_id: None,
            context: HashMap::new(),
            retry_policy: RetryPolicy::default(),
        }
    }

    /// Sets the only key that is used: its id, its ARN, or its alias (`alias/…`, or the ARN of that). By default it is the one
    /// that the ciphertext names. Set it: who can write the ciphertext could otherwise name a key of another account.
    #[must_use]
    pub fn key_id(mut self, key_id: impl Into<String>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// Adds a pair to the encryption context, which must be the one that was given at the encryption. None by default.
    #[must_use]
    pub fn encryption_context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.insert(name.into(), value.into());
        self
    }

    /// Sets how often a decryption is attempted, the first attempt included. Default 4.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.retry_policy.attempts = attempts;
        self
    }

    /// Sets how long one attempt of a decryption may take, credentials included. Default 5 s.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.retry_policy.attempt_timeout = timeout;
        self
    }

    async fn decrypt(&self, encrypted: &Secret) -> Result<Secret, Error> {
        let what = match self.ciphertext.secret_id() {
            Some(id) => format!("secret `{id}`, version {}", encrypted.version()),
            None => format!("the secret's version {}", encrypted.version()),
        };
        let blob = blob(encrypted.expose(), &what)?;
        let answer = self
            .client
            .decrypt()
            .ciphertext_blob(Blob::new(blob))
            .set_key_id(self.key_id.clone())
            .set_encryption_context((!self.context.is_empty()).then(|| self.context.clone()))
            .customize()
            .config_override(
                Builder::new()
                    .retry_config(self.retry_policy.retries())
                    .timeout_config(self.retry_policy.timeouts()),
            )
            .send()
            .await;
        let output = answer.map_err(|error| {
            CallError::of(&format!("Decrypt of {what}"), error)
                .explained(|refusal| self.explain(refusal, &what))
        })?;
        let missing = || format!("{what} came back without a plaintext: check the endpoint");
        let plaintext = output.plaintext.ok_or_else(|| malformed(missing()))?;
        let mut secret = Secret::new(plaintext.into_inner(), encrypted.version().clone())
            .with_stages(encrypted.stages());
        if let Some(created) = encrypted.created() {
            secret = secret.with_created(created);
        }
        if let Some(expires) = encrypted.expires() {
            secret = secret.with_expires(expires);
        }
        Ok(secret)
    }

    fn explain(&self, refusal: &ServiceError, what: &str) -> Error {
        let key = match &self.key_id {
            Some(key) => format!("key `{key}`"),
            None => "the key that the ciphertext names".to_owned(),
        };
        let region = self.client.config().region();
        let region = region.map_or_else(String::new, |region| format!(" in {region}"));
        let (kind, text) = match refusal.code.as_str() {
            "InvalidCiphertextException" => (
                ErrorKind::Malformed,
                format!(
                    "{what} cannot be decrypted: it is not ciphertext of a symmetric KMS key, it was cut off or changed, or it was \
                     encrypted with another encryption context than {}: compare that with `KmsEncrypted::encryption_context`",
                    self.context_names()
                ),
            ),
            "IncorrectKeyException" => (
                ErrorKind::Config,
                format!(
                    "{what} was encrypted with another key than {key}: change `KmsEncrypted::key_id`, or encrypt the secret with \
                     that key"
                ),
            ),
            "NotFoundException" => (
                ErrorKind::Config,
                format!(
                    "{what}: {key} does not exist{region}: check `KmsEncrypted::key_id` and the region; a key of another account \
                     needs its ARN"
                ),
            ),
            "DisabledException" | "KMSInvalidStateException" => (
                ErrorKind::PermissionDenied,
                format!(
                    "{what}: {key} is disabled, scheduled for deletion, or not usable at present: enable it, or encrypt the secret \
                     with another key"
                ),
            ),
            "InvalidKeyUsageException" => (
                ErrorKind::Config,
                format!(
                    "{what}: {key} is not a symmetric key for encryption: encrypt the secret with one"
                ),
            ),
            _ => match refusal.auth_error().map(|error| error.kind()) {
                Some(AuthErrorKind::Denied) => (
                    ErrorKind::PermissionDenied,
                    format!(
                        "{what}: `kms:Decrypt` with {key} is denied: grant it to the identity that decrypts, for this encryption \
                         context if the policy has one (a key that does not exist{region} is denied as well)"
                    ),
                ),
                Some(_) => (
                    ErrorKind::Unauthenticated,
                    format!(
                        "decrypting {what} was rejected: KMS does not accept the key that signed the request"
                    ),
                ),
                None => (
                    ErrorKind::Config,
                    format!("KMS does not accept the request to decrypt {what}"),
                ),
            },
        };
        refusal.error(kind, text)
    }

    /// Returns the names in the encryption context. Its values are not secret, and not needed.
    fn context_names(&self) -> String {
        let mut names: Vec<_> = self
            .context
            .keys()
            .map(|name| format!("`{name}`"))
            .collect();
        names.sort();
        match names.len() {
            0 => "an empty one".to_owned(),
            _ => format!("the one with {}", names.join(", ")),
        }
    }
}

impl<S: Source> Source for KmsEncrypted<S> {
    async fn fetch(&self, request: &FetchRequest) -> Result<Secret, Error> {
        let encrypted = self.ciphertext.fetch(request).await?;
        if request.live_version.as_ref() == Some(encrypted.version()) {
            // Its material is not used, and the other source may have left it out.
            return Ok(encrypted);
        }
        self.decrypt(&encrypted).await
    }

    fn secret_id(&self) -> Option<&SecretId> {
        self.ciphertext.secret_id()
    }

    async fn drained(&self, version: &VersionId) {
        self.ciphertext.drained(version).await;
    }

    async fn discarded(&self, version: &VersionId) {
        self.ciphertext.discarded(version).await;
    }

    async fn shutdown(&self) {
        self.ciphertext.shutdown().await;
    }
}

impl<S: fmt::Debug> fmt::Debug for KmsEncrypted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsEncrypted")
            .field("ciphertext", &self.ciphertext)
            .field("key_id", &self.key_id)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Returns the ciphertext as KMS takes it.
fn blob(material: &[u8], what: &str) -> Result<Vec<u8>, Error> {
    let blob = match std::str::from_utf8(material) {
        Ok(text) if is_text(text) => {
            let text: String = text
                .trim_start_matches('\u{feff}')
                .split_ascii_whitespace()
                .collect();
            if text.is_empty() {
                return Err(malformed(format!("{what} is empty")));
            }
            base64::decode(&text).map_err(|_| {
                malformed(format!(
                    "{what} is text and not base64: it is cut off, or it is not encrypted; store what `aws kms encrypt` returns \
                     as `CiphertextBlob`"
                ))
            })?
        }
        _ => material.to_vec(),
    };
    if blob.len() > MAX_CIPHERTEXT {
        return Err(malformed(format!(
            "{what} is {} bytes of ciphertext, and KMS decrypts at most {MAX_CIPHERTEXT} (a secret of 4096): store less in it, \
             or leave the encryption to the store (SSE-KMS of S3, say)",
            blob.len()
        )));
    }
    Ok(blob)
}

/// Returns whether it is text that someone stored. A ciphertext begins with control characters, and the rest of it is random.
fn is_text(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() && !c.is_ascii_whitespace())
}

fn malformed(text: String) -> Error {
    Error::new(ErrorKind::Malformed, text)
}
