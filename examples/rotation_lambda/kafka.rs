//! How to reach Kafka, and the announcement of an event to it.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use credswap::kafka::{KafkaConfig, Password, Producer};
use credswap::rotation::{Announcer, MinimalEvents, RotationEvent};
use credswap::{Error, ErrorKind};
use serde::Deserialize;

use crate::settings::{Login, Settings};

/// Kafka, by the settings.
#[derive(Debug, Clone)]
pub(crate) struct Kafka {
    settings: Settings,
    secrets: Client,
}

impl Kafka {
    pub(crate) fn new(settings: &Settings, sdk: &SdkConfig) -> Self {
        Self {
            settings: settings.clone(),
            secrets: Client::new(sdk),
        }
    }

    /// Returns how to reach Kafka, with the current user and password: they may have rotated since the last time.
    pub(crate) async fn config(&self) -> Result<KafkaConfig, Error> {
        let settings = &self.settings;
        let mut config = KafkaConfig::new(&settings.bootstrap_servers);
        if settings.plaintext {
            config = config.plaintext();
        }
        if let Some(file) = &settings.ca_file {
            config = config.ca_file(file);
        }
        Ok(match &settings.login {
            None => config,
            Some(Login::File { username, password }) => {
                config.scram_sha_512(username, Password::file(password))
            }
            Some(Login::Secret(id)) => {
                let user = self.user(id).await?;
                config.scram_sha_512(user.username, user.password)
            }
        })
    }

    async fn user(&self, secret_id: &str) -> Result<User, Error> {
        let answer = self.secrets.get_secret_value().secret_id(secret_id);
        let secret = answer.send().await.map_err(|error| {
            // The SDK's error itself is not kept: its `Debug` shows the response, which may hold the secret.
            let (code, message) = (error.code().unwrap_or("no answer"), error.message());
            let cause = format!("{code}: {}", message.unwrap_or("no message"));
            let (kind, what) = match code {
                "AccessDeniedException" | "DecryptionFailure" => (
                    ErrorKind::PermissionDenied,
                    "grant the function's role `secretsmanager:GetSecretValue` on it, and `kms:Decrypt` on its KMS key",
                ),
                "ResourceNotFoundException" => {
                    (ErrorKind::NotFound, "check its name and the function's region")
                }
                _ => (ErrorKind::Unavailable, "check the function's network, and try again"),
            };
            Error::new(
                kind,
                format!("secret `{secret_id}` with Kafka's user cannot be read: {what}"),
            )
            .with_source(cause)
        })?;
        // The text of serde's error may quote what it read.
        serde_json::from_str(secret.secret_string().unwrap_or_default()).map_err(|_| {
            Error::new(
                ErrorKind::Malformed,
                format!(r#"secret `{secret_id}` is not {{"username": …, "password": …}}"#),
            )
        })
    }
}

impl Announcer for Kafka {
    /// A function is suspended between two invocations, while the brokers close its connections: each event has a producer
    /// of its own.
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        let producer = Producer::new(&self.config().await?, &self.settings.topic)?;
        match self.settings.minimal_events {
            true => MinimalEvents::new(producer).announce(event).await?,
            false => producer.announce(event).await?,
        }
        let (topic, version) = (&self.settings.topic, &event.version_id);
        tracing::info!(%topic, %version, "published");
        Ok(())
    }
}

#[derive(Deserialize)]
struct User {
    username: String,
    password: String,
}
