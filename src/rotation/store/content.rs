//! The content of a version: the secret, and whether it is stored as text or as bytes.

use crate::sdk::secrets_manager::Encoding;
use crate::secret::{Secret, VersionId};

/// The content of a version: the secret, and whether it is stored as text (`SecretString`) or as bytes (`SecretBinary`).
///
/// ```
/// use credswap::{Secret, rotation::Content};
/// let current = Content::text(Secret::new("old password", "version 1"));
/// let pending = current.renewed("new password", &"version 2".into());
/// assert_eq!(pending.secret().version().as_str(), "version 2");
/// ```
#[derive(Debug, Clone)]
pub struct Content {
    secret: Secret,
    encoding: Encoding,
}

impl Content {
    /// Creates content that is stored as text.
    pub fn text(secret: Secret) -> Self {
        Self::new(secret, Encoding::Text)
    }

    /// Creates content that is stored as bytes.
    pub fn binary(secret: Secret) -> Self {
        Self::new(secret, Encoding::Binary)
    }

    pub(super) fn new(secret: Secret, encoding: Encoding) -> Self {
        Self { secret, encoding }
    }

    /// Returns the secret.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Creates the content of another version, stored in the same way.
    #[must_use]
    pub fn renewed(&self, material: impl Into<Vec<u8>>, version: &VersionId) -> Self {
        Self::new(Secret::new(material, version.clone()), self.encoding)
    }
}
