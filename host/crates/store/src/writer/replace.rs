//! A message in the place of another (RFC 8508).

use super::Operation;
use super::deliver::{Accepted, DeliverAll};
use super::expunge::{self, Expunge};
use super::transaction::Transaction;
use crate::{AccountId, Error, Result};

/// A message comes, another goes.
#[derive(Debug)]
pub(crate) struct Replace {
    pub(crate) comes: DeliverAll,
    pub(crate) goes: Expunge,
    /// It went, so that what comes is there.
    pub(crate) went: bool,
}

impl Operation for Replace {
    type Output = Option<Accepted>;

    fn accounts(&self) -> Vec<AccountId> {
        let mut accounts = self.comes.accounts();
        accounts.extend(self.goes.accounts());
        accounts
    }

    fn weight(&self) -> usize {
        self.comes.weight()
    }

    /// Nothing, if the message that is to go is not there.
    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Option<Accepted>> {
        let account = transaction.heads.account(self.goes.account)?;
        account.mailbox(self.goes.mailbox)?;
        let checked = self.comes.check(transaction)?;
        // What comes may have been there before, in the same content.
        let gone = expunge::remove(transaction, &self.goes, true).await?;
        self.went = !gone.is_empty();
        if !self.went {
            return Ok(None);
        }
        self.comes.write(transaction, checked).await.map(Some)
    }

    fn settle(&mut self, outcome: Result<(), &Error>, unknown: bool) {
        // The file of a content that was not stored goes.
        if self.went {
            self.comes.settle(outcome, unknown);
        }
    }
}
