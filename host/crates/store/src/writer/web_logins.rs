//! Changes of logins by cookie.

use super::Operation;
use super::transaction::Transaction;
use crate::database::Value;
use crate::statement::Sql;
use crate::web_logins::MAX_WEB_LOGINS;
use crate::{AccountId, Error, Result, SecretId};

static INSERT: Sql = Sql::new(
    "INSERT INTO web_logins (id, account, hash, created, used, client, agent) VALUES ($1, $2, $3, $4, $4, $5, $6)",
);
static MAKE_ROOM: Sql = Sql::new(
    "DELETE FROM web_logins WHERE account = $1 AND id NOT IN
     (SELECT id FROM web_logins WHERE account = $1 ORDER BY used DESC, id DESC LIMIT $2)",
);
static TOUCH: Sql = Sql::new("UPDATE web_logins SET used = $2 WHERE id = $1 AND used < $2");
static END_ONE: Sql = Sql::new("DELETE FROM web_logins WHERE account = $1 AND id = $2");
static END_OTHERS: Sql = Sql::new("DELETE FROM web_logins WHERE account = $1 AND id <> $2");
/// What goes with an account, and with its password.
pub(super) static END_ALL: Sql = Sql::new("DELETE FROM web_logins WHERE account = $1");
static SWEEP: Sql = Sql::new("DELETE FROM web_logins WHERE used < $1 OR created < $2");

static PASSWORD: Sql = Sql::new("SELECT password FROM accounts WHERE id = $1");

/// A login begins.
#[derive(Debug)]
pub(crate) struct BeginWebLogin {
    pub(crate) account: AccountId,
    /// The account's own password as it was when it was shown.
    pub(crate) password: SecretId,
    pub(crate) hash: Vec<u8>,
    pub(crate) client: String,
    pub(crate) agent: String,
}

impl Operation for BeginWebLogin {
    /// Its number, and when.
    type Output = (i64, i64);

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<(i64, i64)> {
        transaction.heads.account(self.account)?;
        // Logins end with the password: one that was under way when it was changed would not.
        let rows = transaction.fetch(&PASSWORD, vec![self.account.0.into()]);
        let rows = rows.await?;
        let now = rows.first().map(|row| row.text(0)).transpose()?;
        if now.is_none_or(|now| SecretId::of_password(&now) != self.password) {
            return Err(Error::NotAllowed("the password was changed"));
        }
        let id = transaction.ids(1).await?;
        let now = transaction.now;
        let values = vec![
            id.into(),
            self.account.0.into(),
            Value::Blob(self.hash.clone()),
            now.into(),
            self.client.as_str().into(),
            self.agent.as_str().into(),
        ];
        transaction.execute(&INSERT, values).await?;
        let values = vec![self.account.0.into(), MAX_WEB_LOGINS.into()];
        transaction.execute(&MAKE_ROOM, values).await?;
        Ok((id, now))
    }
}

/// A login was used.
#[derive(Debug)]
pub(crate) struct TouchWebLogin {
    pub(crate) id: i64,
}

impl Operation for TouchWebLogin {
    type Output = ();

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let values = vec![self.id.into(), transaction.now.into()];
        transaction.execute(&TOUCH, values).await?;
        Ok(())
    }
}

/// Of an account's logins, these.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    One(i64),
    AllBut(i64),
}

/// Logins end.
#[derive(Debug)]
pub(crate) struct EndWebLogins {
    pub(crate) account: AccountId,
    pub(crate) which: Which,
}

impl Operation for EndWebLogins {
    /// How many.
    type Output = u64;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<u64> {
        let (sql, id) = match self.which {
            Which::One(id) => (&END_ONE, id),
            Which::AllBut(id) => (&END_OTHERS, id),
        };
        let values = vec![self.account.0.into(), id.into()];
        transaction.execute(sql, values).await
    }
}

/// Forgets those that have ended by themselves.
pub(super) async fn sweep(transaction: &mut Transaction, [used, created]: [i64; 2]) -> Result<()> {
    let values = vec![used.into(), created.into()];
    transaction.execute(&SWEEP, values).await?;
    Ok(())
}
