//! What shadow steps said of a message: a row of the ledger of its own, beside the message's.
//!
//! Invariant: nobody waits for it. It is asked for once the message's own row is written, and written together with others' within a second.

use serde_json::json;
use waxwing_policy::Tried;
use waxwing_store::{LedgerRow, Store};

/// The outcome of such a row.
pub(crate) const TRIED: &str = "tried";

/// Has it written down once all of them have said it.
pub(crate) fn record(tried: Tried, store: &Store, queue_id: &str, message_id: &str) {
    let (queue_id, message_id) = (queue_id.to_owned(), message_id.to_owned());
    let store = store.clone();
    tried.then(move |ledger| {
        if ledger.steps.is_empty() {
            return;
        }
        store.record_later(LedgerRow {
            queue_id,
            message_id,
            at: super::now_millis(),
            generation: ledger.generation,
            outcome: TRIED.to_owned(),
            json: json!({ "policy": ledger.lean() }).to_string(),
            roster: Some(super::roster(&ledger)),
        });
    });
}
