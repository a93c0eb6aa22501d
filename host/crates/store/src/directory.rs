//! Look-ups that mail flow makes: does an address exist, where does it lead, is a password right.
//!
//! Answers are cached. Writes on this host are seen at once; on PostgreSQL, writes of other hosts within
//! [`crate::StoreConfig::staleness`].

use std::sync::Arc;

use crate::{Account, AccountId, Domain, Error, Result};

/// What an address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The domain is not served here.
    NotLocal,
    /// The domain is served here, the address does not exist.
    Unknown,
    /// An account's own address.
    Account(Arc<Account>),
    /// An alias.
    Alias {
        /// Where the mail goes.
        targets: Arc<[String]>,
        /// Whether the domain's catch-all matched rather than the address itself.
        catch_all: bool,
    },
}

/// The outcome of checking a password. The first two take the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordCheck {
    /// No such account, or one without a password.
    Unknown,
    /// The account exists, the password is another.
    Wrong,
    /// The password is right.
    Right(Arc<Account>),
}

/// Look-ups of addresses, cached. Get one from [`crate::Store::directory`].
#[derive(Debug)]
pub struct Directory {}

impl Directory {
    /// The domain of this name, if it is served here.
    pub async fn domain(&self, _name: &str) -> Result<Option<Arc<Domain>>> {
        Err(Error::Closed)
    }

    /// What mail to this address would reach: the account, else the alias, else the catch-all. Aliases are not followed.
    pub async fn resolve(&self, _address: &str) -> Result<Resolution> {
        Err(Error::Closed)
    }

    /// The account of this address.
    pub async fn account(&self, _address: &str) -> Result<Option<Arc<Account>>> {
        Err(Error::Closed)
    }

    /// The account of this number.
    pub async fn account_by_id(&self, _id: AccountId) -> Result<Option<Arc<Account>>> {
        Err(Error::Closed)
    }

    /// Checks a password (Argon2id, on a blocking thread, as many at a time as configured). A verification that
    /// succeeded is remembered for some minutes, or until the password changes, under a keyed hash.
    pub async fn verify_password(&self, _address: &str, _password: &str) -> Result<PasswordCheck> {
        Err(Error::Closed)
    }
}
