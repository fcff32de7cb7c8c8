//! AWS Secrets Manager, asked for the version that a staging label is on.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;

use super::Source;
use crate::error::{Error, ErrorKind};
use crate::sdk::failure::Failure;
use crate::secret::Secret;

mod refused;

/// Reads a secret from AWS Secrets Manager: text or binary, the version that is `AWSCURRENT`.
///
/// The caller needs `secretsmanager:GetSecretValue` on the secret, and `kms:Decrypt` on its key unless that is
/// `aws/secretsmanager`.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) {
/// use credswap::source::SecretsManager;
/// let client = aws_sdk_secretsmanager::Client::new(sdk);
/// let source = SecretsManager::new(client, "prod/uploader");
/// # }
/// ```
///
/// Throttling, status 5xx and what is lost on the network are tried again, with backoff and jitter.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
    secret_id: String,
    stage: String,
    attempts: u32,
    attempt_timeout: Duration,
}

impl SecretsManager {
    /// The secret of this name or ARN (the ARN, if it is in another account).
    pub fn new(client: Client, secret_id: impl Into<String>) -> Self {
        Self {
            client,
            secret_id: secret_id.into(),
            stage: "AWSCURRENT".to_owned(),
            attempts: 4,
            attempt_timeout: Duration::from_secs(5),
        }
    }

    /// The staging label whose version is read. Default `AWSCURRENT`.
    #[must_use]
    pub fn stage(mut self, stage: impl Into<String>) -> Self {
        self.stage = stage.into();
        self
    }

    /// How often a read is tried, the first time included. Default 4.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long one attempt may take, credentials included. Default 5 s.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// The SDK's own retries, and no loop around them, which would multiply the two. Ours replace the client's
    /// for this call, because the client may have none, or so many that the read's bound passes first; with the
    /// defaults, four hung attempts fit into [`Bounds::fetch`](crate::reload::Bounds::fetch).
    fn bounded(&self) -> Builder {
        let retries = RetryConfig::standard()
            .with_max_attempts(self.attempts)
            .with_initial_backoff(FIRST_BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF);
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(self.attempt_timeout)
            .build();
        Builder::new()
            .retry_config(retries)
            .timeout_config(timeouts)
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
    async fn fetch(&self) -> Result<Secret, Error> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.secret_id)
            .version_stage(&self.stage)
            .customize()
            .config_override(self.bounded())
            .send()
            .await;
        match answer {
            Ok(output) => self.secret(output),
            Err(error) => match Failure::of(&format!("reading secret `{}`", self.secret_id), error)
            {
                Failure::Refused(refusal) => Err(self.refused(&refusal)),
                Failure::NoAnswer(error) => Err(error),
            },
        }
    }
}

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
