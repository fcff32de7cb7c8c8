//! HashiCorp Vault and OpenBao: the AWS secrets engine, the database engine, and KV version 2.
//!
//! ```no_run
//! use credswap::RefreshableCredentials;
//! use credswap::aws::AccessKeyConnector;
//! use credswap::aws::check::NoCheck;
//! use credswap::source::vault::{Login, Vault};
//! # async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
//! let login = Login::app_role("7e1c…", Login::file("/run/secrets/secret-id"));
//! let vault = Vault::new(&sdk, "https://vault.example.com:8200", login);
//! # let check = NoCheck; // `AccessKeyConnector::new(&sdk)` checks with STS
//! let connector = AccessKeyConnector::checked_by(check);
//! let credentials = RefreshableCredentials::builder(vault.aws_creds("uploader"), connector).start().await?;
//! // … and at the end: gives back the last key, too.
//! credentials.shutdown(std::time::Duration::from_secs(10)).await.ok();
//! # Ok(()) }
//! ```
//!
//! | source | what a fetch does | version | given back |
//! |---|---|---|---|
//! | [`aws_creds`](Vault::aws_creds), [`database_creds`](Vault::database_creds) | returns the live secret; mints a user for a reason only | lease id | revoked when drained, when it never went live, and at the end |
//! | [`aws_sts`](Vault::aws_sts) | the same, a session | lease id | nothing to give back: a session works to its end |
//! | [`aws_static_creds`](Vault::aws_static_creds) | reads | access key id | no: the key before the live one works until the next rotation |
//! | [`database_static_creds`](Vault::database_static_creds) | reads | time of the last rotation | no |
//! | [`kv`](Vault::kv) | reads | number of the version | no |
//!
//! # When a key is minted
//!
//! Each `creds` read creates an IAM user, or a database user. One is minted at the start, for an event that does not name the
//! live version, when the live key is rejected, and when its time nears its end; never by polling, by a signal or by
//! [`refresh`](crate::Refreshable::refresh). Events and rejections mint ten in a burst, then one in five seconds, so that forged
//! events stay cheap.
//!
//! # Leases and tokens
//!
//! A lease is renewed in the background at two thirds of what Vault granted, up to a tenth earlier. When Vault grants less than
//! before, the lease has reached its maximum: another key is minted, checked and swapped while at least a sixth of the lease's
//! time is left. **Give leases an hour or more:** a new IAM user is unknown to AWS for some seconds.
//!
//! Vault revokes all leases of a token when the token ends. The token that minted a key is renewed until that key has drained;
//! when the token reaches its own maximum, the process logs in again and mints another key under the new token, before the old
//! one ends. Use periodic tokens (see [`Login`]).
//!
//! A revocation that fails is repeated for [`Vault::revoke_for`], then it is left to Vault, with a warning that names the lease. A
//! process that is killed gives nothing back: its leases are no longer renewed, and Vault ends them.
//!
//! # Permissions
//!
//! ```hcl
//! path "aws/creds/uploader"  { capabilities = ["read"] }    # or aws/sts/…, aws/static-creds/…, database/creds/…
//! path "secret/data/prod/app" { capabilities = ["read"] }   # KV version 2
//! path "sys/leases/renew"    { capabilities = ["update"] }  # in the policy `default`
//! path "sys/leases/revoke"   { capabilities = ["update"] }  # not in it: without, keys end with their lease
//! path "auth/token/renew-self"  { capabilities = ["update"] } # these three are in the policy `default`
//! path "auth/token/lookup-self" { capabilities = ["read"] }
//! path "auth/token/revoke-self" { capabilities = ["update"] }
//! ```
//!
//! `aws/sts/…` with options is a `POST` and needs `update`. [`docs::permissions`](crate::docs::permissions#vault-and-openbao) says
//! what uses each line, and what happens without it.
//!
//! # Failures
//!
//! The last good key stays live in all of them, and errors say what to change. Sealed, standby, rate limited, unreachable: the
//! refresh is repeated. A token that is not accepted any more: the process logs in again, once. A permission, a role or a mount
//! that is missing is [`PermissionDenied`](crate::ErrorKind::PermissionDenied) or [`NotFound`](crate::ErrorKind::NotFound). A lease that
//! an administrator revoked: its key is rejected, or its renewal fails, and another one is minted.
//!
//! # A CA of your own
//!
//! Vault is called with the HTTP client of the `SdkConfig`. Where Vault's certificate is signed by a private CA, give `Vault::new`
//! an `SdkConfig` whose client trusts it:
//!
//! ```ignore
//! use aws_smithy_http_client::{Builder, tls};
//! let trust = tls::TrustStore::empty().with_pem_certificate(std::fs::read("/etc/vault/ca.pem")?);
//! let context = tls::TlsContext::builder().with_trust_store(trust).build()?;
//! let http = Builder::new()
//!     .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
//!     .tls_context(context)
//!     .build_https();
//! let vault = Vault::new(&sdk.to_builder().http_client(http).build(), address, login);
//! ```

mod answer;
mod call;
mod client;
mod connection;
mod decision;
mod lease;
mod leased;
mod login;
mod rejection;
mod renewal;
mod revoker;
mod sealed;
mod session;
mod stored;
mod term;
mod token;

pub use connection::{StsOptions, Vault};
pub use leased::LeasedSecret;
pub use login::{Login, LoginSecret};
pub use stored::StoredSecret;
