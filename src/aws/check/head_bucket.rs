//! The check by S3 `HeadBucket`.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::{Client, Config};
use aws_types::SdkConfig;

use super::Check;
use super::verdict::{TIMEOUT, forbidden, limit, verdict_of};
use crate::connect::Verdict;
use crate::error::ErrorKind;
use crate::sdk::auth_error::{AuthError, AuthErrorKind};
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::CallError;
use crate::sdk::service_error::ServiceError;

/// Calls S3 `HeadBucket` with the key. A key passes if it is accepted and has `s3:ListBucket` on the bucket:
/// [the policy](crate::docs::permissions#check-of-a-new-key).
///
/// It suits S3-compatible stores, which have no STS, too. Some of these deny a request with an unknown key just as they deny one
/// without a permission. A denial counts as that of a genuine key only if a wrong secret access key gets another answer: the
/// service has verified the signature then.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) {
/// use credswap::aws::{AccessKeyConnector, check::HeadBucket};
/// let connector = AccessKeyConnector::checked_by(HeadBucket::new(sdk, "uploads"));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct HeadBucket {
    client: Client,
    bucket: String,
    timeout: Duration,
}

impl HeadBucket {
    /// Creates a check with the region, endpoint and HTTP client of `sdk`, whose credentials are not used.
    pub fn new(sdk: &SdkConfig, bucket: impl Into<String>) -> Self {
        Self::from_client(Client::new(&with_behavior(sdk)), bucket)
    }

    /// Creates a check with a client of your own, whose credentials are not used.
    pub fn from_client(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
            timeout: TIMEOUT,
        }
    }

    /// Sets how long a check may take, retries included. Default 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn head(&self, credentials: &Credentials) -> Result<(), CallError> {
        self.client
            .head_bucket()
            .bucket(&self.bucket)
            .customize()
            .config_override(only(credentials))
            .send()
            .await
            .map(drop)
            .map_err(|error| CallError::of(CHECK, error))
    }

    /// Asks the same in a way whose answer has a body, and in it a code.
    async fn list(&self, credentials: &Credentials) -> Result<(), CallError> {
        self.client
            .list_objects_v2()
            .bucket(&self.bucket)
            .max_keys(1)
            .customize()
            .config_override(only(credentials))
            .send()
            .await
            .map(drop)
            .map_err(|error| CallError::of(CHECK, error))
    }

    /// Returns whether the service has verified the signature of a request that it denied: a wrong one gets another answer.
    async fn is_verified(&self, credentials: &Credentials, denial: &ServiceError) -> bool {
        let is_denial = |error: AuthError| error.kind() == AuthErrorKind::Denied;
        if !denial.auth_error().is_some_and(is_denial) {
            return false;
        }
        // Two, in order to know that two equal requests get equal answers.
        match (self.forge(credentials).await, self.forge(credentials).await) {
            (Some(one), Some(other)) => one.is_same_as(&other) && !one.is_same_as(denial),
            _ => false,
        }
    }

    /// Returns the answer to a request with the same key id and a wrong secret access key.
    async fn forge(&self, credentials: &Credentials) -> Option<ServiceError> {
        let token = credentials.session_token().map(str::to_owned);
        let wrong = "credswap-asks-what-a-wrong-key-gets";
        let forged = Credentials::new(credentials.access_key_id(), wrong, token, None, "credswap");
        match self.list(&forged).await {
            Err(CallError::Service(answer)) => Some(answer),
            _ => None,
        }
    }

    /// Returns the verdict if the fault is in the choice of the bucket.
    fn wrong_bucket(&self, rejection: &ServiceError) -> Option<Verdict> {
        let bucket = &self.bucket;
        let text = match (rejection.status, rejection.code.as_str()) {
            (404, _) => format!("{CHECK}: bucket `{bucket}` does not exist; name another one"),
            (301, _)
            | (_, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
                format!("{CHECK}: bucket `{bucket}` is in another region; configure that region")
            }
            _ => return None,
        };
        Some(Verdict::Unknown(rejection.error(ErrorKind::Config, text)))
    }
}

impl Check for HeadBucket {
    async fn check(&self, credentials: &Credentials) -> Verdict {
        limit(self.timeout, CHECK, async {
            let result = match self.head(credentials).await {
                // In an answer without a body, a dead key, an invalid token and a missing permission look the same.
                Err(CallError::Service(rejection))
                    if matches!(rejection.status, 400 | 401 | 403) =>
                {
                    self.list(credentials).await
                }
                result => result,
            };
            match result {
                Ok(()) => Verdict::Good,
                Err(CallError::Service(rejection)) => match self.wrong_bucket(&rejection) {
                    Some(verdict) => verdict,
                    None if self.is_verified(credentials, &rejection).await => {
                        forbidden(credentials, CHECK, &rejection)
                    }
                    None => verdict_of(credentials, CHECK, CallError::Service(rejection)),
                },
                Err(error) => verdict_of(credentials, CHECK, error),
            }
        })
        .await
    }
}

/// Overrides the credentials of one call. `caller_identity.rs` says why no identity cache is set.
fn only(credentials: &Credentials) -> Builder {
    Config::builder().credentials_provider(credentials.clone())
}

const CHECK: &str = "the key's check with S3 HeadBucket";
