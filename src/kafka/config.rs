//! How to reach the brokers, as a user says it: addresses, TLS, login, and any other property of librdkafka.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::diagnostics::Target;
use super::password::Password;
use super::role::Role;

/// How to reach the brokers.
///
/// TLS with the host name checked is the default. See [the module](super) for an example.
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
    /// Brokers as `host:port,host:port`; on MSK what `get-bootstrap-brokers` calls
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

    /// Logs in with SASL/PLAIN, which shows the password to the broker: over TLS only.
    #[must_use]
    pub fn sasl_plain(self, username: impl Into<String>, password: impl Into<Password>) -> Self {
        self.login("PLAIN", username, password)
    }

    /// Talks without TLS, for local work.
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

    /// Whether the broker's certificate must name its host; on by default.
    #[must_use]
    pub fn hostname_check(mut self, on: bool) -> Self {
        self.hostname_check = on;
        self
    }

    /// Sets any other property of librdkafka. Those that would break a guarantee, and those that have a method
    /// here, are refused by what takes the configuration, [`trigger::Kafka::new`](crate::trigger::Kafka::new)
    /// for one. A reader ignores what only writers know, and the other way round.
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(key.into(), value.into());
        self
    }

    /// What the texts about fault speak about.
    pub(crate) fn target(&self, topic: &str, purpose: Role) -> Target {
        Target {
            purpose,
            servers: self.servers.clone(),
            topic: topic.to_owned(),
            user: self.login.as_ref().map(|login| login.username.clone()),
            ca_file: self.ca_file.as_ref().map(|path| path.display().to_string()),
            tls: !self.plaintext,
        }
    }

    /// Whether there is no TLS.
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
