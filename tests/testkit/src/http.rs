//! The HTTP side: accept, keep alive, count, and read a refused upload to its end.

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

/// What is read of a refused body at most, in bytes and time: the largest upload the tests make, and long
/// enough for a client on a busy machine. Past it the connection goes.
const DRAIN_BYTES: usize = 256 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(60);
/// How long the answer waits for the next piece of the body: a client that reads no answer before it has sent everything is
/// served, and so is one that sends nothing more before it has read an answer. Long enough for a machine with other work.
const PATIENCE: Duration = Duration::from_secs(5);

/// When each connection was accepted.
#[derive(Default)]
pub(crate) struct Connections(Mutex<Vec<Instant>>);

impl Connections {
    pub(crate) fn times(&self) -> Vec<Instant> {
        self.0
            .lock()
            .expect("no code panics with the times")
            .clone()
    }

    fn accepted(&self) {
        self.0
            .lock()
            .expect("no code panics with the times")
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
            // Out of file descriptors, most likely: let some connections end.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        connections.accepted();
        // Small answers must not wait for the client's delayed acknowledgement.
        let _ = socket.set_nodelay(true);
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(socket), service_fn(service.clone()));
        tokio::spawn(async move {
            // A client that goes away, or a Hangup.
            let _ = connection.await;
        });
    }
}

/// A request body that can still be read after the one who was to read it has dropped it.
///
/// hyper closes a connection whose request was answered but not read; the reset that follows overtakes the
/// answer, and the client sees a broken connection instead of the 403.
#[derive(Clone)]
pub(crate) struct SharedBody(Arc<Mutex<Incoming>>);

impl SharedBody {
    pub(crate) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Reads what is left, within bounds, and returns when it is time to answer.
    pub(crate) async fn drain(self) {
        if self.is_end_stream() {
            return;
        }
        let (read, mut progress) = watch::channel(());
        tokio::spawn(timeout(DRAIN_TIME, self.read_to_end(read)));
        // An error is the end of the body, or of the time for it.
        while let Ok(Ok(())) = timeout(PATIENCE, progress.changed()).await {}
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
