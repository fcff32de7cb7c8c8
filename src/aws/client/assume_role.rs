//! Credentials of a role that is assumed with the live key.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_sts::Client;
use aws_sdk_sts::types::Credentials as SessionCredentials;
use aws_types::SdkConfig;

use crate::aws::key::RefreshableCredentials;
use crate::error::{Error, ErrorKind};
use crate::sdk::auth_error::{AuthError, AuthErrorKind};
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::CallError;
use crate::sdk::service_error::ServiceError;

/// Provides the credentials of a role, which it assumes with the live key of refreshable credentials.
///
/// It is a credentials provider for clients that act as the role. Each call asks STS for a new session; the client's identity
/// cache, the SDK's default, keeps a session until shortly before it expires. The requests to STS are signed with the live key,
/// and replayed with a newer one when that key is rejected, as those of any client that is configured by
/// [`configure!`](crate::configure).
///
/// ```no_run
/// use credswap::RefreshableCredentials;
/// use credswap::aws::AssumeRole;
/// # async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
/// let credentials = RefreshableCredentials::from_secrets_manager(&sdk, "prod/uploader").start().await?;
/// let role = AssumeRole::new(&sdk, &credentials, "arn:aws:iam::123456789012:role/uploads").session_name("uploader");
/// let config = aws_sdk_iam::config::Builder::from(&sdk).credentials_provider(role).build();
/// let client = aws_sdk_iam::Client::from_conf(config);
/// # Ok(()) }
/// ```
///
/// The key's user needs `sts:AssumeRole` on the role, whose trust policy must name the user:
/// [the policies](crate::docs::permissions#a-role-that-is-assumed).
///
/// **A session outlives the key that it was made with**: it is valid until it expires, whatever happens to the key. A key is
/// therefore in use only while STS is being asked, and a rotation ends no session. To revoke sessions, revoke those of the role.
#[derive(Clone)]
pub struct AssumeRole {
    client: Client,
    role_arn: String,
    session_name: String,
    duration: Option<Duration>,
    external_id: Option<String>,
    policy: Option<String>,
}

impl AssumeRole {
    /// Creates a provider for the role `role_arn`. STS is called with the region, endpoint and HTTP client of `sdk`, whose
    /// credentials are not used.
    pub fn new(
        sdk: &SdkConfig,
        credentials: &RefreshableCredentials,
        role_arn: impl Into<String>,
    ) -> Self {
        let config = aws_sdk_sts::config::Builder::from(&with_behavior(sdk));
        Self {
            client: Client::from_conf(crate::configure!(credentials, config).build()),
            role_arn: role_arn.into(),
            session_name: "credswap".to_owned(),
            duration: None,
            external_id: None,
            policy: None,
        }
    }

    /// Sets the name of the sessions, which CloudTrail shows. Default `credswap`.
    #[must_use]
    pub fn session_name(mut self, name: impl Into<String>) -> Self {
        self.session_name = name.into();
        self
    }

    /// Sets how long a session is valid, in whole seconds. Default: what STS decides, 1 h.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Sets the external id that the role's trust policy demands. Default none.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// Sets a policy, in JSON, that limits what the sessions may do. Default none.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<String>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    async fn assume(&self) -> provider::Result {
        let seconds = |duration: Duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
        let call = self
            .client
            .assume_role()
            .role_arn(&self.role_arn)
            .role_session_name(&self.session_name)
            .set_duration_seconds(self.duration.map(seconds))
            .set_external_id(self.external_id.clone())
            .set_policy(self.policy.clone());
        let output = call.send().await.map_err(|error| {
            let error = CallError::of("STS AssumeRole", error).explained(|e| self.explain(e));
            CredentialsError::provider_error(error)
        })?;
        let Some(session) = output.credentials() else {
            let text = "STS AssumeRole returned no credentials; check the endpoint";
            let error = Error::new(ErrorKind::Unavailable, text);
            return Err(CredentialsError::provider_error(error));
        };
        of_session(session)
    }

    fn explain(&self, rejection: &ServiceError) -> Error {
        let role = &self.role_arn;
        match rejection.auth_error().map(AuthError::kind) {
            Some(AuthErrorKind::Denied) => rejection.error(
                ErrorKind::PermissionDenied,
                format!(
                    "`sts:AssumeRole` on `{role}` is denied: grant it to the key's user, and allow that user in the role's \
                     trust policy"
                ),
            ),
            Some(_) => rejection.error(
                ErrorKind::Unauthenticated,
                format!("STS AssumeRole of `{role}` was rejected because of the key that signed it"),
            ),
            None => rejection.error(
                ErrorKind::Config,
                format!("STS does not accept AssumeRole of `{role}`; check the role's ARN and the session's settings"),
            ),
        }
    }
}

fn of_session(session: &SessionCredentials) -> provider::Result {
    let expires = SystemTime::try_from(*session.expiration()).map_err(|_| {
        let text = "STS AssumeRole returned a session with an impossible expiration";
        CredentialsError::provider_error(Error::new(ErrorKind::Unavailable, text))
    })?;
    Ok(Credentials::new(
        session.access_key_id(),
        session.secret_access_key(),
        Some(session.session_token().to_owned()),
        Some(expires),
        "credswap::AssumeRole",
    ))
}

impl ProvideCredentials for AssumeRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

// By hand: the external id is better not shown.
impl fmt::Debug for AssumeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRole")
            .field("role_arn", &self.role_arn)
            .field("session_name", &self.session_name)
            .finish_non_exhaustive()
    }
}
