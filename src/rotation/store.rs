//! What a rotation needs of Secrets Manager: versions, their labels, and a few tags to remember by.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::SystemTime;

use super::request::RotationToken;
use crate::error::Error;
use crate::secret::{Secret, VersionId};

/// The label of the version that consumers read.
pub const CURRENT: &str = "AWSCURRENT";
/// The label of the version that a rotation is making.
pub const PENDING: &str = "AWSPENDING";
/// The label of the version that was current before.
pub const PREVIOUS: &str = "AWSPREVIOUS";

/// Secrets Manager, or what stands for it in a test.
///
/// Each write may be lost, done without an answer, or done late; [`Store::put_pending`] and [`Store::move_current`] are
/// the two that decide who wins when two rotations run at the same time.
pub trait Store: Send + Sync + 'static {
    /// The secret's versions that have labels, and its tags.
    fn describe(
        &self,
        secret_id: &str,
    ) -> impl Future<Output = Result<SecretDescription, Error>> + Send;

    /// All versions that are still kept, those without a label too.
    fn versions(
        &self,
        secret_id: &str,
    ) -> impl Future<Output = Result<Vec<VersionInfo>, Error>> + Send;

    /// A version's content; `None` if there is no such version, or nothing in it.
    fn read(
        &self,
        secret_id: &str,
        which: VersionSelector<'_>,
    ) -> impl Future<Output = Result<Option<Content>, Error>> + Send;

    /// Stores the content as the version that is named by `token`, with the label `AWSPENDING`. Must not be tried again
    /// by itself: the caller counts the attempts.
    fn put_pending(
        &self,
        secret_id: &str,
        token: &VersionId,
        content: &Content,
        rotation_token: Option<&RotationToken>,
    ) -> impl Future<Output = Result<PutOutcome, Error>> + Send;

    /// Moves `AWSCURRENT` from one version to another, and refuses if it is not on `from`. Must not be tried again by
    /// itself.
    fn move_current(
        &self,
        secret_id: &str,
        to: &VersionId,
        from: &VersionId,
    ) -> impl Future<Output = Result<MoveOutcome, Error>> + Send;

    /// Writes a tag of the secret.
    fn tag(
        &self,
        secret_id: &str,
        key: &str,
        value: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes a tag of the secret, if it is there.
    fn untag(&self, secret_id: &str, key: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A secret without its contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretDescription {
    /// The ARN.
    pub arn: String,
    /// The name.
    pub name: String,
    /// The versions that have labels, and these.
    pub labels: BTreeMap<String, Vec<String>>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

/// A version without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// Its id: the token of the rotation that made it.
    pub id: VersionId,
    /// Its labels.
    pub labels: Vec<String>,
    /// When it was made.
    pub created: SystemTime,
}

/// Which version to read.
#[derive(Debug, Clone, Copy)]
pub enum VersionSelector<'a> {
    /// The one with this label.
    Label(&'a str),
    /// The one of this id.
    Version(&'a VersionId),
}

/// How a [`Store::put_pending`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The version holds this content.
    Stored,
    /// The version holds another content already, and always will.
    Taken,
}

/// How a [`Store::move_current`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveOutcome {
    /// It is where it should be.
    Moved,
    /// The label was somewhere else; nothing was moved.
    NotThere,
}

/// A version's content: the secret, and whether it is stored as text or as bytes.
#[derive(Debug, Clone)]
pub struct Content {
    secret: Secret,
    form: Encoding,
}

/// How a secret is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `SecretString`.
    Text,
    /// `SecretBinary`.
    Binary,
}

impl SecretDescription {
    /// The version with this label.
    pub fn labelled(&self, label: &str) -> Option<VersionId> {
        let mut labels = self.labels.iter();
        let (id, _) = labels.find(|(_, labels)| labels.iter().any(|l| l == label))?;
        Some(VersionId::from(id))
    }

    /// Whether this version has this label.
    pub fn has(&self, version: &VersionId, label: &str) -> bool {
        self.labels
            .get(version.as_str())
            .is_some_and(|labels| labels.iter().any(|l| l == label))
    }

    /// The rotation that is under way: the version that is pending and not current.
    pub(super) fn under_way(&self) -> Option<VersionId> {
        self.labelled(PENDING).filter(|id| !self.has(id, CURRENT))
    }
}

impl Content {
    /// A secret and how it is stored.
    pub fn new(secret: Secret, form: Encoding) -> Self {
        Self { secret, form }
    }

    /// The secret.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// How it is stored.
    pub fn form(&self) -> Encoding {
        self.form
    }

    /// Another version's material, stored the same way.
    #[must_use]
    pub fn renewed(&self, material: impl Into<Vec<u8>>, version: &VersionId) -> Self {
        Self::new(Secret::new(material, version.clone()), self.form)
    }
}
