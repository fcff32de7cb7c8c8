//! How to reach Kafka: brokers, TLS, login. Everything that reads or writes topics uses it.
//!
//! ```no_run
//! use credswap::kafka::{KafkaConfig, Password};
//!
//! // Amazon MSK: TLS is the default, port 9096 is the one for SASL/SCRAM.
//! let config = KafkaConfig::new("b-1.events.example.kafka.eu-west-1.amazonaws.com:9096")
//!     .scram_sha_512("uploader", Password::file("/run/secrets/msk-password"));
//! ```
//!
//! # ACLs
//! | to | on the topic |
//! |---|---|
//! | read (`trigger::Kafka`) | `Read` |
//! | write ([`Producer`]) | `Write` |
//! | read usage reports (`fleet::FleetTopic`) | `Read` and `Write` |
//!
//! Both include `Describe`, and they are all that is needed, also where the authorizer denies by default
//! (`allow.everyone.if.no.acl.found=false`). Only brokers before Kafka 2.8 also require `IdempotentWrite` on the cluster of those
//! who write.
//!
//! ```text
//! kafka-acls.sh --bootstrap-server … --command-config admin.properties \
//!     --add --allow-principal User:uploader --operation Read --topic s3.test.secret.manager
//! ```
//!
//! # No consumer group
//! Every instance must receive every event, so the instances must not share a consumer group. A group per instance would
//! need an ACL on a prefix of group names and would leave dead groups behind. Consumers therefore join no group and commit
//! nothing: they assign themselves all partitions at explicit offsets.
//!
//! librdkafka looks up the coordinator of its `group.id` (`credswap`) all the same. Where no ACL allows that, the broker
//! denies it once a second, which does no harm and is not logged here. If the broker logs every denial, grant `Describe`
//! on group `credswap`.
//!
//! # Amazon MSK
//! The SCRAM user is a secret as well: its name must begin with `AmazonMSK_`, it must be encrypted with a customer managed
//! key, hold `{"username": …, "password": …}`, and be associated with the cluster. It may rotate, too: [`Password::file`]
//! and [`Password::from_fn`] are read anew for each new client. The system's CA bundle contains the CA of MSK's brokers;
//! [`KafkaConfig::ca_file`] is for other clusters.
//!
//! A file that holds the whole secret will do for [`Password::file`]. IAM access control (OAUTHBEARER, port 9098) is not
//! supported yet: use SASL/SCRAM.
//!
//! # Compression
//! Records that others wrote may be compressed with gzip, snappy, lz4 or zstd.
//!
//! # IPv6
//! librdkafka compares an address in brackets (`[::1]:9096`) with a certificate as it is written, and no certificate has
//! brackets: give bootstrap servers host names.
// The trigger and the reader of usage reports share the consumer; neither is there without its feature.
#![cfg_attr(not(feature = "refresh"), allow(dead_code, unused_imports))]

mod blocking;
mod broker;
mod certificate;
mod client_config;
mod config;
mod consumer;
mod consumer_error;
mod context;
mod delivered;
mod diagnostics;
mod fault;
mod password;
mod producer;
mod properties;
mod role;
mod survey;
#[cfg(test)]
mod tests;
mod topic;
mod writer;

pub use config::KafkaConfig;
pub(crate) use consumer::{Consumer, Received};
pub(crate) use consumer_error::ConsumerError;
pub(crate) use context::Notice;
pub use delivered::Delivered;
pub(crate) use diagnostics::Target;
pub(crate) use fault::Fault;
pub use password::Password;
pub use producer::Producer;
pub(crate) use role::Role;
pub(crate) use survey::{Survey, Watermarks};
pub(crate) use topic::topic_name;
