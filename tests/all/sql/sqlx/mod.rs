//! Pools of sqlx.

mod logins;
mod swaps;

use std::ops::Deref;
use std::time::Duration;

use credswap::refresh::Timeouts;
use credswap::sql::sqlx::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use credswap::sql::sqlx::{Builder, Pool};
use credswap::typed::DatabaseSecret;

use super::{Database, LONG};

/// A pool that follows the secret of a database.
struct Service {
    database: Database,
    pool: Pool,
}

impl Service {
    async fn start() -> Self {
        Self::waiting(LONG).await
    }

    /// Starts one that waits for a newer secret for `newer_key`.
    async fn waiting(newer_key: Duration) -> Self {
        Self::build(newer_key, |pool| pool).await
    }

    /// Starts one whose connections stay at a swap.
    async fn keeping_connections() -> Self {
        Self::build(LONG, Builder::keep_connections).await
    }

    async fn build(
        newer_key: Duration,
        configure: impl FnOnce(Builder<DatabaseSecret>) -> Builder<DatabaseSecret>,
    ) -> Self {
        let database = Database::start(Timeouts::default().newer_key(newer_key)).await;
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1");
        let options = options.port(database.server.port);
        let pool = Builder::new(&database.database, options).pool_options(
            PgPoolOptions::new()
                .max_connections(40)
                .acquire_timeout(2 * LONG),
        );
        let pool = configure(pool).build();
        Self { database, pool }
    }

    /// Opens `count` connections at once, and waits until they are idle.
    async fn open(&self, count: u32) {
        let acquired = futures::future::join_all((0..count).map(|_| self.pool.acquire())).await;
        for connection in acquired {
            connection.expect("a connection").return_to_pool().await;
        }
    }
}

impl Deref for Service {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}
