//! The emails of accounts, put together from the images of their mailboxes and kept while they are as the account is.
//!
//! Invariants: whoever asks gets what the account has at that moment or later, since its state is read first; what is kept stays within a
//! number of emails; an account's are put together once, however many ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use waxwing_jmap::{EmailId, Emails, Gathering, Message, Place, SystemKeywords, ThreadId};
use waxwing_store::{AccountId, AccountMessages, Error, Flags, MailboxId, Store};

use super::mail::unsigned;
use crate::answer::threads;

/// Emails of all that is kept; each takes a hundred octets.
const ROOM: usize = 600_000;

/// The emails of accounts that were asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Views(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    views: HashMap<AccountId, Arc<View>>,
    /// Counts uses.
    uses: u64,
}

#[derive(Debug, Default)]
struct View {
    /// Held while they are put together.
    emails: tokio::sync::Mutex<Option<Arc<Emails>>>,
    /// When it was used last, and how many emails it has.
    used: Mutex<(u64, usize)>,
}

impl Views {
    /// All emails of an account.
    pub(super) async fn emails(
        &self,
        store: &Store,
        account: AccountId,
    ) -> Result<Arc<Emails>, Error> {
        let view = self.view(account);
        let mut known = view.emails.lock().await;
        let state = store.account_state(account).await?;
        if let Some(emails) = &*known
            && emails.state == state
        {
            return Ok(Arc::clone(emails));
        }
        // What is there before is not needed beside what comes.
        *known = None;
        let messages = messages(store, account).await?;
        let gathered = tokio::task::spawn_blocking(move || gather(&messages)).await;
        let emails = Arc::new(gathered.map_err(|_| Error::Closed)?);
        *known = Some(Arc::clone(&emails));
        drop(known);
        self.has(&view, emails.len());
        Ok(emails)
    }

    fn view(&self, account: AccountId) -> Arc<View> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let uses = kept.uses;
        let view = Arc::clone(kept.views.entry(account).or_default());
        drop(kept);
        view.used.lock().unwrap_or_else(PoisonError::into_inner).0 = uses;
        view
    }

    /// Notes how much a view has, and forgets those that were used longest ago where all have too much.
    fn has(&self, view: &View, count: usize) {
        view.used.lock().unwrap_or_else(PoisonError::into_inner).1 = count;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut order: Vec<(u64, usize, AccountId)> = Vec::with_capacity(kept.views.len());
        for (account, view) in &kept.views {
            let (uses, count) = *view.used.lock().unwrap_or_else(PoisonError::into_inner);
            // An account without mail takes room as well.
            order.push((uses, count + 1, *account));
        }
        order.sort_unstable();
        let mut all: usize = order.iter().map(|(_, count, _)| count).sum();
        for (_, count, account) in order {
            if all <= ROOM {
                break;
            }
            all -= count;
            kept.views.remove(&account);
        }
    }
}

/// All messages of an account, each with its thread.
pub(super) async fn messages(store: &Store, account: AccountId) -> Result<AccountMessages, Error> {
    let found = store.account_messages(account).await?;
    if found.each().all(|message| message.thread != 0) {
        return Ok(found);
    }
    name_threads(store, account, &found).await?;
    drop(found);
    store.account_messages(account).await
}

/// Finds out the threads of messages that came before threads were kept, once for all.
async fn name_threads(
    store: &Store,
    account: AccountId,
    found: &AccountMessages,
) -> Result<(), Error> {
    let mut unnamed: HashMap<MailboxId, Vec<u32>> = HashMap::new();
    for message in found.each().filter(|message| message.thread == 0) {
        unnamed
            .entry(message.mailbox)
            .or_default()
            .push(message.uid);
    }
    for (mailbox, uids) in unnamed {
        threads::name(store, account, mailbox, &uids).await?;
    }
    Ok(())
}

fn gather(messages: &AccountMessages) -> Emails {
    let mut gathering = Gathering::of(messages.count());
    // RFC 8621 §4.1.1: what has \Deleted is not to be seen.
    let seen = messages
        .each()
        .filter(|message| !message.flags.contains(Flags::DELETED));
    for message in seen {
        gathering.add(&Message {
            email: EmailId(unsigned(message.blob.0)),
            thread: ThreadId(unsigned(message.thread)),
            place: Place {
                mailbox: waxwing_jmap::MailboxId(unsigned(message.mailbox.0)),
                uid: message.uid,
            },
            received: message.internal_date,
            size: message.size,
            system: SystemKeywords {
                seen: message.flags.contains(Flags::SEEN),
                answered: message.flags.contains(Flags::ANSWERED),
                flagged: message.flags.contains(Flags::FLAGGED),
                draft: message.flags.contains(Flags::DRAFT),
            },
            keywords: message.keywords,
        });
    }
    gathering.finish(messages.state)
}
