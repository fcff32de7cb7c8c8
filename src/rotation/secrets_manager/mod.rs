//! AWS Secrets Manager, as a rotation uses it.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::types::Tag;

use self::service_error::{NOT_FOUND, explained, failed, of};
use super::request::RotationToken;
use super::store::{
    CURRENT, Content, Encoding, MoveOutcome, PENDING, PutOutcome, SecretDescription, Store,
    VersionInfo, VersionSelector,
};
use crate::error::{Error, ErrorKind};
use crate::sdk::call_error::CallError;
use crate::sdk::retry_policy::RetryPolicy;
use crate::secret::{Secret, VersionId};

mod service_error;

/// The store in AWS.
///
/// | call | permission on the secret |
/// |---|---|
/// | `describe` | `secretsmanager:DescribeSecret` |
/// | `versions` | `secretsmanager:ListSecretVersionIds` |
/// | `read` | `secretsmanager:GetSecretValue`, `kms:Decrypt` |
/// | `put_pending` | `secretsmanager:PutSecretValue`, `kms:GenerateDataKey` |
/// | `move_current` | `secretsmanager:UpdateSecretVersionStage` |
/// | `tag`, `untag` | `secretsmanager:TagResource`, `secretsmanager:UntagResource` |
///
/// Reads are retried, with backoff and jitter; writes are not, since each step knows what a lost answer means.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
    retry_policy: RetryPolicy,
}

impl SecretsManager {
    /// By this client.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            retry_policy: RetryPolicy::default(),
        }
    }

    /// How often a read is tried, the first time included. Default 4.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.retry_policy.attempts = attempts;
        self
    }

    /// How long one attempt of one call may take. Default 5 s.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.retry_policy.attempt_timeout = timeout;
        self
    }

    fn reading(&self) -> Builder {
        bounded(self.retry_policy)
    }

    fn writing(&self) -> Builder {
        bounded(self.retry_policy.once())
    }
}

impl Store for SecretsManager {
    async fn describe(&self, id: &str) -> Result<SecretDescription, Error> {
        let call = self.client.describe_secret().secret_id(id);
        let call = call.customize().config_override(self.reading());
        let secret = call
            .send()
            .await
            .map_err(|error| failed("DescribeSecret", id, error))?;
        if secret.deleted_date.is_some() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("secret `{id}` is scheduled for deletion: restore it first"),
            ));
        }
        let tags = secret.tags.unwrap_or_default().into_iter();
        Ok(SecretDescription {
            arn: secret.arn.unwrap_or_else(|| id.to_owned()),
            name: secret.name.unwrap_or_else(|| id.to_owned()),
            labels: secret
                .version_ids_to_stages
                .unwrap_or_default()
                .into_iter()
                .collect(),
            tags: tags
                .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
                .collect(),
        })
    }

    async fn versions(&self, id: &str) -> Result<Vec<VersionInfo>, Error> {
        let mut versions = Vec::new();
        let mut page = None;
        loop {
            let call = self.client.list_secret_version_ids().secret_id(id);
            let call = call.include_deprecated(true).set_next_token(page);
            let call = call.customize().config_override(self.reading());
            let answer = call
                .send()
                .await
                .map_err(|error| failed("ListSecretVersionIds", id, error))?;
            for version in answer.versions.unwrap_or_default() {
                let Some(id) = version.version_id else {
                    continue;
                };
                // A version without a date is taken for the oldest, about which least is assumed.
                let created = version
                    .created_date
                    .and_then(|date| SystemTime::try_from(date).ok());
                versions.push(VersionInfo {
                    id: VersionId::from(id),
                    labels: version.version_stages.unwrap_or_default(),
                    created: created.unwrap_or(SystemTime::UNIX_EPOCH),
                });
            }
            // moto ends with an empty one.
            page = answer.next_token.filter(|token| !token.is_empty());
            if page.is_none() {
                return Ok(versions);
            }
        }
    }

    async fn read(&self, id: &str, which: VersionSelector<'_>) -> Result<Option<Content>, Error> {
        let call = self.client.get_secret_value().secret_id(id);
        let call = match which {
            VersionSelector::Label(label) => call.version_stage(label),
            VersionSelector::Version(version) => call.version_id(version.as_str()),
        };
        let call = call.customize().config_override(self.reading());
        let mut value = match call.send().await {
            Ok(value) => value,
            Err(error) => {
                return match of("GetSecretValue", id, error) {
                    // In these words ("secret value for VersionId"; ministack: "secret version"): there is a secret, but
                    // not this version, or nothing in it.
                    CallError::Service(no)
                        if no.code == NOT_FOUND && no.says("specified secret v") =>
                    {
                        Ok(None)
                    }
                    failure => Err(explained("GetSecretValue", id, failure)),
                };
            }
        };
        let version = value.version_id.take().unwrap_or_default();
        let (material, form) = match (value.secret_string.take(), value.secret_binary.take()) {
            (Some(text), _) => (text.into_bytes(), Encoding::Text),
            (None, Some(bytes)) => (bytes.into_inner(), Encoding::Binary),
            (None, None) => return Ok(None),
        };
        let secret = Secret::new(material, version)
            .with_stages(value.version_stages.take().unwrap_or_default());
        Ok(Some(Content::new(secret, form)))
    }

    async fn put_pending(
        &self,
        id: &str,
        token: &VersionId,
        content: &Content,
        rotation_token: Option<&RotationToken>,
    ) -> Result<PutOutcome, Error> {
        let call = self
            .client
            .put_secret_value()
            .secret_id(id)
            .client_request_token(token.as_str())
            .version_stages(PENDING)
            .set_rotation_token(rotation_token.map(|token| token.expose().to_owned()));
        let call = match content.form() {
            Encoding::Text => call.secret_string(content.secret().expose_str()?),
            Encoding::Binary => call.secret_binary(Blob::new(content.secret().expose())),
        };
        let call = call.customize().config_override(self.writing());
        match call.send().await {
            Ok(_) => Ok(PutOutcome::Stored),
            Err(error) => match of("PutSecretValue", id, error) {
                CallError::Service(no) if no.code == "ResourceExistsException" => {
                    Ok(PutOutcome::Taken)
                }
                failure => Err(explained("PutSecretValue", id, failure)),
            },
        }
    }

    async fn move_current(
        &self,
        id: &str,
        to: &VersionId,
        from: &VersionId,
    ) -> Result<MoveOutcome, Error> {
        let call = self
            .client
            .update_secret_version_stage()
            .secret_id(id)
            .version_stage(CURRENT)
            .move_to_version_id(to.as_str())
            .remove_from_version_id(from.as_str());
        let call = call.customize().config_override(self.writing());
        match call.send().await {
            Ok(_) => Ok(MoveOutcome::Moved),
            Err(error) => match of("UpdateSecretVersionStage", id, error) {
                CallError::Service(no) if no.code == "InvalidParameterException" => {
                    Ok(MoveOutcome::NotThere)
                }
                failure => Err(explained("UpdateSecretVersionStage", id, failure)),
            },
        }
    }

    async fn tag(&self, id: &str, key: &str, value: &str) -> Result<(), Error> {
        let tag = Tag::builder().key(key).value(value).build();
        let call = self.client.tag_resource().secret_id(id).tags(tag);
        let call = call.customize().config_override(self.writing());
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("TagResource", id, error)),
        }
    }

    async fn untag(&self, id: &str, key: &str) -> Result<(), Error> {
        let call = self.client.untag_resource().secret_id(id).tag_keys(key);
        let call = call.customize().config_override(self.writing());
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("UntagResource", id, error)),
        }
    }
}

fn bounded(retry_policy: RetryPolicy) -> Builder {
    Builder::new()
        .retry_config(retry_policy.retries())
        .timeout_config(retry_policy.timeouts())
}
