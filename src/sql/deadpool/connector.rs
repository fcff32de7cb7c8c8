//! Logs in with the live version.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::Connect;
use deadpool_postgres::tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use deadpool_postgres::tokio_postgres::{Client, Config, Error, Socket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::generations::{Connected, NEVER_REPLACED};
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
    /// Connections are of no version: a swap does not concern them.
    pub(super) keeps_connections: bool,
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
        let (generation, token) = match self.keeps_connections {
            true => (NEVER_REPLACED, None),
            false => (Lease::generation(lease), Some(Lease::token(lease))),
        };
        let (abort, open) = drive(connection, token, self.closing);
        // The last thing before this future is ready: see there.
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
