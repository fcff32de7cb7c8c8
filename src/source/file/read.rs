//! Reads a file, or the files of a directory, whole. Blocks.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::Place;
use crate::error::{Error, ErrorKind};

/// The most that is read. Secrets Manager allows 64 KiB, Kubernetes 1 MiB.
const MAX_BYTES: u64 = 1 << 20;

/// What was read.
pub(super) struct Content {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) modified: Option<SystemTime>,
    /// A file whose mode lets every user read it.
    pub(super) readable_by_all: Option<PathBuf>,
}

impl Place {
    /// Returns the directory in which the content changes.
    #[cfg(feature = "file-notify")]
    pub(super) fn directory(&self) -> &Path {
        match self {
            Self::Directory(path) => path,
            Self::File(path) => match path.parent() {
                Some(parent) if parent != Path::new("") => parent,
                _ => Path::new("."),
            },
        }
    }

    /// Reads what is there now.
    ///
    /// # Errors
    /// What is missing, empty or cannot be read. All are worth another try: somebody may be about to replace it.
    pub(super) fn read(&self) -> Result<Content, Error> {
        let content = match self {
            Self::File(path) => read_file(path),
            Self::Directory(path) => read_directory(path),
        };
        let content = content.map_err(|fault| self.error(fault))?;
        if content.bytes.trim_ascii().is_empty() {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("{self} is empty"),
            ));
        }
        Ok(content)
    }

    fn error(&self, fault: Fault) -> Error {
        let (kind, message) = match &fault {
            Fault::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => (
                    ErrorKind::NotFound,
                    format!(
                        "{self} does not exist: check the path, and whether the volume is mounted"
                    ),
                ),
                io::ErrorKind::PermissionDenied => (
                    ErrorKind::PermissionDenied,
                    format!("{self} cannot be read: let this process's user read it"),
                ),
                _ => (ErrorKind::Unavailable, format!("{self} cannot be read")),
            },
            Fault::IsDirectory => (
                ErrorKind::Config,
                format!("{self} is a directory: name a file in it, or use `File::directory`"),
            ),
            Fault::NotADirectory => (
                ErrorKind::Config,
                format!("{self} is not a directory: use `File::new`"),
            ),
            Fault::Special => (ErrorKind::Config, format!("{self} is not a regular file")),
            Fault::TooLarge => (
                ErrorKind::Malformed,
                format!(
                    "{self} is larger than {} KiB: it is not a secret",
                    MAX_BYTES >> 10
                ),
            ),
            Fault::NotText(name) => (
                ErrorKind::Malformed,
                format!("{self}: file `{}` is not UTF-8 text", name.escape_debug()),
            ),
            Fault::Swapped => (
                ErrorKind::Unavailable,
                format!("{self} was replaced while it was read"),
            ),
        };
        let error = Error::new(kind, message);
        match fault {
            Fault::Io(cause) => error.with_source(cause),
            _ => error,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "secret file `{}`", path.display()),
            Self::Directory(path) => write!(f, "secret directory `{}`", path.display()),
        }
    }
}

enum Fault {
    Io(io::Error),
    IsDirectory,
    NotADirectory,
    Special,
    TooLarge,
    NotText(String),
    Swapped,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn read_file(path: &Path) -> Result<Content, Fault> {
    // Before it is opened: a pipe would wait for a writer.
    let kind = fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(Fault::IsDirectory);
    }
    if !kind.is_file() {
        return Err(Fault::Special);
    }
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    let size = metadata.len().min(MAX_BYTES);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1));
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Fault::TooLarge);
    }
    Ok(Content {
        bytes,
        modified: metadata.modified().ok(),
        readable_by_all: is_readable_by_all(&metadata).then(|| path.to_owned()),
    })
}

/// Reads all files as one JSON object.
fn read_directory(path: &Path) -> Result<Content, Fault> {
    if !fs::metadata(path)?.is_dir() {
        return Err(Fault::NotADirectory);
    }
    let directory = resolve(path)?;
    let gone = |fault| match fault {
        Fault::Io(error) if error.kind() == io::ErrorKind::NotFound => Fault::Swapped,
        fault => fault,
    };
    let mut fields = BTreeMap::new();
    let (mut modified, mut readable_by_all, mut size) = (None, None, 0);
    for entry in fs::read_dir(&directory).map_err(|error| gone(error.into()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let content = match read_file(&entry.path()) {
            Ok(content) => content,
            Err(Fault::IsDirectory | Fault::Special) => continue,
            Err(fault) => return Err(gone(fault)),
        };
        size += content.bytes.len() as u64;
        if size > MAX_BYTES {
            return Err(Fault::TooLarge);
        }
        let Ok(text) = std::str::from_utf8(&content.bytes) else {
            return Err(Fault::NotText(name));
        };
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        fields.insert(name, Zeroizing::new(text.to_owned()));
        modified = modified.max(content.modified);
        readable_by_all = readable_by_all.or(content.readable_by_all);
    }
    // The files of a replaced directory are removed one by one.
    if resolve(path)? != directory {
        return Err(Fault::Swapped);
    }
    let fields: BTreeMap<_, _> = fields
        .iter()
        .map(|(name, text)| (name, text.as_str()))
        .collect();
    let bytes = match fields.is_empty() {
        true => Vec::new(),
        false => serde_json::to_vec(&fields).map_err(io::Error::from)?,
    };
    Ok(Content {
        bytes: Zeroizing::new(bytes),
        modified,
        readable_by_all,
    })
}

/// Returns the directory whose files belong together: Kubernetes replaces the link `..data` to it as a whole.
fn resolve(path: &Path) -> Result<PathBuf, Fault> {
    match fs::canonicalize(path.join("..data")) {
        Ok(target) => Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(unix)]
fn is_readable_by_all(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;

    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn is_readable_by_all(_: &fs::Metadata) -> bool {
    false
}
