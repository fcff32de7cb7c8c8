//! The rotation function's side: the four steps of Secrets Manager, the event, and the end of the old key.

use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow, bail};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_iam::types::StatusType;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::board::{Board, Rotated};
use crate::embedded::World;
use crate::way::{Way, failure};

/// Rotates the key of one user, which is in one secret.
#[derive(Debug)]
pub(crate) struct Rotation<'w> {
    world: &'w World,
    sdk: SdkConfig,
    iam: aws_sdk_iam::Client,
    secrets: aws_sdk_secretsmanager::Client,
    secret_id: &'static str,
    user: &'static str,
}

/// A version of the secret, as the steps need it.
struct Version {
    id: String,
    fields: Value,
}

impl<'w> Rotation<'w> {
    /// Rotates with an administrator's clients.
    pub(crate) fn new(world: &'w World) -> Self {
        let sdk = world.sdk();
        let (secret_id, user) = world.names();
        Self {
            iam: aws_sdk_iam::Client::new(&sdk),
            secrets: aws_sdk_secretsmanager::Client::new(&sdk),
            world,
            sdk,
            secret_id,
            user,
        }
    }

    /// Rotates every so often until the work is over.
    pub(crate) async fn keep_rotating<W: Way>(&self, every: Duration, way: &W, board: &Board) {
        let mut next = board.begun() + every;
        while next < board.until() {
            sleep_until(next).await;
            if board.is_over() {
                return;
            }
            if let Err(error) = self.rotate(way, board).await {
                return board.failed(format!("rotation: {error:#}"));
            }
            next = (next + every).max(Instant::now());
        }
    }

    /// One rotation, to the end of the old key: deactivated and deleted when the way says that it is drained.
    async fn rotate<W: Way>(&self, way: &W, board: &Board) -> anyhow::Result<()> {
        let before = self.read("AWSCURRENT").await?;
        let pending = self.create_secret(&before).await?;
        // setSecret: IAM has made the key itself, there is nothing to set.
        self.test_secret(&pending).await?;
        let rotated = self.finish_secret(&before, &pending).await?;
        board.rotated(rotated);
        way.released(&before.id).await?;
        self.retire(before.access_key_id()).await
    }

    /// createSecret: a new key, under the label AWSPENDING; the other fields stay.
    async fn create_secret(&self, before: &Version) -> anyhow::Result<Version> {
        let created = self
            .iam
            .create_access_key()
            .user_name(self.user)
            .send()
            .await;
        let key = said("creating a key", created)?
            .access_key
            .context("IAM created a key and did not show it")?;
        let mut fields = before.fields.clone();
        fields["accessKeyId"] = json!(key.access_key_id());
        fields["secretAccessKey"] = json!(key.secret_access_key());
        let put = self
            .secrets
            .put_secret_value()
            .secret_id(self.secret_id)
            .secret_string(fields.to_string())
            .version_stages("AWSPENDING");
        let put = said("storing the new key", put.send().await)?;
        let id = put.version_id.context("the new version has no id")?;
        Ok(Version { id, fields })
    }

    /// testSecret: the pending key says whose it is. IAM takes some seconds to make a key known everywhere.
    async fn test_secret(&self, pending: &Version) -> anyhow::Result<()> {
        let key = Credentials::new(
            pending.access_key_id(),
            pending.field("secretAccessKey"),
            None,
            None,
            "AWSPENDING",
        );
        let config = aws_sdk_sts::config::Builder::from(&self.sdk).credentials_provider(key);
        let sts = aws_sdk_sts::Client::from_conf(config.build());
        for _ in 0..60 {
            match sts.get_caller_identity().send().await {
                Ok(identity) if identity.arn().is_some_and(|arn| arn.ends_with(self.user)) => {
                    return Ok(());
                }
                Ok(_) => bail!("the new key is not the user's"),
                Err(_) => sleep(Duration::from_secs(2)).await,
            }
        }
        Err(anyhow!("the new key is not accepted"))
    }

    /// finishSecret: AWSCURRENT moves to the new version, and the event says so.
    async fn finish_secret(&self, before: &Version, pending: &Version) -> anyhow::Result<Rotated> {
        let moved = self
            .secrets
            .update_secret_version_stage()
            .secret_id(self.secret_id)
            .version_stage("AWSCURRENT")
            .remove_from_version_id(&before.id)
            .move_to_version_id(&pending.id);
        said("moving AWSCURRENT", moved.send().await)?;
        let event = json!({
            "eventDateTime": now(),
            "step": "finishSecret",
            "secretId": self.secret_id,
            "versionId": pending.id,
        });
        self.world.publish(event.to_string()).await?;
        Ok(Rotated {
            announced: Instant::now(),
            access_key_id: pending.access_key_id().to_owned(),
        })
    }

    /// Deactivates and deletes a key.
    async fn retire(&self, access_key_id: &str) -> anyhow::Result<()> {
        let deactivate = self
            .iam
            .update_access_key()
            .user_name(self.user)
            .access_key_id(access_key_id)
            .status(StatusType::Inactive);
        said("deactivating the old key", deactivate.send().await)?;
        let delete = self.iam.delete_access_key().user_name(self.user);
        let deleted = delete.access_key_id(access_key_id).send().await;
        said("deleting the old key", deleted).map(drop)
    }

    async fn read(&self, stage: &str) -> anyhow::Result<Version> {
        let read = self
            .secrets
            .get_secret_value()
            .secret_id(self.secret_id)
            .version_stage(stage);
        let secret = said("reading the secret", read.send().await)?;
        Ok(Version {
            fields: serde_json::from_str(secret.secret_string().unwrap_or_default())
                .map_err(|_| anyhow!("the secret is not JSON"))?,
            id: secret.version_id.context("the secret has no version")?,
        })
    }
}

impl Version {
    fn access_key_id(&self) -> &str {
        self.field("accessKeyId")
    }

    fn field(&self, name: &str) -> &str {
        self.fields[name].as_str().unwrap_or_default()
    }
}

fn said<T, E, R>(
    doing: &str,
    answer: Result<T, aws_sdk_s3::error::SdkError<E, R>>,
) -> anyhow::Result<T>
where
    E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    answer.map_err(|error| anyhow!("{doing}: {}", failure(error)))
}

/// Seconds since the epoch, as the field's rotation functions write it.
#[expect(
    clippy::disallowed_methods,
    reason = "the event tells the wall clock's time"
)]
fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
