//! What methods that read mail ask, answered from the store.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use waxwing_jmap::{Changes, Emails, Kind, MailAnswer, MailAsk, ThreadId};
use waxwing_store::{AccountLog, Log, Store};

use super::asks::Asks;
use super::others::Sees;
use super::{content, contents, id_of, mailboxes, searching, views};

/// Changes that one list tells of where the client has no bound of its own.
const MOST: usize = 20_000;

impl Asks<'_> {
    pub(super) async fn mail(&self, ask: MailAsk) -> Result<MailAnswer, waxwing_store::Error> {
        let sees = self.sees(ask.account()).await?;
        let answer = self.mail_seen(&sees, ask).await?;
        // RFC 4314 §5.1.1: rights that are taken away end at once.
        self.still(&sees).await?;
        Ok(answer)
    }

    async fn mail_seen(
        &self,
        sees: &Sees,
        ask: MailAsk,
    ) -> Result<MailAnswer, waxwing_store::Error> {
        let store = &self.visitor.parts.store;
        let account = sees.account();
        match ask {
            MailAsk::State { .. } => Ok(MailAnswer::State(sees.state(store).await?)),
            MailAsk::Mailboxes { .. } => {
                let state = sees.state(store).await?;
                Ok(MailAnswer::Mailboxes(Arc::new(match sees {
                    Sees::All(account) => {
                        let list = store.mailboxes(*account).await?;
                        let orders = store.sort_orders(*account).await?;
                        mailboxes::all(state, &list, &orders)
                    }
                    // As they are now: the state was read after they were.
                    Sees::Part(other) => self.again(other).await?.mailboxes(state),
                })))
            }
            MailAsk::Emails { .. } => {
                let emails = self.visitor.parts.views.emails(store, sees).await?;
                Ok(MailAnswer::Emails(emails))
            }
            MailAsk::Summaries { emails, .. } => {
                let summaries = contents::summaries(store, account, &emails);
                Ok(MailAnswer::Octets(summaries.await?))
            }
            MailAsk::Contents { contents, most, .. } => {
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                let blobs: Vec<_> = contents.into_iter().map(content).collect();
                Ok(MailAnswer::Octets(store.blob_heads(&blobs, most).await?))
            }
            MailAsk::Blob { content: id, .. } => {
                let there = self.has(sees, &[id]).await?.contains(&content(id));
                let octets = match there {
                    true => contents::kept(store, content(id)).await?,
                    false => None,
                };
                Ok(MailAnswer::Octets(vec![octets]))
            }
            MailAsk::Sift {
                places, needles, ..
            } => {
                let absent = searching::absent(store, account, &places, &needles);
                Ok(MailAnswer::Absent(absent.await))
            }
            MailAsk::Texts { contents, keys, .. } => {
                let matched = searching::matched(store, contents, keys).await?;
                Ok(MailAnswer::Matched(matched))
            }
            MailAsk::Changes {
                kind, since, most, ..
            } => {
                let found = self.changes(sees, kind, since, most).await?;
                Ok(MailAnswer::Changes(found))
            }
        }
    }

    /// What changed of what is seen of an account after a state.
    async fn changes(
        &self,
        sees: &Sees,
        kind: Kind,
        since: u64,
        most: Option<usize>,
    ) -> Result<Option<Changes>, waxwing_store::Error> {
        let store = &self.visitor.parts.store;
        let since = match sees {
            Sees::All(_) => Some(since),
            Sees::Part(other) => other.modseq(since),
        };
        let Some(since) = since else {
            return Ok(None);
        };
        let mut log = log(store, sees, since).await?;
        if kind == Kind::Thread && log.as_ref().is_some_and(|log| log.threads.is_none()) {
            // Some came before threads were kept.
            views::messages(store, sees).await?;
            log = self::log(store, sees, since).await?;
        }
        let found = log.as_ref().and_then(|log| changes(log, kind, most));
        let mut found = match (found, log) {
            (Some(found), Some(log)) if kind == Kind::Mailbox => {
                let emails = self.visitor.parts.views.emails(store, sees).await?;
                with_threads(found, &log, &emails, most)
            }
            (found, _) => found,
        };
        if let (Some(found), Sees::Part(other)) = (&mut found, sees) {
            found.until = other.state(found.until);
        }
        Ok(found)
    }

    /// There is one account that is a client's own.
    pub(super) fn own(&self, account: waxwing_jmap::AccountId) -> Result<(), waxwing_store::Error> {
        if account == id_of(self.account) {
            return Ok(());
        }
        Err(waxwing_store::Error::NoSuchAccount(account.to_string()))
    }
}

async fn log(
    store: &Store,
    sees: &Sees,
    since: u64,
) -> Result<Option<AccountLog>, waxwing_store::Error> {
    match sees {
        Sees::All(account) => store.account_log(*account, since).await,
        Sees::Part(other) => store.visible_log(other.id, &other.visible, since).await,
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
