//! What requests ask, answered from the store.

use std::collections::HashSet;

use axum::http::HeaderMap;
use waxwing_jmap::{Answer, Ask, Failure};
use waxwing_store::Account;

use super::visitor::Visitor;
use super::{content, id_of};
use crate::telemetry::Reference;

/// Answers the asks of one request.
pub(super) struct Asks<'v> {
    pub(super) visitor: &'v Visitor,
    pub(super) account: &'v Account,
    /// Of the request: they say who asks.
    pub(super) headers: &'v HeaderMap,
}

impl<'v> Asks<'v> {
    pub(super) fn new(visitor: &'v Visitor, account: &'v Account, headers: &'v HeaderMap) -> Self {
        Self {
            visitor,
            account,
            headers,
        }
    }

    pub(super) async fn answer(&self, ask: Ask) -> Answer {
        self.decide(ask).await.unwrap_or_else(|error| {
            let reference = Reference::log("a JMAP call failed", 0, &error).to_string();
            Answer::Failed(Failure::Unavailable { reference })
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
