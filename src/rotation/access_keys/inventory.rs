//! The facts that decisions on a user's keys rest on.

use std::cmp::Reverse;
use std::time::SystemTime;

use super::current_since::current_since;
use super::decide::blocking_label;
use super::facts::{Facts, KeyVersion};
use super::iam::{IamUser, KeyInfo};
use super::keys::AccessKeys;
use super::tags::{CreateIntent, KeyTag};
use crate::aws::{AccessKey, Fields, id_suffix, mentions, other_places};
use crate::error::{Error, ErrorKind};
use crate::rotation::context::SecretContext;
use crate::rotation::store::{CURRENT, Content, PENDING, VersionInfo, VersionSelector};
use crate::rotation::usage::{Usage, UsageState};
use crate::secret::VersionId;

/// Secrets Manager keeps about a hundred versions without a label, for a day. Reading all would take long.
const MAX_VERSIONS: usize = 50;

/// The secret's versions and their keys, and the user whose keys these are.
pub(super) struct KeyInventory<'a> {
    pub(super) context: &'a SecretContext<'a>,
    pub(super) user: &'a IamUser,
    versions: Vec<(VersionInfo, Held)>,
    /// Whether these are all versions.
    is_complete: bool,
    intent: Option<CreateIntent>,
    current_since: SystemTime,
}

/// What a version holds.
enum Held {
    /// The key with this id.
    Key {
        id: String,
        content: Content,
    },
    /// Content in which no key can be read: whatever key it mentions, it may hold.
    Other(Content),
    Unreadable(Error),
}

impl<'a> KeyInventory<'a> {
    /// Reads all versions.
    pub(super) async fn gather(
        keys: &AccessKeys,
        context: &'a SecretContext<'a>,
        user: &'a IamUser,
    ) -> Result<Self, Error> {
        let (store, secret) = (context.store(), context.secret());
        let mut infos = store.versions(&secret.arn).await?;
        // Labels are newer in a list that was read later: this list is the one that is acted on.
        infos.sort_by_key(|info| (info.labels.is_empty(), Reverse(info.created)));
        let is_complete = infos.len() <= MAX_VERSIONS;
        infos.truncate(MAX_VERSIONS);
        let mut versions = Vec::with_capacity(infos.len());
        for info in infos {
            let selector = VersionSelector::Id(&info.id);
            let held = match store.read(&secret.arn, selector).await {
                Ok(None) => continue,
                Ok(Some(content)) => Held::of(content, &keys.fields),
                // Whether it is needed depends on the key.
                Err(error) => Held::Unreadable(error),
            };
            versions.push((info, held));
        }
        let is_current = |info: &VersionInfo| info.labels.iter().any(|l| l == CURRENT);
        let current = versions.iter().find(|(info, _)| is_current(info));
        let (current, _) = current.ok_or_else(labels_moved)?;
        let current_since = current_since(context, &current.id).await?;
        Ok(Self {
            context,
            user,
            versions,
            is_complete,
            intent: CreateIntent::of(secret),
            current_since,
        })
    }

    /// Returns what is known about a key; `None` if it no longer exists.
    pub(super) async fn facts(
        &self,
        keys: &AccessKeys,
        key: &KeyInfo,
    ) -> Result<Option<Facts>, Error> {
        let secret = self.context.secret();
        let has_key = |held: &Held| held.has_key(&key.id);
        let with_key: Vec<_> = self.versions.iter().filter(|(_, h)| has_key(h)).collect();
        let is_in_no_version = with_key.is_empty();
        let is_labelled = with_key
            .iter()
            .any(|(info, _)| blocking_label(&info.labels).is_some());
        let mut versions = Vec::with_capacity(with_key.len());
        for (info, _) in with_key {
            // A key that is kept anyway needs no answer.
            let usage = match is_labelled {
                true => Usage::new(UsageState::Unknown),
                false => keys.usage.usage_of(secret, &info.id).await?,
            };
            versions.push(KeyVersion::new(info, usage));
        }
        if !is_labelled {
            for (info, error) in self.unreadable() {
                if is_in_no_version || blocking_label(&info.labels).is_some() {
                    return Err(self.needed(info, error, key));
                }
                // It may hold this key as well. That matters only if it is in use.
                let usage = keys.usage.usage_of(secret, &info.id).await?;
                if matches!(usage.state, UsageState::InUse { .. }) {
                    versions.push(KeyVersion::new(info, usage));
                }
            }
            self.warn_of_stale_fields(keys, key);
        }
        let last_use = match is_labelled {
            true => None,
            false => match keys.iam.last_used(self.user, &key.id).await? {
                Some(used) => used.last,
                None => return Ok(None),
            },
        };
        let current = self.labelled(CURRENT).ok_or_else(labels_moved)?;
        Ok(Some(Facts {
            key: key.clone(),
            last_use,
            versions,
            // What mentions the key is no proof that a rotation created it, nor that it did not.
            is_complete: self.is_complete && !(is_in_no_version && self.is_mentioned(key)),
            current_created: current.created,
            current_since: self.current_since,
            tag: KeyTag::of(secret, &key.id),
            intent: self.intent.clone(),
        }))
    }

    /// Fails if the labels have moved since they were read, or it is too late to write: somebody may have moved a label
    /// back to the old version, say.
    pub(super) async fn check_unchanged(&self) -> Result<(), Error> {
        let secret = self.context.store().describe(&self.context.secret().arn);
        let secret = secret.await?;
        let read_earlier = |label| self.labelled(label).map(|info| info.id.clone());
        // A pending version without content is not in the inventory, and holds no key.
        let new_pending = secret
            .labelled(PENDING)
            .filter(|id| read_earlier(PENDING).as_ref() != Some(id));
        if secret.current() != read_earlier(CURRENT)
            || new_pending.is_some_and(|id| self.has_version(&id))
        {
            return Err(labels_moved());
        }
        self.context.check_deadline()
    }

    /// Returns the versions that exist and cannot be read, and why.
    fn unreadable(&self) -> impl Iterator<Item = (&VersionInfo, &Error)> {
        self.versions.iter().filter_map(|(info, held)| match held {
            Held::Unreadable(error) => Some((info, error)),
            _ => None,
        })
    }

    /// Returns the error for a version without which the decision on `key` cannot be made.
    fn needed(&self, info: &VersionInfo, error: &Error, key: &KeyInfo) -> Error {
        let message = format!(
            "version {} of secret `{}` cannot be read, and may hold key …{} of IAM user `{}`, which is therefore left as it is",
            info.id,
            self.context.secret().name,
            id_suffix(&key.id),
            self.user.name
        );
        Error::new(error.kind(), message).with_source(error.clone())
    }

    fn is_mentioned(&self, key: &KeyInfo) -> bool {
        self.versions.iter().any(|(_, held)| match held {
            Held::Key { content, .. } => mentions(content.secret().expose(), &key.id),
            _ => false,
        })
    }

    fn warn_of_stale_fields(&self, keys: &AccessKeys, key: &KeyInfo) {
        for (info, held) in &self.versions {
            let Held::Key { content, .. } = held else {
                continue;
            };
            if blocking_label(&info.labels).is_none() {
                continue;
            }
            let text = content.secret().expose_str().unwrap_or_default();
            let places = other_places(text, &keys.fields, &[&key.id]);
            if !places.is_empty() {
                tracing::warn!(
                    secret = %self.context.secret().name, version = %info.id, key = %id_suffix(&key.id),
                    fields = %places.join(", "),
                    "other fields of the secret hold a key that is to be retired: remove them"
                );
            }
        }
    }

    fn labelled(&self, label: &str) -> Option<&VersionInfo> {
        let mut infos = self.versions.iter().map(|(info, _)| info);
        infos.find(|info| info.labels.iter().any(|l| l == label))
    }

    fn has_version(&self, id: &VersionId) -> bool {
        self.versions.iter().any(|(info, _)| info.id == *id)
    }
}

impl Held {
    fn of(content: Content, fields: &Fields) -> Self {
        match AccessKey::parse(content.secret(), fields) {
            Ok(key) => Self::Key {
                id: key.id().to_owned(),
                content,
            },
            Err(_) => Self::Other(content),
        }
    }

    fn has_key(&self, key_id: &str) -> bool {
        match self {
            Self::Key { id, .. } => id == key_id,
            Self::Other(content) => mentions(content.secret().expose(), key_id),
            Self::Unreadable(_) => false,
        }
    }
}

impl KeyVersion {
    fn new(info: &VersionInfo, usage: Usage) -> Self {
        Self {
            labels: info.labels.clone(),
            created: info.created,
            usage,
        }
    }
}

fn labels_moved() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the secret's labels were moved while its keys were read: try again",
    )
}
