//! Clients that work with a pool, and what became of their work.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use credswap::sql::deadpool::deadpool_postgres::Pool;
use credswap::sql::sqlx as hot_sqlx;
use credswap::sql::sqlx::sqlx;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::server::Server;

const CLIENTS: u64 = 32;

#[derive(Debug, Default)]
pub(super) struct Tally {
    queries: u64,
    failed: u64,
    transactions: u64,
    aborted: u64,
    lost: u64,
    slowest: Duration,
    errors: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn assert_undisturbed(&self) {
        assert_eq!(
            (self.failed, self.aborted, self.lost),
            (0, 0, 0),
            "{self:?}"
        );
        assert!(self.queries > 0 && self.transactions > 0, "{self:?}");
    }

    /// Counts a query that failed.
    fn query<R, E: std::error::Error + 'static>(
        &mut self,
        result: Result<R, E>,
    ) -> Result<R, String> {
        result.map_err(|error| {
            self.failed += 1;
            text(&error)
        })
    }

    /// Counts a transaction that failed.
    fn transaction<E: std::error::Error + 'static>(
        &mut self,
        result: Result<(), E>,
    ) -> Result<(), String> {
        result.map_err(|error| {
            self.aborted += 1;
            text(&error)
        })
    }

    fn note(&mut self, error: &str) {
        *self.errors.entry(error.to_owned()).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        self.queries += other.queries;
        self.failed += other.failed;
        self.transactions += other.transactions;
        self.aborted += other.aborted;
        self.slowest = self.slowest.max(other.slowest);
        for (error, times) in other.errors {
            *self.errors.entry(error).or_default() += times;
        }
    }
}

/// What many clients do at once.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Tally>,
}

impl Load {
    pub(super) fn start(pool: impl Works) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(work(client, pool.clone(), Arc::clone(&stop)));
        }
        Self { stop, clients }
    }

    /// Stops the clients, and looks for what they committed.
    pub(super) async fn end(self, server: &Server) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for tally in self.clients.join_all().await {
            sum.add(tally);
        }
        let count = "select count(*) from orders";
        let stored: i64 = server
            .admin
            .query_one(count, &[])
            .await
            .expect(count)
            .get(0);
        server.run("truncate orders").await;
        sum.lost = (2 * sum.transactions).saturating_sub(stored.cast_unsigned());
        sum
    }
}

/// Queries and transactions, one after the other; every eighth client holds its connection over a rotation.
async fn work(client: u64, pool: impl Works, stop: Arc<AtomicBool>) -> Tally {
    let pause = if client.is_multiple_of(8) { 1.3 } else { 0.01 };
    let insert = format!("insert into orders values ({client})");
    let during = format!("select pg_sleep({pause})");
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        match pool.work(&mut tally, &insert, &during).await {
            Ok(()) => tally.transactions += 1,
            Err(error) => {
                tally.note(&error);
                sleep(Duration::from_millis(10)).await; // as a service would
            }
        }
    }
    tally
}

/// A pool that clients work with.
pub(super) trait Works: Clone + Send + Sync + 'static {
    /// Makes a query, and then a transaction that inserts twice with a pause in between. Counts what fails.
    fn work(
        &self,
        tally: &mut Tally,
        insert: &str,
        during: &str,
    ) -> impl Future<Output = Result<(), String>> + Send;
}

const QUERY: &str = "select count(*) from orders";

impl Works for Pool {
    async fn work(&self, tally: &mut Tally, insert: &str, during: &str) -> Result<(), String> {
        let begun = Instant::now();
        let connection = self.get().await;
        tally.slowest = tally.slowest.max(begun.elapsed());
        let mut connection = tally.query(connection)?;
        tally.query(connection.query_one(QUERY, &[]).await)?;
        tally.queries += 1;
        let transaction = async {
            let transaction = connection.transaction().await?;
            for sql in [insert, during, insert] {
                transaction.batch_execute(sql).await?;
            }
            transaction.commit().await
        };
        tally.transaction(transaction.await)
    }
}

/// A pool that is replaced by another one.
impl Works for Arc<Mutex<Pool>> {
    async fn work(&self, tally: &mut Tally, insert: &str, during: &str) -> Result<(), String> {
        let pool = self.lock().expect("no panic").clone();
        pool.work(tally, insert, during).await
    }
}

impl Works for hot_sqlx::Pool {
    async fn work(&self, tally: &mut Tally, insert: &str, during: &str) -> Result<(), String> {
        let begun = Instant::now();
        let connection = self.acquire().await;
        tally.slowest = tally.slowest.max(begun.elapsed());
        let mut connection = tally.query(connection)?;
        let query = sqlx::query(QUERY).fetch_one(&mut *connection).await;
        tally.query(query)?;
        drop(connection);
        tally.queries += 1;
        let transaction = async {
            let mut transaction = self.begin().await?;
            for sql in [insert, during, insert] {
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        tally.transaction(transaction.await)
    }
}

/// Returns the innermost cause: what the server said.
fn text(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}
