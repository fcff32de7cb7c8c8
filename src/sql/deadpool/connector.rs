//! Logs in with the live version.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::Connect;
use deadpool_postgres::tokio_postgres::error::SqlState;
use deadpool_postgres::tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use deadpool_postgres::tokio_postgres::{Client, Config, Error, Socket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::generations::Connected;
use super::session::drive;
use crate::hot::Lease;
use crate::refresh::Refreshable;
use crate::sql::rejections::{Rejections, Waited, newer, window};

pub(super) type Login<T> = Box<dyn Fn(&T) -> Config + Send + Sync>;

pub(super) struct Connector<T, Tls> {
    pub(super) database: Refreshable<T>,
    pub(super) login: Login<T>,
    pub(super) tls: Tls,
    pub(super) closing: Duration,
    pub(super) rejections: Rejections,
    /// Dropped with the pool: ends what follows the secret for it.
    pub(super) _pool: oneshot::Sender<()>,
}

impl<T, Tls> Connector<T, Tls>
where
    T: Send + Sync + 'static,
    Tls: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    Tls::Stream: Send + Sync,
    Tls::TlsConnect: Send + Sync,
    <Tls::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    /// Logs in; after a rejection once with each newer version that comes in time, and once more when the time is over.
    async fn log_in(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let mut until = None;
        let mut last = false;
        loop {
            let lease = self.database.lease();
            let generation = Lease::generation(&lease);
            let error = match self.log_in_with(&lease).await {
                Ok(connected) => {
                    self.rejections.clear(generation);
                    return Ok(connected);
                }
                Err(error) if is_rejection(&error) => error,
                Err(error) => return Err(error),
            };
            drop(lease); // what waits uses no version
            self.database.report_rejected(generation);
            let first = self.rejections.note(generation);
            let until = *until.get_or_insert(first + window(&self.database));
            if last || until <= tokio::time::Instant::now() {
                return Err(error);
            }
            match newer(&self.database, generation, until).await {
                Waited::Newer => {}
                // The database may have been the slower one: a replica that lags, say.
                Waited::TimeOver => last = true,
                Waited::Ended => return Err(error),
            }
        }
    }

    async fn log_in_with(&self, lease: &Lease<T>) -> Result<(Client, JoinHandle<()>), Error> {
        let config = (self.login)(lease);
        let (client, connection) = config.connect(self.tls.clone()).await?;
        let (abort, open) = drive(connection, Lease::token(lease), self.closing);
        // The last thing before this future is ready: see there.
        let generation = Lease::generation(lease);
        Connected { generation, open }.hand_over();
        Ok((client, abort))
    }
}

impl<T, Tls> Connect for Connector<T, Tls>
where
    T: Send + Sync + 'static,
    Tls: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    Tls::Stream: Send + Sync,
    Tls::TlsConnect: Send + Sync,
    <Tls::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(self.log_in())
    }
}

/// Returns whether the database did not accept the user or the password.
fn is_rejection(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        *code == SqlState::INVALID_PASSWORD
            || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    })
}
