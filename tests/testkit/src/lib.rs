//! Servers in the process for credswap's examples, tests and benches: AWS services and a Kafka broker.
//!
//! [`Cloud`] is S3, IAM, STS and Secrets Manager over one set of users, keys and secrets: a key that is deactivated in IAM
//! is rejected by S3 from the next request on. The SigV4 signature of every request is verified. [`Broker`] is a Kafka
//! broker (librdkafka's mock cluster). Both speak the real protocols to unmodified clients over 127.0.0.1, run on their own
//! threads, and stop when they are dropped. [`Vault`] mints keys of the cloud's users. [`Postgres`] is a
//! database that knows nothing but who may log in.
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
//! // Faults are injected, and occur as often as asked.
//! cloud.throttle("secretsmanager:GetSecretValue", 2);
//! cloud.deny("uploader", "kms:Decrypt");
//! cloud.delay_new_keys([Service::S3], 3);
//! cloud.on_call(|call| match call.name().as_str() {
//!     "iam:DeleteAccessKey" => Action::LoseAnswer,
//!     _ => Action::Pass,
//! });
//! cloud.set_key_status(key.id(), KeyStatus::Inactive);
//!
//! // Calls are recorded.
//! cloud.called("sts:GetCallerIdentity", 1).await;
//! assert_eq!(cloud.count("s3:PutObject"), 0);
//! assert_eq!(cloud.s3_connections_opened(), 1);
//!
//! let broker = Broker::start("rotations", 1);
//! broker.publish(r#"{"eventDateTime": 1708905600.123, "step": "finishSecret"}"#).await?;
//! # Ok(()) }
//! ```
//!
//! Differences from AWS: every user may do everything that [`Cloud::deny`] does not forbid, changes are visible at once
//! unless a delay is configured, and temporary credentials do not exist.

mod access_key;
mod admin;
mod api;
mod broker;
mod calls;
mod clock;
mod cloud;
mod content;
mod dispatch;
mod error;
mod faults;
mod http;
mod iam;
mod keys;
mod postgres;
mod record_batch;
mod s3;
mod s3_files;
mod scheduled_faults;
mod secrets;
mod secrets_manager;
mod sigv4;
mod sts;
mod vault;
mod xml;

pub use access_key::{AccessKey, KeyInfo, KeyStatus, User};
pub use broker::{Broker, Delivery};
pub use calls::{Action, Call, CallRecord, Outcome, Service};
pub use cloud::Cloud;
pub use content::SecretContent;
pub use postgres::{Postgres, PostgresState};
pub use record_batch::BadBatch;
pub use vault::{Vault, VaultCall};
