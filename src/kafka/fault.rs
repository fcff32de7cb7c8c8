//! Why a client cannot read or write: pure.
//!
//! librdkafka's own texts contain what the broker sent, which is foreign: they choose the fault and go to the
//! debug log, no further.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::ErrorKind;

/// Why a client cannot do what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
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
    /// A record is larger than the client or the topic allows.
    TooLarge,
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

impl Fault {
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
            Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::MessageTimedOut
            | Code::QueueFull => Self::Slow,
            Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::UnknownPartition
            | Code::InvalidTopic => Self::UnknownTopic,
            // The second is what an idempotent producer is told that may write no topic at all.
            Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => Self::Denied,
            Code::MessageSizeTooLarge => Self::TooLarge,
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
            Self::Unreachable
                | Self::Resolve
                | Self::PlainToTls
                | Self::Slow
                | Self::NoLeader(_)
                | Self::TooLarge
        )
    }

    /// Whether the broker and this client do not come together, however long one waits.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Login | Self::Certificate)
    }

    /// Whether it says more than that nobody answered.
    pub(crate) fn is_specific(&self) -> bool {
        !matches!(self, Self::Unreachable | Self::Slow)
    }

    /// What the caller should do about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Certificate | Self::TooLarge | Self::Refused(_) => ErrorKind::Config,
            Self::Login => ErrorKind::Unauthenticated,
            Self::UnknownTopic => ErrorKind::NotFound,
            Self::Denied => ErrorKind::PermissionDenied,
            Self::Slow => ErrorKind::Timeout,
            // A handshake that breaks off may be a wrong port, or a broker that stops or starts; a password may be
            // there later.
            Self::Unreachable
            | Self::Resolve
            | Self::PlainToTls
            | Self::Tls
            | Self::Password(_)
            | Self::NoLeader(_)
            | Self::Moving
            | Self::Thread
            | Self::Code(_) => ErrorKind::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_librdkafka_chooses_the_words_and_is_not_quoted() {
        let fault = Fault::of(
            Code::SSL,
            "SSL handshake failed: certificate verify failed: \u{1b}[31m",
        );
        assert_eq!(fault, Fault::Certificate);
    }

    #[test]
    fn only_what_may_pass_by_itself_is_retryable() {
        for fault in [Fault::Unreachable, Fault::Slow, Fault::NoLeader(0)] {
            assert!(fault.kind().is_retryable(), "{fault:?}");
        }
        for fault in [
            Fault::Login,
            Fault::Denied,
            Fault::UnknownTopic,
            Fault::TooLarge,
        ] {
            assert!(!fault.kind().is_retryable(), "{fault:?}");
        }
    }
}
