//! The directory of the journal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use fastrand::Rng;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::entry::{Entry, Record, Unusable, create, ends, owner};
use crate::error::{Error, ErrorKind};
use crate::util::clock::Clock;

/// The journal of one Vault, in one namespace. The directory may be shared with others.
#[derive(Clone)]
pub(in crate::source::vault) struct Journal(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    address: String,
    namespace: Option<String>,
    clock: Clock,
    /// The user of this process, once the directory is known to be usable.
    owner: OnceLock<Option<u32>>,
}

impl Journal {
    pub(in crate::source::vault) fn new(
        directory: PathBuf,
        address: &str,
        namespace: Option<String>,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            directory,
            address: address.trim_end_matches('/').to_owned(),
            namespace: namespace.map(|name| name.trim_matches('/').to_owned()),
            clock,
            owner: OnceLock::new(),
        }))
    }

    /// Proves, once, that the directory can be used.
    ///
    /// # Errors
    /// What to change about it.
    pub(in crate::source::vault) async fn open(&self) -> Result<(), Error> {
        if self.0.owner.get().is_some() {
            return Ok(());
        }
        let journal = self.clone();
        let probed = spawn_blocking(move || probe(&journal.0.directory)).await;
        let owner = probed.unwrap_or_else(|_| Err(interrupted()))?;
        let _ = self.0.owner.set(owner);
        Ok(())
    }

    /// Writes the file of a lease that was minted at `path`. If that fails, the lease is used without: it ends by itself.
    pub(in crate::source::vault) async fn record(
        &self,
        path: &str,
        lease_id: &str,
        end: Option<Instant>,
    ) -> Option<Entry> {
        let record = Record {
            address: self.0.address.clone(),
            namespace: self.0.namespace.clone(),
            path: path.to_owned(),
            lease_id: lease_id.to_owned(),
            ends: ends(end, &self.0.clock),
        };
        let journal = self.clone();
        let written = spawn_blocking(move || {
            let create = || Entry::create(journal.name(), record.clone(), journal.0.clock.clone());
            // Another process may have taken the draft for that of a process that has ended.
            create().or_else(|_| create())
        });
        let error = match written.await {
            Ok(Ok(entry)) => return Some(entry),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the runtime shuts down".to_owned(),
        };
        let directory = self.0.directory.display();
        tracing::warn!(
            lease_id,
            %directory,
            error,
            "the lease is not in the journal: if this process is killed, it is not revoked but ends by itself"
        );
        None
    }

    /// Takes over what processes that have ended left here: leases of the same Vault and namespace. Files that are broken are
    /// named in the log, and left alone.
    pub(in crate::source::vault) async fn abandoned(&self) -> Vec<Entry> {
        let journal = self.clone();
        let found = spawn_blocking(move || journal.0.search()).await;
        let Found { entries, broken } = match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => Found {
                entries: Vec::new(),
                broken: vec![(self.0.directory.clone(), error.to_string())],
            },
            Err(_) => Found::default(),
        };
        for (path, fault) in broken {
            let file = path.display();
            tracing::warn!(%file, fault, "a file of the lease journal cannot be used; remove it");
        }
        entries
    }

    fn name(&self) -> PathBuf {
        let name = format!("{:016x}{SUFFIX}", Rng::new().u64(..));
        self.0.directory.join(name)
    }
}

/// What a search has found.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    broken: Vec<(PathBuf, String)>,
}

impl Inner {
    fn search(&self) -> io::Result<Found> {
        let mut found = Found::default();
        let owner = self.owner.get().copied().flatten();
        for file in fs::read_dir(&self.directory)? {
            let path = file?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !name.ends_with(SUFFIX) {
                continue;
            }
            match self.take_over(&path, owner) {
                // Also a complete draft: its process has ended before it gave the file its name.
                Ok(entry) => found.entries.push(entry),
                Err(Unusable::Foreign) => {}
                // Its process has ended while it wrote.
                Err(Unusable::Broken(_)) if name.starts_with('.') => drop(fs::remove_file(&path)),
                Err(Unusable::Broken(fault)) => found.broken.push((path, fault)),
            }
        }
        Ok(found)
    }

    fn take_over(&self, path: &Path, owner: Option<u32>) -> Result<Entry, Unusable> {
        match fs::symlink_metadata(path) {
            Ok(file) if self::owner(&file) != owner => return Err(Unusable::Foreign),
            Ok(file) if file.is_file() => {}
            // A link or a pipe is not opened.
            Ok(_) => return Err(Unusable::Broken("it is not a regular file".to_owned())),
            // It was removed in the meantime: its process is alive.
            Err(_) => return Err(Unusable::Foreign),
        }
        let is_ours =
            |record: &Record| record.address == self.address && record.namespace == self.namespace;
        Entry::take_over(path.to_owned(), owner, is_ours, self.clock.clone())
    }
}

/// Creates a file in the directory, locks and removes it, and returns the user that it belongs to.
fn probe(directory: &Path) -> Result<Option<u32>, Error> {
    let fault = |text: &str| {
        let fault = format!(
            "the lease journal's directory `{}` {text}",
            directory.display()
        );
        Error::new(ErrorKind::Config, fault)
    };
    match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(fault("is not a directory; name one")),
        Err(error) => {
            let text = "cannot be found; create it, with mode 700 and for this process's user";
            return Err(fault(text).with_source(error));
        }
    }
    let path = directory.join(format!(".{:016x}.probe", Rng::new().u64(..)));
    let file = create(&path).map_err(|error| {
        fault("cannot be written to; let this process's user write to it").with_source(error)
    })?;
    let locked = file.try_lock();
    let metadata = file.metadata();
    let _ = fs::remove_file(&path);
    locked.map_err(|error| {
        fault("is on a file system without locks; use a local one").with_source(error)
    })?;
    let metadata = metadata.map_err(|error| fault("cannot be read").with_source(error))?;
    Ok(owner(&metadata))
}

fn interrupted() -> Error {
    let fault = "opening the lease journal was interrupted: the runtime shuts down";
    Error::new(ErrorKind::ShutDown, fault)
}

/// How the names of the journal's files end.
const SUFFIX: &str = ".lease";
