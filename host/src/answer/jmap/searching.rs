//! Searches over JMAP: by the same index, and by looking at the same texts, as those over IMAP.

use std::collections::HashMap;
use std::sync::Arc;

use waxwing_imap::types::{TextKey, UidSet};
use waxwing_jmap::{ContentId, Place};
use waxwing_store::{AccountId, Error, MailboxId, Store};

use super::content;
use crate::answer::imap::search;
use crate::indexing;

/// Of each message, bit n if it surely lacks needle n.
pub(super) async fn absent(
    store: &Store,
    account: AccountId,
    places: &[Place],
    needles: &[Vec<String>],
) -> Vec<u64> {
    let mut sorted: Vec<Place> = places.to_vec();
    sorted.sort_unstable();
    let mut lacking: HashMap<u64, Vec<UidSet>> = HashMap::new();
    for places in sorted.chunk_by(|a, b| a.mailbox == b.mailbox) {
        let number = places.first().map_or(0, |place| place.mailbox.0);
        let uids: UidSet = places.iter().map(|place| place.uid).collect();
        let mailbox = MailboxId(i64::try_from(number).unwrap_or(i64::MAX));
        let absent = indexing::absent(store, account, mailbox, &uids, needles).await;
        lacking.insert(number, absent);
    }
    // Most often the next is in the same mailbox.
    let mut last: Option<(u64, &[UidSet])> = None;
    let bits = |place: &Place| {
        let number = place.mailbox.0;
        let sets = match last {
            Some((known, sets)) if known == number => sets,
            _ => lacking.get(&number).map(Vec::as_slice).unwrap_or_default(),
        };
        last = Some((number, sets));
        sets.iter()
            .enumerate()
            .take(64)
            .fold(0u64, |bits, (nth, uids)| {
                bits | u64::from(uids.contains(place.uid)) << nth
            })
    };
    places.iter().map(bits).collect()
}

/// Which keys match the texts of each content.
pub(super) async fn matched(
    store: &Store,
    contents: Vec<(ContentId, u64)>,
    keys: Vec<waxwing_jmap::TextKey>,
) -> Result<Vec<Option<u64>>, Error> {
    let key = |key: waxwing_jmap::TextKey| match key {
        waxwing_jmap::TextKey::Body(text) => TextKey::Body(text),
        waxwing_jmap::TextKey::Header { name, value } => TextKey::Header { name, value },
    };
    let keys: Arc<[TextKey]> = keys.into_iter().map(key).collect();
    let contents = contents.into_iter().map(|(id, size)| (content(id), size));
    let contents: Vec<_> = contents.collect();
    search::matches(store, &contents, &keys).await
}
