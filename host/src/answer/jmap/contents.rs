//! What is kept of emails, and their contents.

use std::collections::HashMap;

use bytes::Bytes;
use waxwing_jmap::{ContentId, EmailId, Place};
use waxwing_store::{AccountId, BlobId, Error, MailboxId, Store, UidRange};

use super::content;

/// The summaries of emails, in their order: those that images of mailboxes have, and the others.
pub(super) async fn summaries(
    store: &Store,
    account: AccountId,
    emails: &[(EmailId, Place)],
) -> Result<Vec<Option<Bytes>>, Error> {
    let mut by_mailbox: HashMap<u64, Vec<u32>> = HashMap::new();
    for (_, place) in emails {
        by_mailbox
            .entry(place.mailbox.0)
            .or_default()
            .push(place.uid);
    }
    let mut found: HashMap<BlobId, Bytes> = HashMap::with_capacity(emails.len());
    for (mailbox, mut uids) in by_mailbox {
        uids.sort_unstable();
        uids.dedup();
        let mailbox = MailboxId(i64::try_from(mailbox).unwrap_or(i64::MAX));
        let ranges = UidRange::compress(uids);
        match store.fetch(account, mailbox, &ranges, true).await {
            Ok(messages) => found.extend(
                messages
                    .into_iter()
                    .map(|message| (message.blob, message.summary)),
            ),
            // It went meanwhile; what was in it may be elsewhere.
            Err(Error::NoSuchMailbox(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let blob = |email: &EmailId| content(ContentId(email.0));
    let missing: Vec<BlobId> = emails
        .iter()
        .map(|(email, _)| blob(email))
        .filter(|blob| !found.contains_key(blob))
        .collect();
    if !missing.is_empty() {
        let others = store.summaries_of(&missing).await?;
        let others = missing.into_iter().zip(others);
        found.extend(others.filter_map(|(blob, summary)| Some((blob, summary?))));
    }
    let in_order = emails.iter().map(|(email, _)| found.get(&blob(email)));
    Ok(in_order.map(|summary| summary.cloned()).collect())
}

/// A content, if it is still there. Whether it may be read is for who asks to know.
pub(super) async fn kept(store: &Store, blob: BlobId) -> Result<Option<Bytes>, Error> {
    match store.blob(blob).await {
        Ok(content) => Ok(Some(content)),
        Err(Error::NoSuchBlob(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
