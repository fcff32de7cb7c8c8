//! HTTP: accepts and counts connections, keeps them alive, and reads rejected uploads to their end.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::clock;
use crate::error::Hangup;

/// How much of a rejected body is read, in bytes and time: the largest upload of the tests, and enough for a client on a
/// busy machine. After that, the connection is closed.
const DRAIN_BYTES: usize = 256 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(60);
/// How long the answer waits for the next chunk of the body. This serves clients that read no answer before they have sent
/// everything, and clients that send nothing more before they have read an answer. Enough for a busy machine.
const BODY_IDLE: Duration = Duration::from_secs(5);

/// When each connection was accepted.
#[derive(Default)]
pub(crate) struct Connections(Mutex<Vec<Instant>>);

impl Connections {
    pub(crate) fn times(&self) -> Vec<Instant> {
        self.0.lock().expect("the lock is not poisoned").clone()
    }

    fn accepted(&self) {
        self.0
            .lock()
            .expect("the lock is not poisoned")
            .push(clock::instant());
    }
}

/// Serves every connection until the runtime stops.
pub(crate) async fn serve<S, F, B>(listener: TcpListener, connections: Arc<Connections>, service: S)
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, Hangup>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Most likely out of file descriptors: wait until some connections have ended.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        connections.accepted();
        // Small answers must not wait for the client's delayed TCP acknowledgement.
        let _ = socket.set_nodelay(true);
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(socket), service_fn(service.clone()));
        tokio::spawn(async move {
            // An error is a client that disconnected, or a Hangup.
            let _ = connection.await;
        });
    }
}

/// A request body that can still be read after the service has dropped it.
///
/// hyper closes a connection whose request was answered before it was read. The TCP reset overtakes the answer, and the
/// client sees a broken connection instead of the 403.
#[derive(Clone)]
pub(crate) struct SharedBody(Arc<Mutex<Incoming>>);

impl SharedBody {
    pub(crate) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Reads the rest within the limits, and returns when the answer should be sent.
    pub(crate) async fn drain(self) {
        if self.is_end_stream() {
            return;
        }
        let (read, mut progress) = watch::channel(());
        tokio::spawn(timeout(DRAIN_TIME, self.read_to_end(read)));
        // An error is the end of the body or a timeout.
        while let Ok(Ok(())) = timeout(BODY_IDLE, progress.changed()).await {}
    }

    async fn read_to_end(mut self, progress: watch::Sender<()>) {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(frame)) = self.frame().await {
            let read = frame.data_ref().map_or(0, Bytes::len);
            let Some(still_left) = left.checked_sub(read) else {
                break;
            };
            left = still_left;
            progress.send_replace(());
        }
    }
}

impl Body for SharedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.0.lock().expect("one reader at a time")).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().expect("one reader at a time").is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().expect("one reader at a time").size_hint()
    }
}
