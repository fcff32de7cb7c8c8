//! The writes that decide between two runs of a step, and what it means when the answer to one is lost.
//!
//! There are three, and of two runs only one can win each:
//!
//! - `PutSecretValue` with the token: the content of a version never changes, so the second run learns that it came second,
//!   removes what it created, and continues with what is stored.
//! - `UpdateSecretVersionStage` with `RemoveFromVersionId`: the label is moved from where it was seen, or not at all.
//! - `CreateAccessKey` under IAM's quota (see `access_keys/create.rs`).
//!
//! A write without an answer may have been done, or be done later.

use super::stage::current_moved;
use crate::error::Error;
use crate::rotation::context::StepContext;
use crate::rotation::store::{
    CURRENT, Content, MoveLabel, MoveOutcome, PENDING, PutOutcome, SecretDescription, Store,
};
use crate::secret::VersionId;

/// How often a write is attempted in one step.
const ATTEMPTS: usize = 3;

/// What is known about a new version after an attempt to store it.
pub(super) enum StoreCertainty {
    /// The version has the new content.
    Stored,
    /// The version has other content, and always will.
    Taken,
    /// The content was not stored, and no longer can be.
    NotStored(Error),
    /// The content may have been stored although no answer confirmed it.
    MayBeStored(Error),
}

/// Stores the new version, and returns whether it can still be stored if that failed.
pub(super) async fn put_pending(context: &StepContext<'_>, content: &Content) -> StoreCertainty {
    let mut every_answer_received = true;
    let mut remaining = ATTEMPTS;
    loop {
        remaining -= 1;
        let answer = match context.check_deadline() {
            Ok(()) => {
                let (id, token) = (&context.secret().arn, context.token());
                let rotation_token = context.request().rotation_token.as_ref();
                let store = context.store();
                store.put_pending(id, token, content, rotation_token).await
            }
            Err(late) if every_answer_received => return StoreCertainty::NotStored(late),
            Err(late) => return StoreCertainty::MayBeStored(late),
        };
        match answer {
            // An earlier attempt may have been the one that stored it.
            Ok(PutOutcome::Stored) => return StoreCertainty::Stored,
            Ok(PutOutcome::Taken) => return StoreCertainty::Taken,
            Err(error) if error.is_retryable() && remaining > 0 => every_answer_received = false,
            Err(error) if error.is_retryable() || !every_answer_received => {
                return StoreCertainty::MayBeStored(error);
            }
            Err(error) => return StoreCertainty::NotStored(error),
        }
    }
}

/// Makes the new version current, unless another version than `from` is.
pub(super) async fn move_current(context: &StepContext<'_>, from: &VersionId) -> Result<(), Error> {
    let (id, token) = (&context.secret().arn, context.token());
    let mut remaining = ATTEMPTS;
    loop {
        remaining -= 1;
        context.check_deadline()?;
        let label = MoveLabel { from, to: token };
        match context.store().move_current(id, label).await {
            Ok(MoveOutcome::Moved) => return Ok(()),
            // Moved by another run of this step, by an attempt of this one whose answer was lost, or by somebody else.
            Ok(MoveOutcome::NotThere) => {
                let secret = context.store().describe(id).await?;
                return match secret.has(token, CURRENT) {
                    true => Ok(()),
                    false => Err(current_moved(context)),
                };
            }
            Err(error) if error.is_retryable() && remaining > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes `AWSPENDING` from the version that is current now. Left there it would look, after a rollback, like a rotation to
/// be finished. The last thing that a rotation does: without the label, Secrets Manager may not retry it.
pub(super) async fn remove_own_pending(context: &StepContext<'_>) {
    let (secret, token) = (context.secret(), context.token());
    if !secret.has(token, PENDING) {
        return;
    }
    if let Err(error) = context.store().remove_pending(&secret.arn, token).await {
        // The rotation is finished all the same, and what is left is removed by `remove_replaced_pending`.
        tracing::debug!(secret = %secret.name, error = %error.report(), "could not remove the label AWSPENDING");
    }
}

/// Removes `AWSPENDING` from a version that was current before: other functions leave it there, and it would keep that
/// version's credential for ever. Returns whether there was one.
pub(super) async fn remove_replaced_pending(
    store: &dyn Store,
    secret: &SecretDescription,
) -> Result<bool, Error> {
    let Some(version) = secret.replaced_pending() else {
        return Ok(false);
    };
    store.remove_pending(&secret.arn, &version).await?;
    tracing::warn!(
        secret = %secret.name, %version,
        "removed the label AWSPENDING from a version that was current before and was rolled back or replaced"
    );
    Ok(true)
}
