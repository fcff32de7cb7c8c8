//! The properties of librdkafka that are set here, and those that are not let others set.

use super::role::Role;

/// Set before the caller's own properties, which may change them.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "credswap"),
    // Nothing waits on its way.
    ("socket.nagle.disable", "true"),
    ("socket.keepalive.enable", "true"),
    // A broker that hangs is noticed after 10 seconds, not after a minute.
    ("socket.timeout.ms", "10000"),
    ("socket.connection.setup.timeout.ms", "10000"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "2000"),
];

/// Set after the caller's own properties.
const FIXED: &[(&str, &str)] = &[("allow.auto.create.topics", "false")];

const READ_DEFAULTS: &[(&str, &str)] = &[
    // librdkafka wants one to assign partitions. Nothing joins it, nothing is committed to it.
    ("group.id", "credswap"),
    ("fetch.min.bytes", "1"),
    ("fetch.error.backoff.ms", "250"),
    // Records are small and few: a flood must not fill the memory.
    ("fetch.message.max.bytes", "131072"),
    ("queued.max.messages.kbytes", "2048"),
];

/// What "nothing is lost" and "every instance sees everything" rest on.
const READ_FIXED: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("enable.partition.eof", "true"),
];

const WRITE_DEFAULTS: &[(&str, &str)] = &[
    ("linger.ms", "0"),
    // A topic that does not exist is told before a write's bound; one just made has this long to be known.
    ("topic.metadata.propagation.max.ms", "3000"),
];

/// A record that is said to be delivered is there, and once.
const WRITE_FIXED: &[(&str, &str)] = &[("acks", "all"), ("enable.idempotence", "true")];

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
    ("auto.offset.reset", "lost positions are found without it"),
    (
        "enable.partition.eof",
        "it proves that a partition can be read",
    ),
    (
        "allow.auto.create.topics",
        "a misspelt topic must not come into being",
    ),
    ("acks", EVERY_REPLICA),
    ("request.required.acks", EVERY_REPLICA),
    ("enable.idempotence", EVERY_REPLICA),
    ("transactional.id", "nothing is written in transactions"),
    ("message.timeout.ms", "a write has its own bound"),
    ("delivery.timeout.ms", "a write has its own bound"),
];

const NO_GROUP: &str =
    "no group is joined and nothing is committed, so that every instance sees every event";
const EVERY_REPLICA: &str =
    "a record counts as delivered when all replicas in sync have it, and is there once";

/// Set before the caller's own properties, which may change them.
pub(crate) fn defaults(purpose: Role) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = match purpose {
        Role::Read => READ_DEFAULTS,
        Role::Write => WRITE_DEFAULTS,
    };
    DEFAULTS.iter().chain(own).copied()
}

/// Set after the caller's own properties.
pub(crate) fn fixed(purpose: Role) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = match purpose {
        Role::Read => READ_FIXED,
        Role::Write => WRITE_FIXED,
    };
    FIXED.iter().chain(own).copied()
}

/// Why a property cannot be set by the caller, if it cannot: what to do instead.
pub(crate) fn refused(key: &str) -> Option<&'static str> {
    REFUSED
        .iter()
        .find_map(|(refused, instead)| (*refused == key).then_some(*instead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fixed_cannot_be_set_and_what_is_a_default_can() {
        for purpose in [Role::Read, Role::Write] {
            for (key, _) in fixed(purpose) {
                assert!(refused(key).is_some(), "{key}");
            }
            for (key, _) in defaults(purpose) {
                assert!(refused(key).is_none(), "{key}");
            }
        }
    }
}
