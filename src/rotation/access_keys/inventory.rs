//! The facts that decisions on a user's keys rest on.

use std::cmp::Reverse;
use std::time::SystemTime;

use super::current_since::current_since;
use super::decide::blocking_label;
use super::facts::{Facts, KeyVersion};
use super::iam::{IamUser, KeyInfo};
use super::keys::AccessKeys;
use super::tags::{CreateIntent, KeyTag};
use crate::error::{Error, ErrorKind};
use crate::rotation::context::SecretContext;
use crate::rotation::store::{CURRENT, Content, PENDING, VersionInfo, VersionSelector};
use crate::rotation::usage::{Usage, UsageState};
use crate::secret::VersionId;

/// Secrets Manager keeps about a hundred versions without a label, for a day. Reading all would take long.
const MAX_VERSIONS: usize = 50;

/// The secret's versions and their content, and the user whose keys they contain.
pub(super) struct KeyInventory<'a> {
    pub(super) context: &'a SecretContext<'a>,
    pub(super) user: &'a IamUser,
    versions: Vec<(VersionInfo, Content)>,
    /// Whether these are all versions.
    is_complete: bool,
    intent: Option<CreateIntent>,
    current_since: SystemTime,
}

impl<'a> KeyInventory<'a> {
    /// Reads all versions.
    pub(super) async fn gather(
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
            if let Some(content) = store.read(&secret.arn, selector).await? {
                versions.push((info, content));
            }
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
        let has_key = |content: &Content| contains(content.secret().expose(), key.id.as_bytes());
        let with_key: Vec<_> = self.versions.iter().filter(|(_, c)| has_key(c)).collect();
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
            versions.push(KeyVersion {
                labels: info.labels.clone(),
                created: info.created,
                usage,
            });
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
            is_complete: self.is_complete,
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

    fn labelled(&self, label: &str) -> Option<&VersionInfo> {
        let mut infos = self.versions.iter().map(|(info, _)| info);
        infos.find(|info| info.labels.iter().any(|l| l == label))
    }

    fn has_version(&self, id: &VersionId) -> bool {
        self.versions.iter().any(|(info, _)| info.id == *id)
    }
}

fn labels_moved() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the secret's labels were moved while its keys were read: try again",
    )
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    !what.is_empty() && text.windows(what.len()).any(|window| window == what)
}
