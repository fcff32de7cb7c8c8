//! The task that drives one connection, and keeps its generation, if it has one, in use until the connection
//! is closed.

use std::future::{Future, pending};
use std::sync::{Arc, Weak};
use std::time::Duration;

use deadpool_postgres::tokio_postgres::{Connection, Error};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::hot::DrainToken;

/// The order of the fields is the order in which they are dropped: the connection is closed before its generation is drained.
struct Session<S, T> {
    connection: Connection<S, T>,
    _open: Arc<()>,
    _token: Option<DrainToken>,
}

/// Drives a connection, in a task of its own. Returns what deadpool aborts when it drops the client, and whether the
/// connection is open.
///
/// Aborting does not cut the connection off: it is given `closing` to finish what was asked of it (the rows of a stream that
/// outlives its client, say) and to end the session in order.
pub(super) fn drive<S, T>(
    connection: Connection<S, T>,
    token: Option<DrainToken>,
    closing: Duration,
) -> (JoinHandle<()>, Weak<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    Connection<S, T>: Future<Output = Result<(), Error>>,
{
    let open = Arc::new(());
    let is_open = Arc::downgrade(&open);
    let session = Session {
        connection,
        _open: open,
        _token: token,
    };
    let (client, dropped) = oneshot::channel::<()>();
    tokio::spawn(async move {
        // As a whole: a block that names only the connection would capture only that.
        let mut session = session;
        let ended = tokio::select! {
            biased;
            ended = &mut session.connection => ended,
            _ = dropped => match timeout(closing, &mut session.connection).await {
                Ok(ended) => ended,
                Err(_) => {
                    tracing::warn!("a connection was still busy {closing:?} after its client was dropped, and was cut off");
                    Ok(())
                }
            },
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "connection to the database ended");
        }
    });
    let abort = tokio::spawn(async move {
        let _client = client;
        pending().await
    });
    (abort, is_open)
}
