//! How to reach Vault, and which secrets of it are sources.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use serde_json::Value;

#[cfg(feature = "vault-ca-file")]
use super::ca_file;
use super::call::{Call, encode_path};
use super::client::{Client, Limits};
use super::journal::Journal;
use super::leased::LeasedSecret;
use super::login::Login;
use super::sealed;
use super::session::Session;
use super::stored::{Kind, StoredSecret};
use super::sts_options::StsOptions;
use crate::error::{Error, ErrorKind};
use crate::util::clock::Clock;
use crate::util::deadline::FOREVER;

/// A connection to Vault or OpenBao, from which sources are made.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) {
/// use credswap::source::vault::{Login, Vault};
/// let vault = Vault::new(sdk, "https://vault.example.com:8200", Login::kubernetes("uploader"))
///     .namespace("team/storage");
/// let key = vault.aws_creds("uploader");
/// let password = vault.database_creds("reports");
/// let settings = vault.kv("prod/uploader");
/// # }
/// ```
///
/// Each source logs in by itself, when it is fetched first.
#[derive(Clone)]
#[must_use = "make a source of it"]
pub struct Vault {
    sdk: SdkConfig,
    address: String,
    login: Login,
    namespace: Option<String>,
    mount: Option<String>,
    #[cfg(feature = "vault-ca-file")]
    ca_file: Option<PathBuf>,
    limits: Limits,
    revoke_for: Duration,
    journal: Option<PathBuf>,
    clock: Clock,
}

impl Vault {
    /// Creates a connection to the Vault at `address` (`https://host:8200`), with the HTTP client of `sdk`. Neither region nor
    /// credentials of `sdk` are used. The address is shown by `Debug` and in errors, and written to the lease journal: put no
    /// password into it.
    pub fn new(sdk: &SdkConfig, address: impl Into<String>, login: Login) -> Self {
        Self {
            sdk: sdk.clone(),
            address: address.into(),
            login,
            namespace: None,
            mount: None,
            #[cfg(feature = "vault-ca-file")]
            ca_file: None,
            limits: Limits {
                attempts: 4,
                attempt_timeout: Duration::from_secs(5),
            },
            revoke_for: Duration::from_secs(300),
            journal: None,
            clock: Clock::system(),
        }
    }

    /// Sets the namespace of the auth method and of the secrets. Default none.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Sets the mount of the secrets engine for the sources that are made next, whichever engine they are of. Defaults `aws`,
    /// `database` and `secret`.
    pub fn mount(mut self, mount: impl Into<String>) -> Self {
        self.mount = Some(mount.into());
        self
    }

    /// Trusts the certificates of this PEM file, and no others, instead of what the HTTP client of the `SdkConfig` trusts:
    /// Vault is called with an HTTP client of its own.
    ///
    /// The file is read when a source is made. One that is missing, empty or malformed is an error of the first fetch. See
    /// [A CA of your own](super#a-ca-of-your-own).
    #[cfg(feature = "vault-ca-file")]
    #[cfg_attr(docsrs, doc(cfg(feature = "vault-ca-file")))]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Trusts the certificates of the file that the environment variable `VAULT_CACERT` names, if it is set and not empty.
    /// A [`ca_file`](Self::ca_file) takes precedence, in whichever order they are called.
    ///
    /// No variable of Vault is read otherwise: `VAULT_ADDR`, `VAULT_CAPATH`, `VAULT_TOKEN` and the others are not.
    #[cfg(feature = "vault-ca-file")]
    #[cfg_attr(docsrs, doc(cfg(feature = "vault-ca-file")))]
    pub fn ca_file_from_env(mut self) -> Self {
        let variable = std::env::var_os("VAULT_CACERT").filter(|path| !path.is_empty());
        self.ca_file = self.ca_file.or_else(|| variable.map(PathBuf::from));
        self
    }

    /// Sets how often a call is attempted, the first attempt included. Default 4. Minting and logging in are repeated only if
    /// Vault refused them without doing anything.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts;
        self
    }

    /// Sets how long one attempt may take. Default 5 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt_timeout = timeout;
        self
    }

    /// Sets for how long a revocation that fails is repeated before it is left to Vault. Default 5 min.
    pub fn revoke_for(mut self, time: Duration) -> Self {
        self.revoke_for = time.min(FOREVER);
        self
    }

    /// Keeps a journal of the leases in this directory, so that the next process revokes what this one leaves when it is killed.
    /// For the sources that are made next, of AWS keys and of database users; sessions of STS cannot be revoked. Default none.
    /// See [The lease journal](super#the-lease-journal).
    pub fn journal(mut self, directory: impl Into<PathBuf>) -> Self {
        self.journal = Some(directory.into());
        self
    }

    /// Sets the wall clock, for tests: the one that the refreshable has. All waits are on Tokio's clock.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::from_fn(clock);
        self
    }

    /// Returns a source of keys of an AWS role, each with an IAM user of its own (or whatever the role's type says). Mount
    /// `aws`.
    pub fn aws_creds(&self, role: impl AsRef<str>) -> LeasedSecret {
        self.leased("aws", "creds", role.as_ref(), None)
    }

    /// Returns a source of sessions of an AWS role: `assumed_role`, `federation_token` or `session_token`. Mount `aws`.
    pub fn aws_sts(&self, role: impl AsRef<str>, options: StsOptions) -> LeasedSecret {
        self.leased("aws", "sts", role.as_ref(), options.body())
    }

    /// Returns a source of the static key of an AWS role. Vault creates a key beside the live one and deletes the one before:
    /// do not retire keys of this source yourself. Mount `aws`.
    ///
    /// Poll at least once per rotation period.
    pub fn aws_static_creds(&self, role: impl AsRef<str>) -> StoredSecret {
        self.stored("aws", "static-creds", role.as_ref(), Kind::AwsStatic)
    }

    /// Returns a source of users of a database role, each with a password. Mount `database`.
    pub fn database_creds(&self, role: impl AsRef<str>) -> LeasedSecret {
        self.leased("database", "creds", role.as_ref(), None)
    }

    /// Returns a source of the password of a static database role. It is fetched again when Vault rotates it. Mount `database`.
    pub fn database_static_creds(&self, role: impl AsRef<str>) -> StoredSecret {
        self.stored(
            "database",
            "static-creds",
            role.as_ref(),
            Kind::DatabaseStatic,
        )
    }

    /// Returns a source of the secret at `path` of a KV version 2 engine. Its material is the JSON that was written. Mount
    /// `secret`.
    pub fn kv(&self, path: impl AsRef<str>) -> StoredSecret {
        self.stored("secret", "data", path.as_ref(), Kind::KeyValue)
    }

    fn leased(&self, mount: &str, endpoint: &str, role: &str, body: Option<Value>) -> LeasedSecret {
        let (id, path) = self.path(mount, endpoint, role);
        let what = format!("minting `{id}`");
        let call = match body {
            Some(body) => Call::post(what, path, &body),
            None => Call::get(what, path),
        };
        LeasedSecret::new(
            &id,
            call.once(),
            self.session(),
            self.lease_journal().filter(|_| endpoint == "creds"),
            self.revoke_for,
            self.clock.clone(),
        )
    }

    fn stored(&self, mount: &str, endpoint: &str, name: &str, kind: Kind) -> StoredSecret {
        let (id, path) = self.path(mount, endpoint, name);
        let call = Call::get(format!("reading `{id}`"), path);
        StoredSecret::new(&id, call, kind, self.session(), self.clock.clone())
    }

    /// Returns the name of a secret, and its path in the API.
    fn path(&self, mount: &str, endpoint: &str, name: &str) -> (String, String) {
        let mount = self.mount.as_deref().unwrap_or(mount).trim_matches('/');
        let name = name.trim_matches('/');
        let path = format!("{}/{endpoint}/{}", encode_path(mount), encode_path(name));
        // The API of KV has `data` in the path; nobody else has it in the name.
        let id = match endpoint {
            "data" => format!("{mount}/{name}"),
            _ => format!("{mount}/{endpoint}/{name}"),
        };
        (id, path)
    }

    fn session(&self) -> Session {
        let client = Client::new(
            &self.sdk,
            self.http_client(),
            &self.address,
            self.namespace.clone(),
            self.limits,
        );
        Session::new(client, self.login.clone())
    }

    fn lease_journal(&self) -> Option<Journal> {
        let directory = self.journal.clone()?;
        let (namespace, clock) = (self.namespace.clone(), self.clock.clone());
        Some(Journal::new(directory, &self.address, namespace, clock))
    }

    fn http_client(&self) -> Result<SharedHttpClient, Error> {
        #[cfg(feature = "vault-ca-file")]
        if let Some(path) = &self.ca_file {
            return ca_file::http_client(path);
        }
        sealed::http_client(&self.sdk).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "there is no HTTP client for Vault; set one with `SdkConfig::builder().http_client(…)`",
            )
        })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("address", &self.address)
            .field("login", &self.login)
            .field("namespace", &self.namespace)
            .field("mount", &self.mount)
            .finish_non_exhaustive()
    }
}
