//! Credentials of any provider of the SDK, as a secret.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use zeroize::Zeroizing;

use super::{FetchRequest, Source};
use crate::error::Error;
use crate::sdk::provider_error::no_credentials;
use crate::secret::{Secret, VersionId};

/// Fetches credentials from any provider of the AWS SDK: a profile, SSO, a process, a web identity, a container, a role.
///
/// The clients then get what [`RefreshableCredentials`](crate::RefreshableCredentials) adds: each key is proven before it
/// is used, a rejected one is replaced and its request replayed, and the end of its use is known.
///
#[cfg_attr(feature = "sts", doc = "```no_run")]
#[cfg_attr(not(feature = "sts"), doc = "```ignore")]
/// # async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
/// use credswap::RefreshableCredentials;
/// use credswap::aws::AccessKeyConnector;
/// use credswap::source::CredentialsProvider;
///
/// let provider = sdk.credentials_provider().expect("the default chain, a profile, …");
/// let source = CredentialsProvider::new(provider);
/// let credentials = RefreshableCredentials::builder(source, AccessKeyConnector::new(&sdk)).start().await?;
/// # Ok(()) }
/// ```
///
/// Its versions are the access key id and, for credentials that expire, the second in which they do. They are refreshed when
/// three quarters of their time have passed, so give it a provider that fetches anew, and not one that returns a cached value
/// until it expires.
#[derive(Clone)]
pub struct CredentialsProvider {
    provider: SharedCredentialsProvider,
}

impl CredentialsProvider {
    /// Creates a source that asks `provider` at each fetch.
    pub fn new(provider: impl ProvideCredentials + 'static) -> Self {
        Self {
            provider: SharedCredentialsProvider::new(provider),
        }
    }
}

impl Source for CredentialsProvider {
    async fn fetch(&self, _: &FetchRequest) -> Result<Secret, Error> {
        let provided = self.provider.provide_credentials().await;
        let credentials = provided.map_err(|error| no_credentials(&error))?;
        let secret = Secret::new(json(&credentials).to_vec(), version(&credentials));
        Ok(match credentials.expiry() {
            Some(expires) => secret.with_expires(expires),
            None => secret,
        })
    }
}

impl fmt::Debug for CredentialsProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsProvider")
            .finish_non_exhaustive()
    }
}

fn version(credentials: &Credentials) -> VersionId {
    let id = credentials.access_key_id();
    let expires = credentials
        .expiry()
        .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    match expires {
        Some(expires) => format!("{id}/{}", expires.as_secs()).into(),
        None => id.into(),
    }
}

/// Returns the credentials as a secret in Secrets Manager would hold them.
fn json(credentials: &Credentials) -> Zeroizing<Vec<u8>> {
    let mut fields = vec![
        ("access_key_id", credentials.access_key_id()),
        ("secret_access_key", credentials.secret_access_key()),
    ];
    fields.extend(
        credentials
            .session_token()
            .map(|token| ("session_token", token)),
    );
    let mut json = Zeroizing::new(Vec::with_capacity(4096));
    for (index, (name, value)) in fields.into_iter().enumerate() {
        json.extend_from_slice(if index == 0 { b"{\"" } else { b",\"" });
        json.extend_from_slice(name.as_bytes());
        json.extend_from_slice(b"\":");
        // Writing a text into memory cannot fail.
        let _ = serde_json::to_writer(&mut *json, value);
    }
    json.push(b'}');
    json
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::future;

    use super::*;
    use crate::error::ErrorKind;

    const EXPIRES: u64 = 1_900_000_000;

    fn credentials(token: Option<&str>, expires: Option<SystemTime>) -> Credentials {
        let token = token.map(str::to_owned);
        Credentials::new("ASIAIOSFODNN7EXAMPLE", "a\"b\\c", token, expires, "test")
    }

    #[tokio::test]
    async fn the_version_is_the_key_and_its_expiry() {
        let expires = SystemTime::UNIX_EPOCH + Duration::from_millis(EXPIRES * 1000 + 999);
        for (expires, version) in [
            (None, "ASIAIOSFODNN7EXAMPLE"),
            (Some(expires), "ASIAIOSFODNN7EXAMPLE/1900000000"),
        ] {
            let source = CredentialsProvider::new(credentials(Some("token"), expires));
            let secret = source
                .fetch(&FetchRequest::default())
                .await
                .expect("provided");
            assert_eq!(
                (secret.version().as_str(), secret.expires()),
                (version, expires)
            );
        }
    }

    #[test]
    fn the_secret_is_json_that_the_connector_reads() {
        for (token, expected) in [
            (
                None,
                r#"{"access_key_id":"ASIAIOSFODNN7EXAMPLE","secret_access_key":"a\"b\\c"}"#,
            ),
            (
                Some("t"),
                r#"{"access_key_id":"ASIAIOSFODNN7EXAMPLE","secret_access_key":"a\"b\\c","session_token":"t"}"#,
            ),
        ] {
            let json = json(&credentials(token, None));
            assert_eq!(std::str::from_utf8(&json), Ok(expected));
        }
    }

    #[tokio::test]
    async fn an_error_of_the_provider_is_not_quoted() {
        #[derive(Debug)]
        struct Failing(fn() -> CredentialsError);

        impl ProvideCredentials for Failing {
            fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
            where
                Self: 'a,
            {
                future::ProvideCredentials::ready(Err((self.0)()))
            }
        }

        let failures: [(fn() -> CredentialsError, ErrorKind); 5] = [
            (
                || CredentialsError::not_loaded("hunter2"),
                ErrorKind::Config,
            ),
            (
                || CredentialsError::invalid_configuration("hunter2"),
                ErrorKind::Config,
            ),
            (
                || CredentialsError::provider_timed_out(Duration::from_secs(1)),
                ErrorKind::Timeout,
            ),
            (
                || CredentialsError::provider_error("hunter2"),
                ErrorKind::Unavailable,
            ),
            (
                || CredentialsError::unhandled("hunter2"),
                ErrorKind::Unavailable,
            ),
        ];
        for (failure, kind) in failures {
            let source = CredentialsProvider::new(Failing(failure));
            let error = source
                .fetch(&FetchRequest::default())
                .await
                .expect_err("it fails");
            assert_eq!(error.kind(), kind);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        let role = || {
            let denied = Error::new(ErrorKind::PermissionDenied, "`sts:AssumeRole` is denied");
            CredentialsError::provider_error(denied)
        };
        let source = CredentialsProvider::new(Failing(role));
        let error = source
            .fetch(&FetchRequest::default())
            .await
            .expect_err("it fails");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "ours is kept");
        assert!(error.to_string().contains("sts:AssumeRole"), "{error}");

        let source = CredentialsProvider::new(credentials(Some("hunter2"), None));
        assert!(!format!("{source:?}").contains("hunter2"));
    }
}
