//! Why a client cannot read or write, in words a person can act on: pure.
//!
//! librdkafka's own texts contain what the broker sent, which is foreign: they choose the words here and go to
//! the debug log, never into the words.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::purpose::Purpose;

/// What the texts speak about. Nothing of it is secret.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) purpose: Purpose,
    pub(crate) servers: String,
    pub(crate) topic: String,
    pub(crate) user: Option<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) tls: bool,
}

/// Why a client cannot do what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No broker answers.
    Unreachable,
    /// A broker's name is not known.
    Resolve,
    /// The connection was closed at the first request, as a TLS port does to a client that speaks plaintext.
    PlainToTls,
    /// TLS failed at the certificate.
    Certificate,
    /// TLS failed otherwise: a plaintext port, a version, a cipher.
    Tls,
    /// The login was refused.
    Login,
    /// The password could not be read; the reader's own words.
    Password(String),
    /// The topic does not exist.
    UnknownTopic,
    /// The topic may not be read or written.
    Denied,
    /// A partition has no leader at present.
    NoLeader(i32),
    /// Connected, but an answer did not come in time.
    Slow,
    /// The position was gone twice in a row.
    Moving,
    /// librdkafka refused to make a client.
    Refused(String),
    /// No thread could be started, or one died.
    Thread,
    /// Any other error code.
    Code(Code),
}

impl Trouble {
    /// What an error of librdkafka and its text mean.
    pub(crate) fn of(code: Code, text: &str) -> Self {
        match code {
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::IllegalSASLState
            | Code::UnsupportedSASLMechanism => Self::Login,
            Code::SSL if text.contains("certificate verify failed") => Self::Certificate,
            Code::SSL => Self::Tls,
            Code::Resolve => Self::Resolve,
            Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::NetworkException
            | Code::BrokerNotAvailable => Self::Unreachable,
            Code::OperationTimedOut | Code::TimedOutQueue | Code::RequestTimedOut => Self::Slow,
            Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::UnknownPartition
            | Code::InvalidTopic => Self::UnknownTopic,
            Code::TopicAuthorizationFailed => Self::Denied,
            code => Self::Code(code),
        }
    }

    /// What an error that a call returned means.
    pub(crate) fn of_call(error: &KafkaError) -> Self {
        match error {
            // The words may quote a property's value.
            KafkaError::ClientConfig(_, _, key, _) => {
                Self::Refused(format!("property `{key}` is not accepted"))
            }
            KafkaError::ClientCreation(words) => Self::Refused(words.clone()),
            error => match error.rdkafka_error_code() {
                Some(code) => Self::of(code, ""),
                None => Self::Code(Code::Fail),
            },
        }
    }

    /// Whether a new client with the password and CA file of that time may fare better than this one.
    pub(crate) fn ends_the_client(&self) -> bool {
        !matches!(
            self,
            Self::Unreachable | Self::Resolve | Self::PlainToTls | Self::Slow | Self::NoLeader(_)
        )
    }

    /// Whether it says more than that nobody answered.
    pub(crate) fn is_specific(&self) -> bool {
        !matches!(self, Self::Unreachable | Self::Slow)
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
                    Purpose::Read => ("read", "Read"),
                    Purpose::Write => ("written", "Write"),
                };
                format!(
                    "topic `{topic}` may not be {done}: grant it with kafka-acls.sh --add --allow-principal \
                     'User:{user}' --operation {operation} --topic '{topic}'"
                )
            }
            Self::NoLeader(partition) => {
                format!("partition {partition} of topic `{topic}` has no leader at present")
            }
            Self::Slow => {
                format!("`{servers}` can be reached but did not answer in time")
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
    use super::*;

    fn target() -> Target {
        Target {
            purpose: Purpose::Read,
            servers: "b-1.msk:9096".into(),
            topic: "s3.test".into(),
            user: Some("uploader".into()),
            ca_file: None,
            tls: true,
        }
    }

    #[test]
    fn each_trouble_names_what_to_change() {
        for (trouble, words) in [
            (Trouble::Unreachable, &["b-1.msk:9096", "9096"][..]),
            (Trouble::Login, &["`uploader`", "AmazonMSK_"]),
            (Trouble::Certificate, &["CA", "names the host"]),
            (Trouble::UnknownTopic, &["s3.test", "does not exist"]),
            (
                Trouble::Denied,
                &["User:uploader", "--operation Read", "--topic 's3.test'"],
            ),
            (Trouble::Password("no file".into()), &["no file"]),
        ] {
            let text = trouble.explain(&target());
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
    }

    #[test]
    fn the_text_of_librdkafka_chooses_the_words_and_is_not_quoted() {
        let trouble = Trouble::of(
            Code::SSL,
            "SSL handshake failed: certificate verify failed: \u{1b}[31m",
        );
        assert_eq!(trouble, Trouble::Certificate);
        assert!(!trouble.explain(&target()).contains("[31m"));
    }

    #[test]
    fn the_value_of_a_property_is_not_quoted() {
        let error = KafkaError::ClientConfig(
            rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
            "hunter2 is bad".into(),
            "ssl.key.password".into(),
            "hunter2".into(),
        );
        let text = Trouble::of_call(&error).explain(&target());
        assert!(
            !text.contains("hunter2") && text.contains("ssl.key.password"),
            "{text}"
        );
    }
}
