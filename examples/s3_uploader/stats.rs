//! What is counted while the uploads run.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Counts what happens while the uploads run, and knows when they end.
#[derive(Debug)]
pub(crate) struct Stats {
    started: Instant,
    deadline: Instant,
    stopped: OnceLock<Instant>,
    counted: Mutex<Snapshot>,
}

/// What has been counted so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// Every request, in the order in which they ended.
    pub(crate) requests: Vec<Request>,
    /// Every object whose upload S3 confirmed.
    pub(crate) stored: Vec<StoredObject>,
    /// The size of these objects.
    pub(crate) bytes: u64,
    /// How often each error occurred: of requests, of rotations and of reading files.
    pub(crate) failures: BTreeMap<String, u64>,
    /// Every rotation.
    pub(crate) rotations: Vec<AnnouncedRotation>,
    /// How long each old key existed after the broker had the event.
    pub(crate) retired: Vec<Duration>,
}

/// A request with all its attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// When it ended, since the start of the uploads.
    pub(crate) ended: Duration,
    /// How long it took.
    pub(crate) latency: Duration,
    /// Whether it failed.
    pub(crate) failed: bool,
}

/// An object whose upload S3 confirmed.
#[derive(Clone, Debug)]
pub(crate) struct StoredObject {
    /// Its name.
    pub(crate) key: String,
    /// The SHA-256 of what was sent.
    pub(crate) checksum: [u8; 32],
}

/// A rotation whose event was published.
#[derive(Clone, Debug)]
pub(crate) struct AnnouncedRotation {
    /// When the broker had the event.
    pub(crate) announced: Instant,
    /// The new key.
    pub(crate) access_key_id: String,
}

/// How far the uploads are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) objects: usize,
    pub(crate) bytes: u64,
    pub(crate) failures: u64,
}

impl Stats {
    /// Starts counting, for uploads that end after `duration`.
    pub(crate) fn new(duration: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            deadline: started + duration,
            stopped: OnceLock::new(),
            counted: Mutex::default(),
        }
    }

    /// Returns when the uploads started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Returns when the uploads are to end.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns whether no further upload or rotation should start.
    pub(crate) fn is_over(&self) -> bool {
        self.stopped.get().is_some() || Instant::now() >= self.deadline
    }

    /// Ends the uploads before the deadline.
    pub(crate) fn stop(&self) {
        let _ = self.stopped.set(Instant::now());
    }

    /// Returns for how long uploads were started.
    pub(crate) fn uploading(&self) -> Duration {
        let stopped = self.stopped.get().copied();
        stopped.unwrap_or(self.deadline).min(self.deadline) - self.started
    }

    /// Runs a request and counts it. Returns `None` if it failed.
    pub(crate) async fn request<T>(
        &self,
        request: impl Future<Output = Result<T, String>>,
    ) -> Option<T> {
        let started = Instant::now();
        let answer = request.await;
        let ended = Instant::now();
        let mut counted = self.lock();
        counted.requests.push(Request {
            ended: ended - self.started,
            latency: ended - started,
            failed: answer.is_err(),
        });
        match answer {
            Ok(answer) => Some(answer),
            Err(reason) => {
                *counted.failures.entry(reason).or_default() += 1;
                None
            }
        }
    }

    /// Counts a failure that is not a request's.
    pub(crate) fn failed(&self, reason: String) {
        *self.lock().failures.entry(reason).or_default() += 1;
    }

    /// Counts a stored object.
    pub(crate) fn stored(&self, object: StoredObject, bytes: u64) {
        let mut counted = self.lock();
        counted.stored.push(object);
        counted.bytes += bytes;
    }

    /// Counts a rotation.
    pub(crate) fn rotated(&self, rotation: AnnouncedRotation) {
        self.lock().rotations.push(rotation);
    }

    /// Counts an old key that was deleted `after` the event.
    pub(crate) fn retired(&self, after: Duration) {
        self.lock().retired.push(after);
    }

    /// Returns how far the uploads are.
    pub(crate) fn totals(&self) -> Totals {
        let counted = self.lock();
        Totals {
            objects: counted.stored.len(),
            bytes: counted.bytes,
            failures: counted.failures.values().sum(),
        }
    }

    /// Returns all that has been counted.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Snapshot> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
