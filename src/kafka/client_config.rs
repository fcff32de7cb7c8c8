//! The configuration in librdkafka's words, and what is refused before a broker is asked.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use secrecy::ExposeSecret;

use super::config::KafkaConfig;
use super::fault::Fault;
use super::properties;
use super::role::Role;
use crate::error::{Error, ErrorKind};

impl KafkaConfig {
    /// Finds what can be found without a broker.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self
            .servers
            .split(',')
            .any(|server| server.trim().is_empty())
        {
            return Err(refuse("bootstrap servers are empty or have an empty entry"));
        }
        for key in self.properties.keys() {
            if let Some(instead) = properties::refused(key) {
                return Err(refuse(format!(
                    "Kafka property `{key}` cannot be set: {instead}"
                )));
            }
        }
        if let Some(login) = &self.login {
            if login.username.is_empty() {
                return Err(refuse("the Kafka user name is empty"));
            }
            if self.plaintext && login.mechanism == "PLAIN" {
                return Err(refuse(
                    "SASL/PLAIN without TLS would show the password to the network",
                ));
            }
        }
        if let Some(ca_file) = &self.ca_file {
            std::fs::File::open(ca_file).map_err(|error| {
                refuse(format!("CA file `{}` cannot be read", ca_file.display())).with_source(error)
            })?;
        }
        match self.without_password(Role::Read).create_native_config() {
            Ok(_) => Ok(()),
            // librdkafka's words quote the value, which may be secret.
            Err(KafkaError::ClientConfig(_, _, key, _)) => Err(refuse(format!(
                "Kafka property `{key}` does not exist in librdkafka, or its value is not valid"
            ))),
            Err(_) => Err(refuse("a Kafka property contains a NUL byte")),
        }
    }

    /// All properties, with the password read now. Blocks as long as the password's reader does.
    pub(crate) fn to_client_config(&self, purpose: Role) -> Result<ClientConfig, Fault> {
        let mut config = self.without_password(purpose);
        if let Some(login) = &self.login {
            let password = login.password.read().map_err(Fault::Password)?;
            config.set("sasl.password", password.expose_secret());
        }
        Ok(config)
    }

    fn without_password(&self, purpose: Role) -> ClientConfig {
        let mut config = ClientConfig::new();
        // Otherwise the `log` crate's level would count. What to keep is decided by tracing; without the property
        // `debug` there is little.
        config.set_log_level(RDKafkaLogLevel::Debug);
        for (key, value) in properties::defaults(purpose) {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.servers);
        config.set(
            "security.protocol",
            match (self.plaintext, &self.login) {
                (false, Some(_)) => "sasl_ssl",
                (false, None) => "ssl",
                (true, Some(_)) => "sasl_plaintext",
                (true, None) => "plaintext",
            },
        );
        if let Some(login) = &self.login {
            config.set("sasl.mechanisms", login.mechanism);
            config.set("sasl.username", &login.username);
        }
        if let Some(ca_file) = &self.ca_file {
            config.set("ssl.ca.location", ca_file.to_string_lossy());
        }
        config.set(
            "ssl.endpoint.identification.algorithm",
            if self.hostname_check { "https" } else { "none" },
        );
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        for (key, value) in properties::fixed(purpose) {
            config.set(key, value);
        }
        config
    }
}

fn refuse(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(config: KafkaConfig) -> String {
        let error = config.check().expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Config);
        error.report()
    }

    #[test]
    fn msk_is_tls_with_scram_and_the_host_name_checked() {
        let config = KafkaConfig::new("b-1:9096,b-2:9096").scram_sha_512("u", "p");
        config.check().expect("fine");
        let client = config.to_client_config(Role::Read).expect("a password");
        for (key, value) in [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanisms", "SCRAM-SHA-512"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
            ("ssl.endpoint.identification.algorithm", "https"),
            ("enable.auto.commit", "false"),
        ] {
            assert_eq!(client.get(key), Some(value), "{key}");
        }
    }

    #[test]
    fn a_property_that_would_break_a_guarantee_is_refused_and_says_why() {
        let text = refusal(KafkaConfig::new("b:1").property("enable.auto.commit", "true"));
        assert!(
            text.contains("enable.auto.commit") && text.contains("every instance"),
            "{text}"
        );
    }

    #[test]
    fn bad_values_are_refused_without_being_quoted() {
        let text = refusal(KafkaConfig::new("b:1").property("fetch.wait.max.ms", "hunter2"));
        assert!(
            text.contains("fetch.wait.max.ms") && !text.contains("hunter2"),
            "{text}"
        );
        let text = refusal(KafkaConfig::new("b:1").property("no.such.property", "hunter2"));
        assert!(
            text.contains("no.such.property") && !text.contains("hunter2"),
            "{text}"
        );
        refusal(KafkaConfig::new("b:1").property("client.rack", "a\0b"));
    }

    #[test]
    fn empty_servers_users_and_missing_ca_files_are_refused() {
        for servers in ["", " ", "a:1,,b:2", "a:1,"] {
            refusal(KafkaConfig::new(servers));
        }
        refusal(KafkaConfig::new("b:1").scram_sha_512("", "p"));
        refusal(KafkaConfig::new("b:1").plaintext().sasl_plain("u", "p"));
        let text = refusal(KafkaConfig::new("b:1").ca_file("/no/such/ca.pem"));
        assert!(text.contains("/no/such/ca.pem"), "{text}");
    }

    #[test]
    fn other_properties_reach_librdkafka_and_win_over_the_defaults() {
        let config = KafkaConfig::new("b:1")
            .plaintext()
            .property("client.rack", "euw1-az1")
            .property("fetch.wait.max.ms", "50");
        config.check().expect("fine");
        let client = config
            .to_client_config(Role::Read)
            .expect("no password needed");
        assert_eq!(client.get("client.rack"), Some("euw1-az1"));
        assert_eq!(client.get("fetch.wait.max.ms"), Some("50"));
        assert_eq!(client.get("security.protocol"), Some("plaintext"));
    }
}
