//! Whether an I/O error of SQLite means a full disk.
//!
//! SQLite says SQLITE_FULL only where its own write met ENOSPC. A quota (EDQUOT), a log that cannot grow its index or a
//! file system that notices at fsync shows as SQLITE_IOERR of some kind; the disk itself tells which it is.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::{Error, StoreConfig};

/// Bytes that a disk with room takes: more than SQLite writes at once.
const PROBE: usize = 64 * 1024;

/// SQLITE_IOERR, of any kind: the log may have been written and not synced, and is read after a crash.
pub(crate) fn is_io_error(error: &Error) -> bool {
    let Error::Database(error) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|e| e.code());
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == 10)
}

/// Where an SQLite store writes.
pub(crate) fn directory(config: &StoreConfig) -> Option<PathBuf> {
    match &config.database {
        crate::Database::Sqlite(path) => Some(match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        }),
        crate::Database::Postgres(_) => None,
    }
}

/// The error, or [`Error::Full`] if it came from a disk without room. Blocks.
pub(crate) fn cause(error: Error, directory: &Path) -> Error {
    if is_io_error(&error) && is_full(write_probe(directory)) {
        tracing::warn!(%error, "the disk of the store is full");
        return Error::Full;
    }
    error
}

fn is_full(probed: std::io::Result<()>) -> bool {
    probed.is_err_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
        )
    })
}

/// Tries to write beside the database.
fn write_probe(directory: &Path) -> std::io::Result<()> {
    let path = directory.join(format!(".room-{:016x}", rand::random::<u64>()));
    let write = || {
        let mut file = fs::File::create(&path)?;
        file.write_all(&[0; PROBE])?;
        file.sync_all()
    };
    let written = write();
    let _ = fs::remove_file(&path);
    written
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    /// An error with a code of SQLite.
    #[derive(Debug, thiserror::Error)]
    #[error("disk I/O error")]
    struct Said(&'static str);

    impl sqlx::error::DatabaseError for Said {
        fn message(&self) -> &str {
            "disk I/O error"
        }
        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }
        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }
        fn kind(&self) -> sqlx::error::ErrorKind {
            sqlx::error::ErrorKind::Other
        }
    }

    fn said(code: &'static str) -> Error {
        Error::from(sqlx::Error::Database(Box::new(Said(code))))
    }

    #[test]
    fn full_is_full_and_other_io_errors_ask_the_disk() {
        assert!(matches!(said("13"), Error::Full));
        let place = tempfile::tempdir().unwrap();
        // SQLITE_IOERR_WRITE, _FSYNC and _SHMSIZE on a disk that has room are what they say.
        for code in ["778", "1034", "4874"] {
            assert!(is_io_error(&said(code)), "{code}");
            assert!(matches!(
                cause(said(code), place.path()),
                Error::Database(_)
            ));
        }
        assert!(!is_io_error(&said("5")));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_disk_without_room_is_full() {
        let mut full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        assert!(is_full(full.write_all(&[0; PROBE])));
        assert!(is_full(Err(ErrorKind::QuotaExceeded.into())));
        assert!(!is_full(Ok(())));
        assert!(!is_full(Err(ErrorKind::PermissionDenied.into())));
    }
}
