//! Changes of the keys that domains sign with.

use super::Operation;
use super::buffers::signed;
use super::transaction::Transaction;
use crate::database::Value;
use crate::statement::Sql;
use crate::{DomainKey, Error, Result};

// Locks the domain's row, too, so that of two hosts one waits and finds another version.
static TAKE_VERSION: Sql = Sql::new(
    "UPDATE domains SET keys_version = keys_version + 1 WHERE name = $1 AND keys_version = $2",
);
static DOMAIN_ID: Sql = Sql::new("SELECT id FROM domains WHERE name = $1");
static DELETE_KEYS: Sql = Sql::new("DELETE FROM domain_keys WHERE domain = $1");
static INSERT_KEY: Sql = Sql::new(
    "INSERT INTO domain_keys (domain, selector, algorithm, phase, record, secret) VALUES ($1, $2, $3, $4, $5, $6)",
);

/// Puts keys in the place of those of a version; false if they have another one.
#[derive(Debug)]
pub(crate) struct SetKeys {
    /// Normal already.
    pub(crate) domain: String,
    pub(crate) version: u64,
    pub(crate) keys: Vec<DomainKey>,
}

impl Operation for SetKeys {
    type Output = bool;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<bool> {
        let name = || vec![Value::from(self.domain.as_str())];
        let rows = transaction.fetch(&DOMAIN_ID, name()).await?;
        let row = rows.first();
        let id = row.ok_or_else(|| Error::NoSuchDomain(self.domain.clone()))?;
        let id = id.int(0)?;
        let taken = vec![self.domain.as_str().into(), signed(self.version).into()];
        if transaction.execute(&TAKE_VERSION, taken).await? == 0 {
            return Ok(false);
        }
        transaction.execute(&DELETE_KEYS, vec![id.into()]).await?;
        for key in &self.keys {
            let texts = [&key.selector, &key.algorithm, &key.phase, &key.record];
            let mut values = vec![Value::from(id)];
            values.extend(texts.map(|text| Value::from(text.as_str())));
            values.push(Value::Blob(key.secret.clone()));
            transaction.execute(&INSERT_KEY, values).await?;
        }
        transaction.change_directory().await?;
        Ok(true)
    }
}

/// Those of a domain that goes.
pub(super) async fn remove_all(transaction: &mut Transaction, domain: i64) -> Result<()> {
    let deleted = transaction.execute(&DELETE_KEYS, vec![domain.into()]);
    deleted.await.map(drop)
}
