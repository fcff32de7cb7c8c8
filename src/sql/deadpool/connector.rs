//! Logs in with the live version.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::Connect;
use deadpool_postgres::tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use deadpool_postgres::tokio_postgres::{Client, Config, Error, Socket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::generations::Connected;
use super::session::drive;
use crate::hot::Lease;
use crate::refresh::Refreshable;
use crate::sql::logins::{is_rejection, log_in};
use crate::sql::rejections::Rejections;

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
    async fn log_in(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let attempt = || async {
            let lease = self.database.lease();
            let generation = Lease::generation(&lease);
            let connected = self.log_in_with(&lease).await;
            if connected.is_ok() {
                self.rejections.clear(generation);
            }
            (generation, connected)
        };
        log_in(&self.database, &self.rejections, is_rejected, attempt).await
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

fn is_rejected(error: &Error) -> bool {
    error.code().is_some_and(|code| is_rejection(code.code()))
}
