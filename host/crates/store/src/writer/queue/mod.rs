//! Changes of the queue: putting in, leasing, settling, what operators do.

pub(crate) mod enqueue;
pub(crate) mod known;
pub(crate) mod lease;
pub(crate) mod operate;
mod part;
pub(crate) mod settle;

use super::transaction::Transaction;
use crate::database::Value;
use crate::statement::{Dialect, Rows, Sql};
use crate::{BlobId, Result};

static LEGS_LEFT: Sql = Sql::new("SELECT count(*) FROM queue_legs WHERE message = $1");
static CONTENT: Sql = Sql::new("SELECT blob FROM queue_messages WHERE id = $1");
static DELETE_LEGS: Sql =
    Sql::new("DELETE FROM queue_legs WHERE id IN (SELECT r.id FROM {1: id i} AS r)");
static DELETE_RECIPIENTS: Sql = Sql::new("DELETE FROM queue_recipients WHERE message = $1");
static DELETE_ATTEMPTS: Sql = Sql::new("DELETE FROM queue_attempts WHERE message = $1");
static DELETE_MESSAGE: Sql = Sql::new("DELETE FROM queue_messages WHERE id = $1");
static LOCK_MESSAGES: Sql = Sql::new(
    "SELECT id FROM queue_messages WHERE id IN (SELECT r.id FROM {1: id i} AS r) ORDER BY id FOR UPDATE",
);

/// Two hosts that end the last two legs of a message must not each leave its end to the other.
async fn lock(
    transaction: &mut Transaction,
    messages: impl IntoIterator<Item = i64>,
) -> Result<()> {
    if transaction.dialect() == Dialect::Postgres {
        let messages = Rows::of_ints(messages);
        transaction
            .fetch(&LOCK_MESSAGES, vec![messages.into()])
            .await?;
    }
    Ok(())
}

/// Ends legs of a message that was locked, and the message with its last one.
async fn end_legs(transaction: &mut Transaction, message: i64, legs: &[i64]) -> Result<()> {
    let legs = Rows::of_ints(legs.iter().copied());
    transaction.execute(&DELETE_LEGS, vec![legs.into()]).await?;
    let left = transaction.fetch(&LEGS_LEFT, vec![message.into()]).await?;
    if left.first().map_or(Ok(0), |row| row.int(0))? > 0 {
        return Ok(());
    }
    let content = transaction.fetch(&CONTENT, vec![message.into()]).await?;
    for sql in [&DELETE_RECIPIENTS, &DELETE_ATTEMPTS, &DELETE_MESSAGE] {
        transaction.execute(sql, vec![Value::Int(message)]).await?;
    }
    if let Some(row) = content.first() {
        transaction.buffers.refs(BlobId(row.int(0)?), -1);
    }
    Ok(())
}
