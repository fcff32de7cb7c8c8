//! What tests of the rotation need to replace Secrets Manager and IAM. Not part of the API: it may change in any release.

pub use super::access_keys::iam::{
    Caller, CreateOutcome, Iam, IamUser, KeyInfo, KeyStatus, KeyUse, LastUsed, NewKey,
};
pub use super::boxed::BoxFuture;
pub use super::store::{
    CURRENT, MoveLabel, MoveOutcome, PENDING, PREVIOUS, PutOutcome, Store, Tag, VersionInfo,
    VersionSelector,
};

use super::access_keys::AccessKeys;
use super::builder::Builder;
use super::kind::SecretKind;
use crate::aws::Check;

/// Creates a builder of a rotation that keeps its state in `store`.
pub fn builder<K: SecretKind>(store: impl Store, kind: K) -> Builder<K> {
    Builder::new(store, kind)
}

/// Creates a builder of a rotation of access keys, over a store, an IAM and a check of the test's own.
pub fn access_keys(store: impl Store, iam: impl Iam, check: impl Check) -> Builder<AccessKeys> {
    Builder::new(store, AccessKeys::with_iam(iam, check))
}
