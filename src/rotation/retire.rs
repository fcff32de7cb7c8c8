//! Retiring access keys: what is known is gathered, one decision is carried out, and the next call begins anew.
//!
//! Nothing is remembered between two calls but what is in AWS, so a call may end anywhere. Each write is preceded by the
//! note that explains it, and by another look at the labels.

use super::access_keys::{AccessKeys, User};
use super::clock::ActionDeadline;
use super::decide::{Action, Facts, Goal, Holding, blocking, decide};
use super::iam::{Iam, KeyInfo, KeyStatus};
use super::report::{KeyAction, KeyActionReason, KeyReport, RetireReport};
use super::store::{
    CURRENT, Content, PENDING, SecretDescription, Store, VersionInfo, VersionSelector,
};
use super::tags::{CreateIntent, KeyState, KeyTag};
use super::usage::{Usage, UsageSource, UsageState};
use crate::aws::{Check, id_suffix};
use crate::error::{Error, ErrorKind};

/// All that decisions on a user's keys rest on.
pub(super) struct KeyInventory<'a> {
    view: &'a SecretDescription,
    user: &'a User,
    versions: Vec<(VersionInfo, Content)>,
    complete: bool,
    intent: Option<CreateIntent>,
    lap: ActionDeadline,
}

impl<S: Store, I: Iam, C: Check, H: UsageSource> AccessKeys<S, I, C, H> {
    pub(super) async fn retire_all(&self, view: &SecretDescription) -> Result<RetireReport, Error> {
        let current = self
            .store
            .read(&view.arn, VersionSelector::Label(CURRENT))
            .await?
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("secret `{}` has no current version", view.name),
                )
            })?;
        let user = self.user(&current).await?;
        let keys = self.iam.keys(&user.caller, &user.name).await?;
        let ground = self.ground(view, &user).await?;
        let mut retired = RetireReport::default();
        for key in &keys {
            if let Some(report) = self.settle(&ground, key, Goal::Retire).await? {
                retired.keys.push(report);
            }
        }
        for gone in KeyTag::all(view).filter(|id| !keys.iter().any(|key| key.id == *id)) {
            self.store.untag(&view.arn, &KeyTag::key(gone)).await?;
        }
        Ok(retired)
    }

    pub(super) async fn ground<'a>(
        &self,
        view: &'a SecretDescription,
        user: &'a User,
    ) -> Result<KeyInventory<'a>, Error> {
        let lap = ActionDeadline::new(&self.clock, self.policy.lap);
        let mut infos = self.store.versions(&view.arn).await?;
        // Labels are newer in a list that was read later: the look that is acted on is this one.
        infos.sort_by_key(|info| (info.labels.is_empty(), std::cmp::Reverse(info.created)));
        let complete = infos.len() <= MOST_VERSIONS;
        infos.truncate(MOST_VERSIONS);
        let mut versions = Vec::with_capacity(infos.len());
        for info in infos {
            if let Some(content) = self
                .store
                .read(&view.arn, VersionSelector::Version(&info.id))
                .await?
            {
                versions.push((info, content));
            }
        }
        Ok(KeyInventory {
            view,
            user,
            versions,
            complete,
            intent: CreateIntent::of(view),
            lap,
        })
    }

    /// Takes the next action on a key; `None` if it is gone.
    pub(super) async fn settle(
        &self,
        ground: &KeyInventory<'_>,
        key: &KeyInfo,
        need: Goal,
    ) -> Result<Option<KeyReport>, Error> {
        let Some(mut facts) = self.facts(ground, key).await? else {
            return Ok(None);
        };
        let report = |did, why| {
            Ok(Some(KeyReport {
                id: key.id.clone(),
                did,
                why,
            }))
        };
        // Each round ends here, or adds a note, of which there are fewer than this.
        for _ in 0..ROUNDS {
            let now = (self.clock)();
            match decide(&facts, need, now, &self.policy) {
                Action::Keep(why) => return report(KeyAction::Nothing, why),
                Action::Note(state) => {
                    facts.note = Some(self.note(ground, key, state, now).await?);
                }
                Action::Deactivate(why) => {
                    let since = facts.note.map_or(now, |note| note.at);
                    self.note(ground, key, KeyState::Deactivating, since)
                        .await?;
                    self.set_status(ground, key, KeyStatus::Inactive).await?;
                    self.say(ground, key, KeyAction::Deactivated, &why);
                    self.note(ground, key, KeyState::Deactivated, now).await?;
                    return report(KeyAction::Deactivated, why);
                }
                Action::Reactivate(why) => {
                    self.note(ground, key, KeyState::Reactivating, now).await?;
                    self.set_status(ground, key, KeyStatus::Active).await?;
                    self.say(ground, key, KeyAction::Reactivated, &why);
                    self.note(ground, key, KeyState::Reactivated, now).await?;
                    return report(KeyAction::Reactivated, why);
                }
                Action::Delete(why) => {
                    self.unchanged(ground).await?;
                    let user = ground.user;
                    self.iam.delete(&user.caller, &user.name, &key.id).await?;
                    self.say(ground, key, KeyAction::Deleted, &why);
                    if facts.note.is_some() {
                        let tag = KeyTag::key(&key.id);
                        self.store.untag(&ground.view.arn, &tag).await?;
                    }
                    return report(KeyAction::Deleted, why);
                }
            }
        }
        report(KeyAction::Nothing, KeyActionReason::Unknown)
    }

    async fn facts(
        &self,
        ground: &KeyInventory<'_>,
        key: &KeyInfo,
    ) -> Result<Option<Facts>, Error> {
        let holds = |content: &Content| contains(content.secret().expose(), key.id.as_bytes());
        let holding: Vec<_> = ground.versions.iter().filter(|(_, c)| holds(c)).collect();
        let kept = holding
            .iter()
            .any(|(info, _)| blocking(&info.labels).is_some());
        let mut versions = Vec::with_capacity(holding.len());
        for (info, _) in holding {
            let word = match kept {
                true => Usage::new(UsageState::Unknown),
                false => self.holders.usage_of(ground.view, &info.id).await?,
            };
            versions.push(Holding {
                labels: info.labels.clone(),
                created: info.created,
                word,
            });
        }
        let used = match kept {
            true => None,
            false => match self.iam.last_used(&ground.user.caller, &key.id).await? {
                Some(used) => used.at,
                None => return Ok(None),
            },
        };
        let current = ground
            .versions
            .iter()
            .find(|(info, _)| info.labels.iter().any(|label| label == CURRENT));
        let (current, _) = current.ok_or_else(moved)?;
        Ok(Some(Facts {
            key: key.clone(),
            used,
            versions,
            complete: ground.complete,
            current_created: current.created,
            note: KeyTag::of(ground.view, &key.id),
            intent: ground.intent.clone(),
        }))
    }

    async fn note(
        &self,
        ground: &KeyInventory<'_>,
        key: &KeyInfo,
        state: KeyState,
        at: std::time::SystemTime,
    ) -> Result<KeyTag, Error> {
        let note = KeyTag { state, at };
        self.store
            .tag(&ground.view.arn, &KeyTag::key(&key.id), &note.to_tag())
            .await?;
        Ok(note)
    }

    async fn set_status(
        &self,
        ground: &KeyInventory<'_>,
        key: &KeyInfo,
        status: KeyStatus,
    ) -> Result<(), Error> {
        if status == KeyStatus::Inactive {
            self.unchanged(ground).await?;
        }
        let user = ground.user;
        self.iam
            .set_status(&user.caller, &user.name, &key.id, status)
            .await
    }

    /// A person may have moved a label in the meantime: back to the old version, say.
    async fn unchanged(&self, ground: &KeyInventory<'_>) -> Result<(), Error> {
        let view = self.store.describe(&ground.view.arn).await?;
        let then = |label: &str| {
            let found = ground
                .versions
                .iter()
                .find(|(info, _)| info.labels.iter().any(|l| l == label));
            found.map(|(info, _)| info.id.clone())
        };
        // A pending version without a content is not in the list, and holds no key.
        let pending = view
            .labelled(PENDING)
            .filter(|id| then(PENDING).as_ref() != Some(id));
        if view.labelled(CURRENT) != then(CURRENT)
            || pending.is_some_and(|id| ground.versions.iter().any(|(info, _)| info.id == id))
        {
            return Err(moved());
        }
        ground.lap.check()
    }

    fn say(&self, ground: &KeyInventory<'_>, key: &KeyInfo, did: KeyAction, why: &KeyActionReason) {
        let (secret, user, key) = (&ground.view.name, &ground.user.name, id_suffix(&key.id));
        match (did, why) {
            (KeyAction::Deactivated, KeyActionReason::Deadline(_)) => {
                tracing::error!(%secret, %user, %key, %why, "key deactivated although it is not released");
            }
            (KeyAction::Reactivated, _) => {
                tracing::error!(%secret, %user, %key, %why, "key activated again: a consumer needs it");
            }
            (_, KeyActionReason::Released { presumed_gone, .. }) if !presumed_gone.is_empty() => {
                tracing::warn!(%secret, %user, %key, ?did, %why, "key retired on an assumption");
            }
            _ => tracing::info!(%secret, %user, %key, ?did, %why, "key retired"),
        }
    }
}

fn moved() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the secret's labels were moved while its keys were looked at: try again",
    )
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    !what.is_empty() && text.windows(what.len()).any(|window| window == what)
}

/// Secrets Manager keeps about a hundred versions without a label, for a day. Reading all would take long.
const MOST_VERSIONS: usize = 50;
const ROUNDS: usize = 4;
