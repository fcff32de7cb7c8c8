//! Dispatches every call: counts it, applies a fault if one is due, processes it, and records the outcome.

use std::future::Future;

use crate::calls::{Action, Call, Outcome};
use crate::cloud::Shared;
use crate::error::{ApiError, Hangup};
use crate::scheduled_faults::failure;

/// An answer in the form of some protocol.
pub(crate) trait Answer {
    /// Returns an error in that form.
    fn from_error(error: ApiError) -> Self;

    /// Returns status and code, if this is an error.
    fn error(&self) -> Option<(u16, String)>;
}

/// Processes a call with `work`, unless a fault is due.
pub(crate) async fn dispatch<A: Answer>(
    shared: &Shared,
    call: Call,
    work: impl Future<Output = A>,
) -> Result<A, Hangup> {
    // Before the call is counted: a test that observes the count may release the call at once.
    let mut releases = shared.releases.subscribe();
    let action = next_action(shared, &call);
    let answer = match action {
        Action::Disconnect => {
            shared.log.ended(call, Outcome::Disconnected);
            return Err(Hangup);
        }
        Action::Fail(status, code) => A::from_error(failure(status, code)),
        Action::Hang => {
            // The sender is in `shared`, so this cannot fail.
            let _ = releases.changed().await;
            work.await
        }
        Action::Pass | Action::LoseAnswer => work.await,
    };
    if action == Action::LoseAnswer {
        shared.log.ended(call, Outcome::AnswerLost);
        return Err(Hangup);
    }
    let outcome = match answer.error() {
        Some((status, code)) => Outcome::Rejected(status, code),
        None => Outcome::Done,
    };
    shared.log.ended(call, outcome);
    Ok(answer)
}

fn next_action(shared: &Shared, call: &Call) -> Action {
    let name = call.name();
    shared.log.arrived(&name);
    let hook = shared.state().hook.clone();
    // Without the lock: a hook may use the cloud.
    match hook.map(|hook| hook(call)) {
        None | Some(Action::Pass) => shared.state().faults.take(call, &name),
        Some(action) => action,
    }
}
