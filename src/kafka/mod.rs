//! How to reach Kafka: brokers, TLS, login. What reads and writes topics shares it.
//!
//! ```no_run
//! use credswap::kafka::{KafkaConfig, Password};
//!
//! // Amazon MSK: TLS is the default, port 9096 is the one for SASL/SCRAM.
//! let config = KafkaConfig::new("b-1.events.example.kafka.eu-west-1.amazonaws.com:9096")
//!     .scram_sha_512("uploader", Password::file("/run/secrets/msk-password"));
//! ```
//!
//! # What the ACLs must allow
//! | to | on the topic |
//! |---|---|
//! | read ([`trigger::Kafka`](crate::trigger::Kafka)) | `Read` |
//! | write ([`Producer`]) | `Write` |
//!
//! Both include `Describe`, and they are all that is needed, also where the authorizer denies by default
//! (`allow.everyone.if.no.acl.found=false`):
//!
//! ```text
//! kafka-acls.sh --bootstrap-server … --command-config admin.properties \
//!     --add --allow-principal User:uploader --operation Read --topic s3.test.secret.manager
//! ```
//!
//! # No group
//! Every instance must see everything, so the instances must not share a consumer group, and a group per instance
//! would need an ACL on a prefix of groups and leave a trail of dead groups behind. Readers join none and commit
//! nothing: they assign themselves all partitions at explicit offsets.
//!
//! librdkafka asks for the coordinator of its `group.id` (`credswap`) all the same. Where no ACL allows that, the
//! broker refuses once a second, which harms nothing and is not logged here; a broker that logs every denial can
//! be quieted with `Describe` on group `credswap`.
//!
//! # Amazon MSK
//! The SCRAM user is a secret as well: its name must begin with `AmazonMSK_`, it must be encrypted with a
//! customer managed key, hold `{"username": …, "password": …}`, and be associated with the cluster. It may rotate,
//! too: [`Password::file`] and [`Password::from_fn`] are read anew for each new client. MSK's brokers have
//! certificates that the system's CA bundle knows; [`KafkaConfig::ca_file`] is for other clusters.

mod blocking;
mod client_config;
mod config;
mod consumer;
mod consumer_error;
mod context;
mod diagnostics;
mod fault;
mod password;
mod producer;
mod properties;
mod role;
#[cfg(test)]
mod tests;
mod topic;
mod writer;

pub use config::KafkaConfig;
pub(crate) use consumer::{Consumer, Received, Watermarks};
pub(crate) use consumer_error::ConsumerError;
pub(crate) use diagnostics::Target;
pub(crate) use fault::Fault;
pub use password::Password;
pub use producer::{Delivered, Producer};
pub(crate) use role::Role;
pub(crate) use topic::topic_name;
