//! Records of an account: kept, changed, removed; and with them what was queued, called back.

use super::Operation;
use super::buffers::signed;
use super::deliver::{Accepted, DeliverAll};
use super::queue::operate::Operate;
use super::transaction::Transaction;
use crate::queue::QueueAction;
use crate::records::{NewRecord, Recalled, RecordChange, RecordKind};
use crate::statement::Sql;
use crate::{AccountId, Error, Result};

static RECORD: Sql =
    Sql::new("SELECT id FROM records WHERE account = $1 AND kind = $2 AND id = $3 AND gone = 0");
static HERE: Sql = Sql::new(
    "SELECT id FROM records WHERE account = $1 AND kind = $2 AND gone = 0 ORDER BY created",
);
static PUT: Sql = Sql::new(
    "INSERT INTO records (account, kind, id, created, changed, gone, at, value) VALUES ($1, $2, $3, $4, $4, 0, $5, $6)
     ON CONFLICT (account, kind, id) DO UPDATE SET changed = excluded.changed, at = excluded.at, value = excluded.value, gone = 0,
     created = CASE WHEN records.gone = 1 THEN excluded.created ELSE records.created END",
);
static REMOVE: Sql = Sql::new(
    "UPDATE records SET gone = 1, changed = $4, at = $5, value = '' WHERE account = $1 AND kind = $2 AND id = $3 AND gone = 0",
);
static REMOVE_ALL: Sql = Sql::new("DELETE FROM records WHERE account = $1");
static FORGET: Sql = Sql::new(
    "DELETE FROM records WHERE gone = 1 AND at < $1 AND changed <= (SELECT a.departed_floor FROM accounts a WHERE a.id = records.account)",
);
static LEGS: Sql = Sql::new(
    "SELECT l.id, l.lease, l.attempts, l.state FROM queue_messages m JOIN queue_legs l ON l.message = m.id WHERE m.queue_id = $1",
);
static TRIED: Sql = Sql::new(
    "SELECT count(*) FROM queue_messages m JOIN queue_recipients q ON q.message = m.id WHERE m.queue_id = $1 AND q.state <> 0",
);

/// A record to be kept.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) record: NewRecord,
}

impl Operation for Put {
    type Output = Option<RecordChange>;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.record.account]
    }

    fn weight(&self) -> usize {
        self.record.value.len()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Option<RecordChange>> {
        let NewRecord {
            account, kind, id, ..
        } = self.record;
        let before = transaction.heads.account(account)?.modseq;
        let key = || vec![account.0.into(), kind.code().into(), id.into()];
        let known = !transaction.fetch(&RECORD, key()).await?.is_empty();
        if !known && !self.make_room(transaction).await? {
            return Ok(None);
        }
        let modseq = transaction.heads.account(account)?.next_modseq();
        let mut values = key();
        values.extend([
            signed(modseq).into(),
            transaction.now.into(),
            self.record.value.as_str().into(),
        ]);
        transaction.execute(&PUT, values).await?;
        if kind == RecordKind::Vacation {
            transaction.change_vacations().await?;
        }
        Ok(Some(RecordChange {
            before,
            after: modseq,
        }))
    }
}

impl Put {
    /// Whether there can be one more; the oldest go, where they do.
    async fn make_room(&self, transaction: &mut Transaction) -> Result<bool> {
        let NewRecord { account, kind, .. } = self.record;
        let values = vec![account.0.into(), kind.code().into()];
        let rows = transaction.fetch(&HERE, values).await?;
        let over = (rows.len() + 1).saturating_sub(kind.most());
        if over > 0 && !kind.oldest_go() {
            return Ok(false);
        }
        for row in rows.iter().take(over) {
            remove(transaction, account, kind, row.int(0)?).await?;
        }
        Ok(true)
    }
}

async fn remove(
    transaction: &mut Transaction,
    account: AccountId,
    kind: RecordKind,
    id: i64,
) -> Result<u64> {
    let modseq = transaction.heads.account(account)?.next_modseq();
    let values = vec![
        account.0.into(),
        kind.code().into(),
        id.into(),
        signed(modseq).into(),
        transaction.now.into(),
    ];
    transaction.execute(&REMOVE, values).await?;
    if kind == RecordKind::Vacation {
        transaction.change_vacations().await?;
    }
    Ok(modseq)
}

/// A record to be removed.
#[derive(Debug)]
pub(crate) struct Remove {
    pub(crate) account: AccountId,
    pub(crate) kind: RecordKind,
    pub(crate) id: i64,
}

impl Operation for Remove {
    type Output = Option<RecordChange>;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Option<RecordChange>> {
        let before = transaction.heads.account(self.account)?.modseq;
        let key = vec![
            self.account.0.into(),
            self.kind.code().into(),
            self.id.into(),
        ];
        if transaction.fetch(&RECORD, key).await?.is_empty() {
            return Ok(None);
        }
        let after = remove(transaction, self.account, self.kind, self.id).await?;
        Ok(Some(RecordChange { before, after }))
    }
}

/// What is stored and queued, with the record that tells of it: both or neither.
#[derive(Debug)]
pub(crate) struct Submit {
    pub(crate) all: DeliverAll,
    pub(crate) put: Put,
}

impl Operation for Submit {
    type Output = Accepted;

    fn accounts(&self) -> Vec<AccountId> {
        let mut accounts = self.all.accounts();
        accounts.extend(self.put.accounts());
        accounts
    }

    fn weight(&self) -> usize {
        self.all.weight() + self.put.weight()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Accepted> {
        let checked = self.all.check(transaction)?;
        transaction.heads.account(self.put.record.account)?;
        self.put.apply(transaction).await?;
        self.all.write(transaction, checked).await
    }

    fn settle(&mut self, outcome: Result<(), &Error>, unknown: bool) {
        self.all.settle(outcome, unknown);
    }
}

/// What was queued is called back.
#[derive(Debug)]
pub(crate) struct Recall {
    pub(crate) queue_id: String,
    pub(crate) put: Put,
}

impl Operation for Recall {
    type Output = Recalled;

    fn accounts(&self) -> Vec<AccountId> {
        self.put.accounts()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Recalled> {
        transaction.heads.account(self.put.record.account)?;
        let id = || vec![self.queue_id.as_str().into()];
        let tried = transaction.fetch(&TRIED, id()).await?;
        let tried = tried.first().map_or(Ok(0), |row| row.int(0))?;
        let rows = transaction.fetch(&LEGS, id()).await?;
        let mut legs = Vec::with_capacity(rows.len());
        for row in &rows {
            // Whoever has a lease is at it.
            if row.int(1)? != 0 || row.int(2)? != 0 {
                return Ok(Recalled::No);
            }
            legs.push(row.int(0)?);
        }
        if tried != 0 || legs.is_empty() {
            return Ok(Recalled::No);
        }
        let mut operate = Operate {
            action: QueueAction::Remove,
            legs,
        };
        operate.apply(transaction).await?;
        match self.put.apply(transaction).await? {
            Some(change) => Ok(Recalled::Yes(change)),
            None => Err(Error::Corrupt(
                "a record has no room for its change".to_owned(),
            )),
        }
    }
}

/// Those of an account that goes.
pub(super) async fn remove_all(transaction: &mut Transaction, account: AccountId) -> Result<()> {
    transaction
        .execute(&REMOVE_ALL, vec![account.0.into()])
        .await?;
    Ok(())
}

/// Forgets what was destroyed before a moment, and before what can be asked about.
pub(super) async fn sweep(transaction: &mut Transaction, before: i64) -> Result<()> {
    transaction.execute(&FORGET, vec![before.into()]).await?;
    Ok(())
}
