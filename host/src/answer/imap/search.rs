//! SEARCH for texts: what neither summaries nor flags tell of the messages that the index does not leave out.

use std::sync::Arc;

use bytes::Bytes;
use waxwing_imap::types::{TextKey, UidSet};
use waxwing_imap::{Answer, TextMatch};
use waxwing_store::{BlobId, Message, Store};

use super::convert::ranges;
use super::places::Open;

/// Octets of contents that a search holds at once.
const READ_AT_ONCE: u64 = 512 << 10;

/// Which of these messages have what is looked for, and where: several are read with one statement and searched beside the event loop.
pub(super) async fn texts(
    store: &Store,
    open: Open,
    uids: &UidSet,
    keys: &Arc<[TextKey]>,
) -> Result<Answer, waxwing_store::Error> {
    let messages = store
        .fetch(open.owner, open.mailbox, &ranges(uids), false)
        .await?;
    let mut matches = Vec::with_capacity(messages.len());
    let mut rest = messages.as_slice();
    while !rest.is_empty() {
        let (some, others) = rest.split_at(read_at_once(rest));
        rest = others;
        let blobs: Vec<BlobId> = some.iter().map(|message| message.blob).collect();
        let contents = store.blob_heads(&blobs, usize::MAX).await?;
        metrics::counter!("waxwing_search_messages_total", "by" => "reading")
            .increment(blobs.len() as u64);
        let keys = Arc::clone(keys);
        let search = move || -> Vec<Option<u64>> {
            let matched = |content: &Bytes| TextKey::matches(&keys, content);
            contents
                .iter()
                .map(|content| content.as_ref().map(matched))
                .collect()
        };
        let found = tokio::task::spawn_blocking(search)
            .await
            .map_err(|_| waxwing_store::Error::Closed)?;
        for (message, matched) in some.iter().zip(found) {
            // None: expunged meanwhile.
            let uid = message.flags.uid;
            matches.extend(matched.map(|matched| TextMatch { uid, matched }));
        }
    }
    Ok(Answer::TextMatches(matches))
}

/// How many of these messages are read with one statement: as many as stay within some room, and one at least.
fn read_at_once(messages: &[Message]) -> usize {
    let mut octets = 0u64;
    let fit = messages.iter().take_while(|message| {
        octets = octets.saturating_add(message.size);
        octets <= READ_AT_ONCE
    });
    fit.count().max(1)
}
