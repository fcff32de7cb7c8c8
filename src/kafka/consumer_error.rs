//! What an error that a consumer received means for its reader. Pure.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::fault::Fault;

/// What was received, if the client can go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ConsumerError {
    /// The partition responds: a message was received, or its end reached.
    Progress(i32),
    /// Nothing that matters.
    Irrelevant,
    /// A message that librdkafka cannot decode (a compression it was built without): its content is lost.
    Undecodable,
    /// A connection failed; others may be up.
    ConnectionLost(Fault),
    /// No connection is up.
    AllBrokersDown,
    /// A position no longer exists.
    OffsetLost,
}

impl ConsumerError {
    /// Classifies an error and librdkafka's message for it. `Err` ends the client.
    pub(crate) fn of(error: &KafkaError, message: &str) -> Result<Self, Fault> {
        if let KafkaError::PartitionEOF(partition) = error {
            return Ok(Self::Progress(*partition));
        }
        let Some(code) = error.rdkafka_error_code() else {
            return Err(Fault::of_call(error));
        };
        // The message may quote a broker: it is escaped, and logged at debug only.
        tracing::debug!(target: "credswap::kafka", %code, ?message, "error of librdkafka");
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Err(Fault::of(code, message));
        }
        match code {
            // The group is never joined, so access to its coordinator may be denied (no ACL on the group).
            Code::GroupAuthorizationFailed
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator => Ok(Self::Irrelevant),
            Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => {
                Ok(Self::OffsetLost)
            }
            Code::AllBrokersDown => Ok(Self::AllBrokersDown),
            Code::BadCompression | Code::BadMessage | Code::NotImplemented => Ok(Self::Undecodable),
            code => match Fault::of(code, message) {
                fault @ Fault::Code(_) => Ok(Self::ConnectionLost(fault)),
                fault if fault.needs_new_client() => Err(fault),
                fault => Ok(Self::ConnectionLost(fault)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_classified_by_what_resolves_them() {
        for (code, expected) in [
            (
                Code::GroupAuthorizationFailed,
                Ok(ConsumerError::Irrelevant),
            ),
            (
                Code::BrokerTransportFailure,
                Ok(ConsumerError::ConnectionLost(Fault::Unreachable)),
            ),
            (
                Code::KafkaStorageError,
                Ok(ConsumerError::ConnectionLost(Fault::Code(
                    Code::KafkaStorageError,
                ))),
            ),
            (Code::AllBrokersDown, Ok(ConsumerError::AllBrokersDown)),
            (Code::AutoOffsetReset, Ok(ConsumerError::OffsetLost)),
            (Code::BadCompression, Ok(ConsumerError::Undecodable)),
            (Code::Authentication, Err(Fault::Login)),
            (Code::TopicAuthorizationFailed, Err(Fault::AccessDenied)),
            (Code::UnknownTopicOrPartition, Err(Fault::UnknownTopic)),
        ] {
            let error = KafkaError::MessageConsumption(code);
            assert_eq!(ConsumerError::of(&error, ""), expected, "{code}");
        }
    }

    #[test]
    fn the_end_of_a_partition_is_progress() {
        assert_eq!(
            ConsumerError::of(&KafkaError::PartitionEOF(3), ""),
            Ok(ConsumerError::Progress(3))
        );
    }

    #[test]
    fn a_fatal_error_ends_the_client() {
        let fatal = KafkaError::MessageConsumptionFatal(Code::Fatal);
        assert!(ConsumerError::of(&fatal, "").is_err());
    }
}
