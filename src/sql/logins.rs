//! How a pool logs in, and what it does when the database rejects a login.

use std::future::Future;

use tokio::time::Instant;

use super::rejections::{Rejections, Waited, newer, window};
use crate::refresh::Refreshable;

/// Logs in with `attempt`, which returns the generation that it used and what became of it. After a rejection it is tried once
/// with each newer generation that comes in time, and once more when the time is over.
///
/// `attempt` must use no generation after it has completed: what waits keeps none from draining.
pub(super) async fn log_in<T, C, E, A>(
    database: &Refreshable<T>,
    rejections: &Rejections,
    is_rejection: impl Fn(&E) -> bool,
    attempt: impl Fn() -> A,
) -> Result<C, E>
where
    T: Send + Sync + 'static,
    A: Future<Output = (u64, Result<C, E>)>,
{
    let mut until = None;
    loop {
        let (generation, error) = match attempt().await {
            // Nothing is awaited between the login and this: deadpool's `Connect` depends on it.
            (_, Ok(connection)) => return Ok(connection),
            (generation, Err(error)) if is_rejection(&error) => (generation, error),
            (_, Err(error)) => return Err(error),
        };
        database.report_rejected(generation);
        let window = window(database);
        let first = rejections.note(database.name(), generation, window);
        let until = *until.get_or_insert(first + window);
        if until <= Instant::now() {
            return Err(error);
        }
        match newer(database, generation, until).await {
            // When the time is over, too: the database may have been the slower one, a replica that lags, say.
            Waited::Newer | Waited::TimeOver => {}
            Waited::Ended => return Err(error),
        }
    }
}

/// Returns whether an SQLSTATE says that the database did not accept the user or the password: `invalid_password` and
/// `invalid_authorization_specification` of PostgreSQL's appendix "Error Codes".
pub(super) fn is_rejection(code: &str) -> bool {
    matches!(code, "28P01" | "28000")
}
