//! Why a client cannot read or write, as a pure classification of librdkafka's errors.
//!
//! librdkafka's own messages contain what a broker sent, which is untrusted: they select the fault and go to the debug
//! log, no further.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::ErrorKind;

/// Why a client cannot read or write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No broker responds.
    Unreachable,
    /// A broker's host name cannot be resolved.
    UnknownHost,
    /// The connection was closed at the first request, as a TLS port does to a plaintext client.
    PlaintextToTls,
    /// The TLS handshake failed: the broker's certificate was not accepted.
    Certificate,
    /// The TLS handshake failed otherwise: a plaintext port, a version, a cipher.
    Tls,
    /// The broker rejected the login.
    Login,
    /// The password could not be read; with the message of whatever reads it.
    Password(String),
    /// The topic does not exist.
    UnknownTopic,
    /// The ACL to read or write the topic is missing.
    AccessDenied,
    /// A record is larger than the client or the topic allows.
    RecordTooLarge,
    /// A partition has no leader at present.
    NoLeader(i32),
    /// Connected, but a response did not come in time.
    Timeout,
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
        match code {
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::IllegalSASLState
            | Code::UnsupportedSASLMechanism => Self::Login,
            Code::SSL if message.contains("certificate verify failed") => Self::Certificate,
            Code::SSL => Self::Tls,
            Code::Resolve => Self::UnknownHost,
            Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::NetworkException
            | Code::BrokerNotAvailable => Self::Unreachable,
            Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::MessageTimedOut
            | Code::QueueFull => Self::Timeout,
            Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::UnknownPartition
            | Code::InvalidTopic => Self::UnknownTopic,
            // The second is the response to an idempotent producer that may not write any topic.
            Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => Self::AccessDenied,
            Code::MessageSizeTooLarge => Self::RecordTooLarge,
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
            Self::Unreachable
                | Self::UnknownHost
                | Self::PlaintextToTls
                | Self::Timeout
                | Self::NoLeader(_)
                | Self::RecordTooLarge
        )
    }

    /// Returns whether the broker and this client failed to authenticate each other: waiting does not resolve that.
    pub(crate) fn is_authentication_failure(&self) -> bool {
        matches!(self, Self::Login | Self::Certificate)
    }

    /// Returns `new`, or `earlier` if that says more about the same problem.
    pub(crate) fn more_specific(earlier: Option<Self>, new: Self) -> Self {
        match earlier {
            Some(earlier) if earlier.is_specific() && !new.is_specific() => earlier,
            Some(Self::Unreachable) if new == Self::Timeout => Self::Unreachable,
            _ => new,
        }
    }

    /// Returns whether it says more than that nobody responded.
    pub(crate) fn is_specific(&self) -> bool {
        !matches!(self, Self::Unreachable | Self::Timeout)
    }

    /// Returns what the caller should do about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Certificate | Self::RecordTooLarge | Self::ClientCreation(_) => ErrorKind::Config,
            Self::Login => ErrorKind::Unauthenticated,
            Self::UnknownTopic => ErrorKind::NotFound,
            Self::AccessDenied => ErrorKind::PermissionDenied,
            Self::Timeout => ErrorKind::Timeout,
            // An interrupted handshake may be a wrong port, or a broker that starts or stops; a password may be readable
            // later.
            Self::Unreachable
            | Self::UnknownHost
            | Self::PlaintextToTls
            | Self::Tls
            | Self::Password(_)
            | Self::NoLeader(_)
            | Self::OffsetsUnstable
            | Self::Thread
            | Self::Code(_) => ErrorKind::Unavailable,
        }
    }
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
        assert_eq!(fault, Fault::Certificate);
    }

    #[test]
    fn only_faults_that_may_pass_are_retryable() {
        for (fault, retryable) in [
            (Fault::Unreachable, true),
            (Fault::Timeout, true),
            (Fault::NoLeader(0), true),
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
        for (earlier, new, kept) in [
            (None, Fault::Timeout, Fault::Timeout),
            (Some(Fault::Login), Fault::Timeout, Fault::Login),
            (Some(Fault::Login), Fault::Tls, Fault::Tls),
            (Some(Fault::Unreachable), Fault::Timeout, Fault::Unreachable),
            (Some(Fault::Timeout), Fault::Unreachable, Fault::Unreachable),
        ] {
            assert_eq!(Fault::more_specific(earlier, new), kept);
        }
    }
}
