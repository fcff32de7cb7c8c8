//! Passwords for Amazon RDS and Aurora that are signed with the live key.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_types::SdkConfig;
use aws_types::region::Region;
use tokio::time::Instant;

use super::key::LiveKey;
use crate::error::{Error, ErrorKind};
use crate::typed::SecretText;
use crate::util::clock::Clock;
use crate::util::percent_encoding::push_encoded;

/// For how long a token is valid. RDS accepts no longer time.
const VALIDITY: Duration = Duration::from_secs(15 * 60);

/// Signs the tokens of RDS's IAM database authentication: passwords that are valid for 15 minutes.
///
/// A token is needed to log in, not to stay: connections outlive it. So a pool does not follow tokens, each of which would be a
/// new version every few minutes, but the key: it signs a token for each login (that of sqlx a new one every five minutes), and
/// keeps its connections when the key is replaced.
///
#[cfg_attr(feature = "deadpool-postgres", doc = "```no_run")]
#[cfg_attr(not(feature = "deadpool-postgres"), doc = "```ignore")]
/// # async fn example(
/// #     sdk: aws_types::SdkConfig,
/// #     key: credswap::RefreshableCredentials,
/// #     tls: credswap::sql::deadpool::deadpool_postgres::tokio_postgres::NoTls,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use credswap::aws::RdsToken;
/// use credswap::sql::deadpool::Builder;
/// use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::Config;
///
/// let host = "orders.abc123.eu-west-1.rds.amazonaws.com";
/// let token = RdsToken::new(&sdk, (host, 5432), "app")?;
/// let mut config = Config::new();
/// config.host(host).port(5432).user("app").dbname("orders");
/// let login = move |key: &_| {
///     let mut config = config.clone();
///     config.password(token.sign(key).expose());
///     config
/// };
/// let pool = Builder::with_login(&key, login, tls).keep_connections().build()?;
/// # let _ = pool; Ok(()) }
/// ```
///
/// RDS takes a token over TLS only, as a password in clear text, from a user to whom `rds_iam` is granted (PostgreSQL) or who
/// was created with `AWSAuthenticationPlugin` (MySQL, MariaDB). The key's policy needs `rds-db:connect` on that user. The form
/// of a token is that of the RDS User Guide's page "Connecting to your DB instance using IAM authentication".
///
/// # Rejected logins
/// When RDS rejects a token, the pools of `sql` report the key as rejected: it is refreshed, and the login is tried again with a
/// token of the newer key. For other clients, call [`Refreshable::report_rejected`](crate::Refreshable::report_rejected).
///
/// # What keeps the key in use
/// A token is a presigned URL, and may be used for a login until it expires, wherever it went: signing keeps the key's generation
/// in use for the next 15 minutes. A key is therefore drained at most 15 minutes after the last token was signed with it,
/// whatever connections are open.
///
/// Any provider of the SDK can sign tokens: make its credentials hot with a `source::CredentialsProvider`.
#[derive(Clone)]
pub struct RdsToken {
    region: Region,
    /// What is signed: host, port and user.
    address: String,
    clock: Clock,
}

impl RdsToken {
    /// Creates a signer for a user of the database at `endpoint`, host and port: those of RDS, whatever alias or tunnel the
    /// connections take. The region and the clock are those of `sdk`, whose credentials are not used.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `sdk` has no region, or the host is not a host name.
    pub fn new(
        sdk: &SdkConfig,
        endpoint: (impl AsRef<str>, u16),
        user: impl AsRef<str>,
    ) -> Result<Self, Error> {
        let (host, port) = (endpoint.0.as_ref(), endpoint.1);
        let refused = |fault: &str| {
            let text = format!("tokens for the database at `{host}` cannot be signed: {fault}");
            Error::new(ErrorKind::Config, text)
        };
        let clock = match sdk.time_source() {
            Some(time) => Clock::from_fn(move || time.now()),
            None => Clock::system(),
        };
        let mut address = format!("{host}:{port}/?Action=connect&DBUser=");
        push_encoded(&mut address, user.as_ref(), b"");
        let signer = Self {
            region: sdk.region().cloned().ok_or_else(|| {
                refused("the region is missing; set AWS_REGION, or that of the `SdkConfig`")
            })?,
            address,
            clock,
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_signed = || {
            let trial = LiveKey::from(aws_credential_types::Credentials::new(
                "trial", "trial", None, None, "trial",
            ));
            signer.presigned(trial.identity(), SystemTime::UNIX_EPOCH)
        };
        if host.is_empty() || !host.bytes().all(is_name) || is_signed().is_none() {
            return Err(refused("it is not a host name"));
        }
        Ok(signer)
    }

    /// Signs a token with `key`: the password for a login within the next 15 minutes. Takes no network and some microseconds.
    ///
    /// The key's generation stays in use until the token expires.
    pub fn sign(&self, key: &LiveKey) -> SecretText {
        if let Some(in_use) = LiveKey::token_of(key.identity()) {
            in_use.pin_until(Instant::now() + VALIDITY);
        }
        let token = self.presigned(key.identity(), self.clock.now());
        // `new` has signed the same address. If this cannot be, RDS rejects the login.
        token.unwrap_or_default().into()
    }

    /// Presigns a GET of the address, and returns the address with the signature.
    fn presigned(&self, identity: &Identity, now: SystemTime) -> Option<String> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(VALIDITY);
        let params = SigningParams::builder()
            .identity(identity)
            .region(self.region.as_ref())
            .name("rds-db")
            .time(now)
            .settings(settings)
            .build()
            .ok()?
            .into();
        let url = format!("https://{}", self.address);
        let request =
            SignableRequest::new("GET", url, std::iter::empty(), SignableBody::empty()).ok()?;
        let (instructions, _) = sign(request, &params).ok()?.into_parts();
        // Longer than any token: what grows is moved, and the old memory is not zeroized.
        let mut token = String::with_capacity(8192);
        token.push_str(&self.address);
        for (name, value) in instructions.params() {
            token.push('&');
            token.push_str(name);
            token.push('=');
            push_encoded(&mut token, value, b"");
        }
        Some(token)
    }
}

impl fmt::Debug for RdsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RdsToken")
            .field("address", &self.address)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;
    use crate::hot::{DrainToken, HotSwap};

    fn sdk() -> SdkConfig {
        SdkConfig::builder()
            .region(Region::from_static("eu-west-1"))
            .build()
    }

    fn key(id: &str, session: Option<&str>) -> LiveKey {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        Credentials::new(id, secret, session.map(str::to_owned), None, "test").into()
    }

    /// Signs a token at 2024-08-27T00:00:00Z.
    fn token(sdk: &SdkConfig, endpoint: (&str, u16), user: &str, key: &LiveKey) -> String {
        let mut token = RdsToken::new(sdk, endpoint, user).expect("it can be signed");
        token.clock =
            Clock::from_fn(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_724_716_800));
        token.sign(key).expose().to_owned()
    }

    // The expected tokens are those of `generate_db_auth_token` of botocore 1.44.8, on the same clock.

    #[test]
    fn a_token_is_that_of_botocore() {
        let host = "orders.abc123.eu-west-1.rds.amazonaws.com";
        for (port, signature) in [
            (
                5432,
                "028c496bf1cfa738dbd70280e4e48269d016a604dbccc106df6c9276f5b05913",
            ),
            // The port of https is not part of the host that is signed.
            (
                443,
                "6a06461560cc05ec5ba8e20608bab33f7511a3dc7f9a7f83568704c360cd42f4",
            ),
        ] {
            let expected = format!(
                "{host}:{port}/?Action=connect&DBUser=app&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=AKIDEXAMPLE%2F20240827%2Feu-west-1%2Frds-db%2Faws4_request\
                 &X-Amz-Date=20240827T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
                 &X-Amz-Signature={signature}"
            );
            let key = key("AKIDEXAMPLE", None);
            assert_eq!(token(&sdk(), (host, port), "app", &key), expected);
        }
    }

    #[test]
    fn user_names_and_session_tokens_are_signed_as_botocore_does() {
        let sdk = SdkConfig::builder()
            .region(Region::from_static("us-east-1"))
            .build();
        let endpoint = ("prod.us-east-1.rds.amazonaws.com", 3306);
        let key = key("ASIAEXAMPLE", Some("IQo+b/3=="));
        let token = token(&sdk, endpoint, "a&b ü~+@x", &key);
        let mut parts: Vec<_> = token.split('&').collect();
        parts.sort_unstable();
        // The order of the parts is not signed.
        let expected = [
            "DBUser=a%26b%20%C3%BC~%2B%40x",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Credential=ASIAEXAMPLE%2F20240827%2Fus-east-1%2Frds-db%2Faws4_request",
            "X-Amz-Date=20240827T000000Z",
            "X-Amz-Expires=900",
            "X-Amz-Security-Token=IQo%2Bb%2F3%3D%3D",
            "X-Amz-Signature=b3a05d244afb8e4497dc981764cfb817a0a3431aab7b2ac5625d77321919064b",
            "X-Amz-SignedHeaders=host",
            "prod.us-east-1.rds.amazonaws.com:3306/?Action=connect",
        ];
        assert_eq!(parts, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_keeps_its_key_in_use_until_it_expires() {
        let credentials = key("AKIDEXAMPLE", None).credentials().clone();
        let in_use = DrainToken::new();
        let live = LiveKey::new(credentials, &in_use);
        let cell = HotSwap::new_with_token(live, in_use);
        let signer = RdsToken::new(&sdk(), ("db", 5432), "app").expect("it can be signed");
        let token = cell.with(|key| signer.sign(key));
        let drain = cell.swap(key("AKIDNEWER", None));
        tokio::time::advance(VALIDITY - Duration::from_secs(1)).await;
        assert!(!drain.is_drained());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(drain.is_drained(), "the token may be kept");
        drop(token);
    }

    #[test]
    fn what_is_missing_is_named_and_no_secret_is_shown() {
        let no_region = SdkConfig::builder().build();
        for (sdk, host, fault) in [
            (&no_region, "db", "AWS_REGION"),
            (&sdk(), "not a host", "not a host name"),
            (&sdk(), "user@db", "not a host name"),
            (&sdk(), "db/?Action=other&", "not a host name"),
            (&sdk(), "", "not a host name"),
        ] {
            let error = RdsToken::new(sdk, (host, 5432), "app").expect_err("it cannot be signed");
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(fault), "{error}");
        }
        let signer = RdsToken::new(&sdk(), ("db", 5432), "app").expect("it can be signed");
        let shown = format!("{signer:?} {:?}", signer.sign(&key("AKIDEXAMPLE", None)));
        assert!(!shown.contains("Signature"), "{shown}");
    }
}
