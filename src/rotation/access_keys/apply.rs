//! Carries out one decision on one key.
//!
//! Each write is preceded by the tag that explains it, and by another read of the labels.

use super::decide::{Action, Goal, decide};
use super::iam::{KeyInfo, KeyStatus};
use super::inventory::KeyInventory;
use super::keys::AccessKeys;
use super::tags::{KeyState, KeyTag};
use crate::aws::id_suffix;
use crate::error::Error;
use crate::rotation::report::{KeyAction, KeyActionReason, KeyReport};

/// Each round ends the call or changes the tag, and no key needs as many changes as this.
const MAX_ROUNDS: usize = 4;

/// Takes the next action for a key, and reports it; `None` if the key no longer exists.
pub(super) async fn apply(
    keys: &AccessKeys,
    inventory: &KeyInventory<'_>,
    key: &KeyInfo,
    goal: Goal,
) -> Result<Option<KeyReport>, Error> {
    let Some(mut facts) = inventory.facts(keys, key).await? else {
        return Ok(None);
    };
    let context = inventory.context;
    let tag = async |state, at| write_tag(inventory, key, KeyTag { state, at }).await;
    let (action, reason) = 'done: {
        for _ in 0..MAX_ROUNDS {
            let now = context.now();
            match decide(&facts, goal, now, context.policy()) {
                Action::Keep(reason) => {
                    log(inventory, key, KeyAction::Kept, &reason);
                    break 'done (KeyAction::Kept, reason);
                }
                Action::Tag(state) => facts.tag = Some(tag(state, now).await?),
                Action::Untag(reason) => {
                    untag(inventory, key).await?;
                    break 'done (KeyAction::Kept, reason);
                }
                Action::Deactivate(reason) => {
                    let since = facts.tag.map_or(now, |tag| tag.at);
                    tag(KeyState::Deactivating, since).await?;
                    set_status(keys, inventory, key, KeyStatus::Inactive).await?;
                    log(inventory, key, KeyAction::Deactivated, &reason);
                    tag(KeyState::Deactivated, now).await?;
                    break 'done (KeyAction::Deactivated, reason);
                }
                Action::Reactivate(reason) => {
                    tag(KeyState::Reactivating, now).await?;
                    set_status(keys, inventory, key, KeyStatus::Active).await?;
                    log(inventory, key, KeyAction::Reactivated, &reason);
                    tag(KeyState::Reactivated, now).await?;
                    break 'done (KeyAction::Reactivated, reason);
                }
                Action::Delete(reason) => {
                    inventory.check_unchanged().await?;
                    keys.iam.delete(inventory.user, &key.id).await?;
                    log(inventory, key, KeyAction::Deleted, &reason);
                    if facts.tag.is_some() {
                        untag(inventory, key).await?;
                    }
                    break 'done (KeyAction::Deleted, reason);
                }
            }
        }
        (KeyAction::Kept, KeyActionReason::Unknown)
    };
    Ok(Some(KeyReport::new(&key.id, action, reason)))
}

async fn write_tag(
    inventory: &KeyInventory<'_>,
    key: &KeyInfo,
    tag: KeyTag,
) -> Result<KeyTag, Error> {
    let context = inventory.context;
    tag.write(context.store(), &context.secret().arn, &key.id)
        .await?;
    Ok(tag)
}

async fn untag(inventory: &KeyInventory<'_>, key: &KeyInfo) -> Result<(), Error> {
    let context = inventory.context;
    let store = context.store();
    let tag = KeyTag::name(&key.id);
    store.untag(&context.secret().arn, &tag).await
}

async fn set_status(
    keys: &AccessKeys,
    inventory: &KeyInventory<'_>,
    key: &KeyInfo,
    status: KeyStatus,
) -> Result<(), Error> {
    if status == KeyStatus::Inactive {
        inventory.check_unchanged().await?;
    }
    let user = inventory.user;
    keys.iam.set_status(user, &key.id, status).await
}

fn log(inventory: &KeyInventory<'_>, key: &KeyInfo, action: KeyAction, reason: &KeyActionReason) {
    let secret = &inventory.context.secret().name;
    let (user, key) = (&inventory.user.name, id_suffix(&key.id));
    match (action, reason) {
        (KeyAction::Deactivated, KeyActionReason::Deadline(_)) => {
            tracing::error!(%secret, %user, %key, %reason, "key deactivated although it is not released");
        }
        (KeyAction::Reactivated, KeyActionReason::Labelled(_)) => {
            tracing::warn!(%secret, %user, %key, %reason, "key activated again: its version was rolled back to");
        }
        (KeyAction::Reactivated, _) => {
            tracing::error!(%secret, %user, %key, %reason, "key activated again: a consumer needs it");
        }
        (KeyAction::Kept, KeyActionReason::UsedSince { .. }) => {
            tracing::warn!(%secret, %user, %key, %reason, "key to be retired is in use");
        }
        (KeyAction::Kept, _) => {}
        (_, KeyActionReason::Assumed { .. }) => {
            tracing::warn!(%secret, %user, %key, %action, %reason, "key retired on an assumption");
        }
        (_, KeyActionReason::Released { presumed_gone, .. }) if !presumed_gone.is_empty() => {
            tracing::warn!(%secret, %user, %key, %action, %reason, "key retired, presuming consumers gone");
        }
        _ => tracing::info!(%secret, %user, %key, %action, %reason, "key retired"),
    }
}
