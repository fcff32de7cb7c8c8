//! AWS Secrets Manager: the version with a staging label.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_types::SdkConfig;

use super::{FetchRequest, Source};
use crate::error::{Error, ErrorKind};
use crate::sdk::behavior::with_behavior;
use crate::sdk::retry_policy::RetryPolicy;
use crate::sdk::secrets_manager::Call;
use crate::secret::{Secret, SecretId};

/// Fetches a secret from AWS Secrets Manager: text or binary, the version that is `AWSCURRENT`.
///
/// The caller needs `secretsmanager:GetSecretValue` on the secret, and `kms:Decrypt` on its key unless that is
/// `aws/secretsmanager`: [the policy](crate::docs::permissions#secrets-manager).
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

    /// Sets how often a fetch is attempted, the first attempt included. Default 4.
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

    fn call(&self) -> Call<'_> {
        Call {
            operation: "GetSecretValue",
            secret_id: self.secret_id.as_str(),
            stage: Some(&self.stage),
            client: &self.client,
        }
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
        let call = self.call();
        let output = answer.map_err(|error| call.error(call.failure(error)))?;
        match call.decode(output)? {
            Some(value) => Ok(value.secret),
            None => Err(Error::new(
                ErrorKind::Malformed,
                format!("secret `{}` is empty: store a value in it", self.secret_id),
            )),
        }
    }
}
