//! Runs blocking calls of librdkafka on threads of their own.
//!
//! Creating, querying, assigning and dropping a client all block. They do not run on Tokio's blocking pool: a runtime
//! waits for that pool when it shuts down, and a broker that does not respond would delay the shutdown.

use std::convert::Infallible;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::fault::Fault;

/// The timeout of the first attempt. Each next one is twice as long: a call whose result nobody waits for ends soon, and a
/// slow broker gets more time. A request that times out costs its connection: the first has time on a slow network, too.
const FIRST_TIMEOUT: Duration = Duration::from_secs(3);

/// The pause between two attempts: some errors are returned at once.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs a blocking job on a thread of its own. If the future is dropped, the thread finishes in the background.
pub(crate) async fn on_thread<T: Send + 'static>(
    job: impl FnOnce(&Retrier) -> T + Send + 'static,
) -> Result<T, Fault> {
    let (sender, result) = oneshot::channel();
    // Lives as long as this future. An mpsc channel, since a thread cannot wait with a timeout for a oneshot to close.
    let (_waiting, waiter) = mpsc::channel();
    spawn(move || {
        // If nobody waits any more the result is dropped on this thread.
        let _ = sender.send(job(&Retrier(waiter)));
    })
    .map_err(|_| Fault::Thread)?;
    result.await.map_err(|_| Fault::Thread)
}

/// Drops `value` on a thread of its own, for a value whose destructor blocks.
pub(crate) fn drop_on_thread<T: Send + 'static>(value: T) {
    // Where no thread can be started the closure, and the value with it, is dropped here: slow, but done.
    let _ = spawn(move || drop(value));
}

/// Repeats blocking calls as long as somebody waits for the result.
pub(crate) struct Retrier(mpsc::Receiver<Infallible>);

impl Retrier {
    /// Repeats `call` until it succeeds, fails with an error that waiting does not resolve, or the deadline has passed.
    pub(crate) fn retry<T>(
        &self,
        deadline: Instant,
        call: impl Fn(Duration) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut timeout = FIRST_TIMEOUT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let fault = match call(timeout.min(left).max(Duration::from_millis(1))) {
                Ok(result) => return Ok(result),
                Err(fault) => fault,
            };
            if fault.needs_new_client() || left <= timeout || !self.pause() {
                return Err(fault);
            }
            timeout *= 2;
        }
    }

    /// Pauses. Returns `false` as soon as nobody waits for the result any more.
    fn pause(&self) -> bool {
        matches!(self.0.recv_timeout(PAUSE), Err(RecvTimeoutError::Timeout))
    }
}

fn spawn(job: impl FnOnce() + Send + 'static) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new()
        .name("credswap-kafka".into())
        .spawn(job)
}
