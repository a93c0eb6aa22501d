//! What requests ask, answered from the store.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderMap;
use waxwing_jmap::{Answer, Ask, BlobId, Failure};
use waxwing_store::Account;

use super::visitor::Visitor;
use super::{content, download, id_of};
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

    async fn decide(&self, ask: Ask) -> Result<Answer, waxwing_store::Error> {
        match ask {
            Ask::Change(ask) => Ok(Answer::Change(self.change(ask).await?)),
            Ask::Send(ask) => Ok(Answer::Send(self.send(ask).await?)),
            Ask::Blob(ask) => Ok(Answer::Blob(self.blob(ask).await?)),
            Ask::Push(ask) => Ok(Answer::Push(self.push(ask).await?)),
            Ask::Quotas { account } => {
                self.own(account)?;
                super::quota::told(self.visitor, self.account).await
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
