//! What clients note of mailboxes and of the server (RFC 5464): entries with values, shared by all who may see the mailbox, or one's own.
//!
//! Invariants: entries go with their mailbox, and one's own with the account; the number of entries of a mailbox, the size of each and of all
//! that an account has are bounded. A change has a number, which rises in the order of the commits of all hosts; of an entry the log knows the last.

use std::sync::atomic::Ordering;

use crate::database::Row;
use crate::statement::{Rows, Sql};
use crate::writer::metadata::SetMetadata;
use crate::{AccountId, Database, Error, MailboxId, Result, Store};

/// Largest value, in octets.
pub const MAX_METADATA_VALUE: usize = 16 * 1024;
/// Most shared entries of a mailbox; as many again are everybody's own.
pub const MAX_METADATA_ENTRIES: usize = 32;
/// Octets of all names and values of an account: of what is shared in its mailboxes, and as many again of its own entries.
pub const MAX_METADATA: u64 = 512 << 10;
/// Changes that are told of at once; what came behind them is told next.
const MAX_TOLD: i64 = 512;

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

/// Which entry of a mailbox, or of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataName {
    /// It is the account's own.
    pub private: bool,
    /// Its name behind `/private` or `/shared`, with its `/`.
    pub name: String,
}

/// An entry that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataEntry {
    /// Which.
    pub name: MetadataName,
    /// Octets of its value.
    pub size: u64,
}

/// A change of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataChange {
    /// Of which.
    pub name: MetadataName,
    /// Its new value; none: it goes.
    pub value: Option<Vec<u8>>,
}

/// An entry that was changed, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataChanged {
    /// What it is about.
    pub of: MetadataOf,
    /// The owner's address; empty for the server.
    pub owner: String,
    /// The mailbox's path in its owner's account; empty for the server.
    pub path: String,
    /// Which entry.
    pub name: MetadataName,
    /// The number of its last change.
    pub number: u64,
}

/// What changed after a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataNews {
    /// In the order of the changes.
    pub changed: Vec<MetadataChanged>,
    /// All changes up to this one were looked at: the next `since`.
    pub number: u64,
    /// There may be more behind it.
    pub more: bool,
}

static ENTRIES: Sql = Sql::new(
    "SELECT account, entry, CAST(length(value) AS BIGINT) FROM metadata WHERE mailbox = $1 AND account IN (0, $2) ORDER BY account, entry",
);
static VALUES: Sql = Sql::new(
    "SELECT d.account, d.entry, d.value FROM {2: account i, entry t} AS r CROSS JOIN metadata d
     WHERE d.mailbox = $1 AND d.account = r.account AND d.entry = r.entry ORDER BY d.account, d.entry",
);
static NUMBER: Sql = Sql::new("SELECT next FROM sequences WHERE name = 'metadata'");
// Of mailboxes of others only those in whose list the account is; what it may do there the caller asks.
static CHANGED: Sql = Sql::new(
    "SELECT c.mailbox, c.account, c.entry, c.number, coalesce(m.account, 0), coalesce(m.path, ''), coalesce(o.address, '')
     FROM metadata_changes c LEFT JOIN mailboxes m ON m.id = c.mailbox LEFT JOIN accounts o ON o.id = m.account
     WHERE c.account IN (0, $1) AND c.number > $2 AND c.number <= $3 AND (c.account = $1 OR m.account = $1
     OR CAST($5 AS BIGINT) = 1 AND EXISTS (SELECT 1 FROM acl l WHERE l.mailbox = c.mailbox AND l.grantee IN (0, $1) AND l.negative = 0))
     ORDER BY c.number, c.mailbox, c.account, c.entry LIMIT $4",
);

/// The columns account and entry.
fn name_of(row: &Row, column: usize) -> Result<MetadataName> {
    Ok(MetadataName {
        private: row.int(column)? != 0,
        name: row.text(column + 1)?,
    })
}

fn changed_of(row: &Row) -> Result<MetadataChanged> {
    let of = match row.int(0)? {
        0 => MetadataOf::Server,
        mailbox => MetadataOf::Mailbox(AccountId(row.int(4)?), MailboxId(mailbox)),
    };
    Ok(MetadataChanged {
        of,
        owner: row.text(6)?,
        path: row.text(5)?,
        name: name_of(row, 1)?,
        number: row.natural(3)?,
    })
}

impl Store {
    /// The entries that an account sees, shared ones first, by name, without their values.
    ///
    /// # Errors
    /// Only those of the database: of a mailbox that is not there nothing is noted.
    pub async fn metadata(&self, of: MetadataOf, account: AccountId) -> Result<Vec<MetadataEntry>> {
        let arguments = vec![of.number().into(), account.0.into()];
        let rows = self.inner.readers.fetch(&ENTRIES, arguments).await?;
        let entry = |row: &Row| {
            Ok(MetadataEntry {
                name: name_of(row, 0)?,
                size: row.natural(2)?,
            })
        };
        rows.iter().map(entry).collect()
    }

    /// The values of entries that an account sees, those that are not there left out.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn metadata_values(
        &self,
        of: MetadataOf,
        account: AccountId,
        names: &[MetadataName],
    ) -> Result<Vec<(MetadataName, Vec<u8>)>> {
        let mut wanted = Rows::default();
        for name in names {
            let whose = if name.private { account.0 } else { 0 };
            wanted.row().int(whose).str(&name.name);
        }
        let arguments = vec![of.number().into(), wanted.into()];
        let rows = self.inner.readers.fetch(&VALUES, arguments).await?;
        let value = |row: &Row| Ok((name_of(row, 0)?, row.bytes(2)?));
        rows.iter().map(value).collect()
    }

    /// Changes entries for an account, all or none; gives the number of the change, or 0 if nothing is different.
    ///
    /// # Errors
    /// `NoSuchMailbox`; `NotAllowed` (a shared entry of the server); `TooLarge` (`metadata value`: one value; `metadata`: too many, or too much
    /// together).
    pub async fn set_metadata(
        &self,
        of: MetadataOf,
        account: AccountId,
        changes: Vec<MetadataChange>,
    ) -> Result<u64> {
        let change = SetMetadata {
            of,
            account,
            changes,
        };
        self.inner.writer.write(change).await
    }

    /// The number of the last change of any entry.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn metadata_number(&self) -> Result<u64> {
        // Nobody else writes to an SQLite store, so what was read or written here last is so still.
        let alone = matches!(self.inner.config.database, Database::Sqlite(_));
        let known = self.inner.shared.metadata.load(Ordering::Acquire);
        if alone && known > 0 {
            return Ok(known);
        }
        let row = self.inner.readers.fetch_one(&NUMBER, Vec::new()).await?;
        let row = row.ok_or_else(|| Error::Corrupt("the metadata sequence is missing".into()))?;
        let number = row.natural(0)?;
        let shared = &self.inner.shared.metadata;
        Ok(shared.fetch_max(number, Ordering::AcqRel).max(number))
    }

    /// What changed after a number of what an account can see: its own entries, and shared ones of its mailboxes and, if those of `others` are
    /// wanted, of what these let it do anything with. Costs nothing on SQLite while nothing changed.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn metadata_news(
        &self,
        account: AccountId,
        since: u64,
        others: bool,
    ) -> Result<MetadataNews> {
        // Before the changes: those with higher numbers are for the next time.
        let number = self.metadata_number().await?;
        let mut news = MetadataNews {
            number: number.max(since),
            ..MetadataNews::default()
        };
        if number <= since {
            return Ok(news);
        }
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let arguments = vec![
            account.0.into(),
            signed(since).into(),
            signed(number).into(),
            MAX_TOLD.into(),
            i64::from(others).into(),
        ];
        let rows = self.inner.readers.fetch(&CHANGED, arguments).await?;
        news.changed = rows.iter().map(changed_of).collect::<Result<_>>()?;
        if rows.len() as u64 >= MAX_TOLD.unsigned_abs() {
            news.cut();
        }
        Ok(news)
    }
}

impl MetadataNews {
    /// The list was cut short: the last change in it may have more entries, and is left for the next time, if it is not the only one.
    fn cut(&mut self) {
        self.more = true;
        let last = self.changed.last().map_or(0, |last| last.number);
        let whole = self.changed.iter().filter(|it| it.number < last).count();
        if whole > 0 {
            self.changed.truncate(whole);
        }
        self.number = self.changed.last().map_or(last, |last| last.number);
    }
}
