//! One file of the journal, locked.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::util::clock::Clock;
use crate::util::timestamp::rfc3339;

/// What a file says. None of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Vault's.
    pub(super) address: String,
    pub(super) namespace: Option<String>,
    /// What minted the lease: `aws/creds/uploader`.
    pub(super) path: String,
    pub(super) lease_id: String,
    /// When the lease ends unless it is renewed, as RFC 3339 has it; `None`: it does not.
    pub(super) ends: Option<String>,
}

/// A file of the journal. Nobody else can take it over while this exists; the file stays when it is dropped.
pub(in crate::source::vault) struct Entry {
    path: PathBuf,
    file: File,
    record: Record,
    clock: Clock,
}

/// Why a file is not taken over.
pub(super) enum Unusable {
    /// It belongs to a process that is alive, or to another user.
    Foreign,
    /// It cannot be read, or is not a file of the journal; and why.
    Broken(String),
}

impl Entry {
    /// Writes a file. It is complete and locked when it gets the name that the journal is searched for.
    pub(super) fn create(path: PathBuf, record: Record, clock: Clock) -> io::Result<Self> {
        let draft = draft(&path);
        let file = create(&draft)?;
        let mut entry = Self {
            path,
            file,
            record,
            clock,
        };
        let written = entry.file.try_lock().map_err(io::Error::from);
        let written = written
            .and_then(|()| entry.write())
            .and_then(|()| entry.file.sync_all())
            .and_then(|()| fs::rename(&draft, &entry.path));
        match written {
            Ok(()) => Ok(entry),
            Err(error) => {
                // It may be gone: another process removes drafts that it can lock.
                let _ = fs::remove_file(&draft);
                Err(error)
            }
        }
    }

    /// Takes over the file of a process that has ended. `owner` is the user whose files count, `is_ours` tells which leases do.
    pub(super) fn take_over(
        path: PathBuf,
        owner: Option<u32>,
        is_ours: impl Fn(&Record) -> bool,
        clock: Clock,
    ) -> Result<Self, Unusable> {
        let io = |error: io::Error| Unusable::Broken(error.to_string());
        let mut file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            // Its process has just removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unusable::Foreign),
            Err(error) => return Err(io(error)),
        };
        // Before it is locked: even for a moment, that would hide it from the process that it concerns.
        if read(&mut file).is_ok_and(|record| !is_ours(&record)) {
            return Err(Unusable::Foreign);
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Unusable::Foreign),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        if self::owner(&file.metadata().map_err(io)?) != owner {
            return Err(Unusable::Foreign);
        }
        let record = read(&mut file).map_err(Unusable::Broken)?;
        if !is_ours(&record) {
            return Err(Unusable::Foreign);
        }
        Ok(Self {
            path,
            file,
            record,
            clock,
        })
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// The lease has got another end. It is written in place: as long as before, and small.
    pub(in crate::source::vault) fn renewed(&mut self, end: Option<Instant>) -> io::Result<()> {
        self.record.ends = ends(end, &self.clock);
        self.write()
    }

    /// Returns whether the lease has ended by itself.
    pub(in crate::source::vault) fn is_over(&self) -> bool {
        let ends = self.record.ends.as_deref().and_then(time);
        ends.is_some_and(|end| end <= self.clock.now())
    }

    /// Removes the file: the lease is gone.
    pub(in crate::source::vault) fn remove(self) {
        // Nothing depends on it: a file that stays is found by the next process, whose revocation finds no lease.
        let _ = fs::remove_file(&self.path);
    }

    fn write(&mut self) -> io::Result<()> {
        let mut text = serde_json::to_string(&self.record)?;
        text.push('\n');
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)
    }
}

/// Reads a file, or returns why it is not one of the journal.
fn read(file: &mut File) -> Result<Record, String> {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(LONGEST).read_to_string(&mut text));
    read.map_err(|error| error.to_string())?;
    let record = serde_json::from_str::<Record>(&text).ok();
    let is_valid = |record: &Record| {
        !record.lease_id.is_empty() && record.ends.as_deref().is_none_or(|at| time(at).is_some())
    };
    record
        .filter(is_valid)
        .ok_or_else(|| "it is malformed".to_owned())
}

/// Returns the end of a lease as a record has it.
pub(super) fn ends(end: Option<Instant>, clock: &Clock) -> Option<String> {
    let left = end?.saturating_duration_since(Instant::now());
    Some(rfc3339(clock.now() + left))
}

/// Returns the name of a file that is being written.
fn draft(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}"))
}

/// Creates a file that only this user reads.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Returns the user that a file belongs to, where the system has such.
#[cfg(unix)]
pub(super) fn owner(file: &Metadata) -> Option<u32> {
    Some(std::os::unix::fs::MetadataExt::uid(file))
}

#[cfg(not(unix))]
pub(super) fn owner(_: &Metadata) -> Option<u32> {
    None
}

fn time(text: &str) -> Option<SystemTime> {
    let time = DateTime::from_str(text, Format::DateTime).ok()?;
    time.try_into().ok()
}

/// The most that is read of a file.
const LONGEST: u64 = 64 << 10;
