//! What packs know of a search.

use std::sync::Arc;

use waxwing_imap::types::UidSet;
use waxwing_index::{Damaged, Needles};
use waxwing_store::{AccountId, MailboxId, Store, TextPack, UidRange};

use super::VERSION;

/// Of each needle those of these messages that surely lack it. What goes wrong with the index costs time and nothing else.
pub(crate) async fn absent(
    store: &Store,
    account: AccountId,
    mailbox: MailboxId,
    uids: &UidSet,
    needles: &[Vec<String>],
) -> Vec<UidSet> {
    let looked_for = Arc::new(Needles::new(needles));
    let mut absent = vec![UidSet::new(); needles.len()];
    let (Some(first), Some(last)) = (uids.first(), uids.last()) else {
        return absent;
    };
    if looked_for.is_empty() {
        return absent;
    }
    let among = UidRange { first, last };
    if let Err(error) = sift(store, mailbox, among, &looked_for, &mut absent).await {
        tracing::warn!(%error, %mailbox, "the search index of a mailbox cannot be used");
        if matches!(error, SiftError::Damaged(_))
            && let Err(error) = store.forget_text_packs(account, mailbox).await
        {
            tracing::warn!(%error, %mailbox, "it cannot be made again");
        }
    }
    let left_out: u64 = absent.iter().map(|uids| u64::from(uids.len())).sum();
    metrics::counter!("waxwing_search_messages_total", "by" => "index").increment(left_out);
    // Messages that it does not know of yet, it soon does.
    store.mailbox_changed(account, mailbox);
    absent
}

/// Why an index is of no use.
#[derive(Debug, thiserror::Error)]
enum SiftError {
    #[error(transparent)]
    Store(#[from] waxwing_store::Error),
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

/// Adds to each set what packs know.
async fn sift(
    store: &Store,
    mailbox: MailboxId,
    among: UidRange,
    needles: &Arc<Needles>,
    absent: &mut [UidSet],
) -> Result<(), SiftError> {
    let mut after = 0;
    loop {
        let packs = store.text_packs(mailbox, VERSION, among, after).await?;
        let Some(last) = packs.last() else {
            return Ok(());
        };
        after = last.outline.uids.first;
        let needles = Arc::clone(needles);
        let sift = move || -> Result<Vec<_>, Damaged> {
            let sift = |pack: &TextPack| waxwing_index::sift(&pack.octets, &needles);
            packs.iter().map(sift).collect()
        };
        let sifted = tokio::task::spawn_blocking(sift).await;
        for pack in sifted.map_err(|_| waxwing_store::Error::Closed)?? {
            for (absent, lacking) in absent.iter_mut().zip(pack) {
                lacking.into_iter().for_each(|uid| absent.insert(uid));
            }
        }
    }
}
