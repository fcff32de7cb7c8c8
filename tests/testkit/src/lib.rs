//! The servers that credswap's example, tests and benches talk to, all in the process.
//!
//! [`Cloud`] is S3, IAM, STS and Secrets Manager over one set of users, keys and secrets: what IAM
//! deactivates, S3 refuses at the next request. Each request's SigV4 signature is recomputed. [`Broker`] is a
//! Kafka broker (librdkafka's mock cluster). Both speak the real protocols to unmodified clients over
//! 127.0.0.1, run on threads of their own, and stop when dropped.
//!
//! ```no_run
//! use credswap_testkit::{Action, Broker, Cloud, KeyStatus, Service};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let cloud = Cloud::start().await;
//! cloud.create_bucket("uploads");
//! cloud.create_user("uploader");
//! let key = cloud.create_access_key("uploader");
//! cloud.create_secret("prod/uploader", &key.to_json());
//! // Clients: cloud.endpoint_url(), cloud.s3_endpoint_url(), cloud.region(), key.credentials().
//!
//! // What goes wrong is scripted, and happens as often as it says.
//! cloud.throttle("secretsmanager:GetSecretValue", 2);
//! cloud.deny("uploader", "kms:Decrypt");
//! cloud.delay_new_keys([Service::S3], 3);
//! cloud.on_call(|call| match call.name().as_str() {
//!     "iam:DeleteAccessKey" => Action::LoseAnswer,
//!     _ => Action::Pass,
//! });
//! cloud.set_key_status(key.id(), KeyStatus::Inactive);
//!
//! // What happened is on record.
//! cloud.called("sts:GetCallerIdentity", 1).await;
//! assert_eq!(cloud.count("s3:PutObject"), 0);
//! assert_eq!(cloud.s3_connections_opened(), 1);
//!
//! let broker = Broker::start("rotations", 1);
//! broker.publish(r#"{"eventDateTime": 1708905600.123, "step": "finishSecret"}"#).await?;
//! # Ok(()) }
//! ```
//!
//! What is not as on AWS: every user may do everything that [`Cloud::deny`] does not forbid, changes are
//! visible at once unless told otherwise, and temporary credentials do not exist.

mod access_key;
mod admin;
mod api;
mod broker;
mod calls;
mod clock;
mod cloud;
mod content;
mod error;
mod faults;
mod gate;
mod http;
mod iam;
mod keys;
mod s3;
mod s3_files;
mod script;
mod secrets;
mod secrets_manager;
mod sigv4;
mod sts;
mod xml;

pub use access_key::{AccessKey, KeyInfo, KeyStatus, User};
pub use broker::{Broker, Delivery};
pub use calls::{Action, Call, CallRecord, Outcome, Service};
pub use cloud::Cloud;
pub use content::SecretContent;
