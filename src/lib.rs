//! credswap
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "reload")]
pub mod connect;
pub mod error;
pub mod hot;
#[cfg(feature = "reload")]
pub mod reload;
#[cfg(feature = "rotation")]
pub mod rotation;
#[cfg(feature = "sdk")]
mod sdk;
pub mod secret;
#[cfg(feature = "reload")]
pub mod source;
#[cfg(feature = "reload")]
pub mod trigger;

pub use error::{Error, ErrorKind};
#[cfg(feature = "reload")]
pub use reload::Reloader;
pub use secret::{Secret, VersionId};
