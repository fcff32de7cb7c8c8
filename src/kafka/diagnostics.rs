//! Turns faults into messages that name what to change. Pure.

use super::fault::Fault;
use super::role::Role;
use crate::error::Error;

/// What the messages are about. None of it is secret.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) role: Role,
    pub(crate) servers: String,
    pub(crate) topic: String,
    pub(crate) user: Option<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) tls: bool,
}

impl Fault {
    /// Returns the error for the caller.
    pub(crate) fn into_error(self, target: &Target) -> Error {
        Error::new(self.kind(), self.explain(target))
    }

    /// Returns a message that says what to change.
    pub(crate) fn explain(&self, target: &Target) -> String {
        let Target { servers, topic, .. } = target;
        match self {
            Self::Unreachable => format!(
                "no broker of `{servers}` can be reached: check the address, the port (MSK: 9096 for SASL/SCRAM) \
                 and the security group"
            ),
            Self::UnknownHost => {
                format!("a broker's host name cannot be resolved: check `{servers}` and the DNS")
            }
            Self::PlaintextToTls => format!(
                "`{servers}` closed the connection at the first request: if it is a TLS port, remove \
                 `KafkaConfig::plaintext`"
            ),
            Self::Certificate => {
                let ca = match &target.ca_file {
                    Some(ca_file) => format!("CA file `{ca_file}`"),
                    None => "one of the system's CA certificates (no CA file is set)".to_owned(),
                };
                format!(
                    "the broker's certificate was not accepted: check that it is signed by {ca}, has not expired, and \
                     names the host in `{servers}`"
                )
            }
            Self::Tls => format!(
                "the TLS handshake with `{servers}` failed: check that the port is a TLS port (MSK: 9096 for \
                 SASL/SCRAM, 9094 for TLS)"
            ),
            Self::Login => format!(
                "the broker rejected the login of user `{}`: check user name, password and mechanism (MSK: the user's \
                 secret must be named AmazonMSK_*, be encrypted with a customer managed key and be associated with \
                 the cluster)",
                target.user.as_deref().unwrap_or("(none)")
            ),
            Self::Password(message) => format!("the password could not be read: {message}"),
            Self::UnknownTopic => {
                format!("topic `{topic}` does not exist: create it, or check its name")
            }
            Self::AccessDenied => {
                let (verb, operation) = match target.role {
                    Role::Consumer => ("read", "Read"),
                    Role::Producer => ("write", "Write"),
                };
                format!(
                    "no permission to {verb} topic `{topic}`: grant it with kafka-acls.sh --add --allow-principal \
                     'User:{}' --operation {operation} --topic '{topic}'",
                    target.principal()
                )
            }
            Self::RecordTooLarge => format!(
                "a record is too large for topic `{topic}`: raise max.message.bytes of the topic, or message.max.bytes \
                 of the client"
            ),
            Self::NoLeader(partition) => format!(
                "partition {partition} of topic `{topic}` has no leader at present: check that all brokers are up"
            ),
            Self::Timeout => format!(
                "`{servers}` did not respond in time: check for overloaded brokers, and for a network that drops packets"
            ),
            Self::OffsetsUnstable => format!(
                "the offsets of topic `{topic}` keep changing during the read: check whether it is being recreated, and \
                 its retention"
            ),
            Self::ClientCreation(message) => {
                format!("the Kafka client could not be created: {message}")
            }
            Self::Thread => {
                "a thread for the Kafka client could not be started, or panicked".to_owned()
            }
            Self::Code(code) => format!("Kafka error on topic `{topic}`: {code}"),
        }
    }
}

impl Target {
    /// Returns the name to grant an ACL to.
    fn principal(&self) -> &str {
        match &self.user {
            Some(user) => user,
            None if self.tls => "<the client certificate's name>",
            None => "ANONYMOUS",
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::KafkaError;

    use super::*;

    fn target(role: Role) -> Target {
        Target {
            role,
            servers: "b-1.msk:9096".into(),
            topic: "s3.test".into(),
            user: Some("uploader".into()),
            ca_file: None,
            tls: true,
        }
    }

    #[test]
    fn each_message_names_what_to_change() {
        for (fault, expected) in [
            (Fault::Unreachable, &["b-1.msk:9096", "9096"][..]),
            (Fault::PlaintextToTls, &["KafkaConfig::plaintext"]),
            (Fault::Login, &["`uploader`", "AmazonMSK_"]),
            (Fault::Certificate, &["CA", "names the host"]),
            (Fault::UnknownTopic, &["s3.test", "does not exist"]),
            (
                Fault::AccessDenied,
                &["User:uploader", "--operation Read", "--topic 's3.test'"],
            ),
            (Fault::Password("no file".into()), &["no file"]),
            (Fault::RecordTooLarge, &["s3.test", "max.message.bytes"]),
        ] {
            let text = fault.explain(&target(Role::Consumer));
            assert!(expected.iter().all(|part| text.contains(part)), "{text}");
        }
    }

    #[test]
    fn a_property_is_named_and_its_value_is_not() {
        let error = KafkaError::ClientConfig(
            rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
            "hunter2 is bad".into(),
            "ssl.key.password".into(),
            "hunter2".into(),
        );
        let text = Fault::of_call(&error).explain(&target(Role::Consumer));
        assert!(
            !text.contains("hunter2") && text.contains("ssl.key.password"),
            "{text}"
        );
    }

    #[test]
    fn a_producer_needs_another_acl() {
        let text = Fault::AccessDenied.explain(&target(Role::Producer));
        assert!(
            text.contains("--operation Write") && text.contains("to write"),
            "{text}"
        );
    }
}
