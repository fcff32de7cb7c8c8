//! What a rotation needs of IAM: the access keys of a user.
//!
//! [`Iam`] is an interface of our own only so that tests can replace IAM.

mod client;

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

pub(super) use client::IamClient;

use crate::aws::id_suffix;
use crate::error::Error;
use crate::rotation::boxed::BoxFuture;
use crate::rotation::policy::Policy;

/// IAM, or what replaces it in a test.
pub trait Iam: Send + Sync + 'static {
    /// Receives the rotation's policy, once, before the first call.
    fn attach(&mut self, policy: &Policy) {
        let _ = policy;
    }

    /// Returns the user's keys.
    fn keys<'a>(&'a self, user: &'a IamUser) -> BoxFuture<'a, Result<Vec<KeyInfo>, Error>>;

    /// Creates a key. Must not retry by itself: it would create a second key.
    fn create<'a>(&'a self, user: &'a IamUser) -> BoxFuture<'a, Result<CreateOutcome, Error>>;

    /// Activates or deactivates a key. Must not retry by itself: it would act late.
    fn set_status<'a>(
        &'a self,
        user: &'a IamUser,
        key_id: &'a str,
        status: KeyStatus,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Deletes a key; succeeds if it does not exist. Must not retry by itself.
    fn delete<'a>(&'a self, user: &'a IamUser, key_id: &'a str)
    -> BoxFuture<'a, Result<(), Error>>;

    /// Returns to whom a key belongs, and when it was used last; `None` if it does not exist.
    fn last_used<'a>(
        &'a self,
        user: &'a IamUser,
        key_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<LastUsed>, Error>>;
}

/// The user whose keys are rotated, and who calls IAM for that.
#[derive(Debug, Clone)]
pub struct IamUser {
    /// The user's name.
    pub name: String,
    /// Who calls IAM.
    pub caller: Caller,
}

/// Who calls IAM.
#[derive(Debug, Clone)]
pub enum Caller {
    /// The process itself: the role of the function.
    Own,
    /// The key in the master secret that the rotated secret names.
    Master {
        /// The name or ARN in the rotated secret.
        secret_id: String,
        /// The key in the master secret.
        credentials: Credentials,
        /// Whether it was stored just now: IAM may not know it yet.
        is_new: bool,
    },
}

/// What IAM lists about a key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The access key id.
    pub id: String,
    /// Whether AWS accepts it.
    pub status: KeyStatus,
    /// When it was created.
    pub created: SystemTime,
}

/// Whether AWS accepts a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// AWS accepts it.
    Active,
    /// AWS rejects it; it can be activated again.
    Inactive,
}

/// How the creation of a key ended.
#[derive(Debug)]
pub enum CreateOutcome {
    /// The key. Its secret part is not shown again.
    Key(NewKey),
    /// The user has as many keys as IAM allows.
    LimitExceeded,
}

/// A key that nobody else knows yet.
pub struct NewKey {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: Zeroizing<String>,
}

/// To whom a key belongs, and when it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUsed {
    /// The user's name.
    pub user: String,
    /// The last use; `None` if it was never used. IAM learns it late, by hours at times.
    pub last: Option<KeyUse>,
}

/// One use of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// When.
    pub at: SystemTime,
    /// At which service: `s3`.
    pub service: String,
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
