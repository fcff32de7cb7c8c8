//! The error of a shutdown that could not wait for all drains.

use super::status::Draining;

/// Replaced generations were still in use when the time to shut down was over.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{} replaced generation(s) still in use at the end of the shutdown", draining.len())]
#[non_exhaustive]
pub struct ShutdownTimeout {
    /// Which, oldest first.
    pub draining: Vec<Draining>,
}
