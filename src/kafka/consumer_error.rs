//! What an error that a consumer received means for its reader: pure.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::fault::Fault;

/// What was received, if it does not end the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ConsumerError {
    /// This partition answers: a message, or its end.
    Progress(i32),
    /// Nothing of interest.
    Nothing,
    /// A message that librdkafka cannot unpack (a compression it was built without): what it said is lost.
    Undecodable,
    /// A connection failed; others may stand.
    ConnectionLost(Fault),
    /// No connection stands.
    AllBrokersDown,
    /// A position is no longer there.
    OffsetLost,
}

impl ConsumerError {
    /// What an error and librdkafka's words for it mean. `Err` ends the client.
    pub(crate) fn of(error: &KafkaError, words: &str) -> Result<Self, Fault> {
        if let KafkaError::PartitionEOF(partition) = error {
            return Ok(Self::Progress(*partition));
        }
        let Some(code) = error.rdkafka_error_code() else {
            return Err(Fault::of_call(error));
        };
        // The words may quote a broker, so they are escaped, and only for those who ask.
        tracing::debug!(target: "credswap::kafka", %code, ?words, "librdkafka reports");
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Err(Fault::of(code, words));
        }
        match code {
            // The group is never joined, so its coordinator may be refused (no ACL on the group).
            Code::GroupAuthorizationFailed
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator => Ok(Self::Nothing),
            Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => {
                Ok(Self::OffsetLost)
            }
            Code::AllBrokersDown => Ok(Self::AllBrokersDown),
            Code::BadCompression | Code::BadMessage | Code::NotImplemented => Ok(Self::Undecodable),
            code => match Fault::of(code, words) {
                fault @ Fault::Code(_) => Ok(Self::ConnectionLost(fault)),
                fault if fault.ends_the_client() => Err(fault),
                fault => Ok(Self::ConnectionLost(fault)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: Code) -> Result<ConsumerError, Fault> {
        ConsumerError::of(&KafkaError::MessageConsumption(code), "")
    }

    #[test]
    fn the_end_of_a_partition_proves_that_it_can_be_read() {
        assert_eq!(
            ConsumerError::of(&KafkaError::PartitionEOF(3), ""),
            Ok(ConsumerError::Progress(3))
        );
    }

    #[test]
    fn a_refused_group_means_nothing() {
        assert_eq!(
            of(Code::GroupAuthorizationFailed),
            Ok(ConsumerError::Nothing)
        );
    }

    #[test]
    fn what_waiting_may_mend_is_doubt_and_what_a_new_client_may_mend_ends_the_client() {
        assert_eq!(
            of(Code::BrokerTransportFailure),
            Ok(ConsumerError::ConnectionLost(Fault::Unreachable))
        );
        assert_eq!(of(Code::AllBrokersDown), Ok(ConsumerError::AllBrokersDown));
        assert_eq!(of(Code::Authentication), Err(Fault::Login));
        assert_eq!(of(Code::TopicAuthorizationFailed), Err(Fault::Denied));
        assert_eq!(of(Code::UnknownTopicOrPartition), Err(Fault::UnknownTopic));
        assert!(matches!(
            of(Code::KafkaStorageError),
            Ok(ConsumerError::ConnectionLost(_))
        ));
        let fatal = KafkaError::MessageConsumptionFatal(Code::Fatal);
        assert!(ConsumerError::of(&fatal, "").is_err());
    }

    #[test]
    fn a_lost_position_is_a_gap_and_an_unreadable_message_is_garbled() {
        assert_eq!(of(Code::AutoOffsetReset), Ok(ConsumerError::OffsetLost));
        assert_eq!(of(Code::BadCompression), Ok(ConsumerError::Undecodable));
    }
}
