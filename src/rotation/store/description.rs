//! A secret without its content.

use std::collections::BTreeMap;

use super::{CURRENT, PENDING, PREVIOUS};
use crate::error::{Error, ErrorKind};
use crate::secret::VersionId;

/// A secret without its content.
///
/// ```
/// use credswap::rotation::SecretDescription;
/// let mut secret = SecretDescription::default();
/// secret.name = "prod/uploader".to_owned();
/// secret.labels.insert("8f2b…".to_owned(), vec!["AWSCURRENT".to_owned()]);
/// assert_eq!(secret.current(), Some("8f2b…".into()));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretDescription {
    /// The ARN.
    pub arn: String,
    /// The name.
    pub name: String,
    /// The versions that have staging labels, and these.
    pub labels: BTreeMap<String, Vec<String>>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

impl SecretDescription {
    /// Returns the version that consumers read: `AWSCURRENT`.
    pub fn current(&self) -> Option<VersionId> {
        self.labelled(CURRENT)
    }

    /// Returns the version that was current before: `AWSPREVIOUS`.
    pub fn previous(&self) -> Option<VersionId> {
        self.labelled(PREVIOUS)
    }

    /// Returns the version with this label.
    pub fn labelled(&self, label: &str) -> Option<VersionId> {
        let mut versions = self.labels.iter();
        let (id, _) = versions.find(|(_, labels)| labels.iter().any(|l| l == label))?;
        Some(VersionId::from(id))
    }

    /// Returns whether this version has this label.
    pub fn has(&self, version: &VersionId, label: &str) -> bool {
        self.labels
            .get(version.as_str())
            .is_some_and(|labels| labels.iter().any(|l| l == label))
    }

    /// Returns the rotation that is in progress: the version that is pending, not current, and was not current before.
    pub fn in_progress(&self) -> Option<VersionId> {
        let pending = self.labelled(PENDING)?;
        let was_finished = self.has(&pending, CURRENT) || self.has(&pending, PREVIOUS);
        (!was_finished).then_some(pending)
    }

    /// Returns the version that is pending although it was current before: its rotation was finished, which leaves
    /// `AWSPENDING` where it is, and then undone by a rollback, or superseded by a version that a person stored.
    pub fn replaced_pending(&self) -> Option<VersionId> {
        self.labelled(PENDING).filter(|id| self.has(id, PREVIOUS))
    }

    pub(in crate::rotation) fn no_current_version(&self) -> Error {
        Error::new(
            ErrorKind::NotFound,
            format!(
                "secret `{}` has no current version to begin with: store one in it",
                self.name
            ),
        )
    }
}
