//! Changes of domains, accounts and aliases.

use super::Operation;
use super::answers::FORGET_ALL;
use super::buffers::signed;
use super::credentials::DELETE_ALL;
use super::departures::DELETE_DEPARTURES;
use super::heads::AccountHead;
use super::import::FORGET_ACCOUNT;
use super::push_subscriptions::DELETE_PUSH;
use super::recovery;
use super::transaction::Transaction;
use super::web_logins::END_ALL;
use crate::accounts::{DEFAULT_MAILBOXES, MtaSts, Secrets, quota_values, sts_values};
use crate::database::{Row, Value};
use crate::statement::Sql;
use crate::{Account, AccountId, Domain, DomainId, Error, MailboxId, Quota, Result, Usage};

static DOMAIN_ID: Sql = Sql::new("SELECT id FROM domains WHERE name = $1");
static ACCOUNT_ID: Sql = Sql::new("SELECT id FROM accounts WHERE address = $1");
static TAKEN: Sql = Sql::new(
    "SELECT (SELECT count(*) FROM accounts WHERE address = $1) + (SELECT count(*) FROM aliases WHERE address = $1)",
);
static IN_USE: Sql = Sql::new(
    "SELECT (SELECT count(*) FROM accounts WHERE domain = $1) + (SELECT count(*) FROM aliases WHERE domain = $1)",
);
static INSERT_DOMAIN: Sql = Sql::new(
    "INSERT INTO domains (id, name, created, quota_bytes, quota_messages) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
);
static DELETE_DOMAIN: Sql = Sql::new("DELETE FROM domains WHERE id = $1");
static DOMAIN_QUOTA: Sql =
    Sql::new("UPDATE domains SET quota_bytes = $2, quota_messages = $3 WHERE name = $1");
static DOMAIN_STS: Sql =
    Sql::new("UPDATE domains SET sts_mode = $2, sts_max_age = $3 WHERE name = $1");
static INSERT_ACCOUNT: Sql = Sql::new(
    "INSERT INTO accounts (id, domain, address, password, created, quota_bytes, quota_messages, scram)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
);
static ACCOUNT_QUOTA: Sql =
    Sql::new("UPDATE accounts SET quota_bytes = $2, quota_messages = $3 WHERE address = $1");
static ACCOUNT_PASSWORD: Sql =
    Sql::new("UPDATE accounts SET password = $2, scram = $3 WHERE address = $1");
// The password may have changed since its hash was read.
static ACCOUNT_SCRAM: Sql =
    Sql::new("UPDATE accounts SET scram = $3 WHERE address = $1 AND password = $2 AND scram = ''");
static DELETE_ACCOUNT: Sql = Sql::new("DELETE FROM accounts WHERE id = $1");
static DELETE_MAILBOXES: Sql = Sql::new("DELETE FROM mailboxes WHERE account = $1");
static DELETE_VANISHED: Sql =
    Sql::new("DELETE FROM vanished WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = $1)");
static DELETE_SUBSCRIPTIONS: Sql = Sql::new("DELETE FROM subscriptions WHERE account = $1");
static SUBTRACT_USAGE: Sql = Sql::new(
    "UPDATE domains SET used_bytes = used_bytes - $2, used_messages = used_messages - $3 WHERE id = $1",
);
// The UIDVALIDITY above which new accounts begin: an address that comes back must not repeat one that it had.
static KEEP_UID_VALIDITY: Sql = Sql::new(
    "INSERT INTO sequences (name, next) VALUES ('uid_validity', $1)
     ON CONFLICT (name) DO UPDATE SET next = excluded.next WHERE sequences.next < excluded.next",
);
static LAST_UID_VALIDITY: Sql = Sql::new("SELECT next FROM sequences WHERE name = 'uid_validity'");
static INSERT_ALIAS: Sql = Sql::new(
    "INSERT INTO aliases (address, domain, targets) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
);
static DELETE_ALIAS: Sql = Sql::new("DELETE FROM aliases WHERE address = $1");
static SUBSCRIBE: Sql =
    Sql::new("INSERT INTO subscriptions (account, path) VALUES ($1, $2) ON CONFLICT DO NOTHING");

/// One change of the directory. Names are normal already.
#[derive(Debug)]
pub(crate) enum DirectoryChange {
    AddDomain {
        name: String,
    },
    RemoveDomain {
        name: String,
    },
    SetDomainQuota {
        name: String,
        quota: Quota,
    },
    SetMtaSts {
        name: String,
        policy: Option<MtaSts>,
    },
    AddAccount {
        address: String,
        secrets: Secrets,
        quota: Quota,
    },
    SetQuota {
        address: String,
        quota: Quota,
    },
    SetPassword {
        address: String,
        secrets: Secrets,
    },
    /// Adds the keys for SCRAM to a password that has none yet.
    AddScram {
        address: String,
        secrets: Secrets,
    },
    AddAlias {
        address: String,
        targets: String,
    },
    RemoveAlias {
        address: String,
    },
}

/// What a change made.
#[derive(Debug)]
pub(crate) enum Made {
    Nothing,
    Domain(Domain),
    Account(Account),
}

impl Operation for DirectoryChange {
    type Output = Made;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Made> {
        let made = match self {
            DirectoryChange::AddDomain { name } => {
                Made::Domain(add_domain(transaction, name).await?)
            }
            DirectoryChange::RemoveDomain { name } => {
                remove_domain(transaction, name).await?;
                Made::Nothing
            }
            DirectoryChange::SetDomainQuota { name, quota } => {
                let [bytes, messages] = quota_values(*quota);
                let values = vec![Value::from(name.as_str()), bytes, messages];
                must_change(transaction, &DOMAIN_QUOTA, values, || {
                    Error::NoSuchDomain(name.clone())
                })
                .await?
            }
            DirectoryChange::SetMtaSts { name, policy } => {
                let [mode, max_age] = sts_values(*policy);
                let values = vec![Value::from(name.as_str()), mode, max_age];
                must_change(transaction, &DOMAIN_STS, values, || {
                    Error::NoSuchDomain(name.clone())
                })
                .await?
            }
            DirectoryChange::AddAccount {
                address,
                secrets,
                quota,
            } => Made::Account(add_account(transaction, address, secrets, *quota).await?),
            DirectoryChange::SetQuota { address, quota } => {
                let [bytes, messages] = quota_values(*quota);
                let values = vec![Value::from(address.as_str()), bytes, messages];
                must_change(transaction, &ACCOUNT_QUOTA, values, || {
                    Error::NoSuchAccount(address.clone())
                })
                .await?
            }
            DirectoryChange::SetPassword { address, secrets } => {
                close(transaction, address, secrets.hash.is_empty()).await?;
                let values = secret_values(address, secrets);
                must_change(transaction, &ACCOUNT_PASSWORD, values, || {
                    Error::NoSuchAccount(address.clone())
                })
                .await?
            }
            DirectoryChange::AddScram { address, secrets } => {
                let values = secret_values(address, secrets);
                transaction.execute(&ACCOUNT_SCRAM, values).await?;
                Made::Nothing
            }
            DirectoryChange::AddAlias { address, targets } => {
                add_alias(transaction, address, targets).await?;
                Made::Nothing
            }
            DirectoryChange::RemoveAlias { address } => {
                let values = vec![Value::from(address.as_str())];
                must_change(transaction, &DELETE_ALIAS, values, || {
                    Error::NoSuchAlias(address.clone())
                })
                .await?
            }
        };
        transaction.change_directory().await?;
        Ok(made)
    }
}

/// Nobody is logged in any more by the password of before; without another one, nothing that stands for it is left.
async fn close(transaction: &mut Transaction, address: &str, for_good: bool) -> Result<()> {
    if let Some(id) = find(transaction, &ACCOUNT_ID, address).await? {
        transaction.execute(&END_ALL, vec![id.into()]).await?;
        if for_good {
            transaction.execute(&DELETE_ALL, vec![id.into()]).await?;
        }
    }
    Ok(())
}

fn secret_values(address: &str, secrets: &Secrets) -> Vec<Value> {
    [address, &secrets.hash, &secrets.scram]
        .map(Value::from)
        .to_vec()
}

async fn must_change(
    transaction: &mut Transaction,
    sql: &'static Sql,
    values: Vec<Value>,
    error: impl FnOnce() -> Error,
) -> Result<Made> {
    if transaction.execute(sql, values).await? == 0 {
        Err(error())
    } else {
        Ok(Made::Nothing)
    }
}

async fn find(transaction: &mut Transaction, sql: &'static Sql, name: &str) -> Result<Option<i64>> {
    let rows = transaction.fetch(sql, vec![Value::from(name)]).await?;
    rows.first().map(|row: &Row| row.int(0)).transpose()
}

async fn add_domain(transaction: &mut Transaction, name: &str) -> Result<Domain> {
    let id = DomainId(transaction.ids(1).await?);
    let created = transaction.now;
    let values = vec![
        id.0.into(),
        Value::from(name),
        created.into(),
        (-1).into(),
        (-1).into(),
    ];
    if transaction.execute(&INSERT_DOMAIN, values).await? == 0 {
        return Err(Error::AlreadyExists(name.to_owned()));
    }
    Ok(Domain {
        id,
        name: name.to_owned(),
        created,
        quota: Quota::default(),
        mta_sts: None,
    })
}

async fn remove_domain(transaction: &mut Transaction, name: &str) -> Result<()> {
    let id = find(transaction, &DOMAIN_ID, name)
        .await?
        .ok_or_else(|| Error::NoSuchDomain(name.to_owned()))?;
    let rows = transaction.fetch(&IN_USE, vec![id.into()]).await?;
    if rows.first().map_or(Ok(0), |row| row.int(0))? > 0 {
        return Err(Error::DomainInUse(name.to_owned()));
    }
    super::domain_keys::remove_all(transaction, id).await?;
    transaction.execute(&DELETE_DOMAIN, vec![id.into()]).await?;
    Ok(())
}

/// The domain's number for a new address, if the address is free.
async fn place_for(transaction: &mut Transaction, address: &str) -> Result<DomainId> {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let id = find(transaction, &DOMAIN_ID, domain)
        .await?
        .ok_or_else(|| Error::NoSuchDomain(domain.to_owned()))?;
    if find(transaction, &TAKEN, address).await? != Some(0) {
        return Err(Error::AlreadyExists(address.to_owned()));
    }
    Ok(DomainId(id))
}

async fn add_account(
    transaction: &mut Transaction,
    address: &str,
    secrets: &Secrets,
    quota: Quota,
) -> Result<Account> {
    let domain = place_for(transaction, address).await?;
    let id = AccountId(transaction.ids(1).await?);
    let created = transaction.now;
    let [bytes, messages] = quota_values(quota);
    let values = vec![
        id.0.into(),
        domain.0.into(),
        address.into(),
        secrets.hash.as_str().into(),
        created.into(),
        bytes,
        messages,
        secrets.scram.as_str().into(),
    ];
    if transaction.execute(&INSERT_ACCOUNT, values).await? == 0 {
        return Err(Error::AlreadyExists(address.to_owned()));
    }
    let rows = transaction.fetch(&LAST_UID_VALIDITY, Vec::new()).await?;
    let last = rows.first().map_or(Ok(0), |row| row.number(0))?;
    transaction
        .heads
        .accounts
        .insert(id, AccountHead::new(id, domain, last));
    for (path, special_use) in DEFAULT_MAILBOXES {
        super::mailboxes::make(transaction, id, path, special_use).await?;
        transaction
            .execute(&SUBSCRIBE, vec![id.0.into(), path.into()])
            .await?;
    }
    Ok(Account {
        id,
        address: address.to_owned(),
        domain,
        created,
        quota,
    })
}

async fn add_alias(transaction: &mut Transaction, address: &str, targets: &str) -> Result<()> {
    let domain = place_for(transaction, address).await?;
    let values = vec![Value::from(address), domain.0.into(), Value::from(targets)];
    if transaction.execute(&INSERT_ALIAS, values).await? == 0 {
        return Err(Error::AlreadyExists(address.to_owned()));
    }
    Ok(())
}

/// Removes an account with everything in it. The caller looked its number up.
#[derive(Debug)]
pub(crate) struct RemoveAccount {
    pub(crate) id: AccountId,
    pub(crate) address: String,
}

impl Operation for RemoveAccount {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.id]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        // The number may have gone between look-up and now.
        if find(transaction, &ACCOUNT_ID, &self.address).await? != Some(self.id.0) {
            return Err(Error::NoSuchAccount(self.address.clone()));
        }
        let account = transaction.heads.account(self.id)?;
        let domain = account.domain;
        let last_uid_validity = i64::from(account.last_uid_validity);
        // What the domain was told of; what was added in this very transaction it has not been told yet.
        let known = (
            signed(account.usage.bytes) - account.bytes_delta,
            signed(account.usage.messages) - account.messages_delta,
        );
        let mailboxes: Vec<MailboxId> = account.paths.keys().copied().collect();
        for mailbox in mailboxes {
            if transaction.heads.account(self.id)?.mailbox(mailbox).is_ok() {
                super::expunge::remove_all(transaction, self.id, mailbox).await?;
            }
        }
        super::acl::remove_account(transaction, self.id).await?;
        super::metadata::remove_account(transaction, self.id).await?;
        super::uploads::remove_all(transaction, self.id).await?;
        super::records::remove_all(transaction, self.id).await?;
        for sql in [
            &DELETE_VANISHED,
            &DELETE_DEPARTURES,
            &DELETE_MAILBOXES,
            &DELETE_SUBSCRIPTIONS,
            &FORGET_ACCOUNT,
            &DELETE_ALL,
            &recovery::DELETE_ALL,
            &END_ALL,
            &FORGET_ALL,
            &DELETE_PUSH,
            &DELETE_ACCOUNT,
        ] {
            transaction.execute(sql, vec![self.id.0.into()]).await?;
        }
        transaction
            .execute(
                &SUBTRACT_USAGE,
                vec![domain.0.into(), known.0.into(), known.1.into()],
            )
            .await?;
        // RFC 3501 §2.3.1.1: greater than those of the former mailboxes of these names.
        transaction
            .execute(&KEEP_UID_VALIDITY, vec![last_uid_validity.into()])
            .await?;
        transaction.remove_account(self.id);
        transaction.change_directory().await
    }
}

impl AccountHead {
    fn new(id: AccountId, domain: DomainId, last_uid_validity: u32) -> AccountHead {
        AccountHead {
            id,
            domain,
            modseq: 0,
            usage: Usage::default(),
            last_uid_validity,
            mailboxes: std::collections::BTreeMap::new(),
            paths: std::collections::HashMap::new(),
            dirty: true,
            bytes_delta: 0,
            messages_delta: 0,
        }
    }
}
