//! AWS Secrets Manager: the version with a staging label.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_types::SdkConfig;

use super::{FetchRequest, Source};
use crate::error::{Error, ErrorKind};
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::CallError;
use crate::sdk::retry_policy::RetryPolicy;
use crate::secret::{Secret, SecretId};

mod service_error;

/// Fetches a secret from AWS Secrets Manager: text or binary, the version that is `AWSCURRENT`.
///
/// The caller needs `secretsmanager:GetSecretValue` on the secret, and `kms:Decrypt` on its key unless that is
/// `aws/secretsmanager`.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) {
/// use credswap::source::SecretsManager;
/// let source = SecretsManager::new(sdk, "prod/uploader");
/// # }
/// ```
///
/// Throttling, status 5xx and network errors are retried, with backoff and jitter.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
    secret_id: SecretId,
    stage: String,
    retry_policy: RetryPolicy,
}

impl SecretsManager {
    /// Creates a source that fetches the secret of this name or ARN (the ARN, if it is in another account), with the
    /// region, endpoint, HTTP client and credentials of `sdk`.
    pub fn new(sdk: &SdkConfig, secret_id: impl Into<SecretId>) -> Self {
        Self::from_client(Client::new(&with_behavior(sdk)), secret_id)
    }

    /// Creates a source that uses a client of your own.
    pub fn from_client(client: Client, secret_id: impl Into<SecretId>) -> Self {
        Self {
            client,
            secret_id: secret_id.into(),
            stage: "AWSCURRENT".to_owned(),
            retry_policy: RetryPolicy::default(),
        }
    }

    /// Sets the staging label whose version is fetched. Default `AWSCURRENT`.
    #[must_use]
    pub fn stage(mut self, stage: impl Into<String>) -> Self {
        self.stage = stage.into();
        self
    }

    /// Sets how often a fetch is tried, the first attempt included. Default 4.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.retry_policy.attempts = attempts;
        self
    }

    /// Sets how long one attempt may take, credentials included. Default 5 s.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.retry_policy.attempt_timeout = timeout;
        self
    }

    fn bounded(&self) -> Builder {
        Builder::new()
            .retry_config(self.retry_policy.retries())
            .timeout_config(self.retry_policy.timeouts())
    }

    fn secret(&self, mut output: GetSecretValueOutput) -> Result<Secret, Error> {
        let material = match (output.secret_string.take(), output.secret_binary.take()) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(bytes)) => bytes.into_inner(),
            (None, None) => Vec::new(),
        };
        if material.is_empty() {
            return Err(self.malformed("is empty: store a value in it"));
        }
        let version = output.version_id.take().ok_or_else(|| {
            self.malformed("came without a version id: is the endpoint Secrets Manager's?")
        })?;
        let mut secret =
            Secret::new(material, version).with_stages(output.version_stages.unwrap_or_default());
        if let Some(created) = output
            .created_date
            .and_then(|date| SystemTime::try_from(date).ok())
        {
            secret = secret.with_created(created);
        }
        Ok(secret)
    }

    fn malformed(&self, fault: &str) -> Error {
        Error::new(
            ErrorKind::Malformed,
            format!("secret `{}` {fault}", self.secret_id),
        )
    }
}

impl Source for SecretsManager {
    fn secret_id(&self) -> Option<&SecretId> {
        Some(&self.secret_id)
    }

    async fn fetch(&self, _: &FetchRequest) -> Result<Secret, Error> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(self.secret_id.as_str())
            .version_stage(&self.stage)
            .customize()
            .config_override(self.bounded())
            .send()
            .await;
        match answer {
            Ok(output) => self.secret(output),
            Err(error) => {
                let failure = CallError::of(&format!("reading secret `{}`", self.secret_id), error);
                Err(failure.explained(|refusal| self.refused(refusal)))
            }
        }
    }
}
