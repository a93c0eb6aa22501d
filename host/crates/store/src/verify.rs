//! The consistency check behind `waxwing verify`.

use crate::{Error, Result, Store};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Verification {
    /// Accounts seen.
    pub accounts: u64,
    /// Mailboxes seen.
    pub mailboxes: u64,
    /// Messages seen.
    pub messages: u64,
    /// Contents read and hashed.
    pub blobs: u64,
    /// Every problem, a sentence each; empty when all is well.
    pub problems: Vec<String>,
}

impl Store {
    /// Checks everything: counts and usage against the messages, UIDs and modification sequences against their heads,
    /// reference counts, presence and hash of every content, files that nothing names. Reads all contents.
    pub async fn verify(&self) -> Result<Verification> {
        Err(Error::Closed)
    }
}
