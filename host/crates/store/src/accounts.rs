//! Domains, accounts and aliases: what an administrator changes.
//!
//! Addresses are `local@domain`, compared without case and kept in lower case; domains are A-labels. Every change is
//! durable, and seen by [`crate::Directory`] on this host, when its call returns.

use crate::{AccountId, DomainId, Error, Result, Store};

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

impl Store {
    /// Adds a domain.
    ///
    /// # Errors
    /// `AlreadyExists`; `InvalidName`.
    pub async fn add_domain(&self, _name: &str) -> Result<Domain> {
        Err(Error::Closed)
    }

    /// Removes a domain that has neither accounts nor aliases.
    ///
    /// # Errors
    /// `NoSuchDomain`; `DomainInUse`.
    pub async fn remove_domain(&self, _name: &str) -> Result<()> {
        Err(Error::Closed)
    }

    /// All domains by name.
    pub async fn domains(&self) -> Result<Vec<Domain>> {
        Err(Error::Closed)
    }

    /// Sets what all accounts of a domain may keep together.
    pub async fn set_domain_quota(&self, _name: &str, _quota: Quota) -> Result<()> {
        Err(Error::Closed)
    }

    /// Adds an account with its default mailboxes. Without a password nobody can log in to it.
    ///
    /// # Errors
    /// `NoSuchDomain`; `AlreadyExists` (an alias of that address counts); `InvalidName`.
    pub async fn add_account(
        &self,
        _address: &str,
        _password: Option<&str>,
        _quota: Quota,
    ) -> Result<Account> {
        Err(Error::Closed)
    }

    /// Removes an account with all its mail.
    pub async fn remove_account(&self, _address: &str) -> Result<()> {
        Err(Error::Closed)
    }

    /// Accounts by address, of one domain or of all.
    pub async fn accounts(&self, _domain: Option<&str>) -> Result<Vec<Account>> {
        Err(Error::Closed)
    }

    /// Sets an account's password; `None` closes it for log-ins.
    pub async fn set_password(&self, _address: &str, _password: Option<&str>) -> Result<()> {
        Err(Error::Closed)
    }

    /// Sets what an account may keep.
    pub async fn set_quota(&self, _address: &str, _quota: Quota) -> Result<()> {
        Err(Error::Closed)
    }

    /// Adds an alias.
    ///
    /// # Errors
    /// `NoSuchDomain`; `AlreadyExists` (an account of that address counts); `InvalidName`.
    pub async fn add_alias(&self, _address: &str, _targets: &[String]) -> Result<Alias> {
        Err(Error::Closed)
    }

    /// Removes an alias.
    pub async fn remove_alias(&self, _address: &str) -> Result<()> {
        Err(Error::Closed)
    }

    /// Aliases by address, of one domain or of all.
    pub async fn aliases(&self, _domain: Option<&str>) -> Result<Vec<Alias>> {
        Err(Error::Closed)
    }
}
