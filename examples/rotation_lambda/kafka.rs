//! Publishes the event to Kafka.

use aws_sdk_secretsmanager::Client;
use credswap::kafka::{KafkaConfig, Password, Producer};
use credswap::rotation::{Announcer, RotationEvent};
use credswap::source::{SecretsManager, Source};
use credswap::{Error, ErrorKind};
use serde::Deserialize;

use crate::settings::{Login, Settings};

/// Kafka, as the settings tell.
#[derive(Debug, Clone)]
pub(crate) struct Kafka {
    settings: Settings,
    secrets: Client,
}

impl Kafka {
    pub(crate) fn new(settings: &Settings, secrets: &Client) -> Self {
        Self {
            settings: settings.clone(),
            secrets: secrets.clone(),
        }
    }

    /// How to reach it, with the user and the password of this moment: they may have rotated since the last time.
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
        let source = SecretsManager::from_client(self.secrets.clone(), secret_id);
        let secret = source
            .fetch(&credswap::source::FetchRequest::default())
            .await?;
        // The text of serde's error may quote what it read.
        serde_json::from_slice(secret.expose()).map_err(|_| {
            Error::new(
                ErrorKind::Malformed,
                format!(r#"secret `{secret_id}` is not {{"username": …, "password": …}}"#),
            )
        })
    }
}

impl Announcer for Kafka {
    /// A function is frozen between two calls, and what it was connected to has long hung up: each event has a producer
    /// of its own.
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        let producer = Producer::new(&self.config().await?, &self.settings.topic)?;
        producer.announce(event).await?;
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
