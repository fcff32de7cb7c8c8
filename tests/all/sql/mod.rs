//! SQL pools that follow a secret.

mod deadpool;
#[cfg(feature = "rds")]
mod rds;
mod real;
mod sqlx;

use std::time::Duration;

use credswap::Refreshable;
use credswap::refresh::Timeouts;
use credswap::test_util::TestSource;
use credswap::typed::DatabaseSecret;
use credswap_testkit::Postgres;

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

/// A database, and its secret.
struct Database {
    server: Postgres,
    source: TestSource,
    database: Refreshable<DatabaseSecret>,
}

impl Database {
    async fn start(timeouts: Timeouts) -> Self {
        let server = Postgres::start("app", "first").await;
        let source = TestSource::new(secret("app", "first"), "v1");
        let database = Refreshable::typed(source.clone())
            .timeouts(timeouts)
            .without_polling()
            .start()
            .await
            .expect("the secret is valid");
        Self {
            server,
            source,
            database,
        }
    }

    /// Rotates to another user, in the database and at the source.
    async fn rotate(&self, user: &str, version: &str) {
        self.server.set_password(user, version);
        self.source.rotate(secret(user, version), version);
        self.database.refresh().await.expect("it is valid");
    }

    async fn drained(&self, version: &str) {
        let drained = tokio::time::timeout(LONG, self.source.drained(version)).await;
        drained.expect("it drains");
    }

    fn is_draining(&self, version: &str) -> bool {
        self.database.status().uses(&version.into())
    }
}

/// Waits until the refreshable of this source has ended.
async fn ended(source: &TestSource) {
    let ended = async {
        while !source.is_shut_down() {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(LONG, ended).await;
    ended.expect("refreshing ends");
}

fn secret(user: &str, password: &str) -> String {
    format!(r#"{{"username": "{user}", "password": "{password}"}}"#)
}
