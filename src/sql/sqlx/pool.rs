//! The handle that leads to the pool of the live version.

use std::fmt;
use std::sync::{Arc, Mutex};

use sqlx::pool::MaybePoolConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Acquire, Error, Postgres, Transaction};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::secret::{Attempted, BoxFuture, Connection, LiveSecret, is_rejected};
use super::version_pool::{RENEW_LOGIN, VersionPool};
use crate::util::lock::lock;

/// A pool of PostgreSQL connections that follows a secret. Clones are handles to the same one. See [`sql`](crate::sql) for
/// what happens at a swap, and [`Builder`](super::Builder) for how to make one.
///
/// ```
/// # async fn example(pool: credswap::sql::sqlx::Pool) -> Result<(), Box<dyn std::error::Error>> {
/// use credswap::sql::sqlx::sqlx;
/// let row = sqlx::query("select 1").fetch_one(&mut *pool.acquire().await?).await?;
/// let mut transaction = pool.begin().await?;
/// sqlx::query("insert into orders values (1)").execute(&mut *transaction).await?;
/// transaction.commit().await?;
/// # let _ = row; Ok(()) }
/// ```
///
/// What takes an `sqlx::Acquire`, such as a migrator, takes a `&Pool`; what takes a `PgPool` or runs queries on one takes
/// [`Pool::live`], with less protection. (`&Pool` is not an `sqlx::Executor`: that trait has more methods when a feature of
/// sqlx is on, and so cannot be implemented outside sqlx.)
///
/// # Limits
/// `max_connections` counts for each version: while connections of a replaced version finish their work there may be twice
/// as many, and more if several replaced versions have such connections. A connection that was detached from its pool is not
/// counted in the drain; one that was leaked, `PoolConnection::leak`, keeps its version from draining for ever. The server may
/// still run a query whose future was dropped when its version counts as drained: sqlx closes such a connection without
/// waiting for the server.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

/// What becomes of a version's pool when another version goes live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtSwap {
    /// It is closed, and the new version has one of its own.
    ReplacePool,
    /// It stays, and logs in with the new version from now on.
    KeepConnections,
}

pub(super) struct Inner {
    secret: Box<dyn LiveSecret>,
    options: PgPoolOptions,
    at_swap: AtSwap,
    runtime: Handle,
    /// `None` when the pool is closed.
    current: Mutex<Option<VersionPool>>,
    /// Dropped with the last handle: ends the task that follows the secret.
    _alive: oneshot::Sender<()>,
}

impl Pool {
    /// Creates the pool, and starts the task that replaces the pool of a version when another one goes live.
    pub(super) fn new(
        secret: Box<dyn LiveSecret>,
        options: PgPoolOptions,
        at_swap: AtSwap,
    ) -> Self {
        let mut updates = secret.updates();
        let (alive, dropped) = oneshot::channel();
        let inner = Arc::new(Inner {
            current: Mutex::new(Some(VersionPool::new(&*secret, &options))),
            secret,
            options,
            at_swap,
            runtime: Handle::current(),
            _alive: alive,
        });
        let weak = Arc::downgrade(&inner);
        let follow = async move {
            loop {
                tokio::select! {
                    next = updates.next() => if next.is_none() { return },
                    () = sleep(RENEW_LOGIN), if at_swap == AtSwap::KeepConnections => {}
                }
                let Some(inner) = weak.upgrade() else { return };
                inner.live();
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = follow => {}
                _ = dropped => {}
            }
        });
        Self { inner }
    }

    /// Acquires a connection that is logged in as the live user.
    ///
    /// A login that the database rejects waits for a newer secret: see [`sql`](crate::sql).
    ///
    /// # Errors
    /// Those of `PgPool::acquire`. The acquire timeout of the pool's options, by default 30 s, includes the wait for a newer
    /// secret.
    ///
    /// # Cancel safety
    /// Cancel safe: a connection that was opened is used by others, or closed.
    pub async fn acquire(&self) -> Result<Connection, Error> {
        let attempt = || -> BoxFuture<'_, Attempted<Connection>> { Box::pin(self.inner.attempt()) };
        let acquired = timeout(
            self.inner.options.get_acquire_timeout(),
            self.inner.secret.log_in(&attempt),
        );
        acquired.await.unwrap_or(Err(Error::PoolTimedOut))
    }

    /// Acquires a connection, and begins a transaction.
    ///
    /// # Errors
    /// Those of [`Pool::acquire`] and of `BEGIN`.
    ///
    /// # Cancel safety
    /// Cancel safe: a transaction that was begun is rolled back.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, Error> {
        let connection = self.acquire().await?;
        Transaction::begin(MaybePoolConnection::PoolConnection(connection), None).await
    }

    /// Returns the pool of the live version, for what takes a `PgPool`. Do not keep it: it is closed when the version is
    /// replaced, and what begins on it later fails with `PoolClosed` (not with
    /// [`Builder::keep_connections`](super::Builder::keep_connections)). A login on it that the database rejects is not tried
    /// again.
    pub fn live(&self) -> PgPool {
        match self.inner.live() {
            Some(live) => live.pool,
            None => self.inner.closed(),
        }
    }

    /// Closes the pool: from now on [`Pool::acquire`] fails with `PoolClosed`. Waits until the connections of the live version
    /// are closed; those of replaced versions are closed when they are returned.
    ///
    /// # Cancel safety
    /// The pool is closed even if the future is dropped.
    pub async fn close(&self) {
        let closing = self.inner.close();
        if let Some(closing) = closing {
            // An error means that the runtime is gone.
            let _ = closing.await;
        }
    }
}

impl Inner {
    async fn attempt(&self) -> Attempted<Connection> {
        loop {
            let Some(live) = self.live() else {
                return (0, Err(Error::PoolClosed));
            };
            let acquired = live.pool.acquire().await;
            let is_replaced = matches!(acquired, Err(Error::PoolClosed))
                && self.secret.generation() > live.generation;
            if is_replaced {
                continue;
            }
            if acquired.as_ref().is_err_and(is_rejected) {
                self.renew_login_after(live.generation);
            }
            return (live.generation, acquired);
        }
    }

    /// Returns the pool of the live version, after it has closed that of the version before, or changed its login. `None` if
    /// this is closed.
    fn live(&self) -> Option<VersionPool> {
        let mut current = lock(&self.current);
        let version = current.as_mut()?;
        let is_replaced = version.generation < self.secret.generation();
        match self.at_swap {
            AtSwap::ReplacePool if is_replaced => {
                let next = VersionPool::new(&*self.secret, &self.options);
                std::mem::replace(version, next).close(&self.runtime);
            }
            AtSwap::KeepConnections if is_replaced || version.renew <= Instant::now() => {
                version.renew_login(&*self.secret);
            }
            _ => {}
        }
        Some(version.clone())
    }

    /// A login with this generation was rejected: the next one is made anew. What it was made of may have expired while the
    /// machine was suspended.
    fn renew_login_after(&self, generation: u64) {
        if let Some(version) = &mut *lock(&self.current)
            && version.generation == generation
        {
            version.renew = Instant::now();
        }
    }

    fn close(&self) -> Option<JoinHandle<()>> {
        let version = lock(&self.current).take()?;
        Some(version.close(&self.runtime))
    }

    fn closed(&self) -> PgPool {
        let (_, options, _) = self.secret.live();
        let pool = self.options.clone().connect_lazy_with(options);
        drop(pool.close()); // closes at once; there is nothing to wait for
        pool
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Connections may be in use still, and their version with them.
        self.close();
    }
}

impl<'a> Acquire<'a> for &'a Pool {
    type Database = Postgres;
    type Connection = Connection;

    fn acquire(self) -> BoxFuture<'a, Result<Connection, Error>> {
        Box::pin(Pool::acquire(self))
    }

    fn begin(self) -> BoxFuture<'a, Result<Transaction<'a, Postgres>, Error>> {
        Box::pin(async move {
            let transaction = Pool::begin(self).await?;
            Ok(transaction) // with a shorter lifetime
        })
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Pool");
        match &*lock(&self.inner.current) {
            Some(version) => shown
                .field("generation", &version.generation)
                .field("connections", &version.pool.size())
                .field("idle", &version.pool.num_idle()),
            None => shown.field("closed", &true),
        };
        shown.finish_non_exhaustive()
    }
}
