//! Changes of the search index.

use super::Operation;
use super::transaction::Transaction;
use crate::database::Value;
use crate::statement::Sql;
use crate::{AccountId, MailboxId, Result, TextPackChange, UidRange};

/// Packs that are forgotten with one commit.
const LIMIT: i64 = 500;

// Those of other versions, too: none may overlap another.
static ABOUT: Sql = Sql::new(
    "SELECT first, last FROM text_packs WHERE mailbox = $1 AND first <= $2 AND last >= $3 ORDER BY first",
);
static DELETE: Sql =
    Sql::new("DELETE FROM text_packs WHERE mailbox = $1 AND first <= $2 AND last >= $3");
static INSERT: Sql = Sql::new(
    "INSERT INTO text_packs (mailbox, first, last, version, messages, octets) VALUES ($1, $2, $3, $4, $5, $6)",
);
static FORGET: Sql = Sql::new("DELETE FROM text_packs WHERE mailbox = $1");
static FORGET_OLDER: Sql = Sql::new(
    "DELETE FROM text_packs WHERE (mailbox, first) IN (SELECT mailbox, first FROM text_packs WHERE version < $1 LIMIT $2)",
);

/// Puts a pack in the place of others.
#[derive(Debug)]
pub(crate) struct Put(pub(crate) TextPackChange);

impl Put {
    /// The UIDs that the change is about.
    fn span(&self) -> Option<UidRange> {
        let pack = self.0.pack.iter().map(|pack| pack.outline.uids);
        let all = self.0.replaced.iter().copied().chain(pack);
        all.reduce(|one, other| UidRange {
            first: one.first.min(other.first),
            last: one.last.max(other.last),
        })
    }
}

impl Operation for Put {
    type Output = bool;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.0.account]
    }

    fn weight(&self) -> usize {
        self.0.pack.as_ref().map_or(0, |pack| pack.octets.len())
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<bool> {
        let account = transaction.heads.account(self.0.account)?;
        account.mailbox(self.0.mailbox)?;
        let Some(span) = self.span() else {
            return Ok(true);
        };
        let mailbox = Value::from(self.0.mailbox.0);
        let about = vec![
            mailbox.clone(),
            i64::from(span.last).into(),
            i64::from(span.first).into(),
        ];
        let mut there = Vec::new();
        for row in transaction.fetch(&ABOUT, about.clone()).await? {
            there.push(UidRange {
                first: row.number(0)?,
                last: row.number(1)?,
            });
        }
        if there != self.0.replaced {
            return Ok(false);
        }
        transaction.check_room(self.weight()).await?;
        transaction.execute(&DELETE, about).await?;
        if let Some(pack) = &self.0.pack {
            let uids = pack.outline.uids;
            let values = vec![
                mailbox,
                i64::from(uids.first).into(),
                i64::from(uids.last).into(),
                self.0.version.into(),
                i64::from(pack.outline.messages).into(),
                Value::Blob(pack.octets.to_vec()),
            ];
            transaction.execute(&INSERT, values).await?;
        }
        Ok(true)
    }
}

/// Forgets all packs of a mailbox.
#[derive(Debug)]
pub(crate) struct Forget {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
}

impl Operation for Forget {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let account = transaction.heads.account(self.account)?;
        account.mailbox(self.mailbox)?;
        forget(transaction, self.mailbox).await
    }
}

/// Forgets all packs of a mailbox.
pub(super) async fn forget(transaction: &mut Transaction, mailbox: MailboxId) -> Result<()> {
    transaction.execute(&FORGET, vec![mailbox.0.into()]).await?;
    Ok(())
}

/// Forgets packs that were made in a way that is not understood any more.
#[derive(Debug)]
pub(crate) struct ForgetOlder {
    pub(crate) version: i64,
}

impl Operation for ForgetOlder {
    /// Whether there may be more of them.
    type Output = bool;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<bool> {
        let arguments = vec![self.version.into(), LIMIT.into()];
        Ok(transaction.execute(&FORGET_OLDER, arguments).await? >= LIMIT.unsigned_abs())
    }
}
