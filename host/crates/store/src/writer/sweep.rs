//! Housekeeping: what has outlived its time.

use super::Operation;
use super::departures;
use super::push_subscriptions;
use super::rosters;
use super::transaction::Transaction;
use super::uploads;
use super::web_logins;
use crate::Result;
use crate::database::Value;
use crate::statement::{Rows, Sql};

/// Rows removed by one sweep statement; what is left goes with the next round.
const LIMIT: i64 = 5000;

static SWEEP_KV: Sql = Sql::new(
    "DELETE FROM kv WHERE (plugin, area, domain, kind, key) IN
     (SELECT plugin, area, domain, kind, key FROM kv WHERE expires > 0 AND expires <= $1 ORDER BY expires LIMIT $2)",
);
// Rows are in order of time by id, nearly; that saves an index.
static SWEEP_LEDGER: Sql = Sql::new(
    "DELETE FROM ledger WHERE id IN (SELECT o.id FROM (SELECT id, at FROM ledger ORDER BY id LIMIT $2) AS o WHERE o.at < $1)",
);
// Those in use are seen again every day.
static SWEEP_ROSTERS: Sql = Sql::new("DELETE FROM ledger_rosters WHERE seen < $1");
// With a clock that was set back, what is older is not what was removed first: the floor stays where it is then.
static FORGET_VANISHED: Sql = Sql::new(
    "UPDATE mailboxes SET vanished_floor = CASE WHEN o.modseq > vanished_floor THEN o.modseq ELSE vanished_floor END FROM (SELECT mailbox, max(modseq) AS modseq FROM vanished WHERE at < $1 GROUP BY mailbox) AS o
     WHERE mailboxes.id = o.mailbox",
);
static SWEEP_VANISHED: Sql = Sql::new("DELETE FROM vanished WHERE at < $1");
static SWEEP_METADATA_CHANGES: Sql = Sql::new("DELETE FROM metadata_changes WHERE at < $1");
static SWEPT_FILES: Sql =
    Sql::new("DELETE FROM garbage WHERE file IN (SELECT r.file FROM {1: file t} AS r)");

static SWEEP_AUDIT: Sql = Sql::new("DELETE FROM audit WHERE at < $1");

/// Removes what is older than the given moments, milliseconds of Unix time.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) ledger_before: i64,
    pub(crate) vanished_before: i64,
    pub(crate) uploads_before: i64,
    /// By their last use, and by their beginning.
    pub(crate) web_logins_before: [i64; 2],
    pub(crate) audit_before: i64,
}

impl Operation for Sweep {
    /// Whether there may be more to remove.
    type Output = bool;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<bool> {
        let now = transaction.now;
        let kv = transaction
            .execute(&SWEEP_KV, vec![now.into(), LIMIT.into()])
            .await?;
        let ledger = transaction
            .execute(&SWEEP_LEDGER, vec![self.ledger_before.into(), LIMIT.into()])
            .await?;
        let rosters_before = self.ledger_before.saturating_sub(2 * rosters::FRESH);
        transaction
            .execute(&SWEEP_ROSTERS, vec![rosters_before.into()])
            .await?;
        // No session is that late: each looks whenever it is woken and with each command.
        transaction
            .execute(&SWEEP_METADATA_CHANGES, vec![self.vanished_before.into()])
            .await?;
        transaction
            .execute(&SWEEP_AUDIT, vec![self.audit_before.into()])
            .await?;
        departures::sweep(transaction, self.vanished_before).await?;
        super::records::sweep(transaction, self.vanished_before).await?;
        uploads::remove_old(transaction, self.uploads_before).await?;
        web_logins::sweep(transaction, self.web_logins_before).await?;
        push_subscriptions::sweep(transaction).await?;
        super::answers::sweep(transaction).await?;
        if transaction
            .execute(&FORGET_VANISHED, vec![self.vanished_before.into()])
            .await?
            > 0
        {
            transaction
                .execute(&SWEEP_VANISHED, vec![self.vanished_before.into()])
                .await?;
        }
        Ok(kv.max(ledger) >= LIMIT.unsigned_abs())
    }
}

/// Forgets files that were removed from the blob directory.
#[derive(Debug)]
pub(crate) struct Swept(pub(crate) Vec<String>);

impl Operation for Swept {
    type Output = ();

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let mut files = Rows::default();
        for file in &self.0 {
            files.row().str(file);
        }
        transaction
            .execute(&SWEPT_FILES, vec![Value::from(files)])
            .await?;
        Ok(())
    }
}
