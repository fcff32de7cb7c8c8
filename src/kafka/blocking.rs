//! What blocks in librdkafka, done on plain threads.
//!
//! Making, asking, assigning and dropping a client all block. They do so on threads of their own, not on Tokio's
//! blocking pool: a runtime waits for that pool when it shuts down, and a broker that does not answer would
//! hold it up.

use std::convert::Infallible;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::fault::Fault;

/// The first wait for an answer. Each next one is twice as long: a question that nobody waits for any more ends
/// soon, and a slow broker is given its time.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The pause between two questions: some errors come back at once.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs a job that blocks on a thread of its own. Dropping the future leaves the thread to end by itself.
pub(crate) async fn on_thread<T: Send + 'static>(
    job: impl FnOnce(&Asker) -> T + Send + 'static,
) -> Result<T, Fault> {
    let (answer, answered) = oneshot::channel();
    // Held as long as this future: a thread cannot wait, with a bound, for the other end of a oneshot to go.
    let (_waiting, asked) = mpsc::channel();
    spawn(move || {
        // If nobody waits any more the outcome is dropped on this thread.
        let _ = answer.send(job(&Asker(asked)));
    })
    .map_err(|_| Fault::Thread)?;
    answered.await.map_err(|_| Fault::Thread)
}

/// Drops what blocks when it is dropped.
pub(crate) fn drop_on_thread<T: Send + 'static>(dropped: T) {
    // Where no thread can be started the closure is dropped here, with what it holds: slow, but gone.
    let _ = spawn(move || drop(dropped));
}

/// Asks, as long as somebody waits for the answer.
pub(crate) struct Asker(mpsc::Receiver<Infallible>);

impl Asker {
    /// Asks until there is an answer, an error that waiting does not mend, or no time left.
    pub(crate) fn ask<T>(
        &self,
        deadline: Instant,
        question: impl Fn(Duration) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut wait = FIRST_WAIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let fault = match question(wait.min(left).max(Duration::from_millis(1))) {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if fault.ends_the_client() || left <= wait || !self.wait(PAUSE) {
                return Err(fault);
            }
            wait *= 2;
        }
    }

    /// Waits; `false` as soon as nobody waits for the answer any more.
    fn wait(&self, pause: Duration) -> bool {
        matches!(self.0.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
    }
}

fn spawn(job: impl FnOnce() + Send + 'static) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new()
        .name("credswap-kafka".into())
        .spawn(job)
}
