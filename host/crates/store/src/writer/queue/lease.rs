//! Leasing what is due, and keeping the lease.

use super::super::Operation;
use super::super::buffers::signed;
use super::super::transaction::Transaction;
use crate::database::{Row, Value};
use crate::queue::Leased;
use crate::statement::{Dialect, Rows, Sql};
use crate::{LeaseId, LegId, Result};

// The lanes that have anything waiting, found by a step of the index each, however many legs there are.
pub(crate) static LANES: Sql = Sql::new(
    "WITH RECURSIVE lanes (lane) AS (
       SELECT min(lane) FROM queue_legs WHERE state = 0
       UNION ALL SELECT (SELECT min(l.lane) FROM queue_legs l WHERE l.state = 0 AND l.lane > lanes.lane) FROM lanes WHERE lanes.lane IS NOT NULL)
     SELECT lane FROM lanes WHERE lane IS NOT NULL ORDER BY lane",
);
pub(crate) static TAKE: Sql = Sql::new(
    "WITH due AS MATERIALIZED (SELECT l.id FROM queue_legs l WHERE l.state = 0 AND l.lane = $4 AND l.due <= $5
       AND l.destination NOT IN (SELECT r.name FROM {6: name t} AS r) ORDER BY l.due LIMIT $7)
     UPDATE queue_legs SET lease = $1, owner = $2, due = $3 WHERE id IN (SELECT id FROM due) RETURNING id",
);
// Another host's legs are passed over instead of waited for.
pub(crate) static TAKE_UNLOCKED: Sql = Sql::new(
    "WITH due AS MATERIALIZED (SELECT l.id FROM queue_legs l WHERE l.state = 0 AND l.lane = $4 AND l.due <= $5
       AND l.destination NOT IN (SELECT r.name FROM {6: name t} AS r) ORDER BY l.due LIMIT $7 FOR UPDATE SKIP LOCKED)
     UPDATE queue_legs SET lease = $1, owner = $2, due = $3 WHERE id IN (SELECT id FROM due) RETURNING id",
);
pub(crate) static TAKE_FOR: Sql = Sql::new(
    "WITH due AS MATERIALIZED (SELECT l.id FROM queue_legs l WHERE l.state = 0 AND l.destination = $4 AND l.due <= $5 ORDER BY l.due LIMIT $6)
     UPDATE queue_legs SET lease = $1, owner = $2, due = $3 WHERE id IN (SELECT id FROM due) RETURNING id",
);
pub(crate) static TAKE_FOR_UNLOCKED: Sql = Sql::new(
    "WITH due AS MATERIALIZED (SELECT l.id FROM queue_legs l WHERE l.state = 0 AND l.destination = $4 AND l.due <= $5 ORDER BY l.due LIMIT $6
       FOR UPDATE SKIP LOCKED)
     UPDATE queue_legs SET lease = $1, owner = $2, due = $3 WHERE id IN (SELECT id FROM due) RETURNING id",
);
static LEASED: Sql = Sql::new(
    "SELECT l.id, l.lease, l.due, l.destination, l.attempts, m.id, m.queue_id, m.blob, m.size, m.received, m.sender, m.ret, m.envid,
     m.body, m.smtp_utf8, m.require_tls, m.priority, m.deliver_by, m.deliver_by_mode, m.expires, m.context
     FROM {1: id i} AS r CROSS JOIN queue_legs l JOIN queue_messages m ON m.id = l.message WHERE l.id = r.id ORDER BY l.lane, l.id",
);
pub(crate) static OPEN: Sql = Sql::new(
    "SELECT q.leg, q.number, q.address, q.notify, q.orcpt, q.said, q.state, q.owed, q.delayed FROM {1: message i, leg i} AS r CROSS JOIN queue_recipients q
     WHERE q.message = r.message AND q.leg = r.leg AND (q.state = 0 OR q.owed <> '') ORDER BY q.message, q.number",
);
pub(crate) static RENEW: Sql = Sql::new(
    "UPDATE queue_legs SET due = $3 WHERE lease = $2 AND id IN (SELECT r.id FROM {1: id i} AS r) RETURNING id",
);
// By the index: what is leased is due when its lease ends.
pub(crate) static END_LEASES: Sql = Sql::new(
    "UPDATE queue_legs SET due = $2, lease = 0, owner = '' WHERE state = 0 AND lane = $1 AND due > $2 AND due <= $3 AND lease <> 0",
);
pub(crate) static PUT_OFF: Sql = Sql::new(
    "UPDATE queue_legs SET due = $2 WHERE id IN
     (SELECT id FROM queue_legs WHERE destination = $1 AND due < $2 AND state = 0 AND (lease = 0 OR due <= $3) LIMIT $4)",
);

/// Leases what is due.
#[derive(Debug)]
pub(crate) struct Take {
    pub(crate) owner: String,
    pub(crate) until: i64,
    pub(crate) limit: usize,
    pub(crate) except: Vec<String>,
}

impl Operation for Take {
    type Output = Vec<Leased>;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Vec<Leased>> {
        let lease = transaction.ids(1).await?;
        let mut except = Rows::default();
        for name in &self.except {
            except.row().str(name);
        }
        let except: Value = except.into();
        let sql = match transaction.dialect() {
            Dialect::Sqlite => &TAKE,
            Dialect::Postgres => &TAKE_UNLOCKED,
        };
        let mut taken = Vec::new();
        for lane in transaction.fetch_beside(&LANES, Vec::new()).await? {
            let room = self.limit.saturating_sub(taken.len());
            if room == 0 {
                break;
            }
            let mut values = vec![lease.into(), Value::from(self.owner.as_str())];
            values.extend([self.until.into(), lane.int(0)?.into()]);
            values.extend([transaction.now.into(), except.clone(), signed(room).into()]);
            for row in transaction.fetch_beside(sql, values).await? {
                taken.push(row.int(0)?);
            }
        }
        read(transaction, taken).await
    }
}

/// The legs with their messages and open recipients. What was queued or ended by the same transaction is not written yet: the one is
/// news for the next lease, the other is passed over.
async fn read(transaction: &mut Transaction, legs: Vec<i64>) -> Result<Vec<Leased>> {
    if legs.is_empty() {
        return Ok(Vec::new());
    }
    for leg in &legs {
        transaction.known.forget(*leg);
    }
    let asked = Rows::of_ints(legs);
    let rows = transaction
        .fetch_beside(&LEASED, vec![asked.into()])
        .await?;
    let mut pairs = Rows::default();
    let mut leased = Vec::with_capacity(rows.len());
    for row in &rows {
        let message = row.int(5)?;
        if !transaction.buffers.queue.is_ended(message) {
            pairs.row().int(message).int(row.int(0)?);
            leased.push(Leased::of_row(row)?);
        }
    }
    for row in &transaction.fetch_beside(&OPEN, vec![pairs.into()]).await? {
        let leg = LegId(row.int(0)?);
        if let Some(leased) = leased.iter_mut().find(|leased| leased.leg == leg) {
            leased.add_recipient(row)?;
        }
    }
    Ok(leased)
}

/// Leases what is due for one destination.
#[derive(Debug)]
pub(crate) struct TakeFor {
    pub(crate) destination: String,
    pub(crate) owner: String,
    pub(crate) until: i64,
    pub(crate) limit: usize,
}

impl Operation for TakeFor {
    type Output = Vec<Leased>;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Vec<Leased>> {
        let lease = transaction.ids(1).await?;
        let sql = match transaction.dialect() {
            Dialect::Sqlite => &TAKE_FOR,
            Dialect::Postgres => &TAKE_FOR_UNLOCKED,
        };
        let mut values = vec![lease.into(), Value::from(self.owner.as_str())];
        values.extend([self.until.into(), Value::from(self.destination.as_str())]);
        values.extend([transaction.now.into(), signed(self.limit).into()]);
        let rows = transaction.fetch_beside(sql, values).await?;
        let taken = rows.iter().map(|row| row.int(0)).collect::<Result<_>>()?;
        read(transaction, taken).await
    }
}

/// Makes leases last longer.
#[derive(Debug)]
pub(crate) struct Renew {
    pub(crate) legs: Vec<LegId>,
    pub(crate) lease: LeaseId,
    pub(crate) until: i64,
}

impl Operation for Renew {
    /// The legs that are leased still.
    type Output = Vec<LegId>;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Vec<LegId>> {
        let legs = Rows::of_ints(self.legs.iter().map(|leg| leg.0));
        let values = vec![legs.into(), self.lease.0.into(), self.until.into()];
        let rows = transaction.fetch(&RENEW, values).await?;
        let leg = |row: &Row| Ok(LegId(row.int(0)?));
        rows.iter().map(leg).collect()
    }
}

/// Puts off what waits for a destination.
#[derive(Debug)]
pub(crate) struct PutOff {
    pub(crate) destination: String,
    pub(crate) until: i64,
    pub(crate) limit: i64,
}

impl Operation for PutOff {
    /// Legs put off.
    type Output = u64;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<u64> {
        let values = vec![
            Value::from(self.destination.as_str()),
            self.until.into(),
            transaction.now.into(),
            self.limit.into(),
        ];
        transaction.execute(&PUT_OFF, values).await
    }
}

/// Ends leases that nobody has any more.
#[derive(Debug)]
pub(crate) struct EndLeases {
    /// When the last of them ends.
    pub(crate) until: i64,
}

impl Operation for EndLeases {
    /// Legs that are due now.
    type Output = u64;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<u64> {
        let mut ended = 0;
        for lane in transaction.fetch(&LANES, Vec::new()).await? {
            let values = vec![
                lane.int(0)?.into(),
                transaction.now.into(),
                self.until.into(),
            ];
            ended += transaction.execute(&END_LEASES, values).await?;
        }
        if ended > 0 {
            transaction.change_queue();
        }
        Ok(ended)
    }
}
