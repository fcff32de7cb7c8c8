//! AWS Secrets Manager, as a rotation uses it.
//!
//! | call | permission on the secret |
//! |---|---|
//! | `describe` | `secretsmanager:DescribeSecret` |
//! | `versions` | `secretsmanager:ListSecretVersionIds` |
//! | `read` | `secretsmanager:GetSecretValue`, `kms:Decrypt` |
//! | `put_pending` | `secretsmanager:PutSecretValue`, `kms:GenerateDataKey` |
//! | `move_current`, `remove_pending` | `secretsmanager:UpdateSecretVersionStage` |
//! | `tag`, `untag` | `secretsmanager:TagResource`, `secretsmanager:UntagResource` |
//!
//! Reads are retried, with backoff and jitter; writes are not, since each step knows what a lost answer means.

use std::time::SystemTime;

use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::{Client, types};
use aws_types::SdkConfig;

use super::{
    CURRENT, Content, MoveLabel, MoveOutcome, PENDING, PutOutcome, SecretDescription, Store, Tag,
    VersionInfo, VersionSelector,
};
use crate::error::Error;
use crate::rotation::boxed::BoxFuture;
use crate::rotation::policy::Policy;
use crate::rotation::request::RotationToken;
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::CallError;
use crate::sdk::retry_policy::RetryPolicy;
use crate::sdk::secrets_manager::{Call, Encoding, is_missing_version};
use crate::secret::VersionId;

/// The store in AWS.
#[derive(Debug, Clone)]
pub(in crate::rotation) struct SecretsManager {
    client: Client,
    retry_policy: RetryPolicy,
}

impl SecretsManager {
    pub(in crate::rotation) fn new(sdk: &SdkConfig) -> Self {
        Self {
            client: Client::new(&with_behavior(sdk)),
            retry_policy: RetryPolicy::default(),
        }
    }

    fn call<'a>(&'a self, operation: &'static str, secret_id: &'a str) -> Call<'a> {
        Call {
            operation,
            secret_id,
            stage: None,
            client: &self.client,
        }
    }

    fn reading(&self) -> Builder {
        limited(self.retry_policy)
    }

    fn writing(&self) -> Builder {
        limited(self.retry_policy.once())
    }
}

impl Store for SecretsManager {
    fn attach(&mut self, policy: &Policy) {
        self.retry_policy =
            RetryPolicy::default().with_limits(policy.attempts, policy.attempt_timeout);
    }

    fn describe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<SecretDescription, Error>> {
        Box::pin(async move {
            let call = self.call("DescribeSecret", id);
            let request = self.client.describe_secret().secret_id(id);
            let request = request.customize().config_override(self.reading());
            let answer = request.send().await;
            let secret = answer.map_err(|error| call.error(call.failure(error)))?;
            if secret.deleted_date.is_some() {
                return Err(call.deleted());
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
        })
    }

    fn versions<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<VersionInfo>, Error>> {
        Box::pin(async move {
            let call = self.call("ListSecretVersionIds", id);
            let mut versions = Vec::new();
            let mut page = None;
            loop {
                let request = self.client.list_secret_version_ids().secret_id(id);
                let request = request.include_deprecated(true).set_next_token(page);
                let request = request.customize().config_override(self.reading());
                let answer = request.send().await;
                let answer = answer.map_err(|error| call.error(call.failure(error)))?;
                let listed = answer.versions.unwrap_or_default().into_iter();
                versions.extend(listed.filter_map(version_info));
                // moto ends with an empty one.
                page = answer.next_token.filter(|token| !token.is_empty());
                if page.is_none() {
                    return Ok(versions);
                }
            }
        })
    }

    fn read<'a>(
        &'a self,
        id: &'a str,
        version: VersionSelector<'a>,
    ) -> BoxFuture<'a, Result<Option<Content>, Error>> {
        Box::pin(async move {
            let call = self.call("GetSecretValue", id);
            let request = self.client.get_secret_value().secret_id(id);
            let request = match version {
                VersionSelector::Label(label) => request.version_stage(label),
                VersionSelector::Id(version) => request.version_id(version.as_str()),
            };
            let request = request.customize().config_override(self.reading());
            let output = match request.send().await {
                Ok(output) => output,
                Err(error) => {
                    return match call.failure(error) {
                        CallError::Service(refusal) if is_missing_version(&refusal) => Ok(None),
                        failure => Err(call.error(failure)),
                    };
                }
            };
            let value = call.decode(output)?;
            Ok(value.map(|value| Content::new(value.secret, value.encoding)))
        })
    }

    fn put_pending<'a>(
        &'a self,
        id: &'a str,
        token: &'a VersionId,
        content: &'a Content,
        rotation_token: Option<&'a RotationToken>,
    ) -> BoxFuture<'a, Result<PutOutcome, Error>> {
        Box::pin(async move {
            let call = self.call("PutSecretValue", id);
            let request = self
                .client
                .put_secret_value()
                .secret_id(id)
                .client_request_token(token.as_str())
                .version_stages(PENDING)
                .set_rotation_token(rotation_token.map(|token| token.expose().to_owned()));
            let request = match content.encoding() {
                Encoding::Text => request.secret_string(content.secret().expose_str()?),
                Encoding::Binary => request.secret_binary(Blob::new(content.secret().expose())),
            };
            let request = request.customize().config_override(self.writing());
            match request.send().await {
                Ok(_) => Ok(PutOutcome::Stored),
                Err(error) => match call.failure(error) {
                    CallError::Service(refusal) if refusal.code == "ResourceExistsException" => {
                        Ok(PutOutcome::Taken)
                    }
                    failure => Err(call.error(failure)),
                },
            }
        })
    }

    fn move_current<'a>(
        &'a self,
        id: &'a str,
        label: MoveLabel<'a>,
    ) -> BoxFuture<'a, Result<MoveOutcome, Error>> {
        Box::pin(async move {
            let call = self.call("UpdateSecretVersionStage", id);
            let request = self
                .client
                .update_secret_version_stage()
                .secret_id(id)
                .version_stage(CURRENT)
                .move_to_version_id(label.to.as_str())
                .remove_from_version_id(label.from.as_str());
            let request = request.customize().config_override(self.writing());
            match request.send().await {
                Ok(_) => Ok(MoveOutcome::Moved),
                Err(error) => match call.failure(error) {
                    CallError::Service(refusal) if refusal.code == "InvalidParameterException" => {
                        Ok(MoveOutcome::NotThere)
                    }
                    failure => Err(call.error(failure)),
                },
            }
        })
    }

    fn remove_pending<'a>(
        &'a self,
        id: &'a str,
        version: &'a VersionId,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let call = self.call("UpdateSecretVersionStage", id);
            let request = self.client.update_secret_version_stage().secret_id(id);
            let request = request.version_stage(PENDING);
            let request = request.remove_from_version_id(version.as_str());
            let request = request.customize().config_override(self.writing());
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) => match call.failure(error) {
                    // The version does not have the label (any more).
                    CallError::Service(refusal) if refusal.code == "InvalidParameterException" => {
                        Ok(())
                    }
                    failure => Err(call.error(failure)),
                },
            }
        })
    }

    fn tag<'a>(&'a self, id: &'a str, tag: Tag<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let call = self.call("TagResource", id);
            let tag = types::Tag::builder().key(tag.key).value(tag.value).build();
            let request = self.client.tag_resource().secret_id(id).tags(tag);
            let request = request.customize().config_override(self.writing());
            let answer = request.send().await;
            answer.map_err(|error| call.error(call.failure(error)))?;
            Ok(())
        })
    }

    fn untag<'a>(&'a self, id: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let call = self.call("UntagResource", id);
            let request = self.client.untag_resource().secret_id(id).tag_keys(key);
            let request = request.customize().config_override(self.writing());
            let answer = request.send().await;
            answer.map_err(|error| call.error(call.failure(error)))?;
            Ok(())
        })
    }
}

fn limited(retry_policy: RetryPolicy) -> Builder {
    Builder::new()
        .retry_config(retry_policy.retries())
        .timeout_config(retry_policy.timeouts())
}

fn version_info(version: types::SecretVersionsListEntry) -> Option<VersionInfo> {
    // A version without a date counts as the oldest, about which least is assumed.
    let created = version
        .created_date
        .and_then(|date| SystemTime::try_from(date).ok());
    Some(VersionInfo {
        id: VersionId::from(version.version_id?),
        labels: version.version_stages.unwrap_or_default(),
        created: created.unwrap_or(SystemTime::UNIX_EPOCH),
    })
}
