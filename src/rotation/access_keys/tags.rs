//! What a rotation remembers between calls, as tags of the secret: nothing is stored outside AWS.
//!
//! IAM keys cannot be tagged, and IAM does not record when a key was deactivated, nor who created it for what. So there are
//! two kinds of tags:
//!
//! | tag | records |
//! |---|---|
//! | `credswap:creating` | since when which rotation creates a key, and which keys existed before |
//! | `credswap:key:<id>` | what retire did with that key, and when |

use std::time::SystemTime;

use crate::error::Error;
use crate::rotation::store::{SecretDescription, Store, Tag};
use crate::rotation::timestamp::{epoch_seconds, format_time, from_epoch_seconds};
use crate::secret::VersionId;

const CREATING: &str = "credswap:creating";
const KEY_PREFIX: &str = "credswap:key:";

/// A `createSecret` is about to create a key. Never removed: it records which keys are *not* of its making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CreateIntent {
    pub(super) at: SystemTime,
    pub(super) token: VersionId,
    /// The keys that existed before.
    pub(super) existing: Vec<String>,
}

/// What was last done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyTag {
    pub(super) state: KeyState,
    pub(super) at: SystemTime,
}

/// How far the retirement of a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyState {
    /// Seen superseded for the first time.
    Superseded,
    /// About to be deactivated; the time is that of the tag before, so that a deadline continues.
    Deactivating,
    Deactivated,
    /// About to be activated again.
    Reactivating,
    Reactivated,
    /// Somebody else deactivated it, for a reason of their own.
    FoundInactive,
}

impl CreateIntent {
    /// Returns the intent in the secret's tags; `None` if there is none, or it is malformed.
    pub(super) fn of(secret: &SecretDescription) -> Option<Self> {
        let mut parts = secret.tags.get(CREATING)?.split(' ');
        Some(Self {
            at: from_epoch_seconds(parts.next()?.parse().ok()?)?,
            token: VersionId::from(parts.next()?),
            existing: parts.map(str::to_owned).collect(),
        })
    }

    pub(super) async fn write(&self, store: &dyn Store, secret_id: &str) -> Result<(), Error> {
        let tag = Tag {
            key: CREATING,
            value: &self.to_value(),
        };
        store.tag(secret_id, tag).await
    }

    fn to_value(&self) -> String {
        let mut value = format!("{} {}", epoch_seconds(self.at), self.token);
        for id in &self.existing {
            value.push(' ');
            value.push_str(id);
        }
        value
    }
}

impl KeyTag {
    /// Returns the key's tag; `None` if there is none, or it is malformed.
    pub(super) fn of(secret: &SecretDescription, key_id: &str) -> Option<Self> {
        let tag = secret.tags.get(&Self::name(key_id))?;
        let (state, at) = tag.split_once(' ')?;
        let seconds = at.split(' ').next()?.parse().ok()?;
        Some(Self {
            state: KeyState::ALL.into_iter().find(|s| s.as_str() == state)?,
            at: from_epoch_seconds(seconds)?,
        })
    }

    /// Returns the ids of the keys that have tags.
    pub(super) fn keys(secret: &SecretDescription) -> impl Iterator<Item = &str> {
        let names = secret.tags.keys();
        names.filter_map(|name| name.strip_prefix(KEY_PREFIX))
    }

    /// Returns the name of the key's tag.
    pub(super) fn name(key_id: &str) -> String {
        format!("{KEY_PREFIX}{key_id}")
    }

    pub(super) async fn write(
        self,
        store: &dyn Store,
        secret_id: &str,
        key_id: &str,
    ) -> Result<(), Error> {
        let tag = Tag {
            key: &Self::name(key_id),
            value: &self.to_value(),
        };
        store.tag(secret_id, tag).await
    }

    /// The time twice: for this code and for people.
    fn to_value(self) -> String {
        format!(
            "{} {} {}",
            self.state.as_str(),
            epoch_seconds(self.at),
            format_time(self.at)
        )
    }
}

impl KeyState {
    const ALL: [Self; 6] = [
        Self::Superseded,
        Self::Deactivating,
        Self::Deactivated,
        Self::Reactivating,
        Self::Reactivated,
        Self::FoundInactive,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Deactivating => "deactivating",
            Self::FoundInactive => "found-inactive",
            Self::Deactivated => "deactivated",
            Self::Reactivating => "reactivating",
            Self::Reactivated => "reactivated",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn secret(tag: &str, value: String) -> SecretDescription {
        let mut secret = SecretDescription::default();
        secret.tags.insert(tag.to_owned(), value);
        secret
    }

    /// Whether AWS accepts it as the value of a tag.
    fn is_tag_value(value: &str) -> bool {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b" _.:/=+-@".contains(&b);
        value.len() <= 256 && value.bytes().all(allowed)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0..4_000_000_000_u64, existing in prop::collection::vec("AKIA[A-Z0-9]{16}", 0..3)) {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let intent = CreateIntent { at, token: "t".repeat(64).into(), existing };
            let value = intent.to_value();
            prop_assert!(is_tag_value(&value));
            prop_assert_eq!(CreateIntent::of(&secret(CREATING, value)), Some(intent));
            for state in KeyState::ALL {
                let tag = KeyTag { state, at };
                let value = tag.to_value();
                prop_assert!(is_tag_value(&value));
                prop_assert_eq!(KeyTag::of(&secret(&KeyTag::name("AKIA"), value), "AKIA"), Some(tag));
            }
        }

        #[test]
        fn a_tag_that_somebody_else_wrote_is_ignored(text in ".*") {
            let _ = CreateIntent::of(&secret(CREATING, text.clone()));
            prop_assert_eq!(KeyTag::of(&secret(&KeyTag::name("K"), format!("x{text}")), "K"), None);
        }
    }
}
