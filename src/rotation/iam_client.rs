//! IAM of AWS.

use std::time::{Duration, SystemTime};

use aws_sdk_iam::config::Builder;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::StatusType;
use aws_sdk_iam::{Client, Config};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use zeroize::Zeroizing;

use super::iam::{Caller, CreateOutcome, Iam, KeyInfo, KeyStatus, LastUsed, NewKey};
use crate::error::{Error, ErrorKind};
use crate::sdk::auth_error::AuthErrorKind;
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::{CallError, ServiceError};
use crate::sdk::retry_policy::RetryPolicy;

/// IAM in AWS.
///
/// Needs, on the user: `iam:ListAccessKeys`, `iam:CreateAccessKey`, `iam:UpdateAccessKey`, `iam:DeleteAccessKey`,
/// `iam:GetAccessKeyLastUsed`. Granted to the function's role, or to the user of the master secret's key.
#[derive(Debug, Clone)]
pub struct IamClient {
    client: Client,
    retry_policy: RetryPolicy,
}

impl IamClient {
    /// With the region, the endpoint, the HTTP client and the credentials of `sdk`; the latter for secrets without a
    /// master secret.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self::from_client(Client::new(&with_behavior(sdk)))
    }

    /// With a client of your own.
    pub fn from_client(client: Client) -> Self {
        Self {
            client,
            retry_policy: RetryPolicy::for_low_quota(),
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

    fn reading(&self, caller: &Caller) -> Builder {
        bounded(caller, self.retry_policy)
    }

    fn writing(&self, caller: &Caller) -> Builder {
        bounded(caller, self.retry_policy.once())
    }
}

impl Iam for IamClient {
    async fn keys(&self, caller: &Caller, user: &str) -> Result<Vec<KeyInfo>, Error> {
        let asked = Asked::about_user("ListAccessKeys", caller, user);
        let mut keys = Vec::new();
        let mut page = None;
        loop {
            let call = self.client.list_access_keys().user_name(user);
            let call = call.set_marker(page);
            let call = call.customize().config_override(self.reading(caller));
            let answer = call.send().await.map_err(|error| asked.failed(error))?;
            for key in answer.access_key_metadata {
                let Some(id) = key.access_key_id else {
                    continue;
                };
                // Expired keys and such are refused, too.
                let status = match key.status {
                    Some(StatusType::Active) => KeyStatus::Active,
                    _ => KeyStatus::Inactive,
                };
                // One without a date is taken for the oldest, about which least is presumed_gone.
                let created = key.create_date.and_then(time);
                keys.push(KeyInfo {
                    id,
                    status,
                    created: created.unwrap_or(SystemTime::UNIX_EPOCH),
                });
            }
            page = answer.marker.filter(|_| answer.is_truncated);
            if page.is_none() {
                return Ok(keys);
            }
        }
    }

    async fn create(&self, caller: &Caller, user: &str) -> Result<CreateOutcome, Error> {
        let asked = Asked::about_user("CreateAccessKey", caller, user);
        let call = self.client.create_access_key().user_name(user);
        let call = call.customize().config_override(self.writing(caller));
        match call.send().await {
            Ok(answer) => match answer.access_key {
                Some(key) => Ok(CreateOutcome::Key(NewKey {
                    id: key.access_key_id,
                    secret: Zeroizing::new(key.secret_access_key),
                })),
                None => Err(Error::new(
                    ErrorKind::Unavailable,
                    "CreateAccessKey answered without a key",
                )),
            },
            Err(error) => match asked.of(error) {
                CallError::Service(no) if no.code == "LimitExceeded" => {
                    Ok(CreateOutcome::LimitExceeded)
                }
                failure => Err(asked.explained(failure)),
            },
        }
    }

    async fn set_status(
        &self,
        caller: &Caller,
        user: &str,
        id: &str,
        status: KeyStatus,
    ) -> Result<(), Error> {
        let asked = Asked::about_user("UpdateAccessKey", caller, user);
        let status = match status {
            KeyStatus::Active => StatusType::Active,
            KeyStatus::Inactive => StatusType::Inactive,
        };
        let call = self.client.update_access_key().user_name(user);
        let call = call.access_key_id(id).status(status);
        let call = call.customize().config_override(self.writing(caller));
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(asked.failed(error)),
        }
    }

    async fn delete(&self, caller: &Caller, user: &str, id: &str) -> Result<(), Error> {
        let asked = Asked::about_user("DeleteAccessKey", caller, user);
        let call = self.client.delete_access_key().user_name(user);
        let call = call.access_key_id(id);
        let call = call.customize().config_override(self.writing(caller));
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => match asked.of(error) {
                CallError::Service(no) if no.code == NO_SUCH_ENTITY => Ok(()),
                failure => Err(asked.explained(failure)),
            },
        }
    }

    async fn last_used(&self, caller: &Caller, id: &str) -> Result<Option<LastUsed>, Error> {
        let asked = Asked {
            action: "GetAccessKeyLastUsed",
            caller,
            about: "the user's access keys".to_owned(),
        };
        let call = self.client.get_access_key_last_used().access_key_id(id);
        let call = call.customize().config_override(self.reading(caller));
        match call.send().await {
            Ok(answer) => Ok(Some(LastUsed {
                user: answer.user_name.unwrap_or_default(),
                at: answer.access_key_last_used.and_then(|used| {
                    Some((used.last_used_date.and_then(time)?, used.service_name))
                }),
            })),
            Err(error) => match asked.of(error) {
                CallError::Service(no) if no.code == NO_SUCH_ENTITY => Ok(None),
                failure => Err(asked.explained(failure)),
            },
        }
    }
}

fn bounded(caller: &Caller, retry_policy: RetryPolicy) -> Builder {
    let builder = Config::builder()
        .retry_config(retry_policy.retries())
        .timeout_config(retry_policy.timeouts());
    match caller {
        Caller::Own => builder,
        // Credentials of an override get an identity cache of their own for that call.
        Caller::Master { credentials, .. } => builder.credentials_provider(credentials.clone()),
    }
}

/// A call, for its errors.
struct Asked<'a> {
    action: &'static str,
    caller: &'a Caller,
    about: String,
}

impl<'a> Asked<'a> {
    fn about_user(action: &'static str, caller: &'a Caller, user: &str) -> Self {
        Self {
            action,
            caller,
            about: format!("the IAM user `{user}`"),
        }
    }

    fn of<E>(&self, error: SdkError<E, HttpResponse>) -> CallError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        CallError::of(&format!("IAM {} for {}", self.action, self.about), error)
    }

    fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.explained(self.of(error))
    }

    fn explained(&self, failure: CallError) -> Error {
        failure.explained(|refusal| self.refused(refusal))
    }

    fn refused(&self, refusal: &ServiceError) -> Error {
        let Self { action, about, .. } = self;
        let who = match self.caller {
            Caller::Own => "the rotation's role".to_owned(),
            Caller::Master { secret_id, .. } => {
                format!("the user whose key is in the master secret `{secret_id}`")
            }
        };
        let (kind, text) = match refusal.auth_error().map(|error| error.kind()) {
            Some(AuthErrorKind::Denied) => (
                ErrorKind::PermissionDenied,
                format!("`iam:{action}` on {about} is denied: grant it to {who}"),
            ),
            Some(AuthErrorKind::UnknownKey) => (
                ErrorKind::Unauthenticated,
                format!("IAM does not know the key of {who} (deleted, inactive, or too new)"),
            ),
            Some(AuthErrorKind::WrongSignature) => (
                ErrorKind::Unauthenticated,
                format!("the secret access key of {who} does not belong to its access key id"),
            ),
            Some(_) => (
                ErrorKind::Unauthenticated,
                format!("the session token of {who} has expired or is not valid"),
            ),
            None if refusal.code == NO_SUCH_ENTITY => (
                ErrorKind::Malformed,
                format!(
                    "{about}, as the secret names it, does not exist in IAM: correct the secret"
                ),
            ),
            None => (
                ErrorKind::Config,
                format!("IAM does not accept {action} for {about}"),
            ),
        };
        refusal.error(kind, text)
    }
}

fn time(date: DateTime) -> Option<SystemTime> {
    SystemTime::try_from(date).ok()
}

const NO_SUCH_ENTITY: &str = "NoSuchEntity";
