//! S3 says whether the key sees a bucket.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::{Client, Config};
use aws_types::SdkConfig;

use super::Check;
use super::verdict::{LONGEST, bounded, verdict_on};
use crate::connect::Verdict;
use crate::error::ErrorKind;
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::{CallError, ServiceError};

/// Asks S3 `HeadBucket`. A key passes if it is accepted and has `s3:ListBucket` on the bucket.
///
/// Also for stores that speak S3 and have no STS.
#[derive(Debug, Clone)]
pub struct HeadBucket {
    client: Client,
    bucket: String,
    timeout: Duration,
}

impl HeadBucket {
    /// With the region, the endpoint and the HTTP client of `sdk`; its credentials are not used.
    pub fn new(sdk: &SdkConfig, bucket: impl Into<String>) -> Self {
        Self::from_client(Client::new(&with_behavior(sdk)), bucket)
    }

    /// With a client of your own; its credentials are not used.
    pub fn from_client(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
            timeout: LONGEST,
        }
    }

    /// How long a check may take, with all its retries. Default 10 s.
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
            .map_err(|error| CallError::of(ASKING, error))
    }

    /// The same question, to which the answer has a body, and so a code.
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
            .map_err(|error| CallError::of(ASKING, error))
    }

    fn of_the_bucket(&self, refusal: &ServiceError) -> Option<Verdict> {
        let text = match (refusal.status, refusal.code.as_str()) {
            (404, _) => format!(
                "the bucket `{}` that the key's check asks for does not exist",
                self.bucket
            ),
            (301, _)
            | (_, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
                format!(
                    "the bucket `{}` that the key's check asks for is in another region: configure that one",
                    self.bucket
                )
            }
            _ => return None,
        };
        Some(Verdict::Unknown(refusal.error(ErrorKind::Config, text)))
    }
}

impl Check for HeadBucket {
    async fn check(&self, credentials: &Credentials) -> Verdict {
        bounded(self.timeout, ASKING, async {
            let asked = match self.head(credentials).await {
                // A dead key, a dead token and a missing permission look the same in an answer without a body.
                Err(CallError::Service(refusal)) if matches!(refusal.status, 400 | 401 | 403) => {
                    self.list(credentials).await
                }
                answered => answered,
            };
            match asked {
                Ok(()) => Verdict::Good,
                Err(CallError::Service(refusal)) => {
                    self.of_the_bucket(&refusal).unwrap_or_else(|| {
                        verdict_on(credentials, ASKING, CallError::Service(refusal))
                    })
                }
                Err(failure) => verdict_on(credentials, ASKING, failure),
            }
        })
        .await
    }
}

/// See `caller_identity.rs` for why no identity cache is named.
fn only(credentials: &Credentials) -> Builder {
    Config::builder().credentials_provider(credentials.clone())
}

const ASKING: &str = "the key's check by S3 HeadBucket";
