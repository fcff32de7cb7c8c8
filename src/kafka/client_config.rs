//! Translates the configuration for librdkafka, and rejects what is wrong without a connection.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use secrecy::ExposeSecret;

use super::config::KafkaConfig;
use super::context::{self, Context};
use super::fault::Fault;
use super::properties;
use super::role::Role;
use crate::error::{Error, ErrorKind};

impl KafkaConfig {
    /// Checks what can be checked without a connection.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self
            .servers
            .split(',')
            .any(|server| server.trim().is_empty())
        {
            return Err(invalid(
                "bootstrap servers are empty or have an empty entry",
            ));
        }
        for (key, value) in &self.properties {
            if properties::is_iam(key, value) {
                return Err(invalid(
                    "MSK IAM (OAUTHBEARER) is not supported yet: use SASL/SCRAM, on MSK at port 9096 \
                     (`KafkaConfig::scram_sha_512`)",
                ));
            }
            if let Some(instead) = properties::reserved(key) {
                return Err(invalid(format!(
                    "Kafka property `{key}` cannot be set: {instead}"
                )));
            }
        }
        if let Some(login) = &self.login {
            if login.username.is_empty() {
                return Err(invalid("the Kafka user name is empty"));
            }
            if self.plaintext && login.mechanism == "PLAIN" {
                return Err(invalid(
                    "SASL/PLAIN without TLS would send the password in clear text: remove `KafkaConfig::plaintext`",
                ));
            }
        }
        if let Some(ca_file) = &self.ca_file {
            std::fs::File::open(ca_file).map_err(|error| {
                invalid(format!("CA file `{}` cannot be read", ca_file.display()))
                    .with_source(error)
            })?;
        }
        match self.without_password(Role::Consumer).create_native_config() {
            Ok(_) => Ok(()),
            // librdkafka's message quotes the value, which may be secret.
            Err(KafkaError::ClientConfig(_, _, key, _)) => Err(invalid(format!(
                "Kafka property `{key}` does not exist in librdkafka, or its value is not valid"
            ))),
            Err(_) => Err(invalid("a Kafka property contains a NUL byte")),
        }
    }

    /// Returns all properties, with the password as it is now. Blocks as long as reading the password does.
    pub(crate) fn to_client_config(&self, role: Role) -> Result<ClientConfig, Fault> {
        let mut config = self.without_password(role);
        if let Some(login) = &self.login {
            let password = login
                .password
                .read(&login.username)
                .map_err(Fault::Password)?;
            config.set("sasl.password", password.expose_secret());
        }
        Ok(config)
    }

    /// Returns what receives the callbacks of a client.
    pub(super) fn context(&self) -> Context {
        Context::new(self.properties.contains_key("debug"))
    }

    fn without_password(&self, role: Role) -> ClientConfig {
        let mut config = ClientConfig::new();
        // Otherwise the `log` crate's level would apply. Tracing decides what is kept; without the property `debug` there
        // are few lines.
        config.set_log_level(RDKafkaLogLevel::Debug);
        for (key, value) in properties::defaults(role) {
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
        for (key, value) in properties::fixed(role) {
            config.set(key, value);
        }
        if role == Role::Consumer {
            let own = self
                .properties
                .get("debug")
                .map_or(String::new(), |own| format!("{own},"));
            config.set("debug", own + context::DEBUG);
        }
        config
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_error(config: KafkaConfig) -> String {
        let error = config.check().expect_err("invalid");
        assert_eq!(error.kind(), ErrorKind::Config);
        error.report()
    }

    #[test]
    fn msk_uses_tls_scram_and_a_host_name_check() {
        let config = KafkaConfig::new("b-1:9096,b-2:9096").scram_sha_512("u", "p");
        config.check().expect("valid");
        let client = config.to_client_config(Role::Consumer).expect("a password");
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
    fn reserved_properties_are_rejected_with_the_reason() {
        let text = config_error(KafkaConfig::new("b:1").property("enable.auto.commit", "true"));
        assert!(
            text.contains("enable.auto.commit") && text.contains("every instance"),
            "{text}"
        );
    }

    #[test]
    fn msk_iam_is_said_to_be_unsupported() {
        for (key, value) in [
            ("sasl.mechanism", "OAUTHBEARER"),
            ("sasl.mechanisms", "oauthbearer"),
            ("sasl.mechanism", "AWS_MSK_IAM"),
            ("sasl.oauthbearer.config", "x"),
            (
                "sasl.jaas.config",
                "software.amazon.msk.auth.iam.IAMLoginModule required;",
            ),
            (
                "sasl.client.callback.handler.class",
                "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
            ),
        ] {
            let text = config_error(KafkaConfig::new("b:9098").property(key, value));
            assert!(text.contains("MSK IAM") && text.contains("SCRAM"), "{text}");
        }
    }

    #[test]
    fn invalid_values_are_rejected_without_quoting_them() {
        let text = config_error(KafkaConfig::new("b:1").property("fetch.wait.max.ms", "hunter2"));
        assert!(
            text.contains("fetch.wait.max.ms") && !text.contains("hunter2"),
            "{text}"
        );
        let text = config_error(KafkaConfig::new("b:1").property("no.such.property", "hunter2"));
        assert!(
            text.contains("no.such.property") && !text.contains("hunter2"),
            "{text}"
        );
        config_error(KafkaConfig::new("b:1").property("client.rack", "a\0b"));
    }

    #[test]
    fn empty_servers_and_users_and_missing_ca_files_are_errors() {
        for servers in ["", " ", "a:1,,b:2", "a:1,"] {
            config_error(KafkaConfig::new(servers));
        }
        config_error(KafkaConfig::new("b:1").scram_sha_512("", "p"));
        config_error(KafkaConfig::new("b:1").plaintext().sasl_plain("u", "p"));
        let text = config_error(KafkaConfig::new("b:1").ca_file("/no/such/ca.pem"));
        assert!(text.contains("/no/such/ca.pem"), "{text}");
    }

    #[test]
    fn other_properties_override_the_defaults() {
        let config = KafkaConfig::new("b:1")
            .plaintext()
            .property("client.rack", "euw1-az1")
            .property("fetch.wait.max.ms", "50");
        config.check().expect("valid");
        let client = config
            .to_client_config(Role::Consumer)
            .expect("no password needed");
        assert_eq!(client.get("client.rack"), Some("euw1-az1"));
        assert_eq!(client.get("fetch.wait.max.ms"), Some("50"));
        assert_eq!(client.get("security.protocol"), Some("plaintext"));
    }
}
