//! Configures a pool that follows a secret, and builds it.

use std::fmt;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::options::with_secret;
use super::pool::{AtSwap, Pool};
use super::secret::DatabaseLogin;
use crate::refresh::Refreshable;
use crate::sql::rejections::Rejections;
use crate::typed::DatabaseSecret;

/// Builds a [`Pool`] whose connections follow a secret.
///
/// ```
/// # async fn example(source: impl credswap::source::Source) -> Result<(), Box<dyn std::error::Error>> {
/// use credswap::Refreshable;
/// use credswap::sql::sqlx::Builder;
/// use credswap::sql::sqlx::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
/// use credswap::typed::DatabaseSecret;
///
/// let database: Refreshable<DatabaseSecret> = Refreshable::typed(source).start().await?;
/// let options = PgConnectOptions::new().application_name("orders"); // the rest comes from the secret
/// let pool = Builder::new(&database, options)
///     .pool_options(PgPoolOptions::new().max_connections(16))
///     .build();
/// let connection = pool.acquire().await?; // logged in as the live user
/// # let _ = connection; Ok(()) }
/// ```
///
/// Which TLS sqlx uses is a feature of sqlx: depend on sqlx yourself, and enable one.
///
/// The pool keeps the refreshable alive, and ends with neither: shut both down yourself. A [`Refreshable::shutdown`] waits for
/// the connections of *replaced* versions that are in use, not for those of the live one.
pub struct Builder<T> {
    login: DatabaseLogin<T>,
    options: PgPoolOptions,
    at_swap: AtSwap,
}

impl Builder<DatabaseSecret> {
    /// Creates a builder for a secret as RDS writes it. User, password and what the secret names of host, port and database
    /// are the secret's; the rest is that of `options`, which has defaults for all. To connect to another host than the
    /// secret's (a replica, say) use [`Builder::with_login`]. The builder of `sql::deadpool` does it the other way round: there
    /// the configuration's host, port and database take precedence.
    pub fn new(database: &Refreshable<DatabaseSecret>, options: PgConnectOptions) -> Self {
        Self::with_login(database, move |secret| with_secret(&options, secret))
    }
}

impl<T: Send + Sync + 'static> Builder<T> {
    /// Creates a builder for a secret of any type: `login` tells how to connect with it. It is called once for each version
    /// (more often with [`Builder::keep_connections`]), and must not block.
    pub fn with_login(
        database: &Refreshable<T>,
        login: impl Fn(&T) -> PgConnectOptions + Send + Sync + 'static,
    ) -> Self {
        Self {
            login: DatabaseLogin {
                database: database.clone(),
                login: Box::new(login),
                rejections: Rejections::default(),
            },
            options: PgPoolOptions::new(),
            at_swap: AtSwap::ReplacePool,
        }
    }

    /// Sets sqlx's options of the pool: size, timeouts, hooks of your own. They are in force for the pool of each version.
    #[must_use]
    pub fn pool_options(mut self, options: PgPoolOptions) -> Self {
        self.options = options;
        self
    }

    /// Keeps connections when the secret is replaced: for a secret that is needed to log in and not to stay, such as the key that
    /// signs tokens for RDS, or a password whose user stays the same. There is one `PgPool` then, and [`Pool::live`] may be kept.
    /// `login` is also called every five minutes, for passwords that expire. A version is in use until it is replaced, and while
    /// an [`acquire`](Pool::acquire) that began before is under way; a login that sqlx makes by itself, for `min_connections`, is
    /// not counted. Default: they are closed, as [`sql`](crate::sql) describes.
    #[must_use]
    pub fn keep_connections(mut self) -> Self {
        self.at_swap = AtSwap::KeepConnections;
        self
    }

    /// Builds the pool, and starts the task that follows the secret for it; it ends with the pool. No connection is opened.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn build(self) -> Pool {
        Pool::new(Box::new(self.login), self.options, self.at_swap)
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("database", &self.login.database)
            .field("options", &self.options)
            .field("at_swap", &self.at_swap)
            .finish_non_exhaustive()
    }
}
