//! What requests ask, answered from the store.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use bytes::Bytes;
use waxwing_jmap::{Answer, Ask, BlobId, ContentId, EmailId, Failure, MailAnswer, MailAsk};
use waxwing_store::{Account, AccountId, BlobId as StoreBlob, Error};

use super::others::{self, Other, Sees};
use super::visitor::Visitor;
use super::{UPLOADS_OF_ONE, content, download};
use crate::budget::{Memory, Reservation, held};
use crate::telemetry::Reference;

/// Answers the asks of one request.
pub(super) struct Asks<'v> {
    pub(super) visitor: &'v Visitor,
    pub(super) account: &'v Account,
    /// Of the request: they say who asks.
    pub(super) headers: &'v HeaderMap,
    /// Octets of parts that may still be read to be decoded, as they are kept: what they decode to may be nothing.
    undecoded: AtomicU64,
    /// What is seen of accounts of others, as the request found it first.
    others: Mutex<HashMap<AccountId, Arc<Other>>>,
}

/// Octets that a request may have read without memory being taken for them: there are only so many requests.
const FREE: u64 = 64 * 1024;

/// How many of the largest messages a request may have decoded, in parts.
const DECODED: u64 = 4;

impl<'v> Asks<'v> {
    pub(super) fn new(visitor: &'v Visitor, account: &'v Account, headers: &'v HeaderMap) -> Self {
        let most = visitor.parts.config.limits.message_size.bytes();
        Self {
            visitor,
            account,
            headers,
            undecoded: AtomicU64::new(most.saturating_mul(DECODED)),
            others: Mutex::default(),
        }
    }

    /// Takes the octets of a part from what the request may have decoded; false if they are too many.
    pub(super) fn charge(&self, blob: BlobId) -> bool {
        let BlobId::Part { start, end, .. } = blob else {
            return true;
        };
        let most = self.visitor.parts.config.limits.message_size.bytes();
        taken(&self.undecoded, download::read_of(start..end, most))
    }

    pub(super) async fn answer(&self, ask: Ask) -> Answer {
        self.decide(ask).await.unwrap_or_else(|error| {
            let reference = Reference::log("a JMAP call failed", 0, &error).to_string();
            Answer::Failed(match error {
                waxwing_store::Error::Uncertain(_) => Failure::Uncertain { reference },
                _ => Failure::Unavailable { reference },
            })
        })
    }

    /// Contents that were read, of memory that they keep in use until nobody has them: what is looked for in large messages is read whole, and
    /// many requests are made at once.
    fn holding(&self, read: Vec<Option<Bytes>>) -> Answer {
        let octets: u64 = read.iter().flatten().map(|it| it.len() as u64).sum();
        if octets <= FREE {
            return Answer::Mail(MailAnswer::Octets(read));
        }
        let (budget, client) = (&self.visitor.parts.budget, self.visitor.client);
        let Some(memory) = Memory::reserve(budget, client, octets) else {
            return Answer::Failed(Failure::Busy);
        };
        let holding = |octets: Bytes| held(octets, Reservation::clone(&memory));
        let read = read.into_iter().map(|octets| octets.map(holding));
        Answer::Mail(MailAnswer::Octets(read.collect()))
    }

    async fn decide(&self, ask: Ask) -> Result<Answer, waxwing_store::Error> {
        match ask {
            Ask::Change(ask) => Ok(Answer::Change(self.change(ask).await?)),
            Ask::Send(ask) => Ok(Answer::Send(self.send(ask).await?)),
            Ask::Blob(ask) => Ok(match self.blob(ask).await? {
                Some(answer) => Answer::Blob(answer),
                None => Answer::Failed(Failure::Busy),
            }),
            Ask::Push(ask) => Ok(Answer::Push(self.push(ask).await?)),
            Ask::Quotas { account } => {
                self.own(account)?;
                super::quota::told(self.visitor, self.account).await
            }
            Ask::Mail(ask @ (MailAsk::Contents { .. } | MailAsk::Blob { .. })) => {
                Ok(match self.mail(ask).await? {
                    MailAnswer::Octets(read) => self.holding(read),
                    answer => Answer::Mail(answer),
                })
            }
            Ask::Mail(ask) => Ok(Answer::Mail(self.mail(ask).await?)),
            Ask::CopyContents { from, to, contents } => {
                self.own(to)?;
                let sees = self.sees(from).await?;
                let found = self.has(&sees, &contents).await?;
                let mut there = Vec::with_capacity(contents.len());
                for id in contents {
                    let found = found.contains(&content(id));
                    there.push(found && self.take_over(&sees, id).await?);
                }
                Ok(Answer::Copied(there))
            }
        }
    }

    /// What of an account is seen now. In one request that is always the same: where it is not, rights have gone or come meanwhile.
    pub(super) async fn sees(&self, account: waxwing_jmap::AccountId) -> Result<Sees, Error> {
        let store = &self.visitor.parts.store;
        let none = || Error::NoSuchAccount(account.to_string());
        let sees = others::sees(store, self.account, account).await?;
        let sees = sees.ok_or_else(none)?;
        if let Sees::Part(other) = &sees {
            let mut known = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            let first = known.entry(other.id).or_insert_with(|| Arc::clone(other));
            if !first.is_as(other) {
                return Err(none());
            }
        }
        Ok(sees)
    }

    /// Whether it is seen still, so that what was read of it may be told.
    pub(super) async fn still(&self, sees: &Sees) -> Result<(), Error> {
        match sees {
            Sees::All(_) => Ok(()),
            Sees::Part(other) => self.again(other).await.map(|_| ()),
        }
    }

    /// What is seen of an account, once more.
    pub(super) async fn again(&self, other: &Other) -> Result<Other, Error> {
        let store = &self.visitor.parts.store;
        let now = others::one(store, self.account.id, other.id).await?;
        let same = now.filter(|now| now.is_as(other));
        same.ok_or_else(|| Error::NoSuchAccount(other.id.to_string()))
    }

    /// Which of these contents somebody may have as those of an account: its own, uploads among them; of somebody else's account those of
    /// emails that are seen, and what one has oneself.
    pub(super) async fn has(
        &self,
        sees: &Sees,
        contents: &[ContentId],
    ) -> Result<HashSet<StoreBlob>, Error> {
        let (store, own) = (&self.visitor.parts.store, self.account.id);
        let views = &self.visitor.parts.views;
        let asked: HashSet<StoreBlob> = contents.iter().map(|id| content(*id)).collect();
        if asked.is_empty() {
            return Ok(asked);
        }
        let mut found = store.which_has(own, &asked).await?;
        if let Sees::Part(_) = sees {
            let emails = views.emails(store, sees).await?;
            let seen = contents.iter().copied();
            let seen = seen.filter(|id| emails.get(EmailId(id.0)).is_some());
            found.extend(seen.map(content));
        }
        Ok(found)
    }

    /// Whether somebody may have a content as one of an account.
    pub(super) async fn has_in(
        &self,
        account: waxwing_jmap::AccountId,
        blob: BlobId,
    ) -> Result<bool, Error> {
        let store = &self.visitor.parts.store;
        let Some(sees) = others::sees(store, self.account, account).await? else {
            return Ok(false);
        };
        let found = self.has(&sees, &[blob.content()]).await?;
        Ok(found.contains(&content(blob.content())))
    }

    /// Makes a content of an account that one sees one's own, as if it had been uploaded.
    async fn take_over(&self, sees: &Sees, id: ContentId) -> Result<bool, Error> {
        if let Sees::All(_) = sees {
            return Ok(true);
        }
        self.still(sees).await?;
        let most = self.visitor.limits.size_upload;
        let room = most.saturating_mul(UPLOADS_OF_ONE);
        let store = &self.visitor.parts.store;
        store.take_over(self.account.id, content(id), room).await
    }
}

/// Takes octets of those that are left. What is asked for in vain is work, too.
fn taken(left: &AtomicU64, octets: u64) -> bool {
    // One more, so that there is an end to parts of nothing.
    let less = |left: u64| left.checked_sub(octets.saturating_add(1));
    let order = Ordering::Relaxed;
    left.fetch_update(order, order, less).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decoded_is_counted() {
        let left = AtomicU64::new(100);
        assert!(taken(&left, 59) && !taken(&left, 40) && taken(&left, 39));
        assert!(!taken(&left, 0) && !taken(&left, u64::MAX));
    }
}
