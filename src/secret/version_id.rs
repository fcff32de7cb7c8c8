//! The name of one version of a secret.

use std::fmt;
use std::sync::Arc;

/// Names one version of a secret, as the source names it (Secrets Manager: `VersionId`). Not secret.
///
/// Versions are compared for equality only: no order is implied.
///
/// ```
/// use credswap::VersionId;
/// let version = VersionId::from("8f2b…");
/// assert_eq!(version.as_str(), "8f2b…");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VersionId(Arc<str>);

impl VersionId {
    /// Returns the version's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: AsRef<str>> From<S> for VersionId {
    fn from(name: S) -> Self {
        Self(Arc::from(name.as_ref()))
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
