//! Import: deliveries that are skipped where the account has had them before.

use std::collections::{HashMap, HashSet};

use super::Operation;
use super::deliver::Deliver;
use super::transaction::Transaction;
use crate::imports::rows_of;
use crate::statement::{Rows, Sql};
use crate::{AccountId, Error, Result, Stored};

static KNOWN: Sql = Sql::new(
    "SELECT i.item FROM {2: item t} AS r CROSS JOIN imported i WHERE i.account = $1 AND i.item = r.item",
);
static NOTE: Sql = Sql::new(
    "INSERT INTO imported (account, item, mailbox, uid, verbatim)
     SELECT CAST($1 AS BIGINT), r.item, r.mailbox, r.uid, r.verbatim FROM {2: item t, mailbox i, uid i, verbatim i} AS r",
);
/// What had CRLF where it came from keeps the mark under another name, which no importer gives.
static RENAME: Sql = Sql::new(
    "UPDATE imported SET item = 'again:' || CAST(mailbox AS TEXT) || ':' || CAST(uid AS TEXT)
     WHERE account = $1 AND verbatim = 1 AND item IN (SELECT r.item FROM {2: item t} AS r)",
);
static FORGET: Sql = Sql::new(
    "DELETE FROM imported WHERE account = $1 AND item IN (SELECT r.item FROM {2: item t} AS r)",
);
/// The items of what was put into a mailbox.
pub(super) static FORGET_MAILBOX: Sql = Sql::new("DELETE FROM imported WHERE mailbox = $1");
/// All items of an account.
pub(super) static FORGET_ACCOUNT: Sql = Sql::new("DELETE FROM imported WHERE account = $1");

/// A message that was prepared by the caller, and what it is where it came from.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) item: String,
    pub(crate) verbatim: bool,
    pub(crate) message: Deliver,
}

/// Messages of which those that are new are stored, or none.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) account: AccountId,
    pub(crate) arrivals: Vec<Arrival>,
}

impl Operation for Import {
    type Output = Vec<Option<u32>>;

    fn accounts(&self) -> Vec<AccountId> {
        let targets = self.arrivals.iter().flat_map(|one| one.message.accounts());
        targets.chain([self.account]).collect()
    }

    fn weight(&self) -> usize {
        self.arrivals.iter().map(|one| one.message.weight()).sum()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Vec<Option<u32>>> {
        transaction.heads.account(self.account)?;
        let new = self.which_are_new(transaction).await?;
        let mut wanted = HashMap::new();
        let both = || self.arrivals.iter().zip(&new);
        for (arrival, _) in both().filter(|(_, new)| **new) {
            arrival.message.check(transaction, &mut wanted, false)?;
        }
        let mut notes = Rows::default();
        let mut placed = Vec::with_capacity(new.len());
        for (arrival, new) in both() {
            let mut uid = None;
            if *new {
                for stored in arrival.message.put(transaction).await? {
                    note(&mut notes, arrival, &stored);
                    uid = Some(stored.uid);
                }
            }
            placed.push(uid);
        }
        if !notes.is_empty() {
            let values = vec![self.account.0.into(), notes.into()];
            transaction.execute(&NOTE, values).await?;
        }
        for (arrival, new) in self.arrivals.iter_mut().zip(&new) {
            arrival.message.names_file = *new;
        }
        Ok(placed)
    }

    fn settle(&mut self, outcome: Result<(), &Error>, unknown: bool) {
        for arrival in &mut self.arrivals {
            arrival.message.settle(outcome, unknown);
        }
    }
}

impl Import {
    /// Not in the account's list, and not twice among these.
    async fn which_are_new(&self, transaction: &mut Transaction) -> Result<Vec<bool>> {
        let items = rows_of(self.arrivals.iter().map(|arrival| &arrival.item));
        let values = vec![self.account.0.into(), items.into()];
        let rows = transaction.fetch(&KNOWN, values).await?;
        let mut known: HashSet<String> =
            rows.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
        let arrivals = self.arrivals.iter();
        Ok(arrivals.map(|one| known.insert(one.item.clone())).collect())
    }
}

fn note(notes: &mut Rows, arrival: &Arrival, stored: &Stored) {
    notes
        .row()
        .str(&arrival.item)
        .int(stored.mailbox.0)
        .int(i64::from(stored.uid))
        .int(i64::from(arrival.verbatim));
}

/// Items that may come again.
#[derive(Debug)]
pub(crate) struct Forget {
    pub(crate) account: AccountId,
    pub(crate) items: Vec<String>,
}

impl Operation for Forget {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        transaction.heads.account(self.account)?;
        for change in [&RENAME, &FORGET] {
            let values = vec![self.account.0.into(), rows_of(&self.items).into()];
            transaction.execute(change, values).await?;
        }
        Ok(())
    }
}
