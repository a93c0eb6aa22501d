//! The ledger: what was decided about each message, for `waxwing trace`.
//!
//! Rows are kept for [`crate::StoreConfig::ledger_retention`].

use crate::{Error, Result, Store};

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
}

/// Most bytes of a row's JSON; longer is cut off with a note.
pub const MAX_LEDGER_JSON: usize = 64 * 1024;

impl Store {
    /// Writes a row with the next commit and does not wait for it: for messages that were refused. Rows are dropped,
    /// and counted, when the writer is far behind.
    pub fn record(&self, _row: LedgerRow) {}

    /// Rows of a queue id or of a Message-ID (with or without `<>`), oldest first, at most 100.
    pub async fn trace(&self, _id: &str) -> Result<Vec<LedgerRow>> {
        Err(Error::Closed)
    }
}
