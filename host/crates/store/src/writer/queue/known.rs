//! What is known of legs that are to be settled, looked up for all settlements of a transaction at once.

use std::collections::HashMap;

use super::super::transaction::Transaction;
use crate::statement::{Dialect, Rows, Sql};
use crate::{BlobId, LegId, Result};

// Two hosts that end the last two legs of a message must not each leave its end to the other.
static LOCK: Sql = Sql::new(
    "SELECT m.id FROM queue_legs l JOIN queue_messages m ON m.id = l.message WHERE l.id IN (SELECT r.id FROM {1: id i} AS r)
     ORDER BY m.id, l.id FOR UPDATE OF m, l",
);
// A row for each recipient that is open or to be reported, and one for a leg without such.
pub(crate) static KNOWN: Sql = Sql::new(
    "SELECT l.id, l.message, l.lease, m.blob, (SELECT count(*) FROM queue_legs o WHERE o.message = l.message),
     coalesce(q.number, -1), coalesce(q.state, 0), CAST(CASE WHEN q.owed <> '' THEN 1 ELSE 0 END AS BIGINT), coalesce(q.delayed, 0)
     FROM {1: id i} AS r CROSS JOIN queue_legs l JOIN queue_messages m ON m.id = l.message
     LEFT JOIN queue_recipients q ON q.message = l.message AND q.leg = l.id AND (q.state = 0 OR q.owed <> '') WHERE l.id = r.id",
);

/// What is known of a leg.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) message: i64,
    pub(super) lease: i64,
    pub(super) blob: BlobId,
    /// Legs of its message.
    pub(super) legs: i64,
    /// Those of its recipients that are open or to be reported.
    pub(super) recipients: Vec<Waiting>,
}

/// A recipient of whom something is still to be done.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) number: u32,
    pub(super) open: bool,
    pub(super) owed: bool,
    /// A delay was told.
    pub(super) delay_told: bool,
}

/// Legs as the open transaction found them. Whatever changes rows of the queue forgets them; a leg that is missing is looked up alone.
#[derive(Debug, Default)]
pub(in crate::writer) struct KnownLegs(HashMap<i64, Known>);

impl KnownLegs {
    /// Something was changed that they may not say.
    pub(in crate::writer) fn clear(&mut self) {
        self.0.clear();
    }

    /// This leg was changed.
    pub(super) fn forget(&mut self, leg: i64) {
        self.0.remove(&leg);
    }
}

/// Looks legs up and locks them; those that are gone are not known afterwards.
pub(in crate::writer) async fn look_up(
    transaction: &mut Transaction,
    legs: &[LegId],
) -> Result<()> {
    if legs.is_empty() {
        return Ok(());
    }
    let asked = || Rows::of_ints(legs.iter().map(|leg| leg.0)).into();
    if transaction.dialect() == Dialect::Postgres {
        transaction.fetch_beside(&LOCK, vec![asked()]).await?;
    }
    for row in transaction.fetch_beside(&KNOWN, vec![asked()]).await? {
        let leg = Known {
            message: row.int(1)?,
            lease: row.int(2)?,
            blob: BlobId(row.int(3)?),
            legs: row.int(4)?,
            recipients: Vec::new(),
        };
        let known = transaction.known.0.entry(row.int(0)?).or_insert(leg);
        // -1: it has none.
        if let Ok(number) = u32::try_from(row.int(5)?) {
            known.recipients.push(Waiting {
                number,
                open: row.int(6)? == 0,
                owed: row.int(7)? != 0,
                delay_told: row.int(8)? != 0,
            });
        }
    }
    Ok(())
}

/// What is known of a leg, unless it is gone.
pub(super) async fn take(transaction: &mut Transaction, leg: LegId) -> Result<Option<Known>> {
    if !transaction.known.0.contains_key(&leg.0) {
        look_up(transaction, &[leg]).await?;
    }
    Ok(transaction.known.0.remove(&leg.0))
}
