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
//! Where Vault gives no lease, the version is the access key id or the user. The login by AWS IAM needs the feature `sts` as well.
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
//! A revocation that fails is repeated for [`Vault::revoke_for`], then it is left to Vault, with a warning that names the lease.
//! At the shutdown, revocations have at most 15 s. A process that is killed gives nothing back: its leases are no longer renewed,
//! and Vault ends them. With a journal, the next process revokes them.
//!
//! # The lease journal
//!
//! With [`Vault::journal`], each lease of a key or a database user has a file in a directory, from before the secret is handed
//! out until the lease is revoked or has ended. The file says what a revocation needs: the address, the namespace, the path, the
//! lease id and the time of its end, as JSON. It never contains a secret. A lease id is not a secret by itself, but whoever has
//! it and a token that may revoke leases can end the lease: the files are readable by their user only (mode 0600).
//!
//! A source has its files locked for as long as it lives. When another one starts, and has minted its first key, it revokes in
//! the background what is not locked: the leases of processes that were killed, or that could not revoke them at their end.
//!
//! - Only leases of the same address, the same namespace and the same user of the system. Files of others are left alone, so that
//!   several processes, and several Vaults, can share a directory.
//! - Leases that cannot be revoked within [`Vault::revoke_for`] are named in one warning, with their ids and ends. They end by
//!   themselves; until then each start tries again. The file of a lease that should have ended is deleted by the next start,
//!   after one more attempt: clocks may differ.
//! - A directory that is missing, cannot be written to, or cannot lock files, is a [`Config`](crate::ErrorKind::Config) error of
//!   the start, before anything is minted. Later, a file that cannot be written costs a warning and no key.
//! - A file that is malformed is named in a warning, and left alone.
//! - Use a local directory that outlives the process but is not shared between machines, with mode 0700: a `StateDirectory` of
//!   systemd, or a volume of the pod (`emptyDir` survives a container that is killed). Locks of network file systems may not
//!   hold.
//! - A process that is killed in the milliseconds between Vault's answer and the file leaves a lease that no file names. It ends
//!   by itself.
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
//! `aws/sts/…` with options is a `POST` and needs `update`. [`docs::permissions`](crate::docs::permissions#vault-and-openbao)
//! says what uses each line, and what happens without it.
//!
//! # Failures
//!
//! The last good key stays live in all of them, and errors say what to change. Sealed, standby, rate limited, unreachable: the
//! refresh is repeated. A token that is not accepted any more: the process logs in again, once. A permission, a role or a mount
//! that is missing is [`PermissionDenied`](crate::ErrorKind::PermissionDenied) or [`NotFound`](crate::ErrorKind::NotFound). A
//! lease that an administrator revoked: its key is rejected, or its renewal fails, and another one is minted.
//!
//! # A CA of your own
//!
//! Where a private CA has signed Vault's certificate, name the file of that CA (feature `vault-ca-file`). It holds one
//! certificate or several, as PEM; they replace those of the system for this Vault, as `VAULT_CACERT` does for Vault's own
//! clients:
//!
#![cfg_attr(feature = "vault-ca-file", doc = "```no_run")]
#![cfg_attr(not(feature = "vault-ca-file"), doc = "```ignore")]
//! # use credswap::source::vault::{Login, Vault};
//! # fn example(sdk: &aws_types::SdkConfig, login: Login) {
//! let vault = Vault::new(sdk, "https://vault.example.com:8200", login).ca_file("/etc/vault/ca.pem");
//! # }
//! ```
//!
//! - What decides, in this order: `Vault::ca_file`; the variable `VAULT_CACERT`, only if `Vault::ca_file_from_env` is called; the
//!   HTTP client of the `SdkConfig`. With either of the first two, Vault is called with an HTTP client of its own: rustls and
//!   ring, no proxy.
//! - The file is read when a source is made. A file that is replaced later is not followed: before Vault's CA changes, write the
//!   old and the new one into it, and restart.
//! - A file that is missing, empty or malformed is a [`Config`](crate::ErrorKind::Config) error of the first fetch: of the start.
//! - The certificate must name the host of the address in its subjectAltName, and must not be the CA's own. Where TLS fails, the
//!   error is a [`Config`](crate::ErrorKind::Config) that says which of these it is; the last good key stays.
//! - Listeners that want a certificate of the client are not supported.
//! - For another TLS library or a proxy, give `Vault::new` an `SdkConfig` with an HTTP client of yours that trusts the CA.

mod answer;
#[cfg(feature = "vault-ca-file")]
mod ca_file;
mod call;
mod client;
mod connection;
mod decision;
mod journal;
mod lease;
mod leased;
mod login;
mod rejection;
mod renewal;
mod revoker;
mod sealed;
mod session;
mod stored;
mod sts_options;
mod term;
mod tls;
mod token;

pub use connection::Vault;
pub use leased::LeasedSecret;
pub use login::{Login, LoginSecret};
pub use stored::StoredSecret;
pub use sts_options::StsOptions;
