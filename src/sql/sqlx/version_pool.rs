//! The pool of one version of the secret; one that stays is that of each version in turn.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::secret::LiveSecret;
use crate::hot::DrainToken;

/// How often the login of a pool that stays is made again: a token of RDS is valid for 15 minutes.
pub(super) const RENEW_LOGIN: Duration = Duration::from_secs(5 * 60);

/// The pool of one version, which is in use as long as a clone of this lives.
#[derive(Clone)]
pub(super) struct VersionPool {
    pub(super) generation: u64,
    pub(super) pool: PgPool,
    in_use: Arc<InUse>,
    /// When the login is made again, of a pool that stays.
    pub(super) renew: Instant,
}

/// Keeps a version in use, and those that a pool which stays has got since: whoever waits for a connection may get one that
/// logs in with any of them.
struct InUse {
    _token: DrainToken,
    later: OnceLock<Arc<InUse>>,
}

impl InUse {
    fn new(token: DrainToken) -> Arc<Self> {
        Arc::new(Self {
            _token: token,
            later: OnceLock::new(),
        })
    }
}

impl VersionPool {
    /// Creates the pool of the live version. No connection is opened.
    pub(super) fn new(secret: &dyn LiveSecret, options: &PgPoolOptions) -> Self {
        let (generation, login, token) = secret.live();
        Self {
            generation,
            pool: options.clone().connect_lazy_with(login),
            in_use: InUse::new(token),
            renew: Instant::now() + RENEW_LOGIN,
        }
    }

    /// Lets the pool log in with the live version, as it is now.
    pub(super) fn renew_login(&mut self, secret: &dyn LiveSecret) {
        let (generation, login, token) = secret.live();
        self.pool.set_connect_options(login);
        let in_use = InUse::new(token);
        // It is not set: each has one successor.
        let _ = self.in_use.later.set(Arc::clone(&in_use));
        (self.generation, self.in_use) = (generation, in_use);
        self.renew = Instant::now() + RENEW_LOGIN;
    }

    /// Closes what is idle now and what is in use when it is returned. The version is in use until all are closed.
    pub(super) fn close(self, runtime: &Handle) -> JoinHandle<()> {
        let _runtime = runtime.enter(); // sqlx closes connections in tasks
        let Self { pool, in_use, .. } = self;
        // `PgPool::close` would close these only after those in use.
        while let Some(mut idle) = pool.try_acquire() {
            idle.close_on_drop();
        }
        runtime.spawn(async move {
            pool.close().await;
            drop(in_use);
        })
    }
}
