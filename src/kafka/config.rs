//! How to reach the brokers: addresses, TLS, login, and any other property of librdkafka.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::blocking::on_thread;
use super::certificate;
use super::diagnostics::Target;
use super::fault::Fault;
use super::password::Password;
use super::role::Role;

/// How to reach the brokers.
///
/// TLS is the default, with the host name checked.
///
/// ```
/// use credswap::kafka::{KafkaConfig, Password};
/// let msk = KafkaConfig::new("b-1.msk.example.com:9096,b-2.msk.example.com:9096")
///     .scram_sha_512("uploader", Password::file("/run/secrets/msk-password"))
///     .property("client.rack", "euw1-az1");
/// let local = KafkaConfig::new("localhost:9092").plaintext();
/// ```
#[derive(Clone)]
pub struct KafkaConfig {
    pub(super) servers: String,
    pub(super) plaintext: bool,
    pub(super) login: Option<Login>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) hostname_check: bool,
    pub(super) properties: BTreeMap<String, String>,
}

#[derive(Clone)]
pub(super) struct Login {
    pub(super) mechanism: &'static str,
    pub(super) username: String,
    pub(super) password: Password,
}

impl KafkaConfig {
    /// Creates a configuration for brokers given as `host:port,host:port`; on MSK what `get-bootstrap-brokers` calls
    /// `BootstrapBrokerStringSaslScram` (port 9096).
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            servers: bootstrap_servers.into(),
            plaintext: false,
            login: None,
            ca_file: None,
            hostname_check: true,
            properties: BTreeMap::new(),
        }
    }

    /// Logs in with SASL/SCRAM-SHA-512, as on MSK.
    #[must_use]
    pub fn scram_sha_512(self, username: impl Into<String>, password: impl Into<Password>) -> Self {
        self.login("SCRAM-SHA-512", username, password)
    }

    /// Logs in with SASL/SCRAM-SHA-256.
    #[must_use]
    pub fn scram_sha_256(self, username: impl Into<String>, password: impl Into<Password>) -> Self {
        self.login("SCRAM-SHA-256", username, password)
    }

    /// Logs in with SASL/PLAIN, which sends the password to the broker: over TLS only.
    #[must_use]
    pub fn sasl_plain(self, username: impl Into<String>, password: impl Into<Password>) -> Self {
        self.login("PLAIN", username, password)
    }

    /// Connects without TLS, for local work.
    #[must_use]
    pub fn plaintext(mut self) -> Self {
        self.plaintext = true;
        self
    }

    /// Trusts the certificates of this PEM file instead of the system's. MSK's brokers have certificates of
    /// Amazon Trust Services, which the system's CA bundle knows.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Accepts a broker's certificate that does not name its host. Anybody with a certificate of the same CA can then pose
    /// as the broker.
    #[must_use]
    pub fn without_hostname_check(mut self) -> Self {
        self.hostname_check = false;
        self
    }

    /// Sets any other property of librdkafka. Properties that would break a guarantee, and those that have a method here,
    /// are rejected by the constructors that take the configuration, such as [`Producer::new`](super::Producer::new).
    /// Consumers ignore the properties of producers, and the other way round.
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(key.into(), value.into());
        self
    }

    /// Returns what the messages about faults refer to.
    pub(crate) fn target(&self, topic: &str, role: Role) -> Target {
        Target {
            role,
            servers: self.servers.clone(),
            topic: topic.to_owned(),
            user: self.login.as_ref().map(|login| login.username.clone()),
            ca_file: self.ca_file.as_ref().map(|path| path.display().to_string()),
            tls: !self.plaintext,
        }
    }

    /// Finds out more about a fault, where librdkafka says too little.
    pub(crate) async fn look_into(&self, fault: Fault) -> Fault {
        let Fault::Certificate(Some(broker), None) = fault else {
            return fault;
        };
        let (presented, hostname_check) = (broker.clone(), self.hostname_check);
        let ca_file = self.ca_file.clone();
        let inspect =
            move |_: &_| certificate::inspect(&presented, ca_file.as_deref(), hostname_check);
        let flaw = on_thread(inspect).await;
        Fault::Certificate(Some(broker), flaw.ok().flatten())
    }

    /// Returns whether it connects without TLS.
    pub(crate) fn is_plaintext(&self) -> bool {
        self.plaintext
    }

    fn login(
        mut self,
        mechanism: &'static str,
        username: impl Into<String>,
        password: impl Into<Password>,
    ) -> Self {
        self.login = Some(Login {
            mechanism,
            username: username.into(),
            password: password.into(),
        });
        self
    }
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = self.login.as_ref();
        f.debug_struct("KafkaConfig")
            .field("bootstrap_servers", &self.servers)
            .field("plaintext", &self.plaintext)
            .field("mechanism", &login.map(|login| login.mechanism))
            .field("username", &login.map(|login| &login.username))
            .field("ca_file", &self.ca_file)
            .field("hostname_check", &self.hostname_check)
            // Names only: some values are secret (keys, passphrases), and librdkafka adds more of them.
            .field("properties", &self.properties.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_password_nor_property_values() {
        let config = KafkaConfig::new("b:9096")
            .scram_sha_512("uploader", "hunter2")
            .property("ssl.key.password", "hunter3")
            .property("ssl.key.pem", "hunter4");
        let shown = format!("{config:?} {config:#?}");
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(
            shown.contains("uploader") && shown.contains("ssl.key.pem"),
            "{shown}"
        );
    }
}
