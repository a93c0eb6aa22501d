//! What is owed gets a leg of its own: reports of some recipients do not wait for the others, nor go with them.

use super::super::transaction::Transaction;
use crate::Result;
use crate::statement::Sql;

static COUNTS: Sql = Sql::new(
    "SELECT count(CASE WHEN state = 0 THEN 1 END), count(CASE WHEN state <> 0 AND owed <> '' THEN 1 END)
     FROM queue_recipients WHERE message = $1 AND leg = $2",
);
static LEG: Sql = Sql::new(
    "INSERT INTO queue_legs (id, message, destination, lane, state, due, lease, owner, attempts, delayed, tried, said)
     SELECT $2, message, destination, lane, 0, $3, 0, '', 0, 0, tried, said FROM queue_legs WHERE id = $1",
);
static MOVE: Sql = Sql::new(
    "UPDATE queue_recipients SET leg = $3 WHERE message = $1 AND leg = $2 AND state <> 0 AND owed <> ''",
);
// There is nothing to hold back where nobody is sent to.
static FREE: Sql = Sql::new("UPDATE queue_legs SET state = 0 WHERE id = $1 AND state = 1");

/// What a leg is left with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Recipients that are open.
    Open,
    /// Reports only.
    Owed,
    /// Nothing: it ends.
    Nothing,
}

/// Parts what is owed of a leg from who is open: it is told at a moment (milliseconds of Unix time), by a leg of its own that
/// operators and policy neither hold nor remove.
pub(super) async fn part(
    transaction: &mut Transaction,
    message: i64,
    leg: i64,
    tell_at: i64,
) -> Result<Left> {
    let values = vec![message.into(), leg.into()];
    let rows = transaction.fetch(&COUNTS, values).await?;
    let count = |column| rows.first().map_or(Ok(0), |row| row.int(column));
    match (count(0)?, count(1)?) {
        (0, 0) => Ok(Left::Nothing),
        (0, _) => {
            transaction.execute(&FREE, vec![leg.into()]).await?;
            Ok(Left::Owed)
        }
        (_, 0) => Ok(Left::Open),
        _ => {
            let own = transaction.ids(1).await?;
            let values = vec![leg.into(), own.into(), tell_at.into()];
            transaction.execute(&LEG, values).await?;
            let values = vec![message.into(), leg.into(), own.into()];
            transaction.execute(&MOVE, values).await?;
            Ok(Left::Open)
        }
    }
}
