//! The AWS SDK's edge: from a secret to requests that are always signed with the live key.
//!
//! [`credentials`](fn@credentials) makes a [`LiveKey`] of a secret; an [`Edge`] puts the live key under SDK clients
//! that are built once and kept for life:
//!
//! ```no_run
//! use credswap::{Refreshable, aws, source::SecretsManager};
//! # async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
//! let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
//! let keys = Refreshable::builder(SecretsManager::from_client(secrets, "prod/uploader"), aws::credentials(&sdk))
//!     .start()
//!     .await?;
//! let edge = aws::Edge::new(&keys);
//! let s3 = aws_sdk_s3::Client::from_conf(
//!     credswap::configure!(edge, aws_sdk_s3::config::Builder::from(&sdk)).build(),
//! );
//! # Ok(()) }
//! ```
//!
//! # What the edge does, and why it is needed
//!
//! The SDK caches identities: behind its default cache a key without expiry is served for 15 minutes after the
//! provider has changed. A credentials provider alone can therefore not rotate anything in time. The edge replaces
//! the cache: each *attempt* of each request asks the live generation (one atomic load, no allocation), so that
//!
//! - the next attempt after a swap is signed with the new key; retries and clones follow by themselves;
//! - the client, its connections and its retry quota stay: a swap opens and closes nothing;
//! - each signed attempt leases its key until it ends, however it ends: the drain is exact. So do
//!   credentials that are handed out by [`Edge::credentials_provider`], for as long as somebody keeps a clone, and
//!   URLs that are presigned, until they expire;
//! - an attempt that is refused because its key is dead leads to a look at the source, waits for a newer key, and
//!   is replayed with it, outside the SDK's retry quota and attempt count;
//! - an attempt that is refused because its key is too new (what proved it knows it, and this service does not yet) is
//!   made again, with the same key, until it is known or [`Timeouts::refresh`](crate::refresh::Bounds::refresh) is over.
//!
//! # What can not be replayed
//!
//! A request whose body is a stream that can be read only once; and a `HEAD` that is answered with a bare 403 or a
//! request that is denied (`AccessDenied`), unless a newer key is live already. Those are kept whole by the
//! drain: retire a key when it is drained, and nothing is ever refused.

mod access_key;
mod bootstrap;
pub mod check;
mod configure;
mod connect;
mod fields;
#[cfg(feature = "s3")]
mod fixed_identity;
mod hooks;
mod identity;
mod json;
mod key;
mod rejected_response;
mod rejection_window;
mod replay;
mod replay_state;
#[cfg(feature = "rotation")]
mod rewrite;
#[cfg(feature = "s3")]
mod s3;

pub use access_key::AccessKey;
#[cfg(feature = "rotation")]
pub(crate) use access_key::tail;
pub use bootstrap::BootstrapCredentials;
pub use check::Check;
#[cfg(feature = "sts")]
pub use connect::credentials;
pub use connect::{Credentials, credentials_checked_by};
pub use fields::Fields;
pub use hooks::Edge;
pub use key::LiveKey;
#[cfg(feature = "rotation")]
pub(crate) use rewrite::with_key;
#[cfg(all(feature = "s3", feature = "sts"))]
pub use s3::s3_clients;
#[cfg(feature = "s3")]
pub use s3::{S3, S3Clients, s3_clients_checked_by};
