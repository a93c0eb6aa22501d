//! What changed since a client was here last.

use waxwing_imap::types::UidSet;
use waxwing_imap::{Answer, Changed};
use waxwing_store::{Error, Store};

use super::convert as to_imap;
use super::places::Open;

/// Which messages changed after a modification sequence, and which went.
pub(super) async fn since(store: &Store, open: Open, since: u64) -> Result<Answer, Error> {
    let changes = store.changes(open.owner, open.mailbox, since).await?;
    let vanished = if changes.complete {
        changes.vanished
    } else {
        // RFC 7162 §3.2.6: where the beginning is forgotten, all that is not there any more has vanished.
        to_imap::absent(&store.select(open.owner, open.mailbox, false).await?)
    };
    Ok(Answer::Changed(Changed {
        messages: changes.changed.iter().map(|message| message.uid).collect(),
        vanished: UidSet::from_ranges(vanished.iter().map(|range| (range.first, range.last))),
    }))
}
