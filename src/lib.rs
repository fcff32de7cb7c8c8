//! Credentials that rotate under running traffic, and nobody notices.
//!
//! A service holds a secret (an IAM access key, a database password, a token) that somebody else replaces from time to
//! time. credswap hears of it, reads the new secret, proves it, and swaps it in atomically: requests that are under
//! way finish with the old one, the next attempt uses the new one, and nothing is closed, rebuilt or retried because
//! of it. Then it says when the old secret has *drained*, which is the moment at which it may be destroyed.
//!
//! ```no_run
//! # #[cfg(all(feature = "kafka", feature = "secrets-manager", feature = "sts", feature = "s3"))]
//! # async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
//! use std::time::Duration;
//! use credswap::kafka::{KafkaConfig, Password};
//! use credswap::{Refreshable, aws, source::SecretsManager, trigger};
//!
//! let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
//! let msk = KafkaConfig::new("b-1.msk.example.com:9096")
//!     .scram_sha_512("uploader", Password::file("/run/secrets/msk"));
//!
//! let keys = Refreshable::builder(SecretsManager::from_client(secrets, "prod/uploader"), aws::credentials(&sdk))
//!     .trigger(trigger::Kafka::new(&msk, "s3.test.secret.manager")?)        // at once when told
//!     .trigger(trigger::Interval::every(Duration::from_secs(300)))         // and soon, if nobody tells
//!     .start().await?;                                                     // Ok: a proven key is live
//!
//! // Your own client, built once and kept for life; only its key is hot.
//! let edge = aws::Edge::new(&keys);
//! let s3 = aws_sdk_s3::Client::from_conf(
//!     credswap::configure!(edge, aws_sdk_s3::config::Builder::from(&sdk)).build(),
//! );
//! # Ok(()) }
//! ```
//!
//! # Where to read on
//!
//! - [`docs::model`]: generations, leases, drains: what is promised, in one page
//! - [`docs::failures`]: what happens in which failure, and what it looks like
//! - [`docs::operating`]: permissions, ACLs, health, metrics, logs
//! - [`docs::why`]: what goes wrong without it, and why the parts are as they are
//!
//! # The modules, from the top down
//!
//! | module | what it is | feature |
//! |---|---|---|
//! | `aws` | the SDK's edge: keys under clients, replay, whole clients, checks | `aws`, `sts`, `s3` |
//! | `rotation` | the authority's side: the four steps, the event, retiring the old key | `rotation` |
//! | `fleet` | who uses which version: reports, and the ledger that says when a key may die | `fleet` |
//! | [`refresh`] | the loop: trigger → fetch → same version? → connect → check → swap → drain → report | `refresh` |
//! | [`connect`] | how a secret becomes a value, and its proof | `refresh` |
//! | [`source`] | where: Secrets Manager, closures | `refresh`, `secrets-manager` |
//! | [`trigger`] | when: Kafka, interval, SIGHUP, by hand | `refresh`, `kafka`, `signal` |
//! | `kafka` | how to reach the brokers | `kafka` |
//! | `sdk` | how often AWS services are asked, and what a failed call means | `aws`, `secrets-manager` |
//! | [`secret`] | the one holder of secret material | |
//! | [`hot`] | the core: swap, lease, drain. Knows no secrets, no AWS, no I/O | |
//! | [`error`] | what went wrong, by what to do about it | |
//!
//! An upper one may use a lower one, never the other way; a feature brings along what its layer needs and nothing
//! else. Without any feature there is the core, and a dozen small crates. The default features are those of
//! the example above, and the authority's side: `secrets-manager`, `kafka`, `sts`, `s3`, `signal`, `fleet`,
//! `rotation`.
//!
//! `kafka` uses librdkafka, which is built from source and links OpenSSL and zlib of the system (Debian: `libssl-dev`,
//! `zlib1g-dev`, `pkg-config`). To have both built in, add `rdkafka = { version = "0.39", default-features = false,
//! features = ["ssl-vendored", "libz-static"] }` to your own dependencies.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "_access-key")]
pub mod aws;
#[cfg(any(feature = "refresh", feature = "_access-key"))]
pub mod connect;
#[cfg(any(doc, doctest))]
pub mod docs;
pub mod error;
#[cfg(feature = "fleet")]
pub mod fleet;
pub mod hot;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "refresh")]
pub mod refresh;
#[cfg(feature = "rotation")]
pub mod rotation;
#[cfg(feature = "_sdk")]
mod sdk;
pub mod secret;
#[cfg(feature = "refresh")]
pub mod source;
#[cfg(feature = "test-util")]
pub mod test_util;
#[cfg(feature = "refresh")]
pub mod trigger;
mod util;

pub use error::{Error, ErrorKind};
#[cfg(feature = "refresh")]
pub use refresh::Refreshable;
pub use secret::{Secret, SecretId, VersionId};
#[cfg(any(feature = "refresh", feature = "rotation"))]
pub use util::Backoff;
