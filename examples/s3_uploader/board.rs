//! What is counted while the work goes on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is counted while the work goes on, and when it ends.
#[derive(Debug)]
pub(crate) struct Board {
    begun: Instant,
    until: Instant,
    stopped: AtomicBool,
    marks: Mutex<Marks>,
}

/// What has been counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// Every request, in the order of their ends.
    pub(crate) requests: Vec<Request>,
    /// Every object that S3 said it has.
    pub(crate) stored: Vec<Stored>,
    /// The bytes in them.
    pub(crate) bytes: u64,
    /// What failed, by what it said. Not only requests: a rotation or a file, too.
    pub(crate) failures: BTreeMap<String, u64>,
    /// Every rotation.
    pub(crate) rotations: Vec<Rotated>,
    /// How long each old key was there after the broker had the event.
    pub(crate) retired: Vec<Duration>,
}

/// A request, with all its attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// When it ended, counted from the begin of the work.
    pub(crate) ended: Duration,
    /// How long it took.
    pub(crate) took: Duration,
    /// Whether it failed.
    pub(crate) failed: bool,
}

/// An object that S3 said it has.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Its name.
    pub(crate) key: String,
    /// The SHA-256 of what was sent.
    pub(crate) checksum: [u8; 32],
}

/// A rotation that was announced.
#[derive(Clone, Debug)]
pub(crate) struct Rotated {
    /// When the broker had the event.
    pub(crate) announced: Instant,
    /// The new key.
    pub(crate) access_key_id: String,
}

impl Board {
    /// The work begins now.
    pub(crate) fn new(duration: Duration) -> Self {
        let begun = Instant::now();
        Self {
            begun,
            until: begun + duration,
            stopped: AtomicBool::new(false),
            marks: Mutex::default(),
        }
    }

    /// When the work began.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// When it is to end.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// Whether nothing more should be begun.
    pub(crate) fn is_over(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || Instant::now() >= self.until
    }

    /// Ends it early.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Runs a request and notes how it went; `None` if it failed.
    pub(crate) async fn request<T>(
        &self,
        request: impl Future<Output = Result<T, String>>,
    ) -> Option<T> {
        let begun = Instant::now();
        let answer = request.await;
        let ended = Instant::now();
        let mut marks = self.lock();
        marks.requests.push(Request {
            ended: ended - self.begun,
            took: ended - begun,
            failed: answer.is_err(),
        });
        match answer {
            Ok(answer) => Some(answer),
            Err(reason) => {
                *marks.failures.entry(reason).or_default() += 1;
                None
            }
        }
    }

    /// Notes something else that failed.
    pub(crate) fn failed(&self, reason: String) {
        *self.lock().failures.entry(reason).or_default() += 1;
    }

    /// Notes an object.
    pub(crate) fn stored(&self, stored: Stored, bytes: u64) {
        let mut marks = self.lock();
        marks.stored.push(stored);
        marks.bytes += bytes;
    }

    /// Notes a rotation.
    pub(crate) fn rotated(&self, rotated: Rotated) {
        self.lock().rotations.push(rotated);
    }

    /// Notes that an old key is gone, so long after the event.
    pub(crate) fn retired(&self, after: Duration) {
        self.lock().retired.push(after);
    }

    /// Objects, bytes and failures so far.
    pub(crate) fn so_far(&self) -> (usize, u64, u64) {
        let marks = self.lock();
        (
            marks.stored.len(),
            marks.bytes,
            marks.failures.values().sum(),
        )
    }

    /// All of it.
    pub(crate) fn marks(&self) -> Marks {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
