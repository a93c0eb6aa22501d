//! SEARCH for texts: what neither summaries nor flags tell of the messages that the index does not leave out.

use std::sync::Arc;

use bytes::Bytes;
use waxwing_imap::types::{TextKey, UidSet};
use waxwing_imap::{Answer, TextMatch};
use waxwing_store::{BlobId, Store};

use super::convert::ranges;
use super::places::Open;

/// Octets of contents that a search holds at once.
const READ_AT_ONCE: u64 = 512 << 10;

/// Which of these messages have what is looked for, and where.
pub(super) async fn texts(
    store: &Store,
    open: Open,
    uids: &UidSet,
    keys: &Arc<[TextKey]>,
) -> Result<Answer, waxwing_store::Error> {
    let messages = store
        .fetch(open.owner, open.mailbox, &ranges(uids), false)
        .await?;
    let contents = messages.iter().map(|message| (message.blob, message.size));
    let contents: Vec<(BlobId, u64)> = contents.collect();
    let found = matches(store, &contents, keys).await?;
    let matches = messages.iter().zip(found).filter_map(|(message, matched)| {
        // None: expunged meanwhile.
        let uid = message.flags.uid;
        matched.map(|matched| TextMatch { uid, matched })
    });
    Ok(Answer::TextMatches(matches.collect()))
}

/// Which keys match each of these contents, of which the size is known: several are read with one statement and searched beside the event
/// loop. None of one that is gone.
pub(crate) async fn matches(
    store: &Store,
    contents: &[(BlobId, u64)],
    keys: &Arc<[TextKey]>,
) -> Result<Vec<Option<u64>>, waxwing_store::Error> {
    let mut found = Vec::with_capacity(contents.len());
    let mut rest = contents;
    while !rest.is_empty() {
        let (some, others) = rest.split_at(read_at_once(rest));
        rest = others;
        let blobs: Vec<BlobId> = some.iter().map(|(blob, _)| *blob).collect();
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
        let searched = tokio::task::spawn_blocking(search).await;
        found.extend(searched.map_err(|_| waxwing_store::Error::Closed)?);
    }
    Ok(found)
}

/// How many of these contents are read with one statement: as many as stay within some room, and one at least.
fn read_at_once(contents: &[(BlobId, u64)]) -> usize {
    let mut octets = 0u64;
    let fit = contents.iter().take_while(|(_, size)| {
        octets = octets.saturating_add(*size);
        octets <= READ_AT_ONCE
    });
    fit.count().max(1)
}
