//! Why a key is not accepted: it may be too new, or IAM may not have it any more.

use super::account::Account;
use super::apply::apply;
use super::decide::Goal;
use super::iam::{KeyInfo, KeyStatus};
use super::inventory::KeyInventory;
use super::keys::AccessKeys;
use crate::aws::id_suffix;
use crate::error::{Error, ErrorKind};
use crate::rotation::context::StepContext;
use crate::rotation::report::KeyAction;
use crate::rotation::store::{CURRENT, Content};

/// Asks IAM for a key that the first test did not accept. A key that was deactivated here is activated again.
///
/// # Errors
/// If IAM never will accept it: what to do.
pub(super) async fn diagnose(
    keys: &AccessKeys,
    context: &StepContext<'_>,
    tested: &Content,
) -> Result<(), Error> {
    let Some((account, listed)) = ask(keys, context, tested).await else {
        return Ok(());
    };
    let key = listed.iter().find(|key| key.id == account.key_id);
    match key.map(|key| (key, key.status)) {
        Some((_, KeyStatus::Active)) => Ok(()),
        Some((key, KeyStatus::Inactive)) => inactive(keys, context, tested, (&account, key)).await,
        // IAM lists a new key late, too.
        None if context.is_new(tested) => Ok(()),
        None => missing(keys, context, tested, &account).await,
    }
}

/// Returns the user's keys; `None` if IAM cannot be asked. Then the tests decide.
async fn ask(
    keys: &AccessKeys,
    context: &StepContext<'_>,
    tested: &Content,
) -> Option<(Account, Vec<KeyInfo>)> {
    let asked = async {
        let secret_context = context.secret_context();
        let account = Account::of(tested, &keys.fields, secret_context).await?;
        let listed = account.list_keys(keys, secret_context).await?;
        Ok::<_, Error>((account, listed))
    };
    match asked.await {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::debug!(
                secret = %context.secret().name, error = %error.report(),
                "IAM could not be asked for a key that is not accepted yet"
            );
            None
        }
    }
}

async fn inactive(
    keys: &AccessKeys,
    context: &StepContext<'_>,
    tested: &Content,
    (account, key): (&Account, &KeyInfo),
) -> Result<(), Error> {
    let inventory = KeyInventory::gather(keys, context.secret_context(), &account.user).await?;
    let report = apply(keys, &inventory, key, Goal::Retire).await?;
    if report.is_some_and(|report| report.action == KeyAction::Reactivated) {
        return Ok(());
    }
    let user = &account.user.name;
    Err(rejected(format!(
        "{}: its key …{} of IAM user `{user}` is inactive, and it was not a retirement that deactivated it: activate it \
         with `aws iam update-access-key --user-name {user} --status Active --access-key-id …`, or {}",
        version(context, tested),
        id_suffix(&key.id),
        instead(context, tested)
    )))
}

async fn missing(
    keys: &AccessKeys,
    context: &StepContext<'_>,
    tested: &Content,
    account: &Account,
) -> Result<(), Error> {
    let Account { user, key_id } = account;
    match keys.iam.last_used(user, key_id).await {
        Ok(Some(used)) if used.user != user.name => return Err(account.owner_is(&used.user)),
        Ok(Some(_)) => return Ok(()),
        // AWS denies the question for a key that does not exist.
        Ok(None) | Err(_) => {}
    }
    Err(rejected(format!(
        "{}: its key …{} does not exist in IAM any more, so no test of it can succeed: {}",
        version(context, tested),
        id_suffix(key_id),
        instead(context, tested)
    )))
}

fn version(context: &StepContext<'_>, tested: &Content) -> String {
    let (version, name) = (tested.secret().version(), &context.secret().name);
    format!("version {version} of secret `{name}`")
}

/// Says how to get another key.
fn instead(context: &StepContext<'_>, tested: &Content) -> String {
    let (secret, version) = (context.secret(), tested.secret().version());
    match secret.has(version, CURRENT) {
        true => "rotate the secret: that creates another".to_owned(),
        false => format!(
            "cancel this rotation with `aws secretsmanager update-secret-version-stage --secret-id {} --version-stage \
             AWSPENDING --remove-from-version-id {version}`, and rotate again",
            secret.name
        ),
    }
}

fn rejected(message: String) -> Error {
    Error::new(ErrorKind::Rejected, message)
}
