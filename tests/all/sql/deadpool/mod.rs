//! Pools of deadpool-postgres.

mod logins;
mod swaps;

use std::ops::Deref;
use std::time::Duration;

use credswap::refresh::Timeouts;
use credswap::sql::deadpool::Builder;
use credswap::sql::deadpool::deadpool_postgres::Pool;
use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::{Config, NoTls};
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
        configure: impl FnOnce(Builder<DatabaseSecret, NoTls>) -> Builder<DatabaseSecret, NoTls>,
    ) -> Self {
        let database = Database::start(Timeouts::default().newer_key(newer_key)).await;
        let mut config = Config::new();
        config.host("127.0.0.1").port(database.server.port);
        let pool = configure(Builder::new(&database.database, config, NoTls))
            .pool(|pool| pool.max_size(40))
            .build()
            .expect("the settings are valid");
        Self { database, pool }
    }

    /// Opens `count` connections at once, and lets them be idle.
    async fn open(&self, count: usize) {
        let clients = futures::future::join_all((0..count).map(|_| self.pool.get())).await;
        for client in clients {
            drop(client.expect("a connection"));
        }
    }
}

impl Deref for Service {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}
