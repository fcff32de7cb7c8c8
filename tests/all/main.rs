//! Black-box tests: each module is named for what can go wrong.
#![allow(missing_docs)]

#[cfg(feature = "default")]
mod aws;
#[cfg(feature = "fleet")]
mod fleet;
mod hot;
#[cfg(all(feature = "kafka", feature = "fleet", feature = "refresh"))]
mod kafka;
mod layering;
#[cfg(all(feature = "default", feature = "rotation", feature = "vault"))]
mod permissions;
#[cfg(feature = "refresh")]
mod refresh;
#[cfg(feature = "rotation")]
mod rotation;
#[cfg(feature = "rotation")]
mod source;
#[cfg(all(feature = "deadpool-postgres", feature = "sqlx-postgres"))]
mod sql;
#[cfg(feature = "default")]
mod support;
#[cfg(feature = "fleet")]
mod typed;
