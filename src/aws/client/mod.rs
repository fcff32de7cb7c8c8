//! What an SDK client gets: the live key for each attempt, replays of rejected requests, and the bootstrap of a source.

mod bootstrap;
mod configure;
mod credentials;
#[cfg(feature = "s3")]
mod fixed_identity;
mod hooks;
mod identity;
mod rejected_response;
mod rejection_window;
mod replay;
mod replay_state;

pub use bootstrap::BootstrapCredentials;
#[cfg(feature = "s3")]
pub(super) use fixed_identity::{FixedIdentity, ReportRejected};
pub use hooks::ClientHooks;
