//! The gate every call goes through: counted, perhaps made to fail, done, recorded.

use std::future::Future;

use crate::calls::{Action, Call, Outcome};
use crate::cloud::Shared;
use crate::error::{ApiError, Hangup};
use crate::script::failure;

/// An answer in some protocol's form.
pub(crate) trait Answer {
    /// An error in that form.
    fn refuse(error: ApiError) -> Self;

    /// Status and code, if this is an error.
    fn refusal(&self) -> Option<(u16, String)>;
}

/// Does `work` unless a fault is due.
pub(crate) async fn pass<A: Answer>(
    shared: &Shared,
    call: Call,
    work: impl Future<Output = A>,
) -> Result<A, Hangup> {
    // Before the call is counted: whoever sees the count may release at once.
    let mut releases = shared.releases.subscribe();
    let action = next_action(shared, &call);
    let answer = match action {
        Action::Disconnect => {
            shared.log.ended(call, Outcome::Disconnected);
            return Err(Hangup);
        }
        Action::Fail(status, code) => A::refuse(failure(status, code)),
        Action::Hang => {
            // The sender lives in shared, so this cannot fail.
            let _ = releases.changed().await;
            work.await
        }
        Action::Pass | Action::LoseAnswer => work.await,
    };
    if action == Action::LoseAnswer {
        shared.log.ended(call, Outcome::AnswerLost);
        return Err(Hangup);
    }
    let outcome = match answer.refusal() {
        Some((status, code)) => Outcome::Refused(status, code),
        None => Outcome::Done,
    };
    shared.log.ended(call, outcome);
    Ok(answer)
}

fn next_action(shared: &Shared, call: &Call) -> Action {
    let name = call.name();
    shared.log.arrived(&name);
    let hook = shared.state().hook.clone();
    // Without the lock: a hook may well use the cloud.
    match hook.map(|hook| hook(call)) {
        None | Some(Action::Pass) => shared.state().script.take(call, &name),
        Some(action) => action,
    }
}
