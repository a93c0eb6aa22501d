//! Changes of the tokens of administration, and the rows of the audit log.

use super::Operation;
use super::transaction::Transaction;
use crate::admin_tokens::MAX_TOKENS;
use crate::audit::AuditEntry;
use crate::database::Value;
use crate::statement::Sql;
use crate::{Error, Result};

static COUNT: Sql = Sql::new("SELECT count(*) FROM admin_tokens");
static NAMED: Sql = Sql::new("SELECT id FROM admin_tokens WHERE name = $1");
static INSERT: Sql = Sql::new(
    "INSERT INTO admin_tokens (id, name, hash, scopes, created, expires) VALUES ($1, $2, $3, $4, $5, $6)",
);
static DELETE: Sql = Sql::new("DELETE FROM admin_tokens WHERE id = $1");
static BEGIN: Sql = Sql::new(
    "INSERT INTO audit (id, at, who, origin, action, subject, detail, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7, '')",
);
static END: Sql = Sql::new("UPDATE audit SET outcome = $2 WHERE id = $1");

/// One change of the tokens.
#[derive(Debug)]
pub(crate) enum TokenChange {
    Add {
        name: String,
        hash: Vec<u8>,
        scopes: String,
        expires: i64,
    },
    Remove {
        id: i64,
    },
}

impl Operation for TokenChange {
    /// The number of what was changed, and when.
    type Output = (i64, i64);

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<(i64, i64)> {
        match self {
            Self::Add {
                name,
                hash,
                scopes,
                expires,
            } => {
                let named = vec![Value::from(name.as_str())];
                if !transaction.fetch(&NAMED, named).await?.is_empty() {
                    return Err(Error::AlreadyExists(format!("a token called {name}")));
                }
                let rows = transaction.fetch(&COUNT, Vec::new()).await?;
                let count = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(0);
                if count >= MAX_TOKENS {
                    let number = |count: i64| usize::try_from(count).unwrap_or(usize::MAX);
                    return Err(Error::TooLarge {
                        what: "number of tokens",
                        size: number(count + 1),
                        limit: number(MAX_TOKENS),
                    });
                }
                let id = transaction.ids(1).await?;
                let values = vec![
                    id.into(),
                    name.as_str().into(),
                    Value::Blob(hash.clone()),
                    scopes.as_str().into(),
                    transaction.now.into(),
                    (*expires).into(),
                ];
                transaction.execute(&INSERT, values).await?;
                Ok((id, transaction.now))
            }
            Self::Remove { id } => {
                if transaction.execute(&DELETE, vec![(*id).into()]).await? == 0 {
                    return Err(Error::NoSuchToken(*id));
                }
                Ok((*id, transaction.now))
            }
        }
    }
}

/// A change that is about to be made.
#[derive(Debug)]
pub(crate) struct Begin(pub(crate) AuditEntry);

impl Operation for Begin {
    /// Its number, and when.
    type Output = (i64, i64);

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<(i64, i64)> {
        let id = transaction.ids(1).await?;
        let Self(entry) = self;
        let texts = [
            &entry.who,
            &entry.origin,
            &entry.action,
            &entry.subject,
            &entry.detail,
        ];
        let mut values = vec![id.into(), transaction.now.into()];
        values.extend(texts.map(|text| Value::from(text.as_str())));
        transaction.execute(&BEGIN, values).await?;
        Ok((id, transaction.now))
    }
}

impl Begin {
    /// Writes down what is done by the same commit.
    pub(super) async fn done(entry: AuditEntry, transaction: &mut Transaction) -> Result<()> {
        let (id, _) = Self(entry).apply(transaction).await?;
        let outcome = "done".to_owned();
        End { id, outcome }.apply(transaction).await
    }
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) id: i64,
    pub(crate) outcome: String,
}

impl Operation for End {
    type Output = ();

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let values = vec![self.id.into(), self.outcome.as_str().into()];
        transaction.execute(&END, values).await?;
        Ok(())
    }
}
