//! The emails of accounts, put together from the images of their mailboxes and kept while they are as the account is.
//!
//! Invariants: whoever asks gets what the account has at that moment or later, since its state is read first; what is kept stays within a
//! number of emails; an account's are put together once, however many ask: of what somebody else sees, once for all who see the same mailboxes,
//! whatever else of their states is not the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use waxwing_jmap::{EmailId, Emails, Gathering, Message, Place, SystemKeywords, ThreadId};
use waxwing_store::{AccountId, AccountMessages, Error, Flags, MailboxId, Store, Visible};

use super::mail::unsigned;
use super::others::Sees;
use crate::answer::threads;

/// Emails of all that is kept; each takes a hundred octets.
const ROOM: usize = 600_000;

/// The emails of accounts that were asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Views(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    views: HashMap<Which, Arc<View>>,
    /// Counts uses.
    uses: u64,
}

/// Whose emails; of those that somebody else sees also which.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Which(AccountId, Option<Visible>);

#[derive(Debug, Default)]
struct View {
    /// Held while they are put together. Their state is a modification sequence, whoever sees them.
    emails: tokio::sync::Mutex<Option<Arc<Emails>>>,
    /// When it was used last, and how many emails it has.
    used: Mutex<(u64, usize)>,
}

impl Views {
    /// All emails of an account that somebody sees.
    pub(super) async fn emails(&self, store: &Store, sees: &Sees) -> Result<Arc<Emails>, Error> {
        let which = match sees {
            Sees::All(account) => Which(*account, None),
            Sees::Part(other) => Which(other.id, Some(other.visible.clone())),
        };
        let emails = self.known(store, sees, which).await?;
        Ok(match sees {
            Sees::All(_) => emails,
            Sees::Part(other) => Arc::new(emails.of_state(other.state(emails.state))),
        })
    }

    async fn known(&self, store: &Store, sees: &Sees, which: Which) -> Result<Arc<Emails>, Error> {
        let view = self.view(which);
        let mut known = view.emails.lock().await;
        let now = match sees {
            Sees::All(account) => store.account_state(*account).await?,
            Sees::Part(other) => store.visible_state(other.id, &other.visible).await?,
        };
        if let Some(emails) = &*known
            && emails.state == now
        {
            return Ok(Arc::clone(emails));
        }
        // What is there before is not needed beside what comes.
        *known = None;
        let messages = messages(store, sees).await?;
        let state = messages.state;
        let gathered = tokio::task::spawn_blocking(move || gather(&messages, state)).await;
        let emails = Arc::new(gathered.map_err(|_| Error::Closed)?);
        *known = Some(Arc::clone(&emails));
        drop(known);
        self.has(&view, emails.len());
        Ok(emails)
    }

    fn view(&self, which: Which) -> Arc<View> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let uses = kept.uses;
        let view = Arc::clone(kept.views.entry(which).or_default());
        drop(kept);
        view.used.lock().unwrap_or_else(PoisonError::into_inner).0 = uses;
        view
    }

    /// Notes how much a view has, and forgets those that were used longest ago where all have too much.
    fn has(&self, view: &View, count: usize) {
        view.used.lock().unwrap_or_else(PoisonError::into_inner).1 = count;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut order: Vec<(u64, usize, Which)> = Vec::with_capacity(kept.views.len());
        for (which, view) in &kept.views {
            let (uses, count) = *view.used.lock().unwrap_or_else(PoisonError::into_inner);
            // An account without mail takes room as well.
            order.push((uses, count + 1, which.clone()));
        }
        order.sort_unstable();
        let mut all: usize = order.iter().map(|(_, count, _)| count).sum();
        for (_, count, which) in order {
            if all <= ROOM {
                break;
            }
            all -= count;
            kept.views.remove(&which);
        }
    }
}

/// All messages of an account that somebody sees, each with its thread.
pub(super) async fn messages(store: &Store, sees: &Sees) -> Result<AccountMessages, Error> {
    let found = read(store, sees).await?;
    if found.each().all(|message| message.thread != 0) {
        return Ok(found);
    }
    name_threads(store, sees.account(), &found).await?;
    drop(found);
    read(store, sees).await
}

async fn read(store: &Store, sees: &Sees) -> Result<AccountMessages, Error> {
    match sees {
        Sees::All(account) => store.account_messages(*account).await,
        Sees::Part(other) => store.visible_messages(other.id, &other.visible).await,
    }
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

fn gather(messages: &AccountMessages, state: u64) -> Emails {
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
    gathering.finish(state)
}
