//! What a rotation needs of IAM: a user's access keys.

use std::fmt;
use std::future::Future;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

use crate::aws::id_suffix;
use crate::error::Error;

/// IAM, or what stands for it in a test.
pub trait Iam: Send + Sync + 'static {
    /// The user's keys.
    fn keys(
        &self,
        caller: &Caller,
        user: &str,
    ) -> impl Future<Output = Result<Vec<KeyInfo>, Error>> + Send;

    /// Makes a key. Must not be tried again by itself: a second key would be made.
    fn create(
        &self,
        caller: &Caller,
        user: &str,
    ) -> impl Future<Output = Result<CreateOutcome, Error>> + Send;

    /// Activates or deactivates a key. Must not be tried again by itself: it would be done late.
    fn set_status(
        &self,
        caller: &Caller,
        user: &str,
        id: &str,
        status: KeyStatus,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Deletes a key; one that is not there is deleted. Must not be tried again by itself.
    fn delete(
        &self,
        caller: &Caller,
        user: &str,
        id: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whose a key is, and when it was used last; `None` if there is no such key.
    fn last_used(
        &self,
        caller: &Caller,
        id: &str,
    ) -> impl Future<Output = Result<Option<LastUsed>, Error>> + Send;
}

/// Who calls IAM.
#[derive(Debug, Clone)]
pub enum Caller {
    /// The process itself: the role of the function.
    Own,
    /// The key in the master secret that the rotated secret names.
    Master {
        /// The name or ARN that it gives.
        secret_id: String,
        /// That key.
        credentials: Credentials,
    },
}

/// What IAM knows of a key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The access key id.
    pub id: String,
    /// Whether it is accepted.
    pub status: KeyStatus,
    /// When it was made.
    pub created: SystemTime,
}

/// Whether a key is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// It is.
    Active,
    /// It is not, and can be made active again.
    Inactive,
}

/// How making a key ended.
#[derive(Debug)]
pub enum CreateOutcome {
    /// This is the only time that its secret part is shown.
    Key(NewKey),
    /// The user has as many keys as IAM allows.
    LimitExceeded,
}

/// A key that nobody knows yet.
pub struct NewKey {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: Zeroizing<String>,
}

/// When a key was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUsed {
    /// The user that it is of.
    pub user: String,
    /// When and at which service; `None` if never. IAM learns it late, by hours at times.
    pub at: Option<(SystemTime, String)>,
}

impl fmt::Debug for KeyInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyInfo(…{}, {:?})", id_suffix(&self.id), self.status)
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewKey(…{})", id_suffix(&self.id))
    }
}
