//! What administrators did: who, when, from where, what, and what became of it.
//!
//! Invariants: a row is on disk before its change is made, so that no change is missing, whatever happens in between; rows are only ever
//! added and completed, and go when they are older than [`crate::StoreConfig::audit_retention`]. No secret is among what callers write here.

use crate::database::Row;
use crate::statement::Sql;
use crate::writer::administration::{Begin, End};
use crate::{Result, Store};

/// Longest text of a row's member, in bytes; the rest is cut off.
const MAX_TEXT: usize = 2000;
/// Rows listed at a time, at most.
const PAGE: usize = 500;

/// A change that is about to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who asks for it.
    pub who: String,
    /// From where.
    pub origin: String,
    /// What is done, such as `account-add`.
    pub action: String,
    /// To what: an address, a domain, a queue id.
    pub subject: String,
    /// What else is to be said of it, as JSON; empty if nothing is.
    pub detail: String,
}

/// A change as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place in the list.
    pub at: AuditAt,
    /// What it is.
    pub entry: AuditEntry,
    /// What became of it; empty if that is not known: it is being made, or the server ended meanwhile.
    pub outcome: String,
}

/// A place in the list: when, milliseconds of Unix time, and a number among those of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditAt(pub i64, pub i64);

/// Part of the list, the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Only what was before this: the last of the page before.
    pub before: Option<AuditAt>,
    /// Only what this one did; empty: everybody.
    pub who: String,
    /// Only what was done to this; empty: to anything.
    pub subject: String,
    /// At most so many, and never more than 500.
    pub limit: usize,
}

static LISTED: Sql = Sql::new(
    "SELECT at, id, who, origin, action, subject, detail, outcome FROM audit
     WHERE (at < $1 OR (at = $1 AND id < $2)) AND ($3 = '' OR who = $3) AND ($4 = '' OR subject = $4)
     ORDER BY at DESC, id DESC LIMIT $5",
);

fn bounded(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or_default()
        .to_owned()
}

fn row_of(row: &Row) -> Result<AuditRow> {
    Ok(AuditRow {
        at: AuditAt(row.int(0)?, row.int(1)?),
        entry: AuditEntry {
            who: row.text(2)?,
            origin: row.text(3)?,
            action: row.text(4)?,
            subject: row.text(5)?,
            detail: row.text(6)?,
        },
        outcome: row.text(7)?,
    })
}

impl Store {
    /// Writes down what is about to be done. It is on disk when this returns.
    pub async fn audit(&self, entry: &AuditEntry) -> Result<AuditAt> {
        let entry = AuditEntry {
            who: bounded(&entry.who),
            origin: bounded(&entry.origin),
            action: bounded(&entry.action),
            subject: bounded(&entry.subject),
            detail: bounded(&entry.detail),
        };
        let (id, at) = self.inner.writer.write(Begin(entry)).await?;
        Ok(AuditAt(at, id))
    }

    /// Writes down what became of it.
    pub async fn audited(&self, at: AuditAt, outcome: &str) -> Result<()> {
        let outcome = bounded(outcome);
        self.inner.writer.write(End { id: at.1, outcome }).await
    }

    /// What was done, the latest first.
    pub async fn audit_log(&self, page: &AuditPage) -> Result<Vec<AuditRow>> {
        let AuditAt(at, id) = page.before.unwrap_or(AuditAt(i64::MAX, i64::MAX));
        let limit = i64::try_from(page.limit.min(PAGE)).unwrap_or(0);
        let values = vec![
            at.into(),
            id.into(),
            page.who.as_str().into(),
            page.subject.as_str().into(),
            limit.into(),
        ];
        let rows = self.inner.readers.fetch(&LISTED, values).await?;
        rows.iter().map(row_of).collect()
    }
}
