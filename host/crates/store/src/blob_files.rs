//! Large contents as files.
//!
//! A file is written under `tmp/`, synced, renamed into one of 256 directories, and that directory synced, before a row
//! may name it. A crash between that and the commit leaves a file that no row names: the sweep removes those.

use std::fs;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::{Error, Result};

/// The file that says which database the directory belongs to.
const MARKER: &str = "store-id";

/// The directory. Its methods block; call them from a blocking thread.
#[derive(Debug, Clone)]
pub(crate) struct BlobFiles {
    root: Arc<Path>,
}

/// A file written for a row that is not committed yet; dropped without [`BlobFile::keep`] it is removed.
#[derive(Debug)]
pub(crate) struct BlobFile {
    name: String,
    path: PathBuf,
    kept: bool,
}

impl BlobFile {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Leaves the file where it is.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for BlobFile {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a message content that was not stored stays until the next sweep");
        }
    }
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// The directory that holds a path: the working directory for a bare name.
fn holder(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    Some(match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    })
}

/// The directories whose entries change when `path` is made with all that is missing above it, the deepest first.
fn changed_by_making(path: &Path) -> Vec<&Path> {
    let mut changed = Vec::new();
    let mut at = path;
    while let Some(parent) = holder(at) {
        changed.push(parent);
        if parent.exists() {
            break;
        }
        at = parent;
    }
    changed
}

/// Makes a directory and those above it; after a power failure they are all still there.
pub(crate) fn make_directory(path: &Path) -> std::io::Result<()> {
    let changed = changed_by_making(path);
    fs::create_dir_all(path)?;
    changed.into_iter().try_for_each(sync_directory)
}

impl BlobFiles {
    /// Makes the directories.
    pub(crate) fn open(root: &Path) -> Result<BlobFiles> {
        let make = || {
            make_directory(root)?;
            fs::create_dir_all(root.join("tmp"))?;
            for byte in 0..=u8::MAX {
                let directory = root.join(format!("{byte:02x}"));
                if let Err(error) = fs::create_dir(&directory)
                    && error.kind() != ErrorKind::AlreadyExists
                {
                    return Err(error);
                }
            }
            sync_directory(root)
        };
        make().map_err(|e| Error::blob(root, e))?;
        Ok(BlobFiles { root: root.into() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What the directory's marker says, if there is one.
    pub(crate) fn marker(&self) -> Result<Option<String>> {
        let path = self.root.join(MARKER);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::blob(path, error)),
        }
    }

    /// Writes the marker, whole or not at all.
    pub(crate) fn mark(&self, id: &str) -> Result<()> {
        let path = self.root.join(MARKER);
        let temporary = self
            .root
            .join("tmp")
            .join(format!("{MARKER}-{:x}", rand::random::<u64>()));
        let write = || {
            let mut file = fs::File::create(&temporary)?;
            writeln!(file, "{id}")?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            sync_directory(&self.root)
        };
        write().map_err(|e| Error::blob(path.clone(), e))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name.get(..2).unwrap_or("tmp")).join(name)
    }

    /// Writes a content; on disk when this returns.
    pub(crate) fn write(&self, content: &[u8]) -> Result<BlobFile> {
        let name = format!("{:032x}", rand::random::<u128>());
        let temporary = self.root.join("tmp").join(&name);
        let path = self.path(&name);
        let write = || {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&temporary)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            path.parent().map_or(Ok(()), sync_directory)
        };
        if let Err(error) = write() {
            let _ = fs::remove_file(&temporary);
            let _ = fs::remove_file(&path);
            return Err(Error::blob(path, error));
        }
        Ok(BlobFile {
            name,
            path,
            kept: false,
        })
    }

    /// Up to `length` bytes from `offset`; none if the file is gone.
    pub(crate) fn read(&self, name: &str, offset: u64, length: usize) -> Result<Option<Bytes>> {
        let path = self.path(name);
        let read = || {
            let mut file = fs::File::open(&path)?;
            let left = file.metadata()?.len().saturating_sub(offset);
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(length);
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::with_capacity(length);
            file.take(length as u64).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(Bytes::from(bytes))
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::blob(path, error)),
        }
    }

    /// Removes a file; one that is gone already is fine.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::blob(path, error)),
            _ => Ok(()),
        }
    }

    /// Names of files that were written before a moment.
    pub(crate) fn older_than(&self, before: SystemTime) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for byte in 0..=u8::MAX {
            self.list(&self.root.join(format!("{byte:02x}")), before, &mut names)?;
        }
        Ok(names)
    }

    /// Removes what crashes left half written under `tmp/`.
    pub(crate) fn sweep_temporary(&self, before: SystemTime) -> Result<()> {
        let directory = self.root.join("tmp");
        let mut names = Vec::new();
        self.list(&directory, before, &mut names)?;
        for name in names {
            let _ = fs::remove_file(directory.join(name));
        }
        Ok(())
    }

    fn list(&self, directory: &Path, before: SystemTime, names: &mut Vec<String>) -> Result<()> {
        let entries = fs::read_dir(directory).map_err(|e| Error::blob(directory, e))?;
        let in_tmp = directory.ends_with("tmp");
        for entry in entries {
            let entry = entry.map_err(|e| Error::blob(directory, e))?;
            // One that goes away meanwhile was not for us.
            let Ok(data) = entry.metadata() else { continue };
            let Ok(written) = data.modified() else {
                continue;
            };
            // What is not ours (lost+found, an administrator's copy) is left alone.
            if data.is_file()
                && written < before
                && let Ok(name) = entry.file_name().into_string()
                && (in_tmp || is_name_in(&name, directory))
            {
                names.push(name);
            }
        }
        Ok(())
    }
}

/// Whether a file is named as [`BlobFiles::write`] names those of this directory.
fn is_name_in(name: &str, directory: &Path) -> bool {
    name.len() == 32
        && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && name
            .get(..2)
            .is_some_and(|start| directory.ends_with(start))
}

/// How long a file may wait for the commit that names it, where other hosts may be writing.
pub(crate) const COMMIT_GRACE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_that_gets_an_entry_is_synced() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        assert_eq!(
            changed_by_making(&path("a/b/c")),
            [path("a/b"), path("a"), top.path().to_owned()]
        );
        make_directory(&path("a/b/c")).unwrap();
        assert!(path("a/b/c").is_dir());
        assert_eq!(changed_by_making(&path("a/b/c")), [path("a/b")]);
        assert_eq!(changed_by_making(Path::new("bare")), [Path::new(".")]);
    }
}
