//! The ledger: what was decided about each message, for `waxwing trace`.
//!
//! Rows are kept for [`crate::StoreConfig::ledger_retention`].

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::database::{Row, Value};
use crate::shared::lock;
use crate::statement::Sql;
use crate::writer::deliver::{Record, RecordMany};
use crate::{Result, Store};

/// What the rows of many transactions have in common, kept once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// What tells it from others; not 0.
    pub key: i64,
    /// As JSON, at most [`MAX_LEDGER_JSON`] bytes.
    pub json: Arc<str>,
}

/// One transaction's record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LedgerRow {
    /// The queue id given in the reply.
    pub queue_id: String,
    /// The Message-ID field's value without `<` and `>`; empty if there was none.
    pub message_id: String,
    /// When, milliseconds of Unix time.
    pub at: i64,
    /// The policy generation that judged.
    pub generation: u64,
    /// What became of it, one word: `delivered`, `refused`, `deferred`, `discarded`, …
    pub outcome: String,
    /// The steps, as JSON.
    pub json: String,
    /// What the JSON refers to.
    #[serde(skip)]
    pub roster: Option<Roster>,
}

/// Most bytes of a row's JSON. Longer ones become `{"truncated": "…"}` with what fits.
pub const MAX_LEDGER_JSON: usize = 64 * 1024;

/// Rows that may wait for [`Store::record_later`].
const MAX_LATER: usize = 10_000;
/// Rows of one commit of them.
const LATER_AT_ONCE: usize = 500;

static BY_QUEUE_ID: Sql = Sql::new(
    "SELECT l.queue_id, l.message_id, l.at, l.generation, l.outcome, l.json, l.roster, COALESCE(r.json, '')
     FROM ledger l LEFT JOIN ledger_rosters r ON r.key = l.roster WHERE l.queue_id = $1 ORDER BY l.id LIMIT 100",
);
static BY_MESSAGE_ID: Sql = Sql::new(
    "SELECT l.queue_id, l.message_id, l.at, l.generation, l.outcome, l.json, l.roster, COALESCE(r.json, '')
     FROM ledger l LEFT JOIN ledger_rosters r ON r.key = l.roster
     WHERE l.message_key = $1 AND l.message_key <> 0 AND l.message_id = $2 ORDER BY l.id LIMIT 100",
);

/// A Message-ID without its angle brackets, of bounded length.
pub(crate) fn bare_message_id(id: &str) -> &str {
    let bare = id.trim().trim_start_matches('<').trim_end_matches('>');
    // RFC 5322 §2.1.1: a line has 998 characters.
    bare.get(..bare.floor_char_boundary(998))
        .unwrap_or_default()
}

/// FNV-1a over the Message-ID: what the index has. 0 means none.
pub(crate) fn message_key(id: &str) -> i64 {
    if id.is_empty() {
        return 0;
    }
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::from_ne_bytes(hash.to_ne_bytes())
}

/// JSON of bounded length.
pub(crate) fn bounded_json(json: &str, limit: usize) -> Cow<'_, str> {
    if json.len() <= limit {
        return Cow::Borrowed(json);
    }
    let kept = json
        .get(..json.floor_char_boundary(limit / 2))
        .unwrap_or_default();
    Cow::Owned(serde_json::json!({ "truncated": kept }).to_string())
}

fn row_of(row: &Row) -> Result<LedgerRow> {
    let (key, roster) = (row.int(6)?, row.text(7)?);
    Ok(LedgerRow {
        queue_id: row.text(0)?,
        message_id: row.text(1)?,
        at: row.int(2)?,
        generation: row.natural(3)?,
        outcome: row.text(4)?,
        json: row.text(5)?,
        roster: (!roster.is_empty()).then(|| Roster {
            key,
            json: roster.into(),
        }),
    })
}

impl Store {
    /// Writes a row with the next commit and does not wait for it: for messages that were refused. Rows are dropped,
    /// and counted, when the writer is far behind.
    pub fn record(&self, row: LedgerRow) {
        if !self.inner.writer.write_behind(Record(row)) {
            self.inner.dropped_rows.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes a row within a second, together with others: for what completes a row that is there already, and must not cost a commit of its own.
    /// A crash loses those of the last second. Rows are dropped, and counted, when too many wait.
    pub fn record_later(&self, row: LedgerRow) {
        let mut later = lock(&self.inner.later_rows);
        if later.len() < MAX_LATER {
            later.push(row);
        } else {
            self.inner.dropped_rows.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes the rows that wait. Those that cannot be written wait on.
    pub(crate) async fn write_later_rows(&self) -> Result<()> {
        let rows = std::mem::take(&mut *lock(&self.inner.later_rows));
        let mut rows = rows.chunks(LATER_AT_ONCE);
        while let Some(chunk) = rows.next() {
            let chunk: Arc<[LedgerRow]> = chunk.into();
            if let Err(error) = self.inner.writer.write(RecordMany(chunk.clone())).await {
                let unwritten = chunk.iter().chain(rows.flatten()).cloned();
                unwritten.for_each(|row| self.record_later(row));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Ledger rows that [`Store::record`] and [`Store::record_later`] had to drop since the store was opened.
    pub fn dropped_ledger_rows(&self) -> u64 {
        self.inner.dropped_rows.load(Ordering::Relaxed)
    }

    /// Rows of a queue id or, if there are none, of a Message-ID (with or without `<>`), oldest first, at most 100.
    pub async fn trace(&self, id: &str) -> Result<Vec<LedgerRow>> {
        let rows = self
            .inner
            .readers
            .fetch(&BY_QUEUE_ID, vec![Value::from(id.trim())])
            .await?;
        if !rows.is_empty() {
            return rows.iter().map(row_of).collect();
        }
        let bare = bare_message_id(id);
        let arguments = vec![message_key(bare).into(), Value::from(bare)];
        self.inner
            .readers
            .fetch(&BY_MESSAGE_ID, arguments)
            .await?
            .iter()
            .map(row_of)
            .collect()
    }
}
