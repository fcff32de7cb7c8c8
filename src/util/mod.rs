//! Small tools that every layer may use. They depend on nothing else in this crate.

#[cfg(any(feature = "refresh", feature = "rotation"))]
mod backoff;
#[cfg(any(feature = "refresh", feature = "rotation", feature = "kafka"))]
#[cfg_attr(not(any(feature = "refresh", feature = "rotation")), allow(dead_code))]
pub(crate) mod clock;
#[cfg(any(feature = "refresh", feature = "rotation", feature = "kafka"))]
pub(crate) mod deadline;
pub(crate) mod lock;
#[cfg(any(feature = "refresh", feature = "kafka"))]
pub(crate) mod log_throttle;
#[cfg(any(feature = "rds", feature = "vault"))]
pub(crate) mod percent_encoding;
#[cfg(feature = "refresh")]
pub(crate) mod rate_limit;
#[cfg(any(feature = "refresh", feature = "rotation"))]
pub(crate) mod timestamp;

#[cfg(any(feature = "refresh", feature = "rotation"))]
pub use backoff::Backoff;
#[cfg(feature = "refresh")]
pub(crate) use backoff::Delays;
