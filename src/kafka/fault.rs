//! Why a client cannot read or write, as a pure classification of librdkafka's errors.
//!
//! librdkafka's own messages contain what a broker sent, which is untrusted: they select the fault and go to the debug
//! log, no further.

use std::collections::BTreeMap;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::broker::Broker;
use super::certificate::Flaw;
use crate::error::ErrorKind;

/// Why a client cannot read or write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No broker can be reached, or this one.
    Unreachable(Option<Broker>),
    /// A broker's host name cannot be resolved.
    UnknownHost(Option<Broker>),
    /// The connection was closed at the first request, as a TLS port does to a plaintext client.
    PlaintextToTls,
    /// The TLS handshake failed: the broker's certificate was not accepted.
    Certificate(Option<Broker>, Option<Flaw>),
    /// The broker wants a certificate of the client, or does not accept the one it has.
    ClientCertificate(Option<Broker>),
    /// The TLS handshake failed otherwise: a plaintext port, a version, a cipher.
    Tls(Option<Broker>),
    /// The broker rejected the login.
    Login,
    /// The broker does not offer the login's mechanism.
    Mechanism,
    /// The password could not be read; with the message of whatever reads it.
    Password(String),
    /// The topic does not exist.
    UnknownTopic,
    /// The ACL to read or write the topic is missing.
    AccessDenied,
    /// A record is larger than the client or the topic allows.
    RecordTooLarge,
    /// The partition has no leader at present.
    NoLeader,
    /// These partitions cannot be read; why the first of them.
    Partitions(Vec<i32>, Box<Fault>),
    /// Connected, but a response did not come in time.
    Timeout(Option<Broker>),
    /// A position was lost twice in a row.
    OffsetsUnstable,
    /// librdkafka could not create a client.
    ClientCreation(String),
    /// A thread could not be started, or panicked.
    Thread,
    /// Any other error code.
    Code(Code),
}

impl Fault {
    /// Classifies an error code and librdkafka's message for it.
    pub(crate) fn of(code: Code, message: &str) -> Self {
        let broker = || Broker::named_in(message);
        match code {
            Code::Authentication if message.contains("Unsupported SASL mechanism") => {
                Self::Mechanism
            }
            Code::UnsupportedSASLMechanism => Self::Mechanism,
            Code::Authentication | Code::SaslAuthenticationFailed | Code::IllegalSASLState => {
                Self::Login
            }
            Code::SSL if message.contains("certificate verify failed") => {
                Self::Certificate(broker(), None)
            }
            Code::SSL if wants_client_certificate(message) => Self::ClientCertificate(broker()),
            Code::SSL => Self::Tls(broker()),
            Code::Resolve => Self::UnknownHost(broker()),
            Code::BrokerTransportFailure if wants_client_certificate(message) => {
                Self::ClientCertificate(broker())
            }
            // The handle of a broker that left the cluster is destroyed: it restarts, or was removed.
            Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::NetworkException
            | Code::BrokerNotAvailable
            | Code::BrokerDestroy
            | Code::DestroyBroker => Self::Unreachable(broker()),
            Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::MessageTimedOut
            | Code::QueueFull => Self::Timeout(broker()),
            Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::UnknownPartition
            | Code::InvalidTopic => Self::UnknownTopic,
            // The second is the response to an idempotent producer that may not write any topic.
            Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => Self::AccessDenied,
            Code::MessageSizeTooLarge => Self::RecordTooLarge,
            Code::LeaderNotAvailable | Code::NotLeaderForPartition => Self::NoLeader,
            code => Self::Code(code),
        }
    }

    /// Classifies an error that a call returned.
    pub(crate) fn of_call(error: &KafkaError) -> Self {
        match error {
            // The message may quote a property's value.
            KafkaError::ClientConfig(_, _, key, _) => {
                Self::ClientCreation(format!("property `{key}` is not accepted"))
            }
            KafkaError::ClientCreation(message) => Self::ClientCreation(message.clone()),
            error => match error.rdkafka_error_code() {
                Some(code) => Self::of(code, ""),
                None => Self::Code(Code::Fail),
            },
        }
    }

    /// Returns whether only a new client, with the password and CA file as they are then, may do better than this one.
    pub(crate) fn needs_new_client(&self) -> bool {
        !matches!(
            self,
            Self::Unreachable(_)
                | Self::UnknownHost(_)
                | Self::PlaintextToTls
                | Self::Timeout(_)
                | Self::NoLeader
                | Self::Partitions(..)
                | Self::RecordTooLarge
        )
    }

    /// Returns whether the broker and this client failed to authenticate each other: waiting does not resolve that.
    pub(crate) fn is_authentication_failure(&self) -> bool {
        matches!(
            self,
            Self::Login | Self::Mechanism | Self::Certificate(..) | Self::ClientCertificate(_)
        )
    }

    /// Returns `new`, or `earlier` if that says more about the same problem.
    pub(crate) fn more_specific(earlier: Option<Self>, new: Self) -> Self {
        match earlier {
            Some(earlier) if earlier.says() > new.says() => earlier,
            _ => new,
        }
    }

    /// Returns why partitions cannot be read, if there are any. The first one's reason stands for all.
    pub(crate) fn of_partitions(unreadable: &BTreeMap<i32, Self>) -> Option<Self> {
        let why = unreadable.values().next()?.clone();
        let partitions = unreadable.keys().copied().collect();
        Some(Self::Partitions(partitions, Box::new(why)))
    }

    /// How much it says: least that nobody responded, most a reason, and a name is better than none.
    fn says(&self) -> u8 {
        match self {
            Self::Timeout(None) => 0,
            Self::Unreachable(None) => 1,
            Self::Timeout(Some(_)) => 2,
            Self::Unreachable(Some(_)) => 3,
            _ => 4,
        }
    }

    /// Returns what the caller should do about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Certificate(..)
            | Self::ClientCertificate(_)
            | Self::Mechanism
            | Self::RecordTooLarge
            | Self::ClientCreation(_) => ErrorKind::Config,
            Self::Login => ErrorKind::Unauthenticated,
            Self::UnknownTopic => ErrorKind::NotFound,
            Self::AccessDenied => ErrorKind::PermissionDenied,
            Self::Timeout(_) => ErrorKind::Timeout,
            // An interrupted handshake may be a wrong port, or a broker that starts or stops; a password may be readable
            // later.
            Self::Unreachable(_)
            | Self::UnknownHost(_)
            | Self::PlaintextToTls
            | Self::Tls(_)
            | Self::Password(_)
            | Self::NoLeader
            | Self::Partitions(..)
            | Self::OffsetsUnstable
            | Self::Thread
            | Self::Code(_) => ErrorKind::Unavailable,
        }
    }
}

/// Recognizes the alerts with which a broker ends a handshake that lacks a certificate of the client, and librdkafka's hint.
fn wants_client_certificate(message: &str) -> bool {
    [
        "alert certificate required",
        "alert bad certificate",
        "alert unknown ca",
        "alert certificate expired",
        "alert certificate unknown",
        "client SSL authentication might be required",
    ]
    .iter()
    .any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_selects_the_fault_and_is_not_kept() {
        let fault = Fault::of(
            Code::SSL,
            "SSL handshake failed: certificate verify failed: \u{1b}[31m",
        );
        assert_eq!(fault, Fault::Certificate(None, None));
    }

    #[test]
    fn the_broker_that_a_message_names_is_kept() {
        let down = "ssl://b-2.msk:9094/2: Connect to ipv4#10.0.0.2:9094 failed: Connection refused";
        let Fault::Unreachable(Some(broker)) = Fault::of(Code::BrokerTransportFailure, down) else {
            panic!("unreachable")
        };
        assert_eq!(broker.to_string(), "b-2.msk:9094");
    }

    #[test]
    fn only_faults_that_may_pass_are_retryable() {
        for (fault, retryable) in [
            (Fault::Unreachable(None), true),
            (Fault::Timeout(None), true),
            (Fault::NoLeader, true),
            (Fault::Login, false),
            (Fault::AccessDenied, false),
            (Fault::UnknownTopic, false),
            (Fault::RecordTooLarge, false),
        ] {
            assert_eq!(fault.kind().is_retryable(), retryable, "{fault:?}");
        }
    }

    #[test]
    fn the_more_specific_of_two_faults_is_kept() {
        let timeout = Fault::Timeout(None);
        let unreachable = Fault::Unreachable(None);
        let named = Fault::of(Code::OperationTimedOut, "b:9/1: timed out");
        for (earlier, new, kept) in [
            (None, &timeout, &timeout),
            (Some(&Fault::Login), &timeout, &Fault::Login),
            (Some(&Fault::Login), &Fault::Tls(None), &Fault::Tls(None)),
            (Some(&unreachable), &timeout, &unreachable),
            (Some(&timeout), &unreachable, &unreachable),
            (Some(&named), &unreachable, &named),
            (Some(&timeout), &named, &named),
        ] {
            let kept = kept.clone();
            let (earlier, new) = (earlier.cloned(), new.clone());
            assert_eq!(Fault::more_specific(earlier, new), kept);
        }
    }
}
