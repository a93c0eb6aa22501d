//! What clients keep with an account beside its mail (RFC 8620 §5): identities, submissions. Their values are opaque here.
//!
//! Invariant: what is destroyed is told of as long as what left the account's mailboxes is.

use crate::database::Row;
use crate::statement::Sql;
use crate::writer::buffers::signed;
use crate::writer::records::{Put, Recall, Remove};
use crate::{AccountId, Error, Result, Store};

/// Longest value, in bytes, of any type.
pub const MAX_RECORD: usize = 512 * 1024;

pub(crate) static RECORDS_OF: Sql = Sql::new(
    "SELECT id, created, changed, value FROM records WHERE account = $1 AND kind = $2 AND gone = 0 ORDER BY id",
);
static CHANGED_SINCE: Sql = Sql::new(
    "SELECT id, created, changed, gone FROM records WHERE account = $1 AND kind = $2 AND changed > $3 ORDER BY id",
);
static RECORDS_FLOOR: Sql = Sql::new("SELECT modseq, departed_floor FROM accounts WHERE id = $1");

/// A type of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// Under which somebody sends.
    Identity,
    /// Something that was sent.
    Submission,
    /// The answer that is given while somebody is away; there is one at most.
    Vacation,
}

impl RecordKind {
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Identity => 1,
            Self::Submission => 2,
            Self::Vacation => 3,
        }
    }

    /// How many an account has at most.
    pub(crate) const fn most(self) -> usize {
        match self {
            Self::Identity => 50,
            Self::Submission => 2000,
            Self::Vacation => 1,
        }
    }

    /// The longest value, in bytes. All values of a type are read at once.
    pub(crate) const fn longest(self) -> usize {
        match self {
            Self::Identity => 64 * 1024,
            Self::Submission | Self::Vacation => MAX_RECORD,
        }
    }

    /// Whether the oldest go where there would be too many.
    pub(crate) const fn oldest_go(self) -> bool {
        matches!(self, Self::Submission)
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub id: i64,
    /// The account's modification sequence that it came with.
    pub created: u64,
    /// The one that it changed with last.
    pub changed: u64,
    /// What it says.
    pub value: String,
}

/// A record that is to be, or to be something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Whose.
    pub account: AccountId,
    /// Of which type.
    pub kind: RecordKind,
    /// Its number, of the caller's choice.
    pub id: i64,
    /// What it says.
    pub value: String,
}

/// What a change of a record did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordChange {
    /// The account's modification sequence before.
    pub before: u64,
    /// The same after.
    pub after: u64,
}

/// Whether something that was sent was called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recalled {
    /// It leaves nobody.
    Yes(RecordChange),
    /// It is on its way, or has been.
    No,
}

/// Records that changed between two moments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordsChanged {
    /// Now, or the later moment.
    pub until: u64,
    /// More has changed behind it.
    pub more: bool,
    /// What was not there and is.
    pub created: Vec<i64>,
    /// What was there, still is, and is not as it was.
    pub updated: Vec<i64>,
    /// What was there and is not.
    pub destroyed: Vec<i64>,
}

pub(crate) fn record(row: &Row) -> Result<Record> {
    Ok(Record {
        id: row.int(0)?,
        created: row.natural(1)?,
        changed: row.natural(2)?,
        value: row.text(3)?,
    })
}

/// What has become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happened {
    Created,
    Updated,
    Destroyed,
}

/// What happened to the record of a row after a moment, and when; none if it came and went. What was created and changed is told of as
/// created, at that moment: a list that ends before the change has it, and the next one tells of the change.
fn happened(row: &Row, since: u64) -> Result<Option<(u64, i64, Happened)>> {
    let (id, created, changed) = (row.int(0)?, row.natural(1)?, row.natural(2)?);
    Ok(match (created > since, row.int(3)? != 0) {
        (true, true) => None,
        (true, false) => Some((created, id, Happened::Created)),
        (false, true) => Some((changed, id, Happened::Destroyed)),
        (false, false) => Some((changed, id, Happened::Updated)),
    })
}

/// As much of what happened up to now as may be told.
fn told(
    mut happened: Vec<(u64, i64, Happened)>,
    until: u64,
    most: Option<usize>,
) -> RecordsChanged {
    let mut told = RecordsChanged {
        until,
        ..RecordsChanged::default()
    };
    if let Some(most) = most.filter(|most| *most < happened.len()) {
        // Each has a moment of its own.
        happened.sort_unstable_by_key(|(at, ..)| *at);
        happened.truncate(most);
        told.until = happened.last().map_or(until, |(at, ..)| *at);
        told.more = true;
    }
    for (_, id, what) in happened {
        match what {
            Happened::Created => told.created.push(id),
            Happened::Updated => told.updated.push(id),
            Happened::Destroyed => told.destroyed.push(id),
        }
    }
    told
}

impl Store {
    /// All records of a type, by their numbers.
    pub async fn records(&self, account: AccountId, kind: RecordKind) -> Result<Vec<Record>> {
        let arguments = vec![account.0.into(), kind.code().into()];
        let rows = self.inner.readers.fetch(&RECORDS_OF, arguments).await?;
        rows.iter().map(record).collect()
    }

    /// What changed of a type after a moment; none if that is not known any more, or never was. No more than `most`, which is above 0, are
    /// told; then it ends at the moment of the last of them.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn records_changed(
        &self,
        account: AccountId,
        kind: RecordKind,
        since: u64,
        most: Option<usize>,
    ) -> Result<Option<RecordsChanged>> {
        let arguments = vec![account.0.into()];
        let row = self.inner.readers.fetch_one(&RECORDS_FLOOR, arguments);
        let row = row.await?;
        let row = row.ok_or_else(|| Error::NoSuchAccount(account.to_string()))?;
        let (until, floor) = (row.natural(0)?, row.natural(1)?);
        if since < floor || since > until {
            return Ok(None);
        }
        let arguments = vec![account.0.into(), kind.code().into(), signed(since).into()];
        let rows = self.inner.readers.fetch(&CHANGED_SINCE, arguments).await?;
        let happened = rows
            .iter()
            .filter_map(|row| happened(row, since).transpose());
        let happened = happened.collect::<Result<Vec<_>>>()?;
        Ok(Some(told(happened, until, most)))
    }

    /// Keeps a record, in the place of one of the same number. None: there are as many as there may be.
    ///
    /// # Errors
    /// `NoSuchAccount`, `TooLarge`.
    pub async fn put_record(&self, record: NewRecord) -> Result<Option<RecordChange>> {
        check(&record)?;
        self.inner.writer.write(Put { record }).await
    }

    /// Removes a record. None: there is none.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn remove_record(
        &self,
        account: AccountId,
        kind: RecordKind,
        id: i64,
    ) -> Result<Option<RecordChange>> {
        let remove = Remove { account, kind, id };
        self.inner.writer.write(remove).await
    }

    /// Takes what was queued under a queue id out of the queue, if nobody has tried to send any of it yet, and writes a record that says so.
    ///
    /// # Errors
    /// `NoSuchAccount`, `TooLarge`.
    pub async fn recall(&self, queue_id: &str, record: NewRecord) -> Result<Recalled> {
        check(&record)?;
        let recall = Recall {
            queue_id: queue_id.to_owned(),
            put: Put { record },
        };
        self.inner.writer.write(recall).await
    }
}

/// Whether a record can be kept.
pub(crate) fn check(record: &NewRecord) -> Result<()> {
    let (size, limit) = (record.value.len(), record.kind.longest());
    if size > limit {
        return Err(Error::TooLarge {
            what: "record",
            size,
            limit,
        });
    }
    Ok(())
}
