//! The properties of librdkafka that this trigger sets, and those that it does not let others set.

/// Set before the caller's own properties, which may change them.
pub(super) const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "credswap"),
    // librdkafka wants one to assign partitions. Nothing joins it, nothing is committed to it.
    ("group.id", "credswap"),
    // An event waits for nothing on its way.
    ("fetch.min.bytes", "1"),
    ("socket.nagle.disable", "true"),
    ("socket.keepalive.enable", "true"),
    // A broker that hangs is noticed after 10 seconds, not after a minute.
    ("socket.timeout.ms", "10000"),
    ("socket.connection.setup.timeout.ms", "10000"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "2000"),
    ("fetch.error.backoff.ms", "250"),
    // Events are small and few: a flood must not fill the memory.
    ("fetch.message.max.bytes", "131072"),
    ("queued.max.messages.kbytes", "2048"),
];

/// What "no event is lost" and "every instance sees every event" rest on.
pub(super) const FIXED: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("enable.partition.eof", "true"),
    ("allow.auto.create.topics", "false"),
];

/// Properties that have a method of their own, or that would break the guarantees, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("bootstrap.servers", "give it to KafkaConfig::new"),
    ("metadata.broker.list", "give it to KafkaConfig::new"),
    (
        "security.protocol",
        "TLS is the default; see KafkaConfig::plaintext",
    ),
    (
        "sasl.username",
        "see KafkaConfig::scram_sha_512 and the other logins",
    ),
    (
        "sasl.password",
        "see KafkaConfig::scram_sha_512 and the other logins",
    ),
    (
        "sasl.mechanism",
        "see KafkaConfig::scram_sha_512 and the other logins",
    ),
    (
        "sasl.mechanisms",
        "see KafkaConfig::scram_sha_512 and the other logins",
    ),
    ("group.instance.id", NO_GROUP),
    ("group.protocol", NO_GROUP),
    ("group.remote.assignor", NO_GROUP),
    ("partition.assignment.strategy", NO_GROUP),
    ("auto.commit.enable", NO_GROUP),
    ("auto.commit.interval.ms", NO_GROUP),
    ("enable.auto.commit", NO_GROUP),
    ("enable.auto.offset.store", NO_GROUP),
    (
        "auto.offset.reset",
        "lost positions are found by the trigger itself",
    ),
    (
        "enable.partition.eof",
        "the trigger needs it to know that it listens",
    ),
    (
        "allow.auto.create.topics",
        "a misspelt topic must not come into being",
    ),
];

const NO_GROUP: &str =
    "the trigger joins no group and commits nothing, so that every instance sees every event";

/// Why a property cannot be set by the caller, if it cannot: what to do instead.
pub(super) fn refused(key: &str) -> Option<&'static str> {
    REFUSED
        .iter()
        .find_map(|(refused, instead)| (*refused == key).then_some(*instead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fixed_cannot_be_set_and_what_is_a_default_can() {
        for (key, _) in FIXED {
            assert!(refused(key).is_some(), "{key}");
        }
        for (key, _) in DEFAULTS {
            assert!(refused(key).is_none(), "{key}");
        }
    }
}
