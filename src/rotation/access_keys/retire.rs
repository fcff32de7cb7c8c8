//! Takes the next action for each of a user's keys.
//!
//! Between two calls nothing is remembered but what is in AWS, so a call may end anywhere.

use super::account::Account;
use super::apply::apply;
use super::decide::Goal;
use super::iam::{KeyInfo, KeyStatus};
use super::inventory::KeyInventory;
use super::keys::AccessKeys;
use super::tags::KeyTag;
use crate::error::Error;
use crate::rotation::context::SecretContext;
use crate::rotation::report::{KeyAction, KeyActionReason, KeyReport, RetireReport};
use crate::rotation::store::{SecretDescription, VersionSelector};

/// Takes the next action for each key, and removes the tags of keys that no longer exist.
pub(super) async fn retire(
    keys: &AccessKeys,
    context: &SecretContext<'_>,
) -> Result<RetireReport, Error> {
    let (store, secret) = (context.store(), context.secret());
    let current = store.read(&secret.arn, VersionSelector::CURRENT).await?;
    let current = current.ok_or_else(|| secret.no_current_version())?;
    let account = Account::of(&current, &keys.fields, context).await?;
    let listed = account.list_keys(keys, context).await?;
    let inventory = KeyInventory::gather(keys, context, &account.user).await?;
    let mut report = RetireReport::default();
    let mut failed = None;
    for key in &listed {
        match apply(keys, &inventory, key, Goal::Retire).await {
            Ok(done) => {
                if let Some(done) = &done {
                    warn_if_current_is_inactive(secret, key, done);
                }
                report.keys.extend(done);
            }
            // The other keys do not depend on this one.
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    for gone in KeyTag::keys(secret).filter(|id| !listed.iter().any(|key| key.id == *id)) {
        store.untag(&secret.arn, &KeyTag::name(gone)).await?;
    }
    Ok(report)
}

/// A key that a person deactivated stays inactive, but its consumers cannot start.
fn warn_if_current_is_inactive(secret: &SecretDescription, key: &KeyInfo, done: &KeyReport) {
    if key.status == KeyStatus::Inactive
        && done.action == KeyAction::Kept
        && matches!(&done.reason, KeyActionReason::Labelled(_))
    {
        tracing::warn!(
            secret = %secret.name, key = %done.id_suffix(), reason = %done.reason,
            "a key is inactive that consumers read, and no tag says that a retirement deactivated it: activate it by hand, or \
             rotate"
        );
    }
}
