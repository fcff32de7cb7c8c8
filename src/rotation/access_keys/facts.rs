//! What is known about a key when it is decided on.

use std::time::SystemTime;

use super::iam::{KeyInfo, KeyUse};
use super::tags::{CreateIntent, KeyTag};
use crate::rotation::usage::Usage;

/// What is known about a key.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) key: KeyInfo,
    pub(super) last_use: Option<KeyUse>,
    /// The versions that have it.
    pub(super) versions: Vec<KeyVersion>,
    /// Whether all versions of the secret were read.
    pub(super) is_complete: bool,
    pub(super) current_created: SystemTime,
    /// Since when the current version is current, or a later time.
    pub(super) current_since: SystemTime,
    pub(super) tag: Option<KeyTag>,
    pub(super) intent: Option<CreateIntent>,
}

/// A version that has the key.
#[derive(Debug, Clone)]
pub(super) struct KeyVersion {
    pub(super) labels: Vec<String>,
    pub(super) created: SystemTime,
    pub(super) usage: Usage,
}
