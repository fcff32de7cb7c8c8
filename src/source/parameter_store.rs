//! A secret in a parameter of AWS Systems Manager Parameter Store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::Builder;
use aws_sdk_ssm::primitives::DateTime;
use aws_sdk_ssm::types::{Parameter, ParameterType};
use aws_types::SdkConfig;

use super::{FetchRequest, Source};
use crate::error::{Error, ErrorKind};
use crate::sdk::auth_error::AuthErrorKind;
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::{CallError, ServiceError};
use crate::sdk::retry_policy::RetryPolicy;
use crate::secret::{Secret, SecretId};

/// Under this path, Parameter Store passes on secrets of Secrets Manager. Their version is always 0.
const REFERENCES: &str = "aws/reference/secretsmanager/";

/// Fetches a secret from a parameter of AWS Systems Manager Parameter Store.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) {
/// use credswap::source::ParameterStore;
/// let source = ParameterStore::new(sdk, "/prod/uploader");
/// # }
/// ```
///
/// The caller needs `ssm:GetParameter` on the parameter and, if it is encrypted with a KMS key of your own, `kms:Decrypt` on that
/// key: [the policy](crate::docs::permissions#parameter-store). With the key `aws/ssm`, which is the default, everybody in the
/// account who may read the parameter may decrypt it.
///
/// | type | |
/// |---|---|
/// | `SecureString` | decrypted by Parameter Store |
/// | `String` | taken as it is; the first fetch logs a warning, because it is stored unencrypted |
/// | `StringList` | refused: it is not one secret |
///
/// A standard parameter holds 4 KiB, an advanced one 8 KiB. A secret of Secrets Manager that is read through Parameter Store
/// (`/aws/reference/secretsmanager/…`) is refused: its version never changes there, so use
/// [`SecretsManager`](crate::source::SecretsManager).
///
/// # Versions
/// The parameter's version and the time of its last change, such as `3/1718000000123` (milliseconds since 1970). The number alone
/// would not do: a parameter that was deleted and created again begins at 1.
///
/// # Labels
/// The name may end in a selector, as Parameter Store reads it: `/prod/uploader:live` is the version with the label `live`. Moving
/// the label is the rotation, and moving it back the way back. `/prod/uploader:3` is version 3 for ever: it never rotates.
///
/// Throttling (40 requests per second of an account and region, unless you raise it), status 5xx and network errors are retried,
/// with backoff and jitter.
#[derive(Debug, Clone)]
pub struct ParameterStore {
    client: Client,
    /// With the selector, if there is one.
    name: String,
    secret_id: SecretId,
    retry_policy: RetryPolicy,
    has_warned: Arc<AtomicBool>,
}

impl ParameterStore {
    /// Creates a source that fetches the parameter of this name or ARN (the ARN, if another account shares it), with the region,
    /// endpoint, HTTP client and credentials of `sdk`. A name with a `/` in it begins with one.
    pub fn new(sdk: &SdkConfig, name: impl Into<String>) -> Self {
        Self::from_client(Client::new(&with_behavior(sdk)), name)
    }

    /// Creates a source that uses a client of your own.
    pub fn from_client(client: Client, name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            client,
            secret_id: without_selector(&name).into(),
            name,
            retry_policy: RetryPolicy::default(),
            has_warned: Arc::default(),
        }
    }

    /// Sets how often a fetch is attempted, the first attempt included. Default 4.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.retry_policy.attempts = attempts;
        self
    }

    /// Sets how long one attempt may take, credentials included. Default 5 s.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.retry_policy.attempt_timeout = timeout;
        self
    }

    fn secret(&self, parameter: Parameter) -> Result<Secret, Error> {
        let name = &self.name;
        let malformed = |text| Err(Error::new(ErrorKind::Malformed, text));
        match parameter.r#type {
            Some(ParameterType::StringList) => {
                return malformed(format!(
                    "parameter `{name}` is a StringList: a secret is one text; store it as a SecureString"
                ));
            }
            Some(ParameterType::String) if !self.has_warned.swap(true, Ordering::Relaxed) => {
                tracing::warn!(parameter = %name, "the parameter is a String, which is not encrypted: store it as a SecureString");
            }
            _ => {}
        }
        let changed = parameter.last_modified_date.and_then(since_1970);
        let version = match changed {
            Some(changed) => format!("{}/{}", parameter.version, changed.as_millis()),
            None => parameter.version.to_string(),
        };
        let material = parameter.value.unwrap_or_default();
        if material.trim_ascii().is_empty() {
            return malformed(format!("parameter `{name}` is empty: store a value in it"));
        }
        let secret = Secret::new(material, version);
        Ok(match changed {
            Some(changed) => secret.with_created(SystemTime::UNIX_EPOCH + changed),
            None => secret,
        })
    }

    fn explain(&self, refusal: &ServiceError) -> Error {
        let name = &self.name;
        let (kind, text) = match refusal.code.as_str() {
            "ParameterNotFound" => (
                ErrorKind::NotFound,
                format!(
                    "parameter `{name}` does not exist{}: check its name and the region{}; one that another account shares needs \
                     its ARN",
                    self.in_region(),
                    self.missing_slash()
                ),
            ),
            "ParameterVersionNotFound" => (
                ErrorKind::NotFound,
                format!(
                    "parameter `{name}` has no such version or label: check what follows the last `:`"
                ),
            ),
            "InvalidKeyId" => (
                ErrorKind::PermissionDenied,
                format!(
                    "parameter `{name}`: its KMS key is disabled, scheduled for deletion, or deleted: enable it, or store the \
                     parameter again with another key"
                ),
            ),
            "AccessDeniedException" if is_of_kms(refusal) => (
                ErrorKind::PermissionDenied,
                format!(
                    "parameter `{name}`: its KMS key may not be used: grant `kms:Decrypt` on that key to the identity that reads \
                     the parameter"
                ),
            ),
            _ => match refusal.auth_error().map(|error| error.kind()) {
                Some(AuthErrorKind::Denied) => (
                    ErrorKind::PermissionDenied,
                    format!(
                        "`ssm:GetParameter` on parameter `{name}` is denied: grant it to the identity that reads it (on \
                         `…:parameter/NAME`, with one `/` between the two)"
                    ),
                ),
                Some(_) => (
                    ErrorKind::Unauthenticated,
                    format!(
                        "reading parameter `{name}` was rejected: Systems Manager does not accept the key that signed it"
                    ),
                ),
                None => (
                    ErrorKind::Config,
                    format!(
                        "Systems Manager does not accept the request for parameter `{name}`{}",
                        self.missing_slash()
                    ),
                ),
            },
        };
        refusal.error(kind, text)
    }

    fn in_region(&self) -> String {
        match self.client.config().region() {
            Some(region) => format!(" in {region}"),
            None => String::new(),
        }
    }

    /// Returns a hint about a name that no parameter can have.
    fn missing_slash(&self) -> &'static str {
        let lacks = self.name.contains('/')
            && !self.name.starts_with('/')
            && !self.name.starts_with("arn:");
        if lacks {
            " (a name with a `/` in it begins with `/`)"
        } else {
            ""
        }
    }
}

impl Source for ParameterStore {
    fn secret_id(&self) -> Option<&SecretId> {
        Some(&self.secret_id)
    }

    async fn fetch(&self, _: &FetchRequest) -> Result<Secret, Error> {
        if let Some((_, secret)) = self.name.split_once(REFERENCES) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "parameter `{}` is a secret of Secrets Manager, whose rotation does not show here: use \
                     `SecretsManager::new` with `{secret}`",
                    self.name
                ),
            ));
        }
        let answer = self
            .client
            .get_parameter()
            .name(&self.name)
            .with_decryption(true)
            .customize()
            .config_override(
                Builder::new()
                    .retry_config(self.retry_policy.retries())
                    .timeout_config(self.retry_policy.timeouts()),
            )
            .send()
            .await;
        let what = format!("GetParameter of parameter `{}`", self.name);
        let output = answer.map_err(|error| {
            CallError::of(&what, error).explained(|refusal| self.explain(refusal))
        })?;
        match output.parameter {
            Some(parameter) => self.secret(parameter),
            None => Err(Error::new(
                ErrorKind::Malformed,
                format!(
                    "{what} received no parameter: check that the endpoint is Systems Manager's"
                ),
            )),
        }
    }
}

/// Returns a time to the millisecond, as Parameter Store tells it: as a number of JSON, so that the SDK is off by a few
/// nanoseconds.
fn since_1970(time: DateTime) -> Option<Duration> {
    let seconds = u64::try_from(time.secs()).ok()?;
    let millis = (time.subsec_nanos() + 500_000) / 1_000_000;
    Some(Duration::from_secs(seconds) + Duration::from_millis(millis.into()))
}

/// Returns the name or ARN without `:version` or `:label` at its end. Neither a name nor the last part of an ARN has a colon.
fn without_selector(name: &str) -> &str {
    let resource = name.find("parameter/").filter(|_| name.starts_with("arn:"));
    match name[resource.unwrap_or(0)..].find(':') {
        Some(colon) => &name[..resource.unwrap_or(0) + colon],
        None => name,
    }
}

/// Returns whether KMS denied access. Parameter Store quotes it: "The ciphertext refers to a customer master key that does not
/// exist … (Service: AWSKMS; …)".
fn is_of_kms(refusal: &ServiceError) -> bool {
    refusal.is_of_kms()
        || ["Service: AWSKMS", "Service: Kms", "ciphertext refers to"]
            .iter()
            .any(|text| refusal.says(text))
}

#[cfg(test)]
mod tests {
    use super::without_selector;

    #[test]
    fn a_selector_is_not_part_of_the_name() {
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/uploader";
        for (name, expected) in [
            ("/prod/uploader", "/prod/uploader"),
            ("/prod/uploader:live", "/prod/uploader"),
            ("uploader:3", "uploader"),
            (arn, arn),
            (&format!("{arn}:live"), arn),
            ("arn:aws:ssm", "arn"),
        ] {
            assert_eq!(without_selector(name), expected);
        }
    }
}
