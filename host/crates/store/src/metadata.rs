//! What clients note of mailboxes and of the server (RFC 5464): entries with values, shared by all who may see the mailbox, or one's own.
//!
//! Invariants: entries go with their mailbox, and one's own with the account; the number of entries of a mailbox, the size of each and of all
//! that an account has are bounded.

use crate::database::Row;
use crate::statement::Sql;
use crate::writer::metadata::SetMetadata;
use crate::{AccountId, MailboxId, Result, Store};

/// Largest value, in octets.
pub const MAX_METADATA_VALUE: usize = 16 * 1024;
/// Most shared entries of a mailbox; as many again are everybody's own.
pub const MAX_METADATA_ENTRIES: usize = 32;
/// Octets of all names and values of an account: of what is shared in its mailboxes, and as many again of its own entries.
pub const MAX_METADATA: u64 = 512 << 10;

/// What entries are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataOf {
    /// The server, as an account sees it: it has no shared entries.
    Server,
    /// A mailbox of this owner.
    Mailbox(AccountId, MailboxId),
}

impl MetadataOf {
    /// The number that stands for it in the database.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Server => 0,
            Self::Mailbox(_, mailbox) => mailbox.0,
        }
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataEntry {
    /// It is the account's own.
    pub private: bool,
    /// Its name behind `/private` or `/shared`, with its `/`.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
}

/// A change of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataChange {
    /// It is the account's own.
    pub private: bool,
    /// Its name behind `/private` or `/shared`, with its `/`.
    pub name: String,
    /// Its new value; none: it goes.
    pub value: Option<Vec<u8>>,
}

static ENTRIES: Sql = Sql::new(
    "SELECT account, entry, value FROM metadata WHERE mailbox = $1 AND account IN (0, $2) ORDER BY account, entry",
);

impl Store {
    /// The entries that an account sees, shared ones first, by name.
    ///
    /// # Errors
    /// Only those of the database: of a mailbox that is not there nothing is noted.
    pub async fn metadata(&self, of: MetadataOf, account: AccountId) -> Result<Vec<MetadataEntry>> {
        let arguments = vec![of.number().into(), account.0.into()];
        let rows = self.inner.readers.fetch(&ENTRIES, arguments).await?;
        let entry = |row: &Row| {
            Ok(MetadataEntry {
                private: row.int(0)? != 0,
                name: row.text(1)?,
                value: row.bytes(2)?,
            })
        };
        rows.iter().map(entry).collect()
    }

    /// Changes entries for an account, all or none.
    ///
    /// # Errors
    /// `NoSuchMailbox`; `NotAllowed` (a shared entry of the server); `TooLarge` (`metadata value`: one value; `metadata`: too many, or too much
    /// together).
    pub async fn set_metadata(
        &self,
        of: MetadataOf,
        account: AccountId,
        changes: Vec<MetadataChange>,
    ) -> Result<()> {
        let change = SetMetadata {
            of,
            account,
            changes,
        };
        self.inner.writer.write(change).await
    }
}
