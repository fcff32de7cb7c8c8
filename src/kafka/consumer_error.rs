//! What an error that a consumer received means for its reader. Pure.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::fault::Fault;

/// What was received, if the client can go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ConsumerError {
    /// The partition responds: a message was received, or its end reached.
    Progress {
        partition: i32,
        /// The offset to read next, unless the error does not say it.
        next: Option<i64>,
    },
    /// Nothing that matters.
    Irrelevant,
    /// A batch that librdkafka cannot decode (an unknown compression, a wrong checksum) or fetch: it does not go on to the
    /// next one by itself.
    Undecodable {
        /// The batch's first offset, unless the error does not say it. The partition is not known.
        offset: Option<i64>,
    },
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
            return Ok(Self::Progress {
                partition: *partition,
                next: offset_in(message),
            });
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
            Code::BadCompression
            | Code::BadMessage
            | Code::NotImplemented
            | Code::CriticalSystemResource
            | Code::MessageSizeTooLarge => Ok(Self::Undecodable {
                offset: offset_in(message),
            }),
            code => match Fault::of(code, message) {
                fault @ Fault::Code(_) => Ok(Self::ConnectionLost(fault)),
                fault if fault.needs_new_client() => Err(fault),
                fault => Ok(Self::ConnectionLost(fault)),
            },
        }
    }
}

/// Finds the offset that a message of librdkafka names: `… at offset 7 …`, `Decompression (…) of message at 7 of …`.
fn offset_in(message: &str) -> Option<i64> {
    let (_, rest) = ["at offset ", "message at "]
        .iter()
        .find_map(|before| message.split_once(before))?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
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
                Ok(ConsumerError::ConnectionLost(Fault::Unreachable(None))),
            ),
            (
                Code::KafkaStorageError,
                Ok(ConsumerError::ConnectionLost(Fault::Code(
                    Code::KafkaStorageError,
                ))),
            ),
            (Code::AllBrokersDown, Ok(ConsumerError::AllBrokersDown)),
            (Code::AutoOffsetReset, Ok(ConsumerError::OffsetLost)),
            (
                Code::BadCompression,
                Ok(ConsumerError::Undecodable { offset: None }),
            ),
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
        let end = "Fetch from broker 1 reached end of partition at offset 17 (HighwaterMark 17)";
        for (message, next) in [(end, Some(17)), ("", None)] {
            assert_eq!(
                ConsumerError::of(&KafkaError::PartitionEOF(3), message),
                Ok(ConsumerError::Progress { partition: 3, next })
            );
        }
    }

    #[test]
    fn a_batch_that_cannot_be_read_is_named_by_its_offset() {
        for (code, message, offset) in [
            (
                Code::BadCompression,
                "Decompression (codec 0x4) of message at 12 of 99 bytes failed: Local: Bad",
                Some(12),
            ),
            (
                Code::BadMessage,
                "MessageSet at offset 5 (80 bytes) failed CRC32C check (original 0x1 != calculated 0x2)",
                Some(5),
            ),
            (
                Code::NotImplemented,
                "Unsupported Message(Set) MagicByte 3 at offset 8",
                Some(8),
            ),
            (Code::BadMessage, "at offset forged", None),
        ] {
            assert_eq!(
                ConsumerError::of(&KafkaError::MessageConsumption(code), message),
                Ok(ConsumerError::Undecodable { offset }),
                "{message}"
            );
        }
    }

    #[test]
    fn a_fatal_error_ends_the_client() {
        let fatal = KafkaError::MessageConsumptionFatal(Code::Fatal);
        assert!(ConsumerError::of(&fatal, "").is_err());
    }
}
