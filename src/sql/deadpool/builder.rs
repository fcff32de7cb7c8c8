//! Configures a pool that follows a secret, and builds it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use deadpool_postgres::tokio_postgres::{Config, Socket};
use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Pool, PoolBuilder, RecyclingMethod, Runtime,
};
use tokio::sync::oneshot;

use super::config::with_secret;
use super::connector::{Connector, Login};
use super::follow::follow;
use super::generations::Generations;
use crate::error::{Error, ErrorKind};
use crate::refresh::Refreshable;
use crate::sql::rejections::Rejections;
use crate::typed::DatabaseSecret;

type Configure = Box<dyn FnOnce(PoolBuilder) -> PoolBuilder + Send>;

/// Builds a [`deadpool_postgres::Pool`] whose connections follow a secret.
///
/// ```
/// # async fn example(source: impl credswap::source::Source) -> Result<(), Box<dyn std::error::Error>> {
/// use credswap::Refreshable;
/// use credswap::sql::deadpool::Builder;
/// use credswap::sql::deadpool::deadpool_postgres::tokio_postgres::{Config, NoTls};
/// use credswap::typed::DatabaseSecret;
///
/// let database: Refreshable<DatabaseSecret> = Refreshable::typed(source).start().await?;
/// let mut config = Config::new();
/// config.application_name("orders"); // host, port and database come from the secret
/// let pool = Builder::new(&database, config, NoTls)
///     .pool(|pool| pool.max_size(16))
///     .build()?;
/// let client = pool.get().await?; // logged in as the live user
/// # let _ = client; Ok(()) }
/// ```
///
/// The pool is deadpool's: clone it, and use its clients, transactions and statement caches as before. What happens at a swap
/// is described in [`sql`](crate::sql). An idle connection is closed at the swap; one that is in use is closed once it has been
/// returned (at the next `get` or up to a second later, whichever is sooner). While a login waits for a newer secret, the `get`
/// that needs the new connection waits; deadpool's `create_timeout` ends that sooner. Set it in any case: a login that hangs
/// keeps its version from draining.
///
/// The pool keeps the refreshable alive, and ends with neither: shut both down yourself. A
/// [`Refreshable::shutdown`] waits for the connections of *replaced* versions that are in use, not for those of the live one.
pub struct Builder<T, Tls> {
    database: Refreshable<T>,
    login: Login<T>,
    tls: Tls,
    manager: ManagerConfig,
    closing: Duration,
    keeps_connections: bool,
    configure: Option<Configure>,
}

impl<Tls> Builder<DatabaseSecret, Tls> {
    /// Creates a builder for a secret as RDS writes it. User and password are always the secret's; its host, port and database
    /// are used where `config` names none.
    pub fn new(database: &Refreshable<DatabaseSecret>, config: Config, tls: Tls) -> Self {
        Self::with_login(database, move |secret| with_secret(&config, secret), tls)
    }
}

impl<T: Send + Sync + 'static, Tls> Builder<T, Tls> {
    /// Creates a builder for a secret of any type: `login` tells how to connect with it. It is called for each login, and
    /// must not block.
    pub fn with_login(
        database: &Refreshable<T>,
        login: impl Fn(&T) -> Config + Send + Sync + 'static,
        tls: Tls,
    ) -> Self {
        Self {
            database: database.clone(),
            login: Box::new(login),
            tls,
            manager: ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
            closing: Duration::from_secs(30),
            keeps_connections: false,
            configure: None,
        }
    }

    /// Sets how deadpool checks a connection before it is used again. Default [`RecyclingMethod::Fast`].
    #[must_use]
    pub fn manager_config(mut self, config: ManagerConfig) -> Self {
        self.manager = config;
        self
    }

    /// Changes deadpool's settings: size, timeouts, queue, hooks of your own. The runtime is set already.
    #[must_use]
    pub fn pool(
        mut self,
        configure: impl FnOnce(PoolBuilder) -> PoolBuilder + Send + 'static,
    ) -> Self {
        self.configure = Some(Box::new(configure));
        self
    }

    /// Sets how long a connection whose client was dropped may take to finish what was asked of it (the rows of a stream that
    /// is still being read, say) before it is cut off. Default 30 s.
    #[must_use]
    pub fn closing_timeout(mut self, timeout: Duration) -> Self {
        self.closing = timeout;
        self
    }

    /// Keeps connections when the secret is replaced: for a secret that is needed to log in and not to stay, such as the key that
    /// signs tokens for RDS, or a password whose user stays the same. A version is then in use only while a login with it is
    /// under way. Default: they are closed, as [`sql`](crate::sql) describes.
    #[must_use]
    pub fn keep_connections(mut self) -> Self {
        self.keeps_connections = true;
        self
    }

    /// Builds the pool, and starts the task that closes idle connections of replaced versions; it ends with the pool. No
    /// connection is opened.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if deadpool refuses its settings.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn build(self) -> Result<Pool, Error>
    where
        Tls: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        Tls::Stream: Send + Sync,
        Tls::TlsConnect: Send + Sync,
        <Tls::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let generations = Arc::new(Generations::default());
        let updates = self.database.updates();
        let (alive, dropped) = oneshot::channel();
        let (at_create, at_recycle) = (self.database.clone(), self.database.clone());
        let connector = Connector {
            database: self.database,
            login: self.login,
            tls: self.tls,
            closing: self.closing,
            keeps_connections: self.keeps_connections,
            rejections: Rejections::default(),
            _pool: alive,
        };
        // The connector has a configuration of its own for each login.
        let manager = Manager::from_connect(Config::new(), connector, self.manager);
        let (created, recycled) = (Arc::clone(&generations), Arc::clone(&generations));
        // This hook comes before any of the user's: see `generations`.
        let builder = Pool::builder(manager)
            .runtime(Runtime::Tokio1)
            .post_create(Hook::sync_fn(move |client, _| {
                created.add(client, at_create.generation());
                Ok(())
            }))
            .pre_recycle(Hook::sync_fn(move |client, _| {
                if recycled.of(client) < at_recycle.generation() {
                    return Err(HookError::message("its version of the secret was replaced"));
                }
                Ok(())
            }));
        let builder = match self.configure {
            Some(configure) => configure(builder),
            None => builder,
        };
        let pool = builder.build().map_err(|error| {
            Error::new(ErrorKind::Config, "deadpool refuses the pool's settings").with_source(error)
        })?;
        let weak = pool.weak();
        let following = follow(move || weak.upgrade(), generations, updates);
        tokio::spawn(async move {
            tokio::select! {
                () = following => {}
                _ = dropped => {}
            }
        });
        Ok(pool)
    }
}

impl<T: Send + Sync + 'static, Tls> fmt::Debug for Builder<T, Tls> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("database", &self.database)
            .field("manager", &self.manager)
            .field("closing_timeout", &self.closing)
            .field("keep_connections", &self.keeps_connections)
            .finish_non_exhaustive()
    }
}
