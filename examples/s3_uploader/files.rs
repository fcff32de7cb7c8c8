//! The files to upload: those in the given paths, and a large generated one.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use walkdir::{DirEntry, WalkDir};

/// Files of this size and larger are uploaded in parts of this size. S3 requires 5 MiB of every part but the last.
pub(crate) const PART: usize = 8 << 20;
/// The generated file is uploaded once in this many uploads, or once per round if a round has more: in every round of a
/// small tree it would fill the disk.
const GENERATED_EVERY: u64 = 1000;

/// The files to upload, round after round.
#[derive(Debug)]
pub(crate) struct Files {
    files: Vec<Item>,
    generated: Item,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The part of the object's name between the run's prefix and the upload's number.
    pub(crate) name: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Disk(PathBuf),
    Memory(Bytes),
}

impl Files {
    /// Finds the files in `paths`, or in this repository if `paths` is empty, and generates one of `generated_mib` MiB.
    pub(crate) fn find(paths: &[PathBuf], generated_mib: u32) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        if paths.is_empty() {
            walk(Path::new(env!("CARGO_MANIFEST_DIR")), is_source, &mut files)?;
        }
        for path in paths {
            walk(path, |_| true, &mut files)?;
        }
        if files.is_empty() {
            bail!("the given paths contain no file to upload");
        }
        let generated = Item {
            name: format!("generated-{generated_mib}-mib.bin"),
            content: Content::Memory(noise((generated_mib as usize) << 20)),
        };
        Ok(Self { files, generated })
    }

    /// Returns the file of the nth upload, counted from 0.
    pub(crate) fn nth(&self, n: u64) -> &Item {
        let round = self.files.len() as u64;
        if n.is_multiple_of(GENERATED_EVERY.max(round)) {
            return &self.generated;
        }
        &self.files[usize::try_from(n % round).expect("an index below the length")]
    }

    /// Returns how many files were found.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }
}

impl Item {
    /// Opens the file.
    pub(crate) async fn open(&self) -> std::io::Result<Reader> {
        Ok(match &self.content {
            Content::Memory(bytes) => Reader::Memory(bytes.clone()),
            Content::Disk(path) => Reader::Disk(File::open(path).await?),
        })
    }
}

/// Reads a file in parts.
#[derive(Debug)]
pub(crate) enum Reader {
    Disk(File),
    Memory(Bytes),
}

impl Reader {
    /// Reads the next part: a full one, unless it is the last, and an empty one after that.
    pub(crate) async fn part(&mut self) -> std::io::Result<Bytes> {
        match self {
            Self::Memory(rest) => Ok(rest.split_to(PART.min(rest.len()))),
            Self::Disk(file) => {
                let mut part = BytesMut::new();
                let mut limited = file.take(PART as u64);
                while limited.read_buf(&mut part).await? > 0 {}
                Ok(part.freeze())
            }
        }
    }
}

fn walk(
    root: &Path,
    is_included: impl FnMut(&DirEntry) -> bool,
    files: &mut Vec<Item>,
) -> anyhow::Result<()> {
    for entry in WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_included)
    {
        let entry = entry.map_err(|error| {
            // Its own text names the path and the cause twice.
            let fault = error
                .io_error()
                .map_or("symbolic links form a loop".to_owned(), ToString::to_string);
            anyhow!(
                "`{}` cannot be read: {fault}",
                error.path().unwrap_or(root).display()
            )
        })?;
        if !entry.file_type().is_file() {
            continue;
        }
        let relative = match entry.path().strip_prefix(root) {
            Ok(relative) if relative != Path::new("") => relative,
            // The path is a file.
            _ => Path::new(entry.file_name()),
        };
        files.push(Item {
            name: relative.to_string_lossy().replace('\\', "/"),
            content: Content::Disk(entry.path().to_owned()),
        });
    }
    Ok(())
}

/// Excludes Cargo's output and git's data.
fn is_source(entry: &DirEntry) -> bool {
    entry.depth() == 0 || !matches!(entry.file_name().to_str(), Some("target" | ".git"))
}

/// Generates bytes without a pattern, the same in each run.
fn noise(length: usize) -> Bytes {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let chunks = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    chunks.take(length / 8).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_found_without_its_build_output() {
        let files = Files::find(&[], 1).expect("this repository");
        let names: Vec<_> = files.files.iter().map(|item| item.name.as_str()).collect();
        assert!(
            names.contains(&"examples/s3_uploader/files.rs"),
            "{names:?}"
        );
        assert!(
            !names
                .iter()
                .any(|name| name.starts_with("target/") || name.starts_with(".git/"))
        );
    }

    #[test]
    fn the_generated_file_is_large_and_comes_first_and_rarely() {
        let files = Files::find(&[], 1).expect("this repository");
        let uploads = (0..2000).filter(|n| files.nth(*n).name == files.generated.name);
        let uploads = uploads.count();
        assert!((1..=2).contains(&uploads), "{uploads} in 2000");
        assert_eq!(files.nth(0).name, files.generated.name);
        let Content::Memory(bytes) = &files.generated.content else {
            panic!("the generated file is not in memory")
        };
        assert_eq!(bytes.len(), 1 << 20);
    }

    #[test]
    fn a_missing_path_is_named() {
        let error = Files::find(&["/no/such/file".into()], 1).expect_err("the path does not exist");
        assert!(format!("{error:#}").contains("/no/such/file"), "{error:#}");
        let empty = tempfile::tempdir().expect("a directory");
        Files::find(&[empty.path().to_owned()], 1).expect_err("the directory is empty");
    }

    #[tokio::test]
    async fn all_parts_but_the_last_are_full() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("large");
        std::fs::write(&path, noise(PART + 8)).expect("written");
        for content in [Content::Disk(path), Content::Memory(noise(PART + 8))] {
            let item = Item {
                name: "large".to_owned(),
                content,
            };
            let mut reader = item.open().await.expect("open");
            let mut lengths = Vec::new();
            for _ in 0..3 {
                lengths.push(reader.part().await.expect("read").len());
            }
            assert_eq!(lengths, [PART, 8, 0]);
        }
    }
}
