//! What requests ask, answered from the store.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderMap;
use bytes::Bytes;
use waxwing_jmap::{Answer, Ask, BlobId, Failure, MailAnswer, MailAsk};
use waxwing_store::Account;

use super::visitor::Visitor;
use super::{content, download, id_of};
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
            // There is one account for each client, so that what is there is where it is to be.
            Ask::CopyContents { from, to, contents } => {
                if (from, to) != (id_of(self.account), id_of(self.account)) {
                    return Ok(Answer::Copied(vec![false; contents.len()]));
                }
                let asked: HashSet<_> = contents.iter().map(|id| content(*id)).collect();
                let store = &self.visitor.parts.store;
                let found = store.which_has(self.account.id, &asked).await?;
                let there = contents.into_iter().map(|id| found.contains(&content(id)));
                Ok(Answer::Copied(there.collect()))
            }
        }
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
