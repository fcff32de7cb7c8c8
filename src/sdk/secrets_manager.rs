//! What Secrets Manager answers: the one decoder of secret values, and the one meaning of each error.

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::auth_error::AuthErrorKind;
use super::call_error::{CallError, ServiceError};
use crate::error::{Error, ErrorKind};
use crate::secret::{ArnEnding, Secret, arn_ending};

const NOT_FOUND: &str = "ResourceNotFoundException";

/// Codes for requests whose signature was not understood.
const BAD_AUTHENTICATION: [&str; 3] = [
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
];

/// One call about one secret, for its error texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The operation: `GetSecretValue`, say.
    pub(crate) operation: &'static str,
    pub(crate) secret_id: &'a str,
    /// The staging label, where the call names one.
    pub(crate) stage: Option<&'a str>,
    pub(crate) client: &'a Client,
}

/// The value of one version.
pub(crate) struct SecretValue {
    pub(crate) secret: Secret,
    #[cfg(feature = "rotation")]
    pub(crate) encoding: Encoding,
}

/// How a secret is stored.
#[cfg(feature = "rotation")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As `SecretString`.
    Text,
    /// As `SecretBinary`.
    Binary,
}

impl Call<'_> {
    /// Decodes the answer to `GetSecretValue`; `None` if the version is empty.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if the answer does not say which version it is: it is not Secrets Manager's.
    pub(crate) fn decode(
        &self,
        mut output: GetSecretValueOutput,
    ) -> Result<Option<SecretValue>, Error> {
        let binary = output.secret_binary.take();
        let (material, is_text) = match (output.secret_string.take(), binary) {
            (Some(text), _) => (text.into_bytes(), true),
            (None, Some(bytes)) => (bytes.into_inner(), false),
            (None, None) => return Ok(None),
        };
        if material.is_empty() {
            return Ok(None);
        }
        let version = output.version_id.take().filter(|id| !id.is_empty());
        let version = version.ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                format!(
                    "secret `{}` came without a version id: check that the endpoint is Secrets Manager's",
                    self.secret_id
                ),
            )
        })?;
        let mut secret = Secret::new(material, version)
            .with_stages(output.version_stages.take().unwrap_or_default());
        let created = output.created_date.take();
        if let Some(created) = created.and_then(|date| SystemTime::try_from(date).ok()) {
            secret = secret.with_created(created);
        }
        #[cfg(feature = "rotation")]
        let encoding = if is_text {
            Encoding::Text
        } else {
            Encoding::Binary
        };
        #[cfg(not(feature = "rotation"))]
        let _ = is_text;
        Ok(Some(SecretValue {
            secret,
            #[cfg(feature = "rotation")]
            encoding,
        }))
    }

    /// Sorts a failure of the call.
    pub(crate) fn failure<E>(&self, error: SdkError<E, HttpResponse>) -> CallError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        CallError::of(&self.what(), error)
    }

    /// Returns the error to report for a failure of the call, with what to change.
    pub(crate) fn error(&self, failure: CallError) -> Error {
        failure.explained(|refusal| self.explain(refusal))
    }

    /// Returns the error to report for a secret that is scheduled for deletion.
    #[cfg(feature = "rotation")]
    pub(crate) fn deleted(&self) -> Error {
        Error::new(ErrorKind::NotFound, scheduled_for_deletion(self.secret_id))
    }

    fn explain(&self, refusal: &ServiceError) -> Error {
        let (what, id, operation) = (self.what(), self.secret_id, self.operation);
        let (kind, text) = match refusal.code.as_str() {
            NOT_FOUND if is_missing_version(refusal) => {
                let version = match self.stage {
                    Some(stage) => format!("version with the stage `{stage}`"),
                    None => "such version".to_owned(),
                };
                (
                    ErrorKind::NotFound,
                    format!("secret `{id}` has no {version}"),
                )
            }
            NOT_FOUND => {
                let advice = match arn_ending(id) {
                    Some(ending) => format!("check its ARN{}", incomplete(&ending)),
                    None => {
                        "check its name and the region; a secret of another account needs its ARN"
                            .to_owned()
                    }
                };
                (
                    ErrorKind::NotFound,
                    format!("secret `{id}` does not exist{}: {advice}", self.in_region()),
                )
            }
            // Its message for such a secret: "… because it was marked for deletion".
            "InvalidRequestException" if refusal.says("deletion") => {
                (ErrorKind::NotFound, scheduled_for_deletion(id))
            }
            "DecryptionFailure" | "EncryptionFailure" => {
                (ErrorKind::PermissionDenied, self.kms_denied())
            }
            "AccessDeniedException" if refusal.is_of_kms() => {
                (ErrorKind::PermissionDenied, self.kms_denied())
            }
            code => match refusal.auth_error().map(|error| error.kind()) {
                Some(AuthErrorKind::Denied) => (
                    ErrorKind::PermissionDenied,
                    format!(
                        "`secretsmanager:{operation}` on secret `{id}` is denied: grant it to the identity that calls it \
                         (its own policy, and the secret's resource policy if there is one){}",
                        arn_ending(id)
                            .filter(is_doubtful)
                            .map_or_else(String::new, |ending| incomplete(&ending))
                    ),
                ),
                Some(kind) => (
                    ErrorKind::Unauthenticated,
                    format!("{what} was rejected: {}", rejected_because(kind)),
                ),
                None if BAD_AUTHENTICATION.contains(&code) => (
                    ErrorKind::Unauthenticated,
                    format!("{what} was rejected: its signature was not understood"),
                ),
                None => (
                    ErrorKind::Config,
                    format!(
                        "Secrets Manager does not accept {what}{}",
                        match self.stage {
                            Some(stage) => format!(", stage `{stage}`"),
                            None => String::new(),
                        }
                    ),
                ),
            },
        };
        refusal.error(kind, text)
    }

    fn what(&self) -> String {
        format!("{} of secret `{}`", self.operation, self.secret_id)
    }

    fn in_region(&self) -> String {
        match self.client.config().region() {
            Some(region) => format!(" in {region}"),
            None => String::new(),
        }
    }

    fn kms_denied(&self) -> String {
        let permission = match self.operation {
            "PutSecretValue" => "`kms:GenerateDataKey` and `kms:Decrypt`",
            _ => "`kms:Decrypt`",
        };
        format!(
            "{}: its KMS key may not be used: grant {permission} on that key to the identity that makes the call, and check \
             that the key is enabled",
            self.what()
        )
    }
}

/// Returns whether the secret exists, and the version does not, or is empty.
///
/// AWS: "can't find the specified secret value for VersionId" or "… for staging label"; ministack: "secret version".
pub(crate) fn is_missing_version(refusal: &ServiceError) -> bool {
    refusal.code == NOT_FOUND
        && (refusal.says("specified secret v") || refusal.says("staging label"))
}

/// Returns what to say about an ARN that may be incomplete.
///
/// AWS, `GetSecretValue`, on partial ARNs: a name that ends in a hyphen and six characters is taken for a complete ARN.
fn incomplete(ending: &ArnEnding<'_>) -> String {
    let fault = match ending {
        ArnEnding::Partial => {
            "it has no random suffix (a hyphen and six characters) at its end: use".to_owned()
        }
        ArnEnding::Suffix(suffix) => format!(
            "Secrets Manager takes `{suffix}` at its end for the random suffix of a complete ARN: if it belongs to the name, \
             use"
        ),
    };
    format!("; {fault} the complete ARN, or the name")
}

/// Returns whether an ARN does not end as complete ones do: six random characters are hardly ever all of one kind.
fn is_doubtful(ending: &ArnEnding<'_>) -> bool {
    match ending {
        ArnEnding::Partial => true,
        ArnEnding::Suffix(suffix) => [
            u8::is_ascii_lowercase,
            u8::is_ascii_uppercase,
            u8::is_ascii_digit,
        ]
        .iter()
        .any(|is_of_kind| suffix.bytes().skip(1).all(|byte| is_of_kind(&byte))),
    }
}

/// Returns what to report about a secret that is scheduled for deletion.
fn scheduled_for_deletion(secret_id: &str) -> String {
    format!(
        "secret `{secret_id}` is scheduled for deletion: restore it (`aws secretsmanager restore-secret`), or name another"
    )
}

fn rejected_because(kind: AuthErrorKind) -> &'static str {
    match kind {
        AuthErrorKind::UnknownKey => {
            "AWS does not know the access key that signed it (deleted, inactive, or too new)"
        }
        AuthErrorKind::WrongSignature => {
            "the secret access key that signed it does not belong to its access key id"
        }
        _ => "the session token it was signed with has expired or is not valid",
    }
}
