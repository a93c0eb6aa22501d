//! What accounts and domains keep.

use std::time::Instant;

use crate::statement::Sql;
use crate::{AccountId, Database, Error, Result, Store};

static ACCOUNT_USAGE: Sql =
    Sql::new("SELECT used_bytes, used_messages FROM accounts WHERE id = $1");
static DOMAIN_USAGE: Sql = Sql::new("SELECT used_bytes, used_messages FROM domains WHERE id = $1");

/// How much is kept. A message copied into two mailboxes counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Bytes of message content.
    pub bytes: u64,
    /// Messages.
    pub messages: u64,
}

impl Store {
    /// What an account keeps. From memory as a rule: exact on SQLite; on PostgreSQL what other hosts stored is seen
    /// after [`crate::StoreConfig::staleness`].
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn usage(&self, account: AccountId) -> Result<Usage> {
        let alone = matches!(self.inner.config.database, Database::Sqlite(_));
        let known = self.inner.shared.account_usage(account);
        if let Some((usage, _)) = known.filter(|(_, at)| alone || self.is_fresh(*at)) {
            return Ok(usage);
        }
        let row = self
            .inner
            .readers
            .fetch_one(&ACCOUNT_USAGE, vec![account.0.into()])
            .await?;
        let row = row.ok_or_else(|| Error::NoSuchAccount(account.to_string()))?;
        let usage = Usage {
            bytes: row.natural(0)?,
            messages: row.natural(1)?,
        };
        self.inner
            .shared
            .read_account_usage(account, usage, known.map(|(_, at)| at));
        Ok(usage)
    }

    /// What all accounts of a domain keep. From memory as a rule, read anew after [`crate::StoreConfig::staleness`].
    ///
    /// # Errors
    /// `NoSuchDomain`.
    pub async fn domain_usage(&self, name: &str) -> Result<Usage> {
        let missing = || Error::NoSuchDomain(name.chars().take(300).collect());
        let domain = self
            .inner
            .directory
            .domain(name)
            .await?
            .ok_or_else(missing)?
            .id;
        if let Some((usage, _)) = self
            .inner
            .shared
            .domain_usage(domain)
            .filter(|(_, at)| self.is_fresh(*at))
        {
            return Ok(usage);
        }
        let row = self
            .inner
            .readers
            .fetch_one(&DOMAIN_USAGE, vec![domain.0.into()])
            .await?
            .ok_or_else(missing)?;
        let usage = Usage {
            bytes: row.natural(0)?,
            messages: row.natural(1)?,
        };
        self.inner.shared.read_domain_usage(domain, usage);
        Ok(usage)
    }

    fn is_fresh(&self, at: Instant) -> bool {
        at.elapsed() < self.inner.config.staleness
    }
}
