//! The writes that decide between two runs of a step, tried a few times, and what a lost answer to one means.
//!
//! There are three, and each is one that only one of two can win:
//!
//! - `PutSecretValue` with the token: a version's content never changes, so the second one learns that it came second,
//!   takes back what it made, and goes on with what is stored.
//! - `UpdateSecretVersionStage` with `RemoveFromVersionId`: the label is moved from where it was seen, or not at all.
//! - `CreateAccessKey` under IAM's quota (see `access_keys.rs`).
//!
//! A write without an answer may have been done, or be done later.

use super::context::Run;
use super::store::{CURRENT, Content, MoveOutcome, PutOutcome, Store};
use crate::error::Error;
use crate::secret::VersionId;

/// How storing the new version ended.
pub(super) enum StoreCertainty {
    /// The version holds what was made.
    Stored,
    /// It holds something else, and always will.
    Taken,
    /// It was not stored, and can not be any more.
    NotStored(Error),
    /// It may have been stored although nobody said so.
    MayBeStored(Error),
}

/// Stores the new version, and knows whether it can still be stored when this has failed.
pub(super) async fn put<S: Store>(store: &S, run: &Run<'_>, made: &Content) -> StoreCertainty {
    let mut sure = true;
    let mut left = TRIES;
    loop {
        left -= 1;
        let answer = match run.lap.check() {
            Ok(()) => {
                let (id, token) = (&run.view.arn, &run.request.token);
                let rotation_token = run.request.rotation_token.as_ref();
                store.put_pending(id, token, made, rotation_token).await
            }
            Err(late) if sure => return StoreCertainty::NotStored(late),
            Err(late) => return StoreCertainty::MayBeStored(late),
        };
        match answer {
            // An earlier try may have been the one that stored it.
            Ok(PutOutcome::Stored) => return StoreCertainty::Stored,
            Ok(PutOutcome::Taken) => return StoreCertainty::Taken,
            Err(error) if error.is_retryable() && left > 0 => sure = false,
            Err(error) if error.is_retryable() || !sure => {
                return StoreCertainty::MayBeStored(error);
            }
            Err(error) => return StoreCertainty::NotStored(error),
        }
    }
}

/// Makes the new version current, unless another one than `from` is.
pub(super) async fn move_current<S: Store>(
    store: &S,
    run: &Run<'_>,
    from: &VersionId,
) -> Result<(), Error> {
    let (id, token) = (&run.view.arn, &run.request.token);
    let mut left = TRIES;
    loop {
        left -= 1;
        run.lap.check()?;
        match store.move_current(id, token, from).await {
            Ok(MoveOutcome::Moved) => return Ok(()),
            // By another run of this step, or by a try of this one whose answer was lost; or by somebody else.
            Ok(MoveOutcome::NotThere) => {
                let view = store.describe(id).await?;
                return match view.has(token, CURRENT) {
                    true => Ok(()),
                    false => Err(run.moved_by_another()),
                };
            }
            Err(error) if error.is_retryable() && left > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

/// How often a write is tried in one step.
const TRIES: usize = 3;
