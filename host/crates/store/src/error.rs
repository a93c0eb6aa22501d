//! What can go wrong in the store, named for the cause.
//!
//! Errors are `Clone`: one failed batch is reported to every job that was in it.

use std::path::PathBuf;
use std::sync::Arc;

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store operation did not happen. Nothing was written when one is returned, but for [`Error::Uncertain`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The domain is not served here.
    #[error("no such domain: {0}")]
    NoSuchDomain(String),
    /// No account has this address (or number).
    #[error("no such account: {0}")]
    NoSuchAccount(String),
    /// No alias has this address.
    #[error("no such alias: {0}")]
    NoSuchAlias(String),
    /// The account has no app password or token of this number.
    #[error("no such credential: {0}")]
    NoSuchCredential(i64),
    /// No token of administration has this number.
    #[error("no such token: {0}")]
    NoSuchToken(i64),
    /// The mailbox does not exist, is not selectable, or belongs to another account.
    #[error("no such mailbox: {0}")]
    NoSuchMailbox(String),
    /// The blob does not exist (any more).
    #[error("no such message content: {0}")]
    NoSuchBlob(i64),
    /// Something of this name is there already.
    #[error("already exists: {0}")]
    AlreadyExists(String),
    /// The domain still has accounts or aliases.
    #[error("domain {0} still has accounts or aliases")]
    DomainInUse(String),
    /// The name cannot be used.
    #[error("{name:?} cannot be used: {reason}")]
    InvalidName {
        /// The name as given.
        name: String,
        /// What is wrong with it, a phrase.
        reason: &'static str,
    },
    /// The operation is not allowed on this mailbox (deleting INBOX, for one).
    #[error("{0}")]
    NotAllowed(&'static str),
    /// Another mailbox of the account has this special use.
    #[error("another mailbox has this special use")]
    UseTaken,
    /// A value is larger than the store takes.
    #[error("{what} is too large: {size}, at most {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        size: usize,
        /// The largest accepted size.
        limit: usize,
    },
    /// The database or its disk is full.
    #[error("the store is full")]
    Full,
    /// Another process has the store open.
    #[error("{} is in use by another process: a server that starts or ends, which answers or is gone in a moment, or another command", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The blob directory is not the one of this database. Nothing of either was touched.
    #[error(
        "blob directory {}: {reason}. Set the store's database and blobs to a pair that belongs together; if these do \
         (one was restored from a backup, say), write {id} into {}",
        path.display(),
        path.join("store-id").display()
    )]
    WrongBlobs {
        /// The directory.
        path: PathBuf,
        /// What is wrong, a phrase.
        reason: &'static str,
        /// The number of the database, which the directory's marker should have.
        id: String,
    },
    /// The password could not be hashed or the stored hash cannot be read.
    #[error("password hash: {0}")]
    PasswordHash(String),
    /// A file of the blob directory could not be read or written.
    #[error("blob {}: {source}", path.display())]
    Blob {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The database said no.
    #[error("database: {0}")]
    Database(Arc<sqlx::Error>),
    /// The commit was sent, and whether it was made cannot be found out.
    #[error("{0}; it may have been done in spite of that")]
    Uncertain(Arc<Error>),
    /// A row does not make sense; `verify` tells more.
    #[error("corrupt store: {0}")]
    Corrupt(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// Whether the same operation may succeed later without anyone changing the request.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Error::Full
                | Error::Blob { .. }
                | Error::Database(_)
                | Error::Uncertain(_)
                | Error::Closed
                | Error::InUse { .. }
        )
    }

    pub(crate) fn blob(path: impl Into<PathBuf>, source: std::io::Error) -> Error {
        if source.kind() == std::io::ErrorKind::StorageFull
            || source.kind() == std::io::ErrorKind::QuotaExceeded
        {
            return Error::Full;
        }
        Error::Blob {
            path: path.into(),
            source: Arc::new(source),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        // SQLITE_FULL is 13; PostgreSQL says 53100 (disk_full). Where SQLite says SQLITE_IOERR, the writer asks the disk.
        let code = error
            .as_database_error()
            .and_then(|e| e.code().map(|c| c.into_owned()));
        match code.as_deref() {
            Some("13" | "53100") => Error::Full,
            _ => Error::Database(Arc::new(error)),
        }
    }
}
