//! AWS Secrets Manager, asked for the version that a staging label is on.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;

use super::{FetchRequest, Source};
use crate::error::{Error, ErrorKind};
use crate::sdk::failure::Failure;
use crate::sdk::patience::Patience;
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
    patience: Patience,
}

impl SecretsManager {
    /// The secret of this name or ARN (the ARN, if it is in another account).
    pub fn new(client: Client, secret_id: impl Into<String>) -> Self {
        Self {
            client,
            secret_id: secret_id.into(),
            stage: "AWSCURRENT".to_owned(),
            patience: Patience::default(),
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
        self.patience.attempts = attempts;
        self
    }

    /// How long one attempt may take, credentials included. Default 5 s.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.patience.attempt_timeout = timeout;
        self
    }

    fn bounded(&self) -> Builder {
        Builder::new()
            .retry_config(self.patience.retries())
            .timeout_config(self.patience.timeouts())
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
    async fn fetch(&self, _: &FetchRequest) -> Result<Secret, Error> {
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
            Err(error) => {
                let failure = Failure::of(&format!("reading secret `{}`", self.secret_id), error);
                Err(failure.explained(|refusal| self.refused(refusal)))
            }
        }
    }
}
