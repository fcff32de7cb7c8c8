//! A secret in a file, or in a directory with a file for each of its fields.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use self::read::Content;
use super::{FetchRequest, Source};
use crate::error::{Error, ErrorKind};
use crate::secret::{Secret, VersionId};

mod changes;
#[cfg(feature = "file-notify")]
mod directory_watch;
mod read;
#[cfg(test)]
mod tests;

pub use changes::FileChanges;

/// How often a file that is being written is read again.
const READS: u32 = 20;

/// Fetches a secret from a file, or from a directory with a file for each field.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("token");
/// # std::fs::write(&path, "xoxb-1\n")?;
/// use credswap::Refreshable;
/// use credswap::source::File;
/// use credswap::typed::SecretText;
///
/// let file = File::new(path);
/// let token: Refreshable<SecretText> = Refreshable::typed(file.clone())
///     .trigger(file.changes()) // within two seconds, instead of five minutes
///     .start()
///     .await?;
/// assert_eq!(token.lease().expose(), "xoxb-1");
/// # Ok(()) }
/// ```
///
/// # Files that change
/// | how it is replaced | |
/// |---|---|
/// | another file is renamed over it, as editors and `mv` do | complete at any time: do this |
/// | Kubernetes mounts a `Secret` or `ConfigMap` | complete: the kubelet swaps the symbolic link `..data` |
/// | Kubernetes, with `subPath` | **never changes**: mount the directory instead |
/// | it is written in place | a new content goes live when two reads, [`File::settle`] apart, found the same one. A writer that pauses for longer in the midst of it is not noticed |
/// | NFS, EFS | as above, when the client's cache has expired (`acregmax`, 60 seconds by default) |
///
/// [Who may read it](crate::docs::permissions#files) is up to its mode. A file that is missing, empty, unreadable or still being
/// written is an error that is tried again, and the last good value stays live. At the start,
/// [`start_within`](crate::refresh::Builder::start_within) waits for one that is empty or being written; one that is missing or
/// unreadable fails the start at once.
///
/// # Versions
/// A version is derived from the content with a key that this process drew at random: it tells nothing about the content,
/// and another process has another name for the same one. Where the content has a version of its own, name it with
/// [`File::versioned_by`]: usage reports of several instances can be compared then.
#[derive(Clone)]
pub struct File {
    place: Place,
    settle: Duration,
    versioned_by: Option<VersionOf>,
    key: RandomState,
    /// Clones warn once together.
    has_warned: Arc<AtomicBool>,
}

type VersionOf = Arc<dyn Fn(&[u8]) -> Option<VersionId> + Send + Sync>;

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Directory(PathBuf),
}

impl File {
    /// Creates a source that fetches the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::File(path.into()))
    }

    /// Creates a source that fetches the files of a directory as the fields of one JSON object, as Kubernetes mounts a
    /// `Secret`: the name of each file is a field, its content, without a line break at the end, the value. Directories in
    /// it and names that begin with `.` are skipped.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Directory(path.into()))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            settle: Duration::from_millis(100),
            versioned_by: None,
            key: RandomState::new(),
            has_warned: Arc::default(),
        }
    }

    /// Sets how long a new content must stay the same before it is returned. Default 100 milliseconds.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// Names the version of a content: a field of it that changes with each rotation, say. Return `None` for a content that
    /// has none. The version is logged and reported, so it must be free of secret material.
    #[must_use]
    pub fn versioned_by(
        mut self,
        version_of: impl Fn(&[u8]) -> Option<VersionId> + Send + Sync + 'static,
    ) -> Self {
        self.versioned_by = Some(Arc::new(version_of));
        self
    }

    /// Returns a trigger that requests a refresh when the content has changed: it reads every 2 seconds, give or take 20 %, and
    /// with `FileChanges::with_events` (feature `file-notify`) when the operating system tells of a change.
    pub fn changes(&self) -> FileChanges {
        FileChanges::new(self.clone())
    }

    async fn read(&self) -> Result<Content, Error> {
        let place = self.place.clone();
        let read = tokio::task::spawn_blocking(move || place.read());
        read.await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Panicked, "reading a file panicked")))
    }

    /// Returns a fingerprint that differs for other contents, and tells nothing about this one.
    fn fingerprint(&self, content: &Content) -> u64 {
        self.key.hash_one(content.bytes.as_slice())
    }

    fn version(&self, content: &Content) -> VersionId {
        let named = self.versioned_by.as_ref();
        named
            .and_then(|version_of| version_of(&content.bytes))
            .unwrap_or_else(|| format!("content-{:016x}", self.fingerprint(content)).into())
    }

    fn warn_once(&self, content: &Content) {
        if let Some(path) = &content.readable_by_all
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(path = %path.display(), "every user of this machine may read this secret: restrict the file's mode");
        }
    }
}

impl Source for File {
    async fn fetch(&self, request: &FetchRequest) -> Result<Secret, Error> {
        let mut content = self.read().await?;
        for _ in 0..READS {
            let version = self.version(&content);
            let is_live = request.live_version.as_ref() == Some(&version);
            if !is_live {
                sleep(self.settle).await;
                let again = self.read().await?;
                if *again.bytes != *content.bytes {
                    content = again;
                    continue;
                }
            }
            self.warn_once(&content);
            let secret = Secret::new(content.bytes.to_vec(), version);
            return Ok(match content.modified {
                Some(modified) => secret.with_created(modified),
                None => secret,
            });
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!(
                "{} changes all the time: replace it as a whole, with a rename",
                self.place
            ),
        ))
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("place", &self.place)
            .field("settle", &self.settle)
            .finish_non_exhaustive()
    }
}
