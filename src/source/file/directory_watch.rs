//! Events of the file system, which say that something in a directory has changed.
//!
//! They only bring the next read forward. What they do not tell, reading finds: so whatever goes wrong here is a warning, and
//! the directory is tried again before each read.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Config, Event, EventHandler, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::sleep;

/// A change comes as several events; it is read when this much time has passed since the first.
const QUIET: Duration = Duration::from_millis(100);

/// Watches a directory for as long as it lives.
pub(super) struct DirectoryWatch {
    directory: PathBuf,
    begin: fn(&Path) -> Result<Watched, String>,
    watched: Option<Watched>,
    has_warned: bool,
}

impl DirectoryWatch {
    pub(super) fn new(directory: &Path) -> Self {
        Self::beginning_with(directory, Watched::begin)
    }

    fn beginning_with(directory: &Path, begin: fn(&Path) -> Result<Watched, String>) -> Self {
        // Events name the directory as it was given, and a process may change its working directory.
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        Self {
            directory,
            begin,
            watched: None,
            has_warned: false,
        }
    }

    /// Watches the directory, unless that works already, and returns whether it does now. Call it before each read: what
    /// happens after the read is an event then.
    pub(super) async fn renew(&mut self) -> bool {
        let (watched, directory, begin) = (self.watched.take(), self.directory.clone(), self.begin);
        let renewed = tokio::task::spawn_blocking(move || match watched {
            Some(watched) if watched.is_of(&directory) => Ok(watched),
            _ => begin(&directory),
        });
        match renewed.await {
            Ok(Ok(watched)) => self.watched = Some(watched),
            Ok(Err(reason)) => self.warn_once(&reason),
            Err(error) if error.is_panic() => self.warn_once("watching it panicked"),
            // The runtime is shut down.
            Err(_) => {}
        }
        self.watched.is_some()
    }

    /// Waits until something has changed. For ever, if the directory is not watched.
    ///
    /// # Cancel safety
    /// Cancel safe, except that an event may be lost which came just before: read after it all the same.
    pub(super) async fn changed(&self) {
        match &self.watched {
            Some(watched) => {
                watched.signal.changed.notified().await;
                sleep(QUIET).await;
            }
            None => std::future::pending().await,
        }
    }

    fn warn_once(&mut self, reason: &str) {
        let directory = self.directory.display();
        if self.has_warned {
            tracing::debug!(%directory, reason, "the directory of a secret is not watched");
        } else {
            tracing::warn!(%directory, reason, "the directory of a secret cannot be watched; it is read periodically instead");
        }
        self.has_warned = true;
    }
}

/// A directory that is watched.
struct Watched {
    signal: Arc<Signal>,
    identity: Identity,
    /// The last field: it is dropped last.
    _watcher: Guarded,
}

#[derive(Default)]
struct Signal {
    changed: Notify,
    /// No more events come.
    is_lost: AtomicBool,
}

impl Watched {
    /// Begins to watch. Blocks.
    ///
    /// # Errors
    /// Why it cannot be watched, and what to change.
    fn begin(directory: &Path) -> Result<Self, String> {
        // Before it is watched: if another one takes its place in between, that is noticed.
        let identity = identity(directory).map_err(|error| reason(&error.into()))?;
        let signal = Arc::<Signal>::default();
        let handler = Handler {
            directory: directory.to_owned(),
            signal: Arc::clone(&signal),
        };
        let watcher = RecommendedWatcher::new(handler, Config::default());
        let mut watcher = Guarded(Some(watcher.map_err(|error| reason(&error))?));
        watcher.watch(directory)?;
        Ok(Self {
            signal,
            identity,
            _watcher: watcher,
        })
    }

    /// Returns whether what is at `directory` now is what is watched. Blocks.
    fn is_of(&self, directory: &Path) -> bool {
        !self.signal.is_lost.load(Ordering::Acquire)
            && identity(directory).is_ok_and(|now| now == self.identity)
    }
}

/// Receives the events, on a thread of the watcher.
struct Handler {
    directory: PathBuf,
    signal: Arc<Signal>,
}

impl EventHandler for Handler {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        let is_lost = match &event {
            Ok(event) if !is_change(event.kind) => return,
            // The directory itself was removed or renamed. Another one at its path is not watched, and may have its number.
            Ok(event) => {
                matches!(
                    event.kind,
                    EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
                ) && event.paths.contains(&self.directory)
            }
            Err(_) => true,
        };
        if is_lost {
            self.signal.is_lost.store(true, Ordering::Release);
        }
        self.signal.changed.notify_one();
    }
}

impl Drop for Handler {
    /// The watcher has ended; by itself, if it is still there.
    fn drop(&mut self) {
        self.signal.is_lost.store(true, Ordering::Release);
        self.signal.changed.notify_one();
    }
}

/// Whether the content may have changed. Each read of it is an event, too.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// A watcher that panics nowhere: it expects that its thread was started, and that it lives.
struct Guarded(Option<RecommendedWatcher>);

impl Guarded {
    fn watch(&mut self, directory: &Path) -> Result<(), String> {
        let Some(watcher) = &mut self.0 else {
            return Ok(());
        };
        let watched = AssertUnwindSafe(|| watcher.watch(directory, RecursiveMode::NonRecursive));
        match catch_unwind(watched) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(reason(&error)),
            Err(_) => Err(
                "no thread could be started for it: raise the limit of processes or threads".into(),
            ),
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let watcher = self.0.take();
        // Sends its thread a message, and does not wait for it.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(watcher)));
    }
}

/// Returns why a directory cannot be watched, and what to change.
fn reason(error: &notify::Error) -> String {
    const TOO_MANY_FILES: [i32; 2] = [23, 24]; // ENFILE, EMFILE
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "too many files are watched on this machine: raise the sysctl `fs.inotify.max_user_watches`".into()
        }
        notify::ErrorKind::PathNotFound => "it does not exist".into(),
        notify::ErrorKind::Io(error) => match error.raw_os_error() {
            Some(code) if TOO_MANY_FILES.contains(&code) => {
                "too many watchers on this machine, or open files in this process: raise the sysctl \
                 `fs.inotify.max_user_instances`, or the limit of open files"
                    .into()
            }
            _ if error.kind() == io::ErrorKind::NotFound => "it does not exist".into(),
            _ => error.to_string(),
        },
        _ => error.to_string(),
    }
}

#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(directory: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::metadata(directory)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(directory: &Path) -> io::Result<Identity> {
    std::fs::metadata(directory).map(drop)
}

#[cfg(test)]
mod tests;
