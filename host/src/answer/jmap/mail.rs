//! What methods that read mail ask, answered from the store.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use waxwing_jmap::{Changes, Emails, Kind, MailAnswer, MailAsk, ThreadId};
use waxwing_store::{AccountLog, Log};

use super::asks::Asks;
use super::{content, contents, id_of, mailboxes, searching, views};

/// Changes that one list tells of where the client has no bound of its own.
const MOST: usize = 20_000;

impl Asks<'_> {
    pub(super) async fn mail(&self, ask: MailAsk) -> Result<MailAnswer, waxwing_store::Error> {
        let store = &self.visitor.parts.store;
        match ask {
            MailAsk::State { account } => {
                self.own(account)?;
                Ok(MailAnswer::State(
                    store.account_state(self.account.id).await?,
                ))
            }
            MailAsk::Mailboxes { account } => {
                self.own(account)?;
                let state = store.account_state(self.account.id).await?;
                let list = store.mailboxes(self.account.id).await?;
                let orders = store.sort_orders(self.account.id).await?;
                let mailboxes = mailboxes::all(state, &list, &orders);
                Ok(MailAnswer::Mailboxes(Arc::new(mailboxes)))
            }
            MailAsk::Emails { account } => {
                self.own(account)?;
                let views = &self.visitor.parts.views;
                let emails = views.emails(store, self.account.id).await?;
                Ok(MailAnswer::Emails(emails))
            }
            MailAsk::Summaries { account, emails } => {
                self.own(account)?;
                let summaries = contents::summaries(store, self.account.id, &emails);
                Ok(MailAnswer::Octets(summaries.await?))
            }
            MailAsk::Contents {
                account,
                contents,
                most,
            } => {
                self.own(account)?;
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                let blobs: Vec<_> = contents.into_iter().map(content).collect();
                Ok(MailAnswer::Octets(store.blob_heads(&blobs, most).await?))
            }
            MailAsk::Blob {
                account,
                content: id,
            } => {
                self.own(account)?;
                let blob = contents::owned(store, self.account.id, content(id)).await?;
                Ok(MailAnswer::Octets(vec![blob]))
            }
            MailAsk::Sift {
                account,
                places,
                needles,
            } => {
                self.own(account)?;
                let absent = searching::absent(store, self.account.id, &places, &needles);
                Ok(MailAnswer::Absent(absent.await))
            }
            MailAsk::Texts {
                account,
                contents,
                keys,
            } => {
                self.own(account)?;
                let matched = searching::matched(store, contents, keys).await?;
                Ok(MailAnswer::Matched(matched))
            }
            MailAsk::Changes {
                account,
                kind,
                since,
                most,
            } => {
                self.own(account)?;
                let mut log = store.account_log(self.account.id, since).await?;
                if kind == Kind::Thread && log.as_ref().is_some_and(|log| log.threads.is_none()) {
                    // Some came before threads were kept.
                    views::messages(store, self.account.id).await?;
                    log = store.account_log(self.account.id, since).await?;
                }
                let found = log.as_ref().and_then(|log| changes(log, kind, most));
                match (found, log) {
                    (Some(found), Some(log)) if kind == Kind::Mailbox => {
                        let views = &self.visitor.parts.views;
                        let emails = views.emails(store, self.account.id).await?;
                        Ok(MailAnswer::Changes(with_threads(
                            found, &log, &emails, most,
                        )))
                    }
                    (found, _) => Ok(MailAnswer::Changes(found)),
                }
            }
        }
    }

    /// There is one account for each client.
    pub(super) fn own(&self, account: waxwing_jmap::AccountId) -> Result<(), waxwing_store::Error> {
        if account == id_of(self.account) {
            return Ok(());
        }
        Err(waxwing_store::Error::NoSuchAccount(account.to_string()))
    }
}

fn changes(log: &AccountLog, kind: Kind, most: Option<usize>) -> Option<Changes> {
    match kind {
        Kind::Email => differences(&log.emails, most, |blob| blob.0),
        Kind::Thread => differences(log.threads.as_ref()?, most, |thread| thread),
        Kind::Mailbox => {
            let mut found = differences(&log.mailboxes, most, |mailbox| mailbox.0)?;
            let named = |number: &u64| log.named.iter().any(|id| unsigned(id.0) == *number);
            found.only_counts = !found.updated.iter().any(named);
            Some(found)
        }
    }
}

/// With the mailboxes that have other emails of threads in which something happened: how many of their threads are unread may be something
/// else now (RFC 8621 §2). None if these are too many.
fn with_threads(
    mut found: Changes,
    log: &AccountLog,
    emails: &Emails,
    most: Option<usize>,
) -> Option<Changes> {
    let threads = log.touched.iter();
    let threads: Vec<ThreadId> = threads.map(|thread| ThreadId(unsigned(*thread))).collect();
    let told = [&found.created, &found.updated, &found.destroyed];
    let told: HashSet<u64> = told.into_iter().flatten().copied().collect();
    let mut others: Vec<u64> = emails
        .mailboxes_of(&threads)
        .into_iter()
        .map(|mailbox| mailbox.0)
        .filter(|mailbox| !told.contains(mailbox))
        .collect();
    if most.is_some_and(|most| told.len() + others.len() > most) {
        return None;
    }
    found.updated.append(&mut others);
    found.updated.sort_unstable();
    Some(found)
}

fn differences<K: Copy + Eq + Hash + Ord>(
    log: &Log<K>,
    most: Option<usize>,
    number: impl Fn(K) -> i64,
) -> Option<Changes> {
    let found = match most {
        Some(most) => log.at_most(most)?,
        // What happened at one moment cannot be told in two lists.
        None => log.at_most(MOST).unwrap_or_else(|| log.all()),
    };
    let numbers = |found: Vec<K>| found.into_iter().map(|it| unsigned(number(it))).collect();
    Some(Changes {
        until: found.until,
        more: found.more,
        created: numbers(found.created),
        updated: numbers(found.updated),
        destroyed: numbers(found.destroyed),
        only_counts: false,
    })
}

pub(super) fn unsigned(number: i64) -> u64 {
    number.unsigned_abs()
}
