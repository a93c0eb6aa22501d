//! The threads of messages that came before threads were kept: found out when somebody first asks, once for all.

use waxwing_message::Summary;
use waxwing_store::{AccountId, Error, MailboxId, Store, UidRange};

/// Messages whose threads are named with one commit.
const AT_ONCE: usize = 1000;

/// Says of messages of a mailbox, by their UIDs, which thread they belong to.
pub(super) async fn name(
    store: &Store,
    account: AccountId,
    mailbox: MailboxId,
    uids: &[u32],
) -> Result<(), Error> {
    for uids in uids.chunks(AT_ONCE) {
        let ranges = UidRange::compress(uids.iter().copied());
        let messages = store.fetch(account, mailbox, &ranges, true).await?;
        let mut threads = Vec::with_capacity(messages.len());
        for message in messages {
            let thread = match Summary::decode(&message.summary) {
                Ok(summary) => summary.thread(),
                // Of another version: the content says it.
                Err(_) => match store.blob(message.blob).await {
                    Ok(content) => Summary::read(&content).thread(),
                    Err(Error::NoSuchBlob(_)) => continue,
                    Err(error) => return Err(error),
                },
            };
            threads.push((message.flags.uid, thread));
        }
        store.name_threads(account, mailbox, threads).await?;
    }
    Ok(())
}
