//! What an error that a consumer received means for its reader: pure.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::trouble::Trouble;

/// What was received, if it does not end the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// This partition answers: a message, or its end.
    From(i32),
    /// Nothing of interest.
    Nothing,
    /// A message that librdkafka cannot unpack (a compression it was built without): what it said is lost.
    Garbled,
    /// A connection failed; others may stand.
    Doubt(Trouble),
    /// No connection stands.
    Down,
    /// A position is no longer there.
    Gap,
}

impl Heard {
    /// What an error and librdkafka's words for it mean. `Err` ends the client.
    pub(crate) fn of(error: &KafkaError, words: &str) -> Result<Self, Trouble> {
        if let KafkaError::PartitionEOF(partition) = error {
            return Ok(Self::From(*partition));
        }
        let Some(code) = error.rdkafka_error_code() else {
            return Err(Trouble::of_call(error));
        };
        // The words may quote a broker, so they are escaped, and only for those who ask.
        tracing::debug!(target: "credswap::kafka", %code, ?words, "librdkafka reports");
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Err(Trouble::of(code, words));
        }
        match code {
            // The group is never joined, so its coordinator may be refused (no ACL on the group).
            Code::GroupAuthorizationFailed
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator => Ok(Self::Nothing),
            Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => Ok(Self::Gap),
            Code::AllBrokersDown => Ok(Self::Down),
            Code::BadCompression | Code::BadMessage | Code::NotImplemented => Ok(Self::Garbled),
            code => match Trouble::of(code, words) {
                trouble @ Trouble::Code(_) => Ok(Self::Doubt(trouble)),
                trouble if trouble.ends_the_client() => Err(trouble),
                trouble => Ok(Self::Doubt(trouble)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: Code) -> Result<Heard, Trouble> {
        Heard::of(&KafkaError::MessageConsumption(code), "")
    }

    #[test]
    fn the_end_of_a_partition_proves_that_it_can_be_read() {
        assert_eq!(
            Heard::of(&KafkaError::PartitionEOF(3), ""),
            Ok(Heard::From(3))
        );
    }

    #[test]
    fn a_refused_group_means_nothing() {
        assert_eq!(of(Code::GroupAuthorizationFailed), Ok(Heard::Nothing));
    }

    #[test]
    fn what_waiting_may_mend_is_doubt_and_what_a_new_client_may_mend_ends_the_client() {
        assert_eq!(
            of(Code::BrokerTransportFailure),
            Ok(Heard::Doubt(Trouble::Unreachable))
        );
        assert_eq!(of(Code::AllBrokersDown), Ok(Heard::Down));
        assert_eq!(of(Code::Authentication), Err(Trouble::Login));
        assert_eq!(of(Code::TopicAuthorizationFailed), Err(Trouble::Denied));
        assert_eq!(
            of(Code::UnknownTopicOrPartition),
            Err(Trouble::UnknownTopic)
        );
        assert!(matches!(of(Code::KafkaStorageError), Ok(Heard::Doubt(_))));
        let fatal = KafkaError::MessageConsumptionFatal(Code::Fatal);
        assert!(Heard::of(&fatal, "").is_err());
    }

    #[test]
    fn a_lost_position_is_a_gap_and_an_unreadable_message_is_garbled() {
        assert_eq!(of(Code::AutoOffsetReset), Ok(Heard::Gap));
        assert_eq!(of(Code::BadCompression), Ok(Heard::Garbled));
    }
}
