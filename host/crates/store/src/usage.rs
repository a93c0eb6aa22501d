//! What accounts and domains keep.

use crate::{AccountId, Error, Result, Store};

/// How much is kept. A message copied into two mailboxes counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Bytes of message content.
    pub bytes: u64,
    /// Messages.
    pub messages: u64,
}

impl Store {
    /// What an account keeps. From memory as a rule.
    pub async fn usage(&self, _account: AccountId) -> Result<Usage> {
        Err(Error::Closed)
    }

    /// What all accounts of a domain keep. From memory as a rule.
    pub async fn domain_usage(&self, _name: &str) -> Result<Usage> {
        Err(Error::Closed)
    }
}
