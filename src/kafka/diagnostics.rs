//! Troubles in words a person can act on: pure.

use super::fault::Fault;
use super::role::Role;
use crate::error::Error;

/// What the texts speak about. Nothing of it is secret.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) purpose: Role,
    pub(crate) servers: String,
    pub(crate) topic: String,
    pub(crate) user: Option<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) tls: bool,
}

impl Fault {
    /// The error that a caller gets.
    pub(crate) fn into_error(self, target: &Target) -> Error {
        Error::new(self.kind(), self.explain(target))
    }

    /// What a person could change.
    pub(crate) fn explain(&self, target: &Target) -> String {
        let Target {
            purpose,
            servers,
            topic,
            user,
            ca_file,
            tls,
        } = target;
        let user = user.as_deref();
        match self {
            Self::Unreachable => format!(
                "no broker of `{servers}` can be reached: check the address, the port (MSK: 9096 for SASL/SCRAM) \
                 and the security group"
            ),
            Self::Resolve => {
                format!("a broker's host name is unknown: check `{servers}` and the DNS")
            }
            Self::PlainToTls => format!(
                "the connection to `{servers}` was closed at the first request: is this a TLS port, and the \
                 client set to plaintext?"
            ),
            Self::Certificate => {
                let ca = match ca_file {
                    Some(ca_file) => format!("CA file `{ca_file}`"),
                    None => "the system's CA certificates (no CA file is set)".to_owned(),
                };
                format!(
                    "the broker's certificate was not accepted: check that {ca} signed it, that it has not \
                     expired, and that it names the host in `{servers}`"
                )
            }
            Self::Tls => format!(
                "the TLS handshake with `{servers}` failed: check that the port speaks TLS (MSK: 9096 for \
                 SASL/SCRAM, 9094 for TLS)"
            ),
            Self::Login => format!(
                "the login of user `{}` was refused: check user name, password and mechanism (MSK: the user's \
                 secret must be named AmazonMSK_*, be encrypted with a customer managed key and be associated with \
                 the cluster)",
                user.unwrap_or("(none)")
            ),
            Self::Password(words) => format!("the password could not be read: {words}"),
            Self::UnknownTopic => {
                format!("topic `{topic}` does not exist: create it, or check its name")
            }
            Self::Denied => {
                let user = user.unwrap_or(if *tls {
                    "<the client certificate's name>"
                } else {
                    "ANONYMOUS"
                });
                let (done, operation) = match purpose {
                    Role::Read => ("read", "Read"),
                    Role::Write => ("written", "Write"),
                };
                format!(
                    "topic `{topic}` may not be {done}: grant it with kafka-acls.sh --add --allow-principal \
                     'User:{user}' --operation {operation} --topic '{topic}'"
                )
            }
            Self::TooLarge => format!(
                "a record is too large for topic `{topic}`: see max.message.bytes of the topic and message.max.bytes \
                 of the client"
            ),
            Self::NoLeader(partition) => {
                format!("partition {partition} of topic `{topic}` has no leader at present")
            }
            Self::Slow => {
                format!(
                    "`{servers}` did not answer in time: brokers that hang, or a network that drops packets"
                )
            }
            Self::Moving => {
                format!("the offsets of topic `{topic}` keep changing under the reader")
            }
            Self::Refused(words) => format!("the Kafka client cannot be made: {words}"),
            Self::Thread => {
                "a thread for the Kafka client could not be started, or died".to_owned()
            }
            Self::Code(code) => format!("Kafka error on topic `{topic}`: {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::KafkaError;

    use super::*;

    fn target() -> Target {
        Target {
            purpose: Role::Read,
            servers: "b-1.msk:9096".into(),
            topic: "s3.test".into(),
            user: Some("uploader".into()),
            ca_file: None,
            tls: true,
        }
    }

    #[test]
    fn each_trouble_names_what_to_change() {
        for (fault, words) in [
            (Fault::Unreachable, &["b-1.msk:9096", "9096"][..]),
            (Fault::Login, &["`uploader`", "AmazonMSK_"]),
            (Fault::Certificate, &["CA", "names the host"]),
            (Fault::UnknownTopic, &["s3.test", "does not exist"]),
            (
                Fault::Denied,
                &["User:uploader", "--operation Read", "--topic 's3.test'"],
            ),
            (Fault::Password("no file".into()), &["no file"]),
            (Fault::TooLarge, &["s3.test", "max.message.bytes"]),
        ] {
            let text = fault.explain(&target());
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
    }

    #[test]
    fn the_value_of_a_property_is_not_quoted() {
        let error = KafkaError::ClientConfig(
            rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
            "hunter2 is bad".into(),
            "ssl.key.password".into(),
            "hunter2".into(),
        );
        let text = Fault::of_call(&error).explain(&target());
        assert!(
            !text.contains("hunter2") && text.contains("ssl.key.password"),
            "{text}"
        );
    }

    #[test]
    fn a_writer_is_told_of_another_acl() {
        let target = Target {
            purpose: Role::Write,
            ..target()
        };
        let text = Fault::Denied.explain(&target);
        assert!(
            text.contains("--operation Write") && text.contains("written"),
            "{text}"
        );
    }
}
