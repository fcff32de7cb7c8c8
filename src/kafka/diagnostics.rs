//! Turns faults into messages that name what to change. Pure.

use super::broker::Broker;
use super::certificate::Flaw;
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
            Self::Unreachable(None) => format!(
                "no broker of `{servers}` can be reached: check the address, the port (MSK: 9096 for SASL/SCRAM) \
                 and the security group"
            ),
            Self::Unreachable(Some(broker)) if broker.is_one_of(servers) => format!(
                "broker `{broker}` cannot be reached: check that it is up, its port (MSK: 9096 for SASL/SCRAM) and the \
                 security group"
            ),
            Self::Unreachable(Some(broker)) => format!(
                "broker `{broker}` cannot be reached; the cluster `{servers}` advertises this address: check that it is \
                 up, that this machine can reach the address, and advertised.listeners of the cluster"
            ),
            Self::UnknownHost(broker) => format!(
                "the host name of {} cannot be resolved: check the name and the DNS{}",
                target.name(broker.as_ref()),
                match broker {
                    Some(broker) if !broker.is_one_of(servers) =>
                        format!("; the cluster `{servers}` advertises it (advertised.listeners)"),
                    _ => String::new(),
                }
            ),
            Self::PlaintextToTls => format!(
                "`{servers}` closed the connection at the first request: if it is a TLS port, remove \
                 `KafkaConfig::plaintext`"
            ),
            Self::Certificate(broker, flaw) => target.certificate(broker.as_ref(), *flaw),
            Self::ClientCertificate(broker) => format!(
                "{} wants a certificate of the client, or does not accept the one it has: set ssl.certificate.location \
                 and ssl.key.location with `KafkaConfig::property` (MSK: port 9096 for SASL/SCRAM needs none, 9094 may)",
                target.name(broker.as_ref())
            ),
            Self::Tls(broker) => format!(
                "the TLS handshake with {} failed: check that the port is a TLS port (MSK: 9096 for SASL/SCRAM, 9094 \
                 for TLS)",
                target.name(broker.as_ref())
            ),
            Self::Login => format!(
                "the broker rejected the login of user `{}`: check user name, password and mechanism (MSK: the user's \
                 secret must be named AmazonMSK_*, be encrypted with a customer managed key and be associated with \
                 the cluster)",
                target.user.as_deref().unwrap_or("(none)")
            ),
            Self::Mechanism => format!(
                "`{servers}` does not offer this login's mechanism: check the port and the mechanism (MSK: SASL/SCRAM-SHA-512 \
                 at port 9096; 9098 is for MSK IAM, which is not supported yet)"
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
            Self::NoLeader => {
                "no broker leads it at present: check that all brokers are up (no leader)"
                    .to_owned()
            }
            Self::Partitions(partitions, why) => {
                let partitions = list(partitions);
                format!(
                    "{partitions} of topic `{topic}` cannot be read: {}",
                    why.explain(target)
                )
            }
            Self::Timeout(broker) => format!(
                "{} did not respond in time: check for overloaded brokers, and for a network that drops packets",
                target.name(broker.as_ref())
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
    /// Returns the broker's address, or those of all.
    fn name(&self, broker: Option<&Broker>) -> String {
        match broker {
            Some(broker) => format!("broker `{broker}`"),
            None => format!("`{}`", self.servers),
        }
    }

    fn certificate(&self, broker: Option<&Broker>, flaw: Option<Flaw>) -> String {
        let ca = match &self.ca_file {
            Some(ca_file) => format!("CA file `{ca_file}`"),
            None => "one of the system's CA certificates (no CA file is set)".to_owned(),
        };
        let brackets = broker.is_some_and(Broker::is_bracketed);
        let why = match flaw {
            Some(Flaw::Expired) => "it has expired: renew it".to_owned(),
            Some(Flaw::NotYetValid) => "it is not valid yet: check the clocks".to_owned(),
            Some(Flaw::HostName) => "it does not name this host: connect to a name that is in it (advertised.listeners for \
                                     the addresses that the cluster advertises)"
                .to_owned(),
            Some(Flaw::UnknownCa) if brackets => format!(
                "librdkafka cannot compare an address in brackets with a certificate: use a host name. If it is one, it is \
                 not signed by {ca}"
            ),
            Some(Flaw::UnknownCa) => format!("it is not signed by {ca}"),
            None => format!("check that it is signed by {ca}, has not expired, and names this host"),
        };
        format!(
            "the certificate of {} was not accepted: {why}",
            self.name(broker)
        )
    }

    /// Returns the name to grant an ACL to.
    fn principal(&self) -> &str {
        match &self.user {
            Some(user) => user,
            None if self.tls => "<the client certificate's name>",
            None => "ANONYMOUS",
        }
    }
}

/// Returns up to three partitions, and how many more there are.
fn list(partitions: &[i32]) -> String {
    let named: Vec<_> = partitions.iter().take(3).map(i32::to_string).collect();
    let named = named.join(", ");
    match partitions.len() {
        0 | 1 => format!("partition {named}"),
        2 | 3 => format!("partitions {named}"),
        more => format!("partitions {named} and {} more", more - 3),
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
            (Fault::Unreachable(None), &["b-1.msk:9096", "9096"][..]),
            (
                Fault::Unreachable(Broker::named_in("ssl://b-1.msk:9096/1: x")),
                &["broker `b-1.msk:9096`"],
            ),
            (
                Fault::Unreachable(Broker::named_in("ssl://b-2.internal:9/2: x")),
                &["`b-2.internal:9`", "advertise"],
            ),
            (
                Fault::Partitions(vec![0, 2, 4, 6], Box::new(Fault::NoLeader)),
                &["partitions 0, 2, 4 and 1 more", "s3.test", "no leader"],
            ),
            (Fault::PlaintextToTls, &["KafkaConfig::plaintext"]),
            (Fault::Login, &["`uploader`", "AmazonMSK_"]),
            (Fault::Certificate(None, None), &["CA", "names this host"]),
            (
                Fault::Certificate(None, Some(Flaw::Expired)),
                &["b-1.msk:9096", "expired"],
            ),
            (
                Fault::Certificate(None, Some(Flaw::HostName)),
                &["does not name this host"],
            ),
            (
                Fault::Certificate(None, Some(Flaw::UnknownCa)),
                &["not signed by"],
            ),
            (
                Fault::Certificate(
                    Broker::named_in("ssl://[::1]:9096/bootstrap: x"),
                    Some(Flaw::UnknownCa),
                ),
                &["brackets", "host name"],
            ),
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
