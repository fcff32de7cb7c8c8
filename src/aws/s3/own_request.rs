//! The check of a whole client: a request that it makes itself.

use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::Client;

use super::client::S3Client;
use crate::aws::check::NoCheck;
use crate::aws::check::verdict::{TIMEOUT, limit, verdict_of};
use crate::connect::Verdict;
use crate::error::ErrorKind;
use crate::sdk::auth_error::{AuthError, AuthErrorKind};
use crate::sdk::call_error::{CallError, ServiceError};

/// Proves an S3 client: that its endpoint and its region work.
///
/// Closures `Fn(aws_sdk_s3::Client) -> impl Future<Output = Verdict>` are such checks.
/// [`NoCheck`](crate::aws::check::NoCheck) is one that accepts every client.
pub trait ClientCheck: Send + Sync + 'static {
    /// Returns whether this client works. The refresh loop limits and repeats the call as it does with
    /// [`Check::check`](crate::aws::Check::check).
    fn check(&self, s3: &S3Client) -> impl Future<Output = Verdict> + Send;
}

/// Lists one object of the bucket, or, if none is known, the buckets.
///
/// A client passes if S3 answers, and be it with `AccessDenied`: the endpoint is S3's then, and the request was signed for it.
/// What is not S3, or not there, does not pass, nor does a key that the answer says is unknown or wrong.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) -> Result<(), credswap::Error> {
/// use credswap::aws::check::NoCheck;
/// use credswap::aws::{OwnRequest, S3ClientConnector};
/// // A store without STS: the client's own request is the only proof, and must succeed.
/// let connector = S3ClientConnector::checked_by(sdk, NoCheck)?
///     .client_check(OwnRequest::bucket("uploads").require_success());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct OwnRequest {
    bucket: Option<String>,
    requires_success: bool,
    timeout: Duration,
}

impl OwnRequest {
    /// Creates a check that asks for the bucket that the secret names, if it names one.
    pub fn new() -> Self {
        Self {
            bucket: None,
            requires_success: false,
            timeout: TIMEOUT,
        }
    }

    /// Creates a check that asks for this bucket, whatever the secret names.
    pub fn bucket(bucket: impl Into<String>) -> Self {
        Self {
            bucket: Some(bucket.into()),
            ..Self::new()
        }
    }

    /// Does not let a client pass that is denied the request: stores other than S3 deny it to a dead key as well, so only a
    /// success proves the key. A denial that names the user is [`Verdict::Forbidden`], any other [`Verdict::NotYet`]. It needs
    /// `s3:ListBucket` on the bucket, or else `s3:ListAllMyBuckets`.
    #[must_use]
    pub fn require_success(mut self) -> Self {
        self.requires_success = true;
        self
    }

    /// Sets how long the check may take, retries included. Default 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn verdict(
        &self,
        s3: &S3Client,
        bucket: Option<&str>,
        what: &str,
        error: CallError,
    ) -> Verdict {
        if let CallError::Service(answer) = &error
            && let Some(verdict) = misplaced(answer, bucket, what)
        {
            return verdict;
        }
        // The key has passed its own check: a denial, whatever its reason, was made by S3.
        let is_denied = |answer: &ServiceError| {
            let kind = answer.auth_error().map(AuthError::kind);
            kind == Some(AuthErrorKind::Denied)
        };
        match &error {
            CallError::Service(answer) if !self.requires_success && is_denied(answer) => {
                Verdict::Good
            }
            _ => verdict_of(s3.key().credentials(), what, error),
        }
    }
}

impl Default for OwnRequest {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientCheck for OwnRequest {
    async fn check(&self, s3: &S3Client) -> Verdict {
        let bucket = self.bucket.as_deref().or(s3.bucket());
        // Not `HeadBucket`: its answer has no body, and any server that speaks HTTP gives one like it.
        let operation = bucket.map_or("ListBuckets", |_| "ListObjectsV2");
        let what = format!("the new client's own request, S3 {operation},");
        limit(self.timeout, &what, async {
            match send(s3, bucket, &what).await {
                Ok(()) => Verdict::Good,
                Err(error) => self.verdict(s3, bucket, &what, error),
            }
        })
        .await
    }
}

/// Sends the request, and returns what it was answered.
async fn send(client: &Client, bucket: Option<&str>, what: &str) -> Result<(), CallError> {
    match bucket {
        Some(bucket) => {
            let request = client.list_objects_v2().bucket(bucket).max_keys(1).send();
            request
                .await
                .map(drop)
                .map_err(|error| CallError::of(what, error))
        }
        None => {
            let request = client.list_buckets().send();
            request
                .await
                .map(drop)
                .map_err(|error| CallError::of(what, error))
        }
    }
}

/// Returns the verdict on an answer that has nothing to do with the key: it is not S3's, or the bucket or the region is wrong.
fn misplaced(answer: &ServiceError, bucket: Option<&str>, what: &str) -> Option<Verdict> {
    let bucket = bucket.unwrap_or_default();
    let text = match (answer.status, answer.code.as_str()) {
        (301, _) | (_, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            format!("{what} was answered by another region; correct the region or the endpoint")
        }
        // S3's errors have a code.
        (_, "") => format!("{what} received an answer that is not S3's; correct the endpoint"),
        (_, "NoSuchBucket") => {
            format!("{what} found no bucket `{bucket}`; correct the bucket or the endpoint")
        }
        _ => return None,
    };
    Some(Verdict::Unknown(answer.error(ErrorKind::Config, text)))
}

impl ClientCheck for NoCheck {
    async fn check(&self, _: &S3Client) -> Verdict {
        Verdict::Good
    }
}

impl<F, Fut> ClientCheck for F
where
    F: Fn(Client) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Verdict> + Send,
{
    fn check(&self, s3: &S3Client) -> impl Future<Output = Verdict> + Send {
        self(s3.client().clone())
    }
}
