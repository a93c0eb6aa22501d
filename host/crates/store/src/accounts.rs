//! Domains, accounts and aliases: what an administrator changes.
//!
//! Addresses are `local@domain`, compared without case and kept in lower case; domains are A-labels. Every change is
//! durable, and seen by [`crate::Directory`] on this host, when its call returns.

use crate::database::{Row, Value};
use crate::statement::Sql;
use crate::writer::accounts::{DirectoryChange, Made, RemoveAccount};
use crate::{AccountId, DomainId, Error, Result, SpecialUse, Store, hash_password, scram};

/// What may be kept, as numbers; what happens near or above them is policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Quota {
    /// Bytes of message content; none: unlimited.
    pub bytes: Option<u64>,
    /// Messages; none: unlimited.
    pub messages: Option<u64>,
}

/// A domain served here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Domain {
    /// Its number.
    pub id: DomainId,
    /// Its name, A-labels in lower case.
    pub name: String,
    /// When it was added, milliseconds of Unix time.
    pub created: i64,
    /// What all accounts of the domain may keep together.
    pub quota: Quota,
    /// What the domain promises of the TLS of its hosts, if it does.
    pub mta_sts: Option<MtaSts>,
}

/// What a domain says in its MTA-STS policy (RFC 8461 §3.2), but for the hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MtaSts {
    /// What others do where TLS fails.
    pub mode: StsMode,
    /// For how many seconds they may keep it.
    pub max_age: u32,
}

/// The mode of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StsMode {
    /// There is no policy any more.
    None,
    /// They deliver, and report.
    Testing,
    /// They do not deliver.
    Enforce,
}

/// An account: somebody who logs in and has mailboxes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its address, in lower case.
    pub address: String,
    /// The domain's number.
    pub domain: DomainId,
    /// When it was added, milliseconds of Unix time.
    pub created: i64,
    /// What it may keep.
    pub quota: Quota,
}

/// An alias: mail to `address` goes to `targets`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Alias {
    /// The address in lower case; `*@domain` takes what no account and no other alias of the domain takes.
    pub address: String,
    /// Where the mail goes; local or not.
    pub targets: Vec<String>,
}

/// What a new account has (the project's contract), all subscribed.
pub(crate) const DEFAULT_MAILBOXES: [(&str, Option<SpecialUse>); 6] = [
    ("INBOX", None),
    ("Drafts", Some(SpecialUse::Drafts)),
    ("Junk", Some(SpecialUse::Junk)),
    ("Sent", Some(SpecialUse::Sent)),
    ("Trash", Some(SpecialUse::Trash)),
    ("Archive", Some(SpecialUse::Archive)),
];

/// Most targets of an alias.
const MAX_TARGETS: usize = 1000;

static DOMAINS: Sql = Sql::new(
    "SELECT id, name, created, quota_bytes, quota_messages, sts_mode, sts_max_age FROM domains ORDER BY name",
);
static ACCOUNTS: Sql = Sql::new(
    "SELECT a.id, a.address, a.domain, a.created, a.quota_bytes, a.quota_messages FROM accounts a
     JOIN domains d ON d.id = a.domain WHERE $1 = '' OR d.name = $1 ORDER BY a.address",
);
static ALIASES: Sql = Sql::new(
    "SELECT a.address, a.targets FROM aliases a JOIN domains d ON d.id = a.domain WHERE $1 = '' OR d.name = $1 ORDER BY a.address",
);
static SOME_ACCOUNTS: Sql = Sql::new(
    "SELECT a.id, a.address, a.domain, a.created, a.quota_bytes, a.quota_messages FROM accounts a
     JOIN domains d ON d.id = a.domain WHERE ($1 = '' OR d.name = $1) AND a.address > $2 AND ($3 = '' OR a.address LIKE $3 ESCAPE '\\')
     ORDER BY a.address LIMIT $4",
);
static SOME_ALIASES: Sql = Sql::new(
    "SELECT a.address, a.targets FROM aliases a JOIN domains d ON d.id = a.domain WHERE ($1 = '' OR d.name = $1) AND a.address > $2
     AND ($3 = '' OR a.address LIKE $3 ESCAPE '\\' OR a.targets LIKE $3 ESCAPE '\\') ORDER BY a.address LIMIT $4",
);
static ACCOUNT_ID: Sql = Sql::new("SELECT id FROM accounts WHERE address = $1");

/// Part of a list of accounts or aliases, which is in the order of their addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPage {
    /// Of one domain only; empty: of all.
    pub domain: String,
    /// Only those in which this stands; of aliases also those that lead to such addresses.
    pub search: String,
    /// Only those after this address: the last of the page before.
    pub after: String,
    /// At most so many.
    pub limit: usize,
}

impl AddressPage {
    fn values(&self) -> Result<Vec<Value>> {
        let domain = match self.domain.as_str() {
            "" => String::new(),
            domain => normal_domain(domain)?,
        };
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let search = containing(&self.search.to_lowercase());
        Ok(vec![
            domain.into(),
            self.after.as_str().into(),
            search.into(),
            limit.into(),
        ])
    }
}

/// The pattern, with `\` before what is to be itself, of texts in which this one stands; empty for an empty one.
pub(crate) fn containing(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

pub(crate) fn quota_values(quota: Quota) -> [Value; 2] {
    [quota.bytes, quota.messages]
        .map(|limit| Value::Int(limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))))
}

fn quota_of(row: &Row, column: usize) -> Result<Quota> {
    Ok(Quota {
        bytes: u64::try_from(row.int(column)?).ok(),
        messages: u64::try_from(row.int(column + 1)?).ok(),
    })
}

/// A policy as the columns sts_mode and sts_max_age.
pub(crate) fn sts_values(of: Option<MtaSts>) -> [Value; 2] {
    let mode = match of.map(|policy| policy.mode) {
        None => 0,
        Some(StsMode::None) => 1,
        Some(StsMode::Testing) => 2,
        Some(StsMode::Enforce) => 3,
    };
    [mode, of.map_or(0, |policy| i64::from(policy.max_age))].map(Value::Int)
}

fn sts_of(row: &Row, column: usize) -> Result<Option<MtaSts>> {
    let mode = match row.int(column)? {
        1 => StsMode::None,
        2 => StsMode::Testing,
        3 => StsMode::Enforce,
        _ => return Ok(None),
    };
    let max_age = row.number(column + 1)?;
    Ok(Some(MtaSts { mode, max_age }))
}

/// A domain from the columns id, name, created, quota_bytes, quota_messages, sts_mode, sts_max_age.
pub(crate) fn domain_of_row(row: &Row) -> Result<Domain> {
    Ok(Domain {
        id: DomainId(row.int(0)?),
        name: row.text(1)?,
        created: row.int(2)?,
        quota: quota_of(row, 3)?,
        mta_sts: sts_of(row, 5)?,
    })
}

/// An account from the columns id, address, domain, created, quota_bytes, quota_messages.
pub(crate) fn account_of_row(row: &Row) -> Result<Account> {
    Ok(Account {
        id: AccountId(row.int(0)?),
        address: row.text(1)?,
        domain: DomainId(row.int(2)?),
        created: row.int(3)?,
        quota: quota_of(row, 4)?,
    })
}

/// The targets of an alias row.
pub(crate) fn targets_of(text: &str) -> Result<Vec<String>> {
    serde_json::from_str(text).map_err(|e| Error::Corrupt(format!("targets of an alias: {e}")))
}

fn alias_of_row(row: &Row) -> Result<Alias> {
    Ok(Alias {
        address: row.text(0)?,
        targets: targets_of(&row.text(1)?)?,
    })
}

fn invalid(name: &str, reason: &'static str) -> Error {
    Error::InvalidName {
        name: name.chars().take(300).collect(),
        reason,
    }
}

/// A domain name as it is stored: lower case; A-labels or an address literal.
pub(crate) fn normal_domain(name: &str) -> Result<String> {
    let bad = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    // RFC 1035 §2.3.4: 255 octets, 63 a label.
    if name.is_empty()
        || name.len() > 255
        || name.contains(bad)
        || name
            .split('.')
            .any(|label| label.is_empty() || label.len() > 63)
    {
        return Err(invalid(
            name,
            "a domain is labels of letters, digits and hyphens, international ones as A-labels",
        ));
    }
    Ok(name.to_ascii_lowercase())
}

/// An address as it is stored and looked up: lower case throughout.
pub(crate) fn normal_address(address: &str) -> Result<String> {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return Err(invalid(address, "an address is local-part@domain"));
    };
    // RFC 5321 §4.5.3.1.1: 64 octets; some more for what is found in the wild.
    if local.is_empty() || local.len() > 128 || local.chars().any(char::is_control) {
        return Err(invalid(
            address,
            "the local part is empty, too long or has control characters",
        ));
    }
    Ok(format!(
        "{}@{}",
        local.to_lowercase(),
        normal_domain(domain)?
    ))
}

impl Store {
    async fn change_directory(&self, change: DirectoryChange) -> Result<Made> {
        self.inner.writer.write(change).await
    }

    /// Adds a domain.
    ///
    /// # Errors
    /// `AlreadyExists`; `InvalidName`.
    pub async fn add_domain(&self, name: &str) -> Result<Domain> {
        match self
            .change_directory(DirectoryChange::AddDomain {
                name: normal_domain(name)?,
            })
            .await?
        {
            Made::Domain(domain) => Ok(domain),
            _ => Err(Error::Closed),
        }
    }

    /// Removes a domain that has neither accounts nor aliases.
    ///
    /// # Errors
    /// `NoSuchDomain`; `DomainInUse`.
    pub async fn remove_domain(&self, name: &str) -> Result<()> {
        self.change_directory(DirectoryChange::RemoveDomain {
            name: normal_domain(name)?,
        })
        .await?;
        Ok(())
    }

    /// All domains by name.
    pub async fn domains(&self) -> Result<Vec<Domain>> {
        self.inner
            .readers
            .fetch(&DOMAINS, Vec::new())
            .await?
            .iter()
            .map(domain_of_row)
            .collect()
    }

    /// Sets what all accounts of a domain may keep together.
    ///
    /// # Errors
    /// `NoSuchDomain`.
    pub async fn set_domain_quota(&self, name: &str, quota: Quota) -> Result<()> {
        self.change_directory(DirectoryChange::SetDomainQuota {
            name: normal_domain(name)?,
            quota,
        })
        .await?;
        Ok(())
    }

    /// Sets what a domain promises of the TLS of its hosts; `None` takes it away.
    ///
    /// # Errors
    /// `NoSuchDomain`.
    pub async fn set_domain_mta_sts(&self, name: &str, policy: Option<MtaSts>) -> Result<()> {
        self.change_directory(DirectoryChange::SetMtaSts {
            name: normal_domain(name)?,
            policy,
        })
        .await?;
        Ok(())
    }

    /// Adds an account with its default mailboxes. Without a password nobody can log in to it.
    ///
    /// # Errors
    /// `NoSuchDomain`; `AlreadyExists` (an alias of that address counts); `InvalidName`.
    pub async fn add_account(
        &self,
        address: &str,
        password: Option<&str>,
        quota: Quota,
    ) -> Result<Account> {
        let address = normal_address(address)?;
        if address.starts_with("*@") {
            return Err(invalid(
                &address,
                "* stands for every address and can only be an alias",
            ));
        }
        let secrets = secrets_of(password).await?;
        match self
            .change_directory(DirectoryChange::AddAccount {
                address,
                secrets,
                quota,
            })
            .await?
        {
            Made::Account(account) => Ok(account),
            _ => Err(Error::Closed),
        }
    }

    /// Removes an account with all its mail.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn remove_account(&self, address: &str) -> Result<()> {
        let address = normal_address(address)?;
        let row = self
            .inner
            .readers
            .fetch_one(&ACCOUNT_ID, vec![address.as_str().into()])
            .await?;
        let Some(row) = row else {
            return Err(Error::NoSuchAccount(address));
        };
        self.inner
            .writer
            .write(RemoveAccount {
                id: AccountId(row.int(0)?),
                address,
            })
            .await
    }

    /// Accounts by address, of one domain or of all.
    pub async fn accounts(&self, domain: Option<&str>) -> Result<Vec<Account>> {
        let domain = domain.map(normal_domain).transpose()?.unwrap_or_default();
        self.inner
            .readers
            .fetch(&ACCOUNTS, vec![domain.into()])
            .await?
            .iter()
            .map(account_of_row)
            .collect()
    }

    /// Part of the list of accounts.
    pub async fn some_accounts(&self, page: &AddressPage) -> Result<Vec<Account>> {
        let rows = self.inner.readers.fetch(&SOME_ACCOUNTS, page.values()?);
        rows.await?.iter().map(account_of_row).collect()
    }

    /// Part of the list of aliases.
    pub async fn some_aliases(&self, page: &AddressPage) -> Result<Vec<Alias>> {
        let rows = self.inner.readers.fetch(&SOME_ALIASES, page.values()?);
        rows.await?.iter().map(alias_of_row).collect()
    }

    /// Sets an account's password; `None` closes it for log-ins.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn set_password(&self, address: &str, password: Option<&str>) -> Result<()> {
        let address = normal_address(address)?;
        let secrets = secrets_of(password).await?;
        self.change_directory(DirectoryChange::SetPassword { address, secrets })
            .await?;
        Ok(())
    }

    /// Sets what an account may keep.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn set_quota(&self, address: &str, quota: Quota) -> Result<()> {
        self.change_directory(DirectoryChange::SetQuota {
            address: normal_address(address)?,
            quota,
        })
        .await?;
        Ok(())
    }

    /// Adds an alias.
    ///
    /// # Errors
    /// `NoSuchDomain`; `AlreadyExists` (an account of that address counts); `InvalidName`; `TooLarge`.
    pub async fn add_alias(&self, address: &str, targets: &[String]) -> Result<Alias> {
        let address = normal_address(address)?;
        if targets.is_empty()
            || targets.iter().any(|target| {
                target
                    .rsplit_once('@')
                    .is_none_or(|(local, domain)| local.is_empty() || domain.is_empty())
            })
        {
            return Err(invalid(&address, "an alias leads to one address or more"));
        }
        if targets.len() > MAX_TARGETS {
            return Err(Error::TooLarge {
                what: "list of targets",
                size: targets.len(),
                limit: MAX_TARGETS,
            });
        }
        let json = serde_json::to_string(targets).map_err(|e| Error::Corrupt(e.to_string()))?;
        self.change_directory(DirectoryChange::AddAlias {
            address: address.clone(),
            targets: json,
        })
        .await?;
        Ok(Alias {
            address,
            targets: targets.to_vec(),
        })
    }

    /// Removes an alias.
    ///
    /// # Errors
    /// `NoSuchAlias`.
    pub async fn remove_alias(&self, address: &str) -> Result<()> {
        self.change_directory(DirectoryChange::RemoveAlias {
            address: normal_address(address)?,
        })
        .await?;
        Ok(())
    }

    /// Aliases by address, of one domain or of all.
    pub async fn aliases(&self, domain: Option<&str>) -> Result<Vec<Alias>> {
        let domain = domain.map(normal_domain).transpose()?.unwrap_or_default();
        let rows = self
            .inner
            .readers
            .fetch(&ALIASES, vec![domain.into()])
            .await?;
        rows.iter().map(alias_of_row).collect()
    }
}

/// What is kept of a password; empty texts, which no password has, for none.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// Its hash, a PHC string.
    pub(crate) hash: String,
    /// Its keys for SCRAM.
    pub(crate) scram: String,
}

async fn secrets_of(password: Option<&str>) -> Result<Secrets> {
    let Some(password) = password.map(str::to_owned) else {
        return Ok(Secrets::default());
    };
    let make = move || {
        Ok(Secrets {
            hash: hash_password(&password)?,
            scram: scram::keys_of(&password),
        })
    };
    tokio::task::spawn_blocking(make)
        .await
        .map_err(|_| Error::Closed)?
}
