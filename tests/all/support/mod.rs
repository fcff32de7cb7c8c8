//! What the tests against the testkit's cloud share.

pub(crate) mod canned;
pub(crate) mod cloud_fixture;
#[cfg(feature = "rotation")]
pub(crate) mod runtime_api;
pub(crate) mod scripted;
