//! Where a rotation keeps its state: the versions of the secret, their labels, and a few tags.
//!
//! [`Store`] is an interface of our own only so that tests can replace Secrets Manager.

mod content;
mod description;
mod secrets_manager;

use std::time::SystemTime;

pub use content::Content;
pub use description::SecretDescription;
pub(super) use secrets_manager::SecretsManager;

use super::boxed::BoxFuture;
use super::policy::Policy;
use super::request::RotationToken;
use crate::error::Error;
use crate::secret::VersionId;

/// The label of the version that consumers read.
pub const CURRENT: &str = "AWSCURRENT";
/// The label of the version that a rotation is creating.
pub const PENDING: &str = "AWSPENDING";
/// The label of the version that was current before.
pub const PREVIOUS: &str = "AWSPREVIOUS";

/// Secrets Manager, or what replaces it in a test.
///
/// Each write may be lost, done without an answer, or done late; [`Store::put_pending`] and [`Store::move_current`] are the
/// two that decide which of two concurrent rotations wins.
pub trait Store: Send + Sync + 'static {
    /// Receives the rotation's policy, once, before the first call.
    fn attach(&mut self, policy: &Policy) {
        let _ = policy;
    }

    /// Returns the versions that have labels, and the tags.
    fn describe<'a>(
        &'a self,
        secret_id: &'a str,
    ) -> BoxFuture<'a, Result<SecretDescription, Error>>;

    /// Returns all versions that still exist, including those without a label.
    fn versions<'a>(&'a self, secret_id: &'a str)
    -> BoxFuture<'a, Result<Vec<VersionInfo>, Error>>;

    /// Returns the content of a version; `None` if there is no such version, or it is empty.
    fn read<'a>(
        &'a self,
        secret_id: &'a str,
        version: VersionSelector<'a>,
    ) -> BoxFuture<'a, Result<Option<Content>, Error>>;

    /// Stores the content as the version with the id `token`, labelled `AWSPENDING`. Must not retry by itself: the caller
    /// counts the attempts.
    fn put_pending<'a>(
        &'a self,
        secret_id: &'a str,
        token: &'a VersionId,
        content: &'a Content,
        rotation_token: Option<&'a RotationToken>,
    ) -> BoxFuture<'a, Result<PutOutcome, Error>>;

    /// Moves `AWSCURRENT`, and fails if it is not where it is to be moved from. Must not retry by itself.
    fn move_current<'a>(
        &'a self,
        secret_id: &'a str,
        label: MoveLabel<'a>,
    ) -> BoxFuture<'a, Result<MoveOutcome, Error>>;

    /// Removes the label `AWSPENDING` from this version, if it has it. Must not retry by itself.
    fn remove_pending<'a>(
        &'a self,
        secret_id: &'a str,
        version: &'a VersionId,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Sets a tag of the secret.
    fn tag<'a>(&'a self, secret_id: &'a str, tag: Tag<'a>) -> BoxFuture<'a, Result<(), Error>>;

    /// Removes a tag of the secret, if it exists.
    fn untag<'a>(&'a self, secret_id: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}

/// A version without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// The id: the token of the rotation that created it.
    pub id: VersionId,
    /// The labels.
    pub labels: Vec<String>,
    /// When it was created.
    pub created: SystemTime,
}

/// Which version to read.
#[derive(Debug, Clone, Copy)]
pub enum VersionSelector<'a> {
    /// The version with this label.
    Label(&'a str),
    /// The version with this id.
    Id(&'a VersionId),
}

/// From where to where a label is moved.
#[derive(Debug, Clone, Copy)]
pub struct MoveLabel<'a> {
    /// The version that must have it.
    pub from: &'a VersionId,
    /// The version that gets it.
    pub to: &'a VersionId,
}

/// A tag of a secret.
#[derive(Debug, Clone, Copy)]
pub struct Tag<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: &'a str,
}

/// How a [`Store::put_pending`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The version has this content.
    Stored,
    /// The version has other content already, and always will.
    Taken,
}

/// How a [`Store::move_current`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveOutcome {
    /// The label is where it should be.
    Moved,
    /// The label was somewhere else; nothing was moved.
    NotThere,
}

impl VersionSelector<'static> {
    /// The version that consumers read.
    pub const CURRENT: Self = Self::Label(CURRENT);
}
