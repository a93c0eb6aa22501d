//! Changes of recovery codes.

use std::net::IpAddr;

use super::Operation;
use super::administration::Begin;
use super::transaction::Transaction;
use crate::audit::AuditEntry;
use crate::database::Value;
use crate::statement::Sql;
use crate::{AccountId, Error, Result};

static ACCOUNT: Sql = Sql::new("SELECT id, totp FROM accounts WHERE address = $1");
static INSERT: Sql = Sql::new("INSERT INTO recovery_codes (account, hash) VALUES ($1, $2)");
static USE: Sql = Sql::new("DELETE FROM recovery_codes WHERE account = $1 AND hash = $2");
static COUNT: Sql = Sql::new("SELECT count(*) FROM recovery_codes WHERE account = $1");
/// What goes with an account, and with its secret of one-time codes.
pub(super) static DELETE_ALL: Sql = Sql::new("DELETE FROM recovery_codes WHERE account = $1");

/// New codes in the place of those before.
#[derive(Debug)]
pub(crate) struct MakeRecoveryCodes {
    pub(crate) address: String,
    pub(crate) hashes: Vec<Vec<u8>>,
}

impl Operation for MakeRecoveryCodes {
    /// False: the account wants no one-time code.
    type Output = bool;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<bool> {
        let values = vec![Value::from(self.address.as_str())];
        let rows = transaction.fetch(&ACCOUNT, values).await?;
        let Some(row) = rows.first() else {
            return Err(Error::NoSuchAccount(self.address.clone()));
        };
        if row.bytes(1)?.is_empty() {
            return Ok(false);
        }
        replace(transaction, row.int(0)?, &self.hashes).await?;
        transaction.change_directory().await?;
        Ok(true)
    }
}

/// Puts codes in the place of all that an account has.
pub(super) async fn replace(
    transaction: &mut Transaction,
    account: i64,
    hashes: &[Vec<u8>],
) -> Result<()> {
    let values = vec![account.into()];
    transaction.execute(&DELETE_ALL, values).await?;
    for hash in hashes {
        let values = vec![account.into(), Value::Blob(hash.clone())];
        transaction.execute(&INSERT, values).await?;
    }
    Ok(())
}

/// Uses a code up, and writes that down where administrators look. False: it is.
#[derive(Debug)]
pub(crate) struct UseRecoveryCode {
    pub(crate) account: AccountId,
    pub(crate) address: String,
    pub(crate) hash: Vec<u8>,
    /// Who logs in with it.
    pub(crate) client: Option<IpAddr>,
}

impl Operation for UseRecoveryCode {
    type Output = bool;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<bool> {
        let account = self.account.0;
        let values = vec![account.into(), Value::Blob(self.hash.clone())];
        if transaction.execute(&USE, values).await? == 0 {
            return Ok(false);
        }
        let rows = transaction.fetch(&COUNT, vec![account.into()]).await?;
        let left = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(0);
        let entry = AuditEntry {
            who: self.address.clone(),
            origin: self
                .client
                .map_or_else(|| "login".to_owned(), |client| client.to_string()),
            action: "recovery-code-use".to_owned(),
            subject: self.address.clone(),
            detail: format!("{{\"left\":{left}}}"),
        };
        Begin::done(entry, transaction).await?;
        transaction.change_directory().await?;
        Ok(true)
    }
}
