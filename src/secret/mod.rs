//! The one holder of secret material: redacted when printed, zeroized when dropped.
//!
//! A [`Secret`] is what a source fetched: the material and, beside it, what may be shown (version, stages,
//! times). Only [`Secret::expose`] and [`Secret::expose_str`] hand the material out.

use std::fmt;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretSlice};

use crate::error::{Error, ErrorKind};

mod secret_id;
mod version_id;

pub use secret_id::SecretId;
#[cfg(any(feature = "secrets-manager", feature = "rotation"))]
pub(crate) use secret_id::{ArnEnding, arn_ending};
pub use version_id::VersionId;

/// One version of a secret.
///
/// The memory of the material is zeroized when the last copy is dropped. Buffers of the client that fetched it
/// (an HTTP body, say) belong to that client and are not zeroized.
#[derive(Clone)]
pub struct Secret {
    material: SecretSlice<u8>,
    version: VersionId,
    stages: Vec<String>,
    created: Option<SystemTime>,
    expires: Option<SystemTime>,
}

impl Secret {
    /// Creates a secret of the given version. An owned `Vec<u8>` or `String` is taken over, not copied, when its
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

    /// Sets when the version was created at the source.
    #[must_use]
    pub fn with_created(mut self, created: SystemTime) -> Self {
        self.created = Some(created);
        self
    }

    /// Sets when the material stops being valid. It is refreshed before that.
    #[must_use]
    pub fn with_expires(mut self, expires: SystemTime) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Returns the version.
    pub fn version(&self) -> &VersionId {
        &self.version
    }

    /// Returns the staging labels that were attached to this version when it was fetched.
    pub fn stages(&self) -> &[String] {
        &self.stages
    }

    /// Returns when the version was created at the source, if the source tells.
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// Returns when the material stops being valid, if ever.
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// Returns the material. Do not print or copy it.
    pub fn expose(&self) -> &[u8] {
        self.material.expose_secret()
    }

    /// Returns the material as text, without the byte order mark that editors write at the start.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if it is not UTF-8. The error does not quote it.
    pub fn expose_str(&self) -> Result<&str, Error> {
        match std::str::from_utf8(self.expose()) {
            Ok(text) => Ok(text.trim_start_matches('\u{feff}')),
            Err(_) => {
                let is = match self.expose() {
                    [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "is UTF-16 text; store it as UTF-8",
                    _ => "is not UTF-8 text",
                };
                let text = format!("secret version {} {is}", self.version);
                Err(Error::new(ErrorKind::Malformed, text))
            }
        }
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

/// Turning a `Vec` with spare capacity into a boxed slice reallocates and leaves the old block behind: copy it by
/// hand instead, and zeroize the block.
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
    fn bytes_that_are_not_text_are_rejected_without_quoting_them() {
        let secret = Secret::new(vec![b'k', b'e', b'y', 0xff], "v1");
        let error = secret.expose_str().expect_err("0xff is not UTF-8");
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(!error.report().contains("key"), "{}", error.report());
        assert_eq!(secret.expose(), [b'k', b'e', b'y', 0xff]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_utf_16_is_named() {
        let marked = Secret::new("\u{feff}text\u{feff}", "v1");
        assert_eq!(marked.expose_str().expect("UTF-8"), "text\u{feff}");
        let utf_16 = Secret::new(vec![0xff, 0xfe, b'{', 0], "v1");
        let error = utf_16.expose_str().expect_err("not UTF-8");
        assert!(error.to_string().contains("UTF-16"), "{error}");
    }

    #[test]
    fn spare_capacity_is_given_up_before_the_material_is_boxed() {
        let mut roomy = Vec::with_capacity(64);
        roomy.extend_from_slice(b"abc");
        let exact = into_exact(roomy);
        assert_eq!((exact.len(), exact.capacity()), (3, 3));
    }
}
