//! Changes of app passwords, tokens and one-time codes.

use super::Operation;
use super::recovery;
use super::transaction::Transaction;
use crate::credentials::{CredentialKind, NewCredential, Scope};
use crate::database::{Row, Value};
use crate::statement::Sql;
use crate::{Error, Result};

static ACCOUNT_ID: Sql = Sql::new("SELECT id FROM accounts WHERE address = $1");
static INSERT: Sql = Sql::new(
    "INSERT INTO credentials (id, account, kind, name, hash, scopes, created, expires)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
static DELETE: Sql =
    Sql::new("DELETE FROM credentials WHERE id = $1 AND account = $2 AND kind = $3");
static SET_TOTP: Sql = Sql::new("UPDATE accounts SET totp = $2, totp_used = $3 WHERE id = $1");
// RFC 6238 §5.2: the second attempt with a code must be refused.
static USE_TOTP: Sql =
    Sql::new("UPDATE accounts SET totp_used = $2 WHERE address = $1 AND totp_used < $2");
/// What goes with an account, and with its last password.
pub(super) static DELETE_ALL: Sql = Sql::new("DELETE FROM credentials WHERE account = $1");

/// One change. Addresses are normal already.
#[derive(Debug)]
pub(crate) enum CredentialChange {
    Add {
        address: String,
        hash: Vec<u8>,
        new: NewCredential,
    },
    Remove {
        address: String,
        kind: CredentialKind,
        id: i64,
    },
    /// An empty secret wants no code.
    SetTotp {
        address: String,
        secret: Vec<u8>,
        /// Of the recovery codes that go with it.
        recovery: Vec<Vec<u8>>,
        /// The step whose code, and those before it, are used up already.
        used: i64,
    },
}

impl Operation for CredentialChange {
    /// The number of what was changed, and when.
    type Output = (i64, i64);

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<(i64, i64)> {
        let changed = match self {
            Self::Add { address, hash, new } => {
                let account = account(transaction, address).await?;
                let id = transaction.ids(1).await?;
                let scopes: Vec<&str> = new.scopes.iter().copied().map(Scope::as_str).collect();
                let values = vec![
                    id.into(),
                    account.into(),
                    new.kind.number().into(),
                    new.name.as_str().into(),
                    Value::Blob(hash.clone()),
                    scopes.join(" ").into(),
                    transaction.now.into(),
                    new.expires.unwrap_or(0).into(),
                ];
                transaction.execute(&INSERT, values).await?;
                id
            }
            Self::Remove { address, kind, id } => {
                let account = account(transaction, address).await?;
                let values = vec![(*id).into(), account.into(), kind.number().into()];
                if transaction.execute(&DELETE, values).await? == 0 {
                    return Err(Error::NoSuchCredential(*id));
                }
                *id
            }
            Self::SetTotp {
                address,
                secret,
                recovery,
                used,
            } => {
                let account = account(transaction, address).await?;
                let secret = Value::Blob(secret.clone());
                let values = vec![account.into(), secret, (*used).into()];
                transaction.execute(&SET_TOTP, values).await?;
                // Those of before were given out beside the secret of before.
                recovery::replace(transaction, account, recovery).await?;
                account
            }
        };
        transaction.change_directory().await?;
        Ok((changed, transaction.now))
    }
}

async fn account(transaction: &mut Transaction, address: &str) -> Result<i64> {
    let rows = transaction
        .fetch(&ACCOUNT_ID, vec![Value::from(address)])
        .await?;
    rows.first()
        .map(|row: &Row| row.int(0))
        .transpose()?
        .ok_or_else(|| Error::NoSuchAccount(address.to_owned()))
}

/// Uses up the codes of a step and of those before it. False: they are.
#[derive(Debug)]
pub(crate) struct UseTotp {
    pub(crate) address: String,
    pub(crate) step: i64,
}

impl Operation for UseTotp {
    type Output = bool;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<bool> {
        let values = vec![Value::from(self.address.as_str()), self.step.into()];
        Ok(transaction.execute(&USE_TOTP, values).await? > 0)
    }
}
