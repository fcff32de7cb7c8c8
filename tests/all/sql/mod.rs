//! SQL pools that follow a secret.

mod logins;
mod real;
mod server;
mod swaps;

use std::time::Duration;

use credswap::Refreshable;
use credswap::refresh::Timeouts;
use credswap::sql::deadpool::Builder;
use credswap::sql::deadpool::deadpool_postgres::Pool;
use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::{Config, NoTls};
use credswap::test_util::TestSource;
use credswap::typed::DatabaseSecret;

use server::Server;

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

/// A pool that follows the secret of a database.
struct Service {
    server: Server,
    source: TestSource,
    database: Refreshable<DatabaseSecret>,
    pool: Pool,
}

impl Service {
    async fn start() -> Self {
        Self::with_timeouts(Timeouts::default().newer_key(LONG)).await
    }

    async fn with_timeouts(timeouts: Timeouts) -> Self {
        let server = Server::start("app", "first").await;
        let source = TestSource::new(secret("app", "first"), "v1");
        let database = Refreshable::typed(source.clone())
            .timeouts(timeouts)
            .without_polling()
            .start()
            .await
            .expect("the secret is valid");
        let mut config = Config::new();
        config.host("127.0.0.1").port(server.port);
        let pool = Builder::new(&database, config, NoTls)
            .pool(|pool| pool.max_size(40))
            .build()
            .expect("the settings are valid");
        Self {
            server,
            source,
            database,
            pool,
        }
    }

    /// Rotates to another user, in the database and at the source.
    async fn rotate(&self, user: &str, version: &str) {
        self.server.set_password(user, version);
        self.source.rotate(secret(user, version), version);
        self.database.refresh().await.expect("it is valid");
    }

    /// Opens `count` connections at once, and lets them be idle.
    async fn open(&self, count: usize) {
        let clients = futures::future::join_all((0..count).map(|_| self.pool.get())).await;
        for client in clients {
            drop(client.expect("a connection"));
        }
    }

    async fn drained(&self, version: &str) {
        let drained = tokio::time::timeout(LONG, self.source.drained(version)).await;
        drained.expect("it drains");
    }

    fn is_draining(&self, version: &str) -> bool {
        self.database.status().uses(&version.into())
    }
}

fn secret(user: &str, password: &str) -> String {
    format!(r#"{{"username": "{user}", "password": "{password}"}}"#)
}
