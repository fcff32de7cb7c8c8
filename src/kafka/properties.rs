//! The properties of librdkafka that this crate sets, and those that a user cannot set.

use super::role::Role;

/// Set before the user's own properties, which may change them.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "credswap"),
    // Small records must not wait to be sent.
    ("socket.nagle.disable", "true"),
    ("socket.keepalive.enable", "true"),
    // A broker that hangs is noticed after 10 seconds, not after a minute.
    ("socket.timeout.ms", "10000"),
    ("socket.connection.setup.timeout.ms", "10000"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "2000"),
];

/// Set after the user's own properties.
const FIXED: &[(&str, &str)] = &[("allow.auto.create.topics", "false")];

const CONSUMER_DEFAULTS: &[(&str, &str)] = &[
    // librdkafka requires one to assign partitions. Nothing joins it, nothing is committed to it.
    ("group.id", "credswap"),
    ("fetch.min.bytes", "1"),
    ("fetch.error.backoff.ms", "250"),
    // Records are small and few: a flood must not fill the memory.
    ("fetch.message.max.bytes", "131072"),
    ("queued.max.messages.kbytes", "2048"),
    // With the default, a second, whoever reads a whole topic would wait a second for every two megabytes.
    ("fetch.queue.backoff.ms", "5"),
];

/// "No event is lost" and "every instance sees every event" depend on these.
const CONSUMER_FIXED: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("enable.partition.eof", "true"),
    // An event behind an open transaction must not wait for it; one that is aborted costs a fetch.
    ("isolation.level", "read_uncommitted"),
    // Otherwise librdkafka stops at a corrupt batch without a word.
    ("check.crcs", "true"),
];

const PRODUCER_DEFAULTS: &[(&str, &str)] = &[
    ("linger.ms", "0"),
    // A missing topic is reported before a write's timeout; a new one has this long to become known.
    ("topic.metadata.propagation.max.ms", "3000"),
];

/// "A delivered record is on all in-sync replicas, exactly once" depends on these.
const PRODUCER_FIXED: &[(&str, &str)] = &[("acks", "all"), ("enable.idempotence", "true")];

/// Properties that have a method of their own or would break a guarantee, and what to do instead.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "pass it to KafkaConfig::new"),
    ("metadata.broker.list", "pass it to KafkaConfig::new"),
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
        "a lost position is detected without it",
    ),
    (
        "enable.partition.eof",
        "it proves that a partition can be read",
    ),
    (
        "isolation.level",
        "records of open transactions are read at once",
    ),
    ("check.crcs", "a corrupt batch is detected by it"),
    (
        "allow.auto.create.topics",
        "a misspelt topic must not be created",
    ),
    ("acks", EVERY_REPLICA),
    ("request.required.acks", EVERY_REPLICA),
    ("enable.idempotence", EVERY_REPLICA),
    ("transactional.id", "nothing is written in transactions"),
    ("message.timeout.ms", "set Producer::timeout"),
    ("delivery.timeout.ms", "set Producer::timeout"),
];

const NO_GROUP: &str =
    "no group is joined and nothing is committed, so that every instance sees every event";
const EVERY_REPLICA: &str =
    "a record counts as delivered when all in-sync replicas have it, exactly once";

/// Returns what is set before the user's own properties, which may change it.
pub(crate) fn defaults(role: Role) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = match role {
        Role::Consumer => CONSUMER_DEFAULTS,
        Role::Producer => PRODUCER_DEFAULTS,
    };
    DEFAULTS.iter().chain(own).copied()
}

/// Returns what is set after the user's own properties.
pub(crate) fn fixed(role: Role) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = match role {
        Role::Consumer => CONSUMER_FIXED,
        Role::Producer => PRODUCER_FIXED,
    };
    FIXED.iter().chain(own).copied()
}

/// Returns what to do instead of setting this property, if a user cannot set it.
pub(crate) fn reserved(key: &str) -> Option<&'static str> {
    RESERVED
        .iter()
        .find_map(|(reserved, instead)| (*reserved == key).then_some(*instead))
}

/// Returns whether a property belongs to a login with IAM, in librdkafka's words or in those of the Java client.
pub(crate) fn is_iam(key: &str, value: &str) -> bool {
    let mechanism = matches!(key, "sasl.mechanism" | "sasl.mechanisms")
        && ["OAUTHBEARER", "AWS_MSK_IAM"]
            .iter()
            .any(|iam| value.trim().eq_ignore_ascii_case(iam));
    mechanism || key.starts_with("sasl.oauthbearer.") || value.contains("msk.auth.iam")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_properties_are_reserved_and_defaults_are_not() {
        for role in [Role::Consumer, Role::Producer] {
            for (key, _) in fixed(role) {
                assert!(reserved(key).is_some(), "{key}");
            }
            for (key, _) in defaults(role) {
                assert!(reserved(key).is_none(), "{key}");
            }
        }
    }
}
