//! What Secrets Manager says no with to a rotation, and what a person can do about it.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, ErrorKind};
use crate::sdk::auth_error::AuthErrorKind;
use crate::sdk::call_error::{CallError, ServiceError};

pub(super) fn of<E>(action: &str, id: &str, error: SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    CallError::of(&format!("{action} of secret `{id}`"), error)
}

pub(super) fn failed<E>(action: &str, id: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    explained(action, id, of(action, id, error))
}

pub(super) fn explained(action: &str, id: &str, failure: CallError) -> Error {
    failure.explained(|refusal| refused(action, id, refusal))
}

fn refused(action: &str, id: &str, refusal: &ServiceError) -> Error {
    let (kind, text) = match refusal.code.as_str() {
        NOT_FOUND => (
            ErrorKind::NotFound,
            format!(
                "there is no secret `{id}`: check name and region; a secret of another account needs its ARN"
            ),
        ),
        "InvalidRequestException" if refusal.says("deletion") => (
            ErrorKind::NotFound,
            format!("secret `{id}` is scheduled for deletion: restore it first"),
        ),
        "DecryptionFailure" | "EncryptionFailure" => {
            (ErrorKind::PermissionDenied, kms_denied(action, id))
        }
        "AccessDeniedException" if refusal.is_of_kms() => {
            (ErrorKind::PermissionDenied, kms_denied(action, id))
        }
        _ => match refusal.auth_error().map(|error| error.kind()) {
            Some(AuthErrorKind::Denied) => (
                ErrorKind::PermissionDenied,
                format!(
                    "`secretsmanager:{action}` on secret `{id}` is denied: grant it to the rotation's role"
                ),
            ),
            Some(_) => (
                ErrorKind::Unauthenticated,
                format!(
                    "{action} of secret `{id}` was refused: AWS does not accept the rotation's own credentials"
                ),
            ),
            None => (
                ErrorKind::Config,
                format!("Secrets Manager does not accept {action} of secret `{id}`"),
            ),
        },
    };
    refusal.error(kind, text)
}

fn kms_denied(action: &str, id: &str) -> String {
    let permission = match action {
        "PutSecretValue" => "kms:GenerateDataKey` and `kms:Decrypt",
        _ => "kms:Decrypt",
    };
    format!(
        "{action} of secret `{id}`: its KMS key may not be used; grant `{permission}` on it to the rotation's role, and \
         see that it is enabled"
    )
}

pub(super) const NOT_FOUND: &str = "ResourceNotFoundException";
