//! IAM of AWS.
//!
//! Needs, on the user: `iam:ListAccessKeys`, `iam:CreateAccessKey`, `iam:UpdateAccessKey`, `iam:DeleteAccessKey`,
//! `iam:GetAccessKeyLastUsed`. Granted to the function's role, or to the user of the master secret's key.

use std::time::SystemTime;

use aws_sdk_iam::config::Builder;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{AccessKeyLastUsed, AccessKeyMetadata, StatusType};
use aws_sdk_iam::{Client, Config};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use zeroize::Zeroizing;

use super::{Caller, CreateOutcome, Iam, IamUser, KeyInfo, KeyStatus, KeyUse, LastUsed, NewKey};
use crate::error::{Error, ErrorKind};
use crate::rotation::boxed::BoxFuture;
use crate::rotation::policy::Policy;
use crate::sdk::auth_error::AuthErrorKind;
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::{CallError, ServiceError};
use crate::sdk::retry_policy::RetryPolicy;

const NO_SUCH_ENTITY: &str = "NoSuchEntity";
/// For a name with a slash, for example.
const INVALID: &str = "ValidationError";

/// IAM in AWS. Reads are retried, with backoff and jitter; writes are not.
#[derive(Debug, Clone)]
pub(in crate::rotation::access_keys) struct IamClient {
    client: Client,
    retry_policy: RetryPolicy,
}

impl IamClient {
    pub(in crate::rotation::access_keys) fn new(sdk: &SdkConfig) -> Self {
        Self {
            client: Client::new(&with_behavior(sdk)),
            retry_policy: RetryPolicy::for_low_quota(),
        }
    }

    fn reading(&self, user: &IamUser) -> Builder {
        limited(&user.caller, self.retry_policy)
    }

    fn writing(&self, user: &IamUser) -> Builder {
        limited(&user.caller, self.retry_policy.once())
    }
}

impl Iam for IamClient {
    fn attach(&mut self, policy: &Policy) {
        self.retry_policy =
            RetryPolicy::for_low_quota().with_limits(policy.attempts, policy.attempt_timeout);
    }

    fn keys<'a>(&'a self, user: &'a IamUser) -> BoxFuture<'a, Result<Vec<KeyInfo>, Error>> {
        Box::pin(async move {
            let call = Call::new("ListAccessKeys", user);
            let mut keys = Vec::new();
            let mut page = None;
            loop {
                let request = self.client.list_access_keys().user_name(&user.name);
                let request = request.set_marker(page);
                let request = request.customize().config_override(self.reading(user));
                let answer = request.send().await.map_err(|error| call.error(error))?;
                let listed = answer.access_key_metadata.into_iter();
                keys.extend(listed.filter_map(key_info));
                page = answer.marker.filter(|_| answer.is_truncated);
                if page.is_none() {
                    return Ok(keys);
                }
            }
        })
    }

    fn create<'a>(&'a self, user: &'a IamUser) -> BoxFuture<'a, Result<CreateOutcome, Error>> {
        Box::pin(async move {
            let call = Call::new("CreateAccessKey", user);
            let request = self.client.create_access_key().user_name(&user.name);
            let request = request.customize().config_override(self.writing(user));
            match request.send().await {
                Ok(answer) => match answer.access_key {
                    Some(key) => Ok(CreateOutcome::Key(NewKey {
                        id: key.access_key_id,
                        secret: Zeroizing::new(key.secret_access_key),
                    })),
                    None => Err(Error::new(
                        ErrorKind::Unavailable,
                        "IAM CreateAccessKey returned no key",
                    )),
                },
                Err(error) => match call.failure(error) {
                    CallError::Service(refusal) if refusal.code == "LimitExceeded" => {
                        Ok(CreateOutcome::LimitExceeded)
                    }
                    failure => Err(call.explained(failure)),
                },
            }
        })
    }

    fn set_status<'a>(
        &'a self,
        user: &'a IamUser,
        key_id: &'a str,
        status: KeyStatus,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let call = Call::new("UpdateAccessKey", user);
            let status = match status {
                KeyStatus::Active => StatusType::Active,
                KeyStatus::Inactive => StatusType::Inactive,
            };
            let request = self.client.update_access_key().user_name(&user.name);
            let request = request.access_key_id(key_id).status(status);
            let request = request.customize().config_override(self.writing(user));
            request.send().await.map_err(|error| call.error(error))?;
            Ok(())
        })
    }

    fn delete<'a>(
        &'a self,
        user: &'a IamUser,
        key_id: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let call = Call::new("DeleteAccessKey", user);
            let request = self.client.delete_access_key().user_name(&user.name);
            let request = request.access_key_id(key_id);
            let request = request.customize().config_override(self.writing(user));
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) => match call.failure(error) {
                    CallError::Service(refusal) if refusal.code == NO_SUCH_ENTITY => Ok(()),
                    failure => Err(call.explained(failure)),
                },
            }
        })
    }

    fn last_used<'a>(
        &'a self,
        user: &'a IamUser,
        key_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<LastUsed>, Error>> {
        Box::pin(async move {
            let call = Call::new("GetAccessKeyLastUsed", user);
            let request = self.client.get_access_key_last_used();
            let request = request.access_key_id(key_id).customize();
            let request = request.config_override(self.reading(user));
            match request.send().await {
                Ok(answer) => Ok(Some(LastUsed {
                    user: answer.user_name.unwrap_or_default(),
                    last: answer.access_key_last_used.and_then(key_use),
                })),
                Err(error) => match call.failure(error) {
                    CallError::Service(refusal) if refusal.code == NO_SUCH_ENTITY => Ok(None),
                    failure => Err(call.explained(failure)),
                },
            }
        })
    }
}

fn limited(caller: &Caller, retry_policy: RetryPolicy) -> Builder {
    let builder = Config::builder()
        .retry_config(retry_policy.retries())
        .timeout_config(retry_policy.timeouts());
    match caller {
        Caller::Own => builder,
        // Credentials of an override get an identity cache of their own for that call.
        Caller::Master { credentials, .. } => builder.credentials_provider(credentials.clone()),
    }
}

fn key_info(key: AccessKeyMetadata) -> Option<KeyInfo> {
    Some(KeyInfo {
        id: key.access_key_id?,
        // AWS rejects expired keys and the like, too.
        status: match key.status {
            Some(StatusType::Active) => KeyStatus::Active,
            _ => KeyStatus::Inactive,
        },
        // A key without a date counts as the oldest, about which least is assumed.
        created: key
            .create_date
            .and_then(time)
            .unwrap_or(SystemTime::UNIX_EPOCH),
    })
}

fn key_use(used: AccessKeyLastUsed) -> Option<KeyUse> {
    Some(KeyUse {
        at: used.last_used_date.and_then(time)?,
        service: used.service_name,
    })
}

fn time(date: DateTime) -> Option<SystemTime> {
    SystemTime::try_from(date).ok()
}

/// One call about one user, for its error texts.
struct Call<'a> {
    operation: &'static str,
    user: &'a IamUser,
}

impl<'a> Call<'a> {
    fn new(operation: &'static str, user: &'a IamUser) -> Self {
        Self { operation, user }
    }

    fn failure<E>(&self, error: SdkError<E, HttpResponse>) -> CallError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let Self { operation, user } = self;
        CallError::of(
            &format!("IAM {operation} for IAM user `{}`", user.name),
            error,
        )
    }

    fn error<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.explained(self.failure(error))
    }

    fn explained(&self, failure: CallError) -> Error {
        failure.explained(|refusal| self.explain(refusal))
    }

    fn explain(&self, refusal: &ServiceError) -> Error {
        let (operation, user) = (self.operation, &self.user.name);
        let caller = match &self.user.caller {
            Caller::Own => "the rotation's role".to_owned(),
            Caller::Master { secret_id, .. } => {
                format!("the user whose key is in the master secret `{secret_id}`")
            }
        };
        let (kind, text) = match refusal.auth_error().map(|error| error.kind()) {
            Some(AuthErrorKind::Denied) => (
                ErrorKind::PermissionDenied,
                format!("`iam:{operation}` on IAM user `{user}` is denied: grant it to {caller}"),
            ),
            Some(AuthErrorKind::UnknownKey)
                if matches!(self.user.caller, Caller::Master { is_new: true, .. }) =>
            {
                let text = format!("IAM does not know the key of {caller} yet: it is too new");
                (ErrorKind::NotPropagated, text)
            }
            Some(AuthErrorKind::UnknownKey) => (
                ErrorKind::Unauthenticated,
                format!("IAM does not know the key of {caller} (deleted, inactive, or too new)"),
            ),
            Some(AuthErrorKind::WrongSignature) => (
                ErrorKind::Unauthenticated,
                format!("the secret access key of {caller} does not belong to its access key id"),
            ),
            Some(_) => (
                ErrorKind::Unauthenticated,
                format!("the session token of {caller} has expired or is not valid"),
            ),
            None if refusal.code == NO_SUCH_ENTITY => (
                ErrorKind::Malformed,
                format!(
                    "IAM user `{user}`, which the secret names, does not exist: correct the secret; a user's name stands there \
                     alone, without its path or ARN"
                ),
            ),
            None if refusal.code == INVALID => (
                ErrorKind::Malformed,
                format!(
                    "`{user}`, which the secret names as IAM user, is not a name that IAM accepts: store the user's name alone, \
                     without its path or ARN"
                ),
            ),
            None => (
                ErrorKind::Config,
                format!("IAM does not accept {operation} for IAM user `{user}`"),
            ),
        };
        refusal.error(kind, text)
    }
}
