//! Takes the next action for each of a user's keys.
//!
//! Between two calls nothing is remembered but what is in AWS, so a call may end anywhere.

use super::account::Account;
use super::apply::apply;
use super::decide::Goal;
use super::inventory::KeyInventory;
use super::keys::AccessKeys;
use super::tags::KeyTag;
use crate::error::Error;
use crate::rotation::context::SecretContext;
use crate::rotation::report::RetireReport;
use crate::rotation::store::VersionSelector;

/// Takes the next action for each key, and removes the tags of keys that no longer exist.
pub(super) async fn retire(
    keys: &AccessKeys,
    context: &SecretContext<'_>,
) -> Result<RetireReport, Error> {
    let (store, secret) = (context.store(), context.secret());
    let current = store.read(&secret.arn, VersionSelector::CURRENT).await?;
    let current = current.ok_or_else(|| secret.no_current_version())?;
    let account = Account::of(&current, &keys.fields, store).await?;
    let listed = keys.iam.keys(&account.user).await?;
    let inventory = KeyInventory::gather(context, &account.user).await?;
    let mut report = RetireReport::default();
    for key in &listed {
        report
            .keys
            .extend(apply(keys, &inventory, key, Goal::Retire).await?);
    }
    for gone in KeyTag::keys(secret).filter(|id| !listed.iter().any(|key| key.id == *id)) {
        store.untag(&secret.arn, &KeyTag::name(gone)).await?;
    }
    Ok(report)
}
