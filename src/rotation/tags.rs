//! What a rotation remembers, as tags of the secret: nothing is remembered outside AWS.
//!
//! IAM keys cannot be tagged, and IAM does not say when a key was deactivated, nor who made it for what. So there are
//! two sorts of tags:
//!
//! | tag | says |
//! |---|---|
//! | `credswap:creating` | since when which rotation makes a key, and which keys were there before |
//! | `credswap:key:<id>` | what retire did with that key, and when |

use std::time::SystemTime;

use super::clock::{epoch_seconds, from_epoch_seconds, shown};
use super::store::SecretDescription;
use crate::secret::VersionId;

pub(super) const CREATING: &str = "credswap:creating";
const KEY: &str = "credswap:key:";

/// A `createSecret` is about to make a key. Never taken back: it says which keys are *not* of its making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CreateIntent {
    pub(super) at: SystemTime,
    pub(super) token: VersionId,
    pub(super) before: Vec<String>,
}

impl CreateIntent {
    pub(super) fn of(view: &SecretDescription) -> Option<Self> {
        let mut words = view.tags.get(CREATING)?.split(' ');
        Some(Self {
            at: from_epoch_seconds(words.next()?.parse().ok()?)?,
            token: VersionId::from(words.next()?),
            before: words.map(str::to_owned).collect(),
        })
    }

    pub(super) fn to_tag(&self) -> String {
        let mut tag = format!("{} {}", epoch_seconds(self.at), self.token);
        for id in &self.before {
            tag.push(' ');
            tag.push_str(id);
        }
        tag
    }
}

/// What was last done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyTag {
    pub(super) state: KeyState,
    pub(super) at: SystemTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyState {
    /// Seen superseded for the first time.
    Superseded,
    /// About to be deactivated; the time is that of the note before, so that a deadline goes on.
    Deactivating,
    Deactivated,
    /// About to be activated again.
    Reactivating,
    Reactivated,
    /// Somebody else deactivated it, for a reason of their own.
    FoundInactive,
}

impl KeyTag {
    pub(super) fn of(view: &SecretDescription, key_id: &str) -> Option<Self> {
        let tag = view.tags.get(&Self::key(key_id))?;
        let (state, at) = tag.split_once(' ')?;
        let seconds = at.split(' ').next()?.parse().ok()?;
        Some(Self {
            state: KeyState::ALL.into_iter().find(|s| s.as_str() == state)?,
            at: from_epoch_seconds(seconds)?,
        })
    }

    /// The keys that there are notes on.
    pub(super) fn all(view: &SecretDescription) -> impl Iterator<Item = &str> {
        view.tags.keys().filter_map(|tag| tag.strip_prefix(KEY))
    }

    pub(super) fn key(key_id: &str) -> String {
        format!("{KEY}{key_id}")
    }

    /// The time twice: for this code and for people.
    pub(super) fn to_tag(self) -> String {
        format!(
            "{} {} {}",
            self.state.as_str(),
            epoch_seconds(self.at),
            shown(self.at)
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

    fn view(tag: &str, value: String) -> SecretDescription {
        SecretDescription {
            tags: [(tag.to_owned(), value)].into(),
            ..SecretDescription::default()
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0..4_000_000_000_u64, before in prop::collection::vec("AKIA[A-Z0-9]{16}", 0..3)) {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let intent = CreateIntent { at, token: "t".repeat(64).into(), before };
            let tag = intent.to_tag();
            // What a tag's value may be.
            prop_assert!(tag.len() <= 256 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b" _.:/=+-@".contains(&b)));
            prop_assert_eq!(CreateIntent::of(&view(CREATING, tag)), Some(intent));
            for state in KeyState::ALL {
                let note = KeyTag { state, at };
                let tag = note.to_tag();
                prop_assert!(tag.bytes().all(|b| b.is_ascii_alphanumeric() || b" _.:/=+-@".contains(&b)));
                prop_assert_eq!(KeyTag::of(&view(&KeyTag::key("AKIA"), tag), "AKIA"), Some(note));
            }
        }

        #[test]
        fn a_tag_that_somebody_else_wrote_is_no_note(text in ".*") {
            let _ = CreateIntent::of(&view(CREATING, text.clone()));
            prop_assert_eq!(KeyTag::of(&view(&KeyTag::key("K"), format!("x{text}")), "K"), None);
        }
    }
}
