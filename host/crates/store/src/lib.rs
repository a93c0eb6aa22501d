//! The durable store: accounts, mailboxes, messages, contents, changes, key-values and the ledger, on SQLite or
//! PostgreSQL.
//!
//! Invariants:
//! - a write that was answered with success is on disk (group commit, one fsync for many callers);
//! - one that was answered with an error left nothing behind;
//! - UIDs of a mailbox ascend and never return, nor does a UIDVALIDITY; modification sequences of an account ascend;
//! - a content on disk is complete before a row names it, and goes only after no row names it.
//!
//! Not here: parsing of messages, quota decisions, the outbound queue.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

mod accounts;
mod blobs;
mod changes;
mod config;
mod directory;
mod error;
mod flags;
mod ids;
mod kv;
mod ledger;
mod mailboxes;
mod messages;
mod usage;
mod verify;

pub use accounts::{Account, Alias, Domain, Quota};
pub use changes::Changes;
pub use config::{Database, StoreConfig};
pub use directory::{Directory, PasswordCheck, Resolution};
pub use error::{Error, Result};
pub use flags::{FlagChange, FlagOperation, Flags, MAX_KEYWORD, MAX_KEYWORDS};
pub use ids::{AccountId, BlobId, DomainId, MailboxId};
pub use kv::{BucketState, Kv, MAX_KEY, MAX_KEYS, MAX_VALUE, Namespace, Versioned};
pub use ledger::{LedgerRow, MAX_LEDGER_JSON};
pub use mailboxes::{MAX_DEPTH, MAX_MAILBOXES, MAX_PATH, Mailbox, SpecialUse};
pub use messages::{
    Copied, Delivery, FlagsChanged, Message, MessageFlags, Place, Snapshot, Stored, Target,
    UidRange,
};
pub use usage::Usage;
pub use verify::Verification;

use std::sync::Arc;

/// The store. Cheap to clone; the last clone dropped without [`Store::close`] loses nothing that was answered.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    directory: Directory,
    kv: Kv,
}

impl Store {
    /// Opens the store, making or migrating the database and directory as needed.
    ///
    /// # Errors
    /// `InUse` if another process has the SQLite file open; `Database`; `Blob`.
    pub async fn open(_config: StoreConfig) -> Result<Store> {
        Ok(Store {
            inner: Arc::new(Inner {
                directory: Directory {},
                kv: Kv {},
            }),
        })
    }

    /// Look-ups of addresses and passwords.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// Key-values of plugins.
    pub fn kv(&self) -> &Kv {
        &self.inner.kv
    }

    /// Writes what waits (counters included), then closes. Later calls answer [`Error::Closed`].
    pub async fn close(&self) {}
}
