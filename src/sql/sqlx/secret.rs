//! The secret, of whatever type, as a pool needs it.

use std::future::Future;
use std::pin::Pin;

use sqlx::postgres::PgConnectOptions;

use crate::hot::{DrainToken, Lease, Updates};
use crate::refresh::Refreshable;
use crate::sql::logins::{is_rejection, log_in};
use crate::sql::rejections::Rejections;

pub(super) type BoxFuture<'a, R> = Pin<Box<dyn Future<Output = R> + Send + 'a>>;

/// An attempt to log in: the generation it used, and what became of it.
pub(super) type Attempted<C> = (u64, Result<C, sqlx::Error>);

/// What [`Pool`](super::Pool) needs of a `Refreshable<T>`, without the `T`.
pub(super) trait LiveSecret: Send + Sync {
    /// Returns the live generation's number.
    fn generation(&self) -> u64;

    /// Returns the live generation: its number, how to log in with it, and what keeps it in use.
    fn live(&self) -> (u64, PgConnectOptions, DrainToken);

    /// Returns the numbers of the generations that go live from now on.
    fn updates(&self) -> Updates;

    /// Makes attempts until one is not rejected, or no newer generation comes in time.
    fn log_in<'a>(
        &'a self,
        attempt: &'a (dyn Fn() -> BoxFuture<'a, Attempted<Connection>> + Send + Sync),
    ) -> BoxFuture<'a, Result<Connection, sqlx::Error>>;
}

pub(super) type Connection = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// A refreshable, and how to log in with what it holds.
pub(super) struct DatabaseLogin<T> {
    pub(super) database: Refreshable<T>,
    pub(super) login: Box<dyn Fn(&T) -> PgConnectOptions + Send + Sync>,
    pub(super) rejections: Rejections,
}

impl<T: Send + Sync + 'static> LiveSecret for DatabaseLogin<T> {
    fn generation(&self) -> u64 {
        self.database.generation()
    }

    fn live(&self) -> (u64, PgConnectOptions, DrainToken) {
        let lease = self.database.lease();
        let options = (self.login)(&lease);
        (Lease::generation(&lease), options, Lease::token(&lease))
    }

    fn updates(&self) -> Updates {
        self.database.updates()
    }

    fn log_in<'a>(
        &'a self,
        attempt: &'a (dyn Fn() -> BoxFuture<'a, Attempted<Connection>> + Send + Sync),
    ) -> BoxFuture<'a, Result<Connection, sqlx::Error>> {
        Box::pin(log_in(
            &self.database,
            &self.rejections,
            is_rejected,
            attempt,
        ))
    }
}

/// Returns whether the database did not accept the user or the password.
pub(super) fn is_rejected(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| is_rejection(&code))
}
