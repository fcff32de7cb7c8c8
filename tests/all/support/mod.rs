//! What tests of several parts share.

pub(crate) mod canned;
pub(crate) mod cloud_fixture;
pub(crate) mod log;
#[cfg(feature = "rotation")]
pub(crate) mod runtime_api;
pub(crate) mod scripted;
