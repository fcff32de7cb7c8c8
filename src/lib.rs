#![cfg_attr(
    all(feature = "secrets-manager", feature = "kafka", feature = "sts", feature = "s3"),
    doc = include_str!("../README.md")
)]
//! # Modules, from the top down
//!
//! | module | concept | feature |
//! |---|---|---|
//! | `rotation` | the authority's side: the four steps, the event, retirement of the old key | `rotation` |
//! | `fleet` | who uses which version: usage reports, and the ledger that tells when a version is released | `fleet` |
//! | `aws` | what a secret says, what an SDK client gets, whole clients, checks, tokens for RDS | `aws`, `sts`, `s3`, `rds` |
//! | `sql` | PostgreSQL pools that follow a rotated user and password | `deadpool-postgres`, `sqlx-postgres` |
//! | `typed` | secrets of any type that serde can deserialize | `refresh` |
//! | `refresh` | the loop: trigger → fetch → same version? → connect → check → swap → drain → report | `refresh` |
//! | `connect` | how a secret becomes a value, and its proof | `refresh` |
//! | `source` | where: Secrets Manager, Parameter Store, S3, KMS, files, Vault, providers of the SDK, replicas, closures | `refresh`, `secrets-manager`, `parameter-store`, `s3`, `kms`, `file`, `vault`, `aws` |
//! | `trigger` | when: Kafka, polling, SIGHUP, closures (changes of files: `source::File`) | `refresh`, `kafka`, `signal` |
//! | `kafka` | how to reach the brokers | `kafka` |
//! | [`secret`] | the one holder of secret material | |
//! | [`error`] | errors, by what to do about them | |
//! | [`hot`] | the core: swap, lease, drain. Knows no secrets, no AWS, no I/O | |
//!
//! Beside these there are `docs`, the manual, and `test_util`, doubles for the tests of a service (feature `test-util`).
//!
//! A module uses those below it, never those above; a feature adds only the dependencies that its module needs. Without any
//! feature there is the core, and a dozen small crates.
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
#[cfg(any(feature = "deadpool-postgres", feature = "sqlx-postgres"))]
pub mod sql;
#[cfg(feature = "test-util")]
pub mod test_util;
#[cfg(feature = "refresh")]
pub mod trigger;
#[cfg(feature = "refresh")]
pub mod typed;
mod util;

#[cfg(feature = "aws")]
pub use aws::RefreshableCredentials;
#[cfg(feature = "s3")]
pub use aws::RefreshableS3Client;
pub use error::{Error, ErrorKind};
#[cfg(feature = "refresh")]
pub use refresh::Refreshable;
pub use secret::{Secret, SecretId, VersionId};
#[cfg(any(feature = "refresh", feature = "rotation"))]
pub use util::Backoff;
