//! What Secrets Manager says no with, and what a person can do about it.

use super::SecretsManager;
use crate::error::{Error, ErrorKind};
use crate::sdk::auth_error::AuthErrorKind;
use crate::sdk::call_error::ServiceError;

impl SecretsManager {
    pub(super) fn refused(&self, refusal: &ServiceError) -> Error {
        let (id, stage) = (&self.secret_id, &self.stage);
        let (kind, text) = match refusal.code.as_str() {
            "ResourceNotFoundException" if refusal.says("staging label") => (
                ErrorKind::NotFound,
                format!("secret `{id}` has no version with the stage `{stage}`"),
            ),
            "ResourceNotFoundException" => (
                ErrorKind::NotFound,
                format!(
                    "there is no secret `{id}`{}: check name and region; a secret of another account needs its ARN",
                    self.in_region()
                ),
            ),
            // Its words for `GetSecretValue` on such a secret: "… because it was marked for deletion".
            "InvalidRequestException" if refusal.says("deletion") => (
                ErrorKind::NotFound,
                format!(
                    "secret `{id}` is scheduled for deletion: restore it (`aws secretsmanager restore-secret`), or name another"
                ),
            ),
            "DecryptionFailure" => (ErrorKind::PermissionDenied, self.not_decrypted()),
            "AccessDeniedException" if refusal.is_of_kms() => {
                (ErrorKind::PermissionDenied, self.not_decrypted())
            }
            _ => match refusal.auth_error().map(|error| error.kind()) {
                Some(AuthErrorKind::Denied) => (
                    ErrorKind::PermissionDenied,
                    format!(
                        "secret `{id}` may not be read: grant `secretsmanager:GetSecretValue` on it to the credentials \
                         of the client (identity policy, and the secret's resource policy if it has one)"
                    ),
                ),
                Some(meaning) => (
                    ErrorKind::Unauthenticated,
                    format!("reading secret `{id}` was refused: {}", blame(meaning)),
                ),
                None if AUTHENTICATION.contains(&refusal.code.as_str()) => (
                    ErrorKind::Unauthenticated,
                    format!("reading secret `{id}` was refused: its signature was not understood"),
                ),
                None => (
                    ErrorKind::Config,
                    format!(
                        "Secrets Manager does not accept the request for secret `{id}`, stage `{stage}`"
                    ),
                ),
            },
        };
        refusal.error(kind, text)
    }

    fn not_decrypted(&self) -> String {
        format!(
            "secret `{}` may not be decrypted: grant `kms:Decrypt` on its KMS key to the credentials of the client, and \
             see that the key is enabled",
            self.secret_id
        )
    }

    fn in_region(&self) -> String {
        match self.client.config().region() {
            Some(region) => format!(" in {region}"),
            None => String::new(),
        }
    }
}

fn blame(meaning: AuthErrorKind) -> &'static str {
    match meaning {
        AuthErrorKind::UnknownKey => {
            "AWS does not know the access key of the client that reads it (deleted, inactive, or too new)"
        }
        AuthErrorKind::WrongSignature => {
            "the client that reads it signs with a secret access key that does not belong to its access key id"
        }
        _ => "the session token of the client that reads it has expired or is not valid",
    }
}

const AUTHENTICATION: [&str; 3] = [
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
];
