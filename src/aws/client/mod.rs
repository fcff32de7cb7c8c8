//! What an SDK client gets: the live key for each attempt, replays of rejected requests, and the bootstrap of a source.

#[cfg(feature = "sts")]
mod assume_role;
mod bootstrap;
mod configure;
mod credentials;
#[cfg(feature = "s3")]
mod fixed_identity;
mod hooks;
mod identity;
mod last_answer;
mod planned_attempt;
mod rejected_response;
mod rejection;
mod replay;
mod replay_state;
#[cfg(feature = "s3")]
mod session;

#[cfg(feature = "sts")]
pub use assume_role::AssumeRole;
pub use bootstrap::BootstrapCredentials;
#[cfg(feature = "s3")]
pub(super) use fixed_identity::{FixedIdentity, ReportRejected};
pub use hooks::ClientHooks;
