//! Looks when the rotation function publishes its event to a Kafka topic.
//!
//! ```no_run
//! use credswap::trigger::{Kafka, kafka::{KafkaConfig, Password}};
//!
//! # fn main() -> Result<(), credswap::Error> {
//! // Amazon MSK: TLS is the default, port 9096 is the one for SASL/SCRAM.
//! let config = KafkaConfig::new("b-1.events.example.kafka.eu-west-1.amazonaws.com:9096")
//!     .scram_sha_512("uploader", Password::file("/run/secrets/msk-password"));
//! let trigger = Kafka::new(config, "s3.test.secret.manager")?
//!     .for_secret("prod/uploader");
//! # Ok(()) }
//! ```
//!
//! # The event
//! `{"eventDateTime": 1708905600.123, "step": "finishSecret"}` as JSON. The time may be a number, a text or
//! absent; the steps may be spelt `createSecret` or `create_secret`; only `finishSecret` means look. Unknown
//! fields are skipped. An event may name its secret (`secretId`: name or ARN), and [`Kafka::for_secret`] ignores
//! the events that name another. Messages that are no event are counted, logged once a minute without their
//! content, and skipped. Metric: `credswap_events_total{outcome="accepted"|"ignored"|"malformed"}`.
//!
//! # No group, and what the ACLs must allow
//! Every instance must see every event, so the instances must not share a consumer group, and a group per
//! instance would need an ACL on a prefix of groups and leave a trail of dead groups behind. This trigger joins
//! none and commits nothing: it assigns itself all partitions at explicit offsets. All it needs is `Read` on the
//! topic (which includes `Describe`), also where the authorizer denies by default:
//!
//! ```text
//! kafka-acls.sh --bootstrap-server … --command-config admin.properties \
//!     --add --allow-principal User:uploader --operation Read --topic s3.test.secret.manager
//! ```
//!
//! librdkafka asks for the coordinator of its `group.id` (`credswap`) all the same. Where no ACL allows that, the
//! broker refuses once a second, which harms nothing and is not logged here; a broker that logs every denial can
//! be quieted with `Describe` on group `credswap`.
//!
//! # What is promised
//! - No event is lost between the reloader's first read and the subscription: the offsets are fixed first, then
//!   reading is proven on every partition, then [`Reason::CatchUp`](super::Reason::CatchUp) asks for a look.
//! - No event is lost while the brokers are away: positions are kept over lost connections and new clients, and
//!   the events published meanwhile are read. Positions that are gone (retention, a topic made anew) become the
//!   end of the partition, and a look.
//! - Added partitions are noticed ([`Kafka::refresh_every`]) and read from their beginning.
//! - The trigger never ends and never panics because of a broker or a message. After trouble it makes a new
//!   client, which reads password and CA file anew: MSK's own SCRAM password may rotate, too.
//!
//! # Amazon MSK
//! The SCRAM user is a secret as well: its name must begin with `AmazonMSK_`, it must be encrypted with a
//! customer managed key, hold `{"username": …, "password": …}`, and be associated with the cluster. MSK's brokers
//! have certificates that the system's CA bundle knows; [`KafkaConfig::ca_file`] is for other clusters. Clusters
//! where `allow.everyone.if.no.acl.found` is `false` need the ACL above.
//!
//! # What the health says
//! | [`Health::Deaf`](super::Health::Deaf) with | means |
//! |---|---|
//! | no broker … can be reached | address, port, security group; the brokers are down |
//! | a broker's host name is unknown | a wrong name, or no DNS from here |
//! | … is this a TLS port … | [`KafkaConfig::plaintext`] against a TLS port |
//! | the TLS handshake … failed | a plaintext port, or no common TLS version |
//! | the broker's certificate was not accepted | CA file, host name, or expired |
//! | the login … was refused | user, password, mechanism; on MSK see above |
//! | the password could not be read | the file or closure of [`Password`] failed |
//! | topic … does not exist | it is never created from here |
//! | topic … may not be read | the ACL above is missing; the text has the command |
//! | partition … has no leader | brokers are missing; comes back with them |
//! | … did not answer in time | overloaded or hanging brokers ([`Kafka::answer_within`]) |

mod client;
mod config;
mod context;
mod event;
mod heard;
mod inbox;
mod listener;
mod named;
mod password;
mod positions;
mod properties;
mod session;
mod sparse;
#[cfg(test)]
mod tests;
mod trouble;

pub use config::KafkaConfig;
pub use listener::Kafka;
pub use password::Password;
