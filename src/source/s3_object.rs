//! A secret in an object of S3, or of a store that speaks its protocol.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_types::SdkConfig;

use super::{FetchRequest, Source};
use crate::error::{Error, ErrorKind};
use crate::sdk::auth_error::AuthErrorKind;
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::{CallError, ServiceError};
use crate::sdk::retry_policy::RetryPolicy;
use crate::secret::{Secret, VersionId};
use crate::util::lock::lock;

/// The largest object that is read. Secrets Manager allows 64 KiB, Kubernetes 1 MiB.
const MAX_BYTES: i64 = 1 << 20;

/// Fetches a secret from an object in S3.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) {
/// use credswap::source::S3Object;
/// let source = S3Object::new(sdk, "configuration", "prod/uploader.json");
/// # }
/// ```
///
/// The caller needs `s3:GetObject` on the object and, if it is encrypted with a KMS key, `kms:Decrypt` on that key:
/// [the policy](crate::docs::permissions#s3-object). Let nobody read it who must not have the secret: encrypt it with a KMS key,
/// and deny the rest by policy.
///
/// A fetch asks whether the object has changed since the last one (`If-None-Match`), so that polling costs one small request.
///
/// # Versions
/// In a bucket with versioning: the object's version id. Without: a name that is derived from the ETag with a key that this
/// process drew at random, because the ETag may be the MD5 sum of the secret. It differs from process to process, so that usage
/// reports of several instances cannot be compared: turn versioning on for these.
#[derive(Debug, Clone)]
pub struct S3Object {
    client: Client,
    bucket: String,
    key: String,
    retry_policy: RetryPolicy,
    hasher: RandomState,
    last: Arc<Mutex<Option<Answer>>>,
}

/// What the last answer said of the object.
#[derive(Debug, Clone)]
struct Answer {
    version: VersionId,
    etag: String,
}

impl S3Object {
    /// Creates a source that fetches the object `key` of `bucket`, with the region, endpoint, HTTP client and credentials of
    /// `sdk`.
    pub fn new(sdk: &SdkConfig, bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self::from_client(Client::new(&with_behavior(sdk)), bucket, key)
    }

    /// Creates a source that uses a client of your own: with path-style addressing, say.
    pub fn from_client(client: Client, bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
            key: key.into(),
            retry_policy: RetryPolicy::default(),
            hasher: RandomState::new(),
            last: Arc::default(),
        }
    }

    /// Sets how often a fetch is attempted, the first attempt included. Default 4.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.retry_policy.attempts = attempts;
        self
    }

    fn version(&self, object: &GetObjectOutput) -> Result<VersionId, Error> {
        // "null" is what S3 calls an object from the time before the bucket had versions.
        if let Some(version) = object.version_id().filter(|version| *version != "null") {
            return Ok(version.into());
        }
        let etag = object.e_tag().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!(
                    "{} has neither a version id nor an ETag: check the endpoint",
                    self.what()
                ),
            )
        })?;
        Ok(format!("object-{:016x}", self.hasher.hash_one(etag)).into())
    }

    fn what(&self) -> String {
        format!("object `{}` of bucket `{}`", self.key, self.bucket)
    }

    fn too_large(&self) -> Error {
        let kib = MAX_BYTES >> 10;
        Error::new(
            ErrorKind::Malformed,
            format!(
                "{} is larger than {kib} KiB: it is not a secret",
                self.what()
            ),
        )
    }

    async fn secret(&self, object: GetObjectOutput) -> Result<Secret, Error> {
        if object
            .content_length()
            .is_some_and(|length| length > MAX_BYTES)
        {
            return Err(self.too_large());
        }
        let version = self.version(&object)?;
        let (etag, modified) = (
            object.e_tag().map(str::to_owned),
            object.last_modified().copied(),
        );
        let mut body = object.body;
        let mut material = Vec::new();
        while let Some(part) = body.next().await {
            // What the stream's error says is not known to be free of the object.
            let part = part.map_err(|_| {
                Error::new(
                    ErrorKind::Unavailable,
                    format!("{} was cut off", self.what()),
                )
            })?;
            material.extend_from_slice(&part);
            if i64::try_from(material.len()).is_ok_and(|length| length > MAX_BYTES) {
                return Err(self.too_large());
            }
        }
        if material.trim_ascii().is_empty() {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!("{} is empty", self.what()),
            ));
        }
        *lock(&self.last) = etag.map(|etag| Answer {
            version: version.clone(),
            etag,
        });
        let secret = Secret::new(material, version);
        Ok(match modified.map(SystemTime::try_from) {
            Some(Ok(modified)) => secret.with_created(modified),
            _ => secret,
        })
    }

    fn explain(&self, refusal: &ServiceError) -> Error {
        let what = self.what();
        let (kind, text) = match refusal.code.as_str() {
            "NoSuchKey" => (ErrorKind::NotFound, format!("{what} does not exist")),
            "NoSuchBucket" => (
                ErrorKind::NotFound,
                format!(
                    "bucket `{}` does not exist: check its name and the endpoint",
                    self.bucket
                ),
            ),
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => (
                ErrorKind::Config,
                format!(
                    "bucket `{}` is in another region: set the region of the client to that one",
                    self.bucket
                ),
            ),
            code if code.starts_with("KMS.") || refusal.is_of_kms() => (
                ErrorKind::PermissionDenied,
                format!(
                    "{what}: its KMS key may not be used: grant `kms:Decrypt` on that key to the identity that reads it, and \
                     check that the key is enabled"
                ),
            ),
            _ => match refusal.auth_error().map(|error| error.kind()) {
                Some(AuthErrorKind::Denied) => (
                    ErrorKind::PermissionDenied,
                    format!(
                        "`s3:GetObject` on {what} is denied: grant it to the identity that reads it (without `s3:ListBucket`, \
                         an object that does not exist is denied as well)"
                    ),
                ),
                Some(_) => (
                    ErrorKind::Unauthenticated,
                    format!(
                        "reading {what} was rejected: S3 does not accept the key that signed it"
                    ),
                ),
                None => (
                    ErrorKind::Config,
                    format!("S3 does not accept the request for {what}"),
                ),
            },
        };
        refusal.error(kind, text)
    }
}

impl Source for S3Object {
    async fn fetch(&self, request: &FetchRequest) -> Result<Secret, Error> {
        let last = lock(&self.last).clone();
        // Only if what the last answer said is still live: the material of another one is needed.
        let live = last.filter(|last| request.live_version.as_ref() == Some(&last.version));
        let call = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_if_none_match(live.as_ref().map(|live| live.etag.clone()))
            .customize()
            .config_override(
                Builder::new()
                    .retry_config(self.retry_policy.retries())
                    .timeout_config(self.retry_policy.timeouts()),
            );
        match call.send().await {
            Ok(object) => self.secret(object).await,
            Err(error) => {
                let what = format!("GetObject of {}", self.what());
                let failure = CallError::of(&what, error);
                match (&failure, live) {
                    (CallError::Service(refusal), Some(live)) if refusal.status == 304 => {
                        Ok(Secret::new(Vec::new(), live.version))
                    }
                    _ => Err(failure.explained(|refusal| self.explain(refusal))),
                }
            }
        }
    }
}
