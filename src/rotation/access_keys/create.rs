//! Creates a new key, after it has made room for it.

use super::account::Account;
use super::apply::apply;
use super::decide::Goal;
use super::iam::{CreateOutcome, KeyInfo};
use super::inventory::KeyInventory;
use super::keys::AccessKeys;
use super::tags::{CreateIntent, KeyTag};
use crate::aws::{AccessKey, id_suffix, other_places, with_key};
use crate::error::{Error, ErrorKind};
use crate::rotation::context::{SecretContext, StepContext};
use crate::rotation::report::KeyAction;
use crate::rotation::store::Content;

/// IAM's quota.
const KEYS_PER_USER: usize = 2;

/// Creates a key for the current key's user, and returns the content with it.
pub(super) async fn create(
    keys: &AccessKeys,
    context: &StepContext<'_>,
    current: &Content,
) -> Result<Content, Error> {
    // Before the keys are listed: what is not on the list is younger.
    let at = context.now();
    let store = context.store();
    let account = Account::of(current, &keys.fields, context.secret_context()).await?;
    check_other_fields(keys, current)?;
    let user = &account.user;
    let listed = account.list_keys(keys, context.secret_context()).await?;
    if !listed.iter().any(|key| key.id == account.key_id) {
        check_owner(keys, &account).await?;
    }
    // The current key was retired once, before a rollback, if it has a tag.
    let needs_a_decision =
        |key: &KeyInfo| key.id != account.key_id || KeyTag::of(context.secret(), &key.id).is_some();
    if listed.iter().any(needs_a_decision) {
        make_room(keys, context.secret_context(), &account, &listed).await?;
    }
    let intent = CreateIntent {
        at,
        token: context.token().clone(),
        existing: listed.into_iter().map(|key| key.id).collect(),
    };
    intent.write(store, &context.secret().arn).await?;
    context.check_deadline()?;
    let CreateOutcome::Key(key) = keys.iam.create(user).await? else {
        return Err(Error::new(
            ErrorKind::InUse,
            format!(
                "another key of IAM user `{}` was created at the same time, and IAM allows no third: try again; if another \
                 run of this rotation created it, the next run finds it",
                user.name
            ),
        ));
    };
    let text = current.secret().expose_str()?;
    let text = with_key(text, &keys.fields, &key.id, &key.secret)
        .ok_or_else(|| Error::new(ErrorKind::Malformed, "the secret is not a JSON object"))?;
    Ok(current.renewed(text.as_bytes(), context.token()))
}

/// The key must not be in other fields of the secret: they would keep the old one.
fn check_other_fields(keys: &AccessKeys, current: &Content) -> Result<(), Error> {
    let secret = current.secret();
    let key = AccessKey::parse(secret, &keys.fields)?;
    let credentials = key.to_credentials(None);
    let what = [key.id(), credentials.secret_access_key()];
    let places = other_places(secret.expose_str()?, &keys.fields, &what);
    if places.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Malformed,
        format!(
            "secret version {}: the key is also in {}, which a rotation does not rewrite, so whoever reads that would be left \
             with the old key: remove it, and let its readers use the key's own fields",
            secret.version(),
            places.join(", ")
        ),
    ))
}

/// The current key must be this user's: otherwise the name in the secret is wrong, and these are another user's keys.
async fn check_owner(keys: &AccessKeys, account: &Account) -> Result<(), Error> {
    let Account { user, key_id } = account;
    match keys.iam.last_used(user, key_id).await? {
        Some(used) if used.user != user.name => Err(account.owner_is(&used.user)),
        Some(_) => Ok(()),
        None => {
            tracing::warn!(
                user = %user.name, key = %id_suffix(key_id),
                "the current key does not exist; a new one is created"
            );
            Ok(())
        }
    }
}

/// Deletes what may be deleted. Afterwards there is room, or the error names what is in the way.
async fn make_room(
    keys: &AccessKeys,
    context: &SecretContext<'_>,
    account: &Account,
    listed: &[KeyInfo],
) -> Result<(), Error> {
    let inventory = KeyInventory::gather(keys, context, &account.user).await?;
    let mut in_the_way = Vec::new();
    for key in listed {
        if let Some(report) = apply(keys, &inventory, key, Goal::MakeRoom).await?
            && report.action != KeyAction::Deleted
        {
            in_the_way.push(report);
        }
    }
    let is_blocked = in_the_way
        .iter()
        .any(|report| report.reason.blocks_new_keys());
    if in_the_way.len() < KEYS_PER_USER && !is_blocked {
        return Ok(());
    }
    let list: Vec<_> = in_the_way
        .iter()
        .map(|report| format!("…{} ({})", report.id_suffix(), report.reason))
        .collect();
    // A key that nothing will release needs somebody to act.
    let kind = match in_the_way.iter().all(|report| report.reason.is_temporary()) {
        true => ErrorKind::InUse,
        false => ErrorKind::Config,
    };
    Err(Error::new(
        kind,
        format!(
            "no room for a new key of IAM user `{}`: IAM allows {KEYS_PER_USER}, and none of these may be deleted: {}",
            account.user.name,
            list.join("; ")
        ),
    ))
}
