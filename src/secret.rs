//! The one holder of secret material: redacted when printed, wiped when dropped.
//!
//! A [`Secret`] is what a source read: the material and, beside it, what may be shown (version, stages,
//! times). Only [`Secret::expose`] and [`Secret::expose_str`] hand the material out.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretSlice};

use crate::error::{Error, ErrorKind};

/// Names one version of a secret, as the source names it (Secrets Manager: `VersionId`). Not secret.
///
/// Versions are compared for equality only: no order is implied.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VersionId(Arc<str>);

impl VersionId {
    /// The version's name.
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

/// One version of a secret.
///
/// The memory of the material is wiped when the last copy is dropped. Buffers of the client that read it
/// (an HTTP body, say) are that client's and are not reached from here.
#[derive(Clone)]
pub struct Secret {
    material: SecretSlice<u8>,
    version: VersionId,
    stages: Vec<String>,
    created: Option<SystemTime>,
    expires: Option<SystemTime>,
}

impl Secret {
    /// A secret of the given version. An owned `Vec<u8>` or `String` is taken over, not copied, when its
    /// capacity equals its length.
    pub fn new(material: impl Into<Vec<u8>>, version: impl Into<VersionId>) -> Self {
        Self {
            material: SecretSlice::from(into_exact(material.into())),
            version: version.into(),
            stages: Vec::new(),
            created: None,
            expires: None,
        }
    }

    /// Sets the staging labels attached to this version (`AWSCURRENT`, …).
    #[must_use]
    pub fn with_stages(mut self, stages: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.stages = stages.into_iter().map(Into::into).collect();
        self
    }

    /// Sets when the version was made at the source.
    #[must_use]
    pub fn with_created(mut self, created: SystemTime) -> Self {
        self.created = Some(created);
        self
    }

    /// Sets when the material stops to be valid. The reloader looks again before that.
    #[must_use]
    pub fn with_expires(mut self, expires: SystemTime) -> Self {
        self.expires = Some(expires);
        self
    }

    /// The version.
    pub fn version(&self) -> &VersionId {
        &self.version
    }

    /// The staging labels attached to this version when it was read.
    pub fn stages(&self) -> &[String] {
        &self.stages
    }

    /// When the version was made at the source, if the source says.
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// When the material stops to be valid, if ever.
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// The material. Do not print or copy it.
    pub fn expose(&self) -> &[u8] {
        self.material.expose_secret()
    }

    /// The material as text.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if it is not UTF-8. The error does not quote it.
    pub fn expose_str(&self) -> Result<&str, Error> {
        std::str::from_utf8(self.expose()).map_err(|_| {
            Error::new(
                ErrorKind::Malformed,
                format!("secret version {} is not UTF-8 text", self.version),
            )
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("material", &"** redacted **")
            .field("version", &self.version)
            .field("stages", &self.stages)
            .field("created", &self.created)
            .field("expires", &self.expires)
            .finish()
    }
}

/// Turning a `Vec` with spare room into a boxed slice reallocates and leaves the old block behind: copy it by
/// hand instead, and wipe the block.
fn into_exact(material: Vec<u8>) -> Vec<u8> {
    if material.capacity() == material.len() {
        return material;
    }
    let material = zeroize::Zeroizing::new(material);
    let mut exact = Vec::with_capacity(material.len());
    exact.extend_from_slice(&material);
    exact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_version_and_never_the_material() {
        let secret = Secret::new("hunter2hunter2", "v1").with_stages(["AWSCURRENT"]);
        let shown = format!("{secret:?} {secret:#?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(
            shown.contains("v1") && shown.contains("AWSCURRENT"),
            "{shown}"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_without_quoting_them() {
        let secret = Secret::new(vec![b'k', b'e', b'y', 0xff], "v1");
        let error = secret.expose_str().expect_err("0xff is no UTF-8");
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(!error.report().contains("key"), "{}", error.report());
        assert_eq!(secret.expose(), [b'k', b'e', b'y', 0xff]);
    }

    #[test]
    fn spare_room_is_given_up_before_the_material_is_boxed() {
        let mut roomy = Vec::with_capacity(64);
        roomy.extend_from_slice(b"abc");
        let exact = into_exact(roomy);
        assert_eq!((exact.len(), exact.capacity()), (3, 3));
    }
}
