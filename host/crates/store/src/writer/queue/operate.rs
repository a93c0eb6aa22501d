//! What operators do to legs: hold, release, try now, remove. What a sender is still to be told is told all the same.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Operation;
use super::super::transaction::Transaction;
use super::part::{Left, part};
use crate::Result;
use crate::queue::QueueAction;
use crate::statement::{Rows, Sql};

static HOLD: Sql = Sql::new(
    "UPDATE queue_legs SET state = 1 WHERE state = 0 AND id IN (SELECT r.id FROM {1: id i} AS r)
     AND EXISTS (SELECT 1 FROM queue_recipients q WHERE q.message = queue_legs.message AND q.leg = queue_legs.id AND q.state = 0)",
);
// One that is leased stays so: its worker says what is next.
static RELEASE: Sql = Sql::new(
    "UPDATE queue_legs SET state = 0, due = CASE WHEN lease = 0 OR due <= $2 THEN $2 ELSE due END
     WHERE state = 1 AND id IN (SELECT r.id FROM {1: id i} AS r)",
);
static RETRY: Sql = Sql::new(
    "UPDATE queue_legs SET due = $2 WHERE state = 0 AND (lease = 0 OR due <= $2) AND id IN (SELECT r.id FROM {1: id i} AS r)",
);
static MESSAGES: Sql = Sql::new(
    "SELECT l.message, l.id FROM {1: id i} AS r CROSS JOIN queue_legs l WHERE l.id = r.id",
);
static REMOVE_RECIPIENTS: Sql = Sql::new(
    "UPDATE queue_recipients SET state = 3 WHERE message = $1 AND state = 0 AND leg IN (SELECT r.id FROM {2: id i} AS r) RETURNING leg",
);

/// An action on legs.
#[derive(Debug)]
pub(crate) struct Operate {
    pub(crate) action: QueueAction,
    pub(crate) legs: Vec<i64>,
}

impl Operation for Operate {
    /// Legs that it changed.
    type Output = u64;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<u64> {
        let legs = Rows::of_ints(self.legs.iter().copied()).into();
        let now = transaction.now;
        let (sql, values) = match self.action {
            QueueAction::Hold => (&HOLD, vec![legs]),
            QueueAction::Release => (&RELEASE, vec![legs, now.into()]),
            QueueAction::Retry => (&RETRY, vec![legs, now.into()]),
            QueueAction::Remove => return self.remove(transaction).await,
        };
        let changed = transaction.execute(sql, values).await?;
        if changed > 0 && self.action != QueueAction::Hold {
            transaction.change_queue();
        }
        Ok(changed)
    }
}

impl Operate {
    async fn remove(&self, transaction: &mut Transaction) -> Result<u64> {
        let legs = Rows::of_ints(self.legs.iter().copied());
        let mut messages: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for row in transaction.fetch(&MESSAGES, vec![legs.into()]).await? {
            messages.entry(row.int(0)?).or_default().push(row.int(1)?);
        }
        super::lock(transaction, messages.keys().copied()).await?;
        let mut removed = 0;
        for (message, legs) in messages {
            let rows = Rows::of_ints(legs);
            let values = vec![message.into(), rows.into()];
            let rows = transaction.fetch(&REMOVE_RECIPIENTS, values).await?;
            let changed: BTreeSet<i64> =
                rows.iter().map(|row| row.int(0)).collect::<Result<_>>()?;
            removed += changed.len() as u64;
            let mut ended = Vec::new();
            for leg in changed {
                if part(transaction, message, leg, transaction.now).await? == Left::Nothing {
                    ended.push(leg);
                }
            }
            super::end_legs(transaction, message, &ended).await?;
        }
        Ok(removed)
    }
}
