//! The consistency check behind `waxwing verify`, made to run beside deliveries.
//!
//! What is counted along is held against one snapshot of the database, which is given back before contents are read.

use std::time::SystemTime;

use crate::blob_files::COMMIT_GRACE;
use crate::statement::{Dialect, Sql};
use crate::{Result, Store};

mod contents;
mod counts;
mod rules;

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
    /// Every problem, a sentence each, at most 1000; empty when all is well.
    pub problems: Vec<String>,
}

/// Most problems listed.
const MAX_PROBLEMS: usize = 1000;

static QUICK_CHECK: Sql = Sql::new("PRAGMA quick_check(20)");

impl Verification {
    fn problem(&mut self, problem: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn equal(&mut self, what: &str, kept: i64, found: i64) {
        if kept != found {
            self.problem(format!("{what}: {kept} is kept, {found} was counted"));
        }
    }
}

impl Store {
    /// Checks everything: counts and usage against the messages, UIDs and modification sequences against their heads,
    /// what must never be, reference counts, presence and hash of every content, files that nothing names. Reads all
    /// contents.
    pub async fn verify(&self) -> Result<Verification> {
        let mut found = Verification::default();
        let readers = &self.inner.readers;
        if readers.dialect() == Dialect::Sqlite {
            for row in readers.fetch(&QUICK_CHECK, Vec::new()).await? {
                let line = row.text(0)?;
                if line != "ok" {
                    found.problem(format!("database: {line}"));
                }
            }
        }
        let mut snapshot = readers.snapshot().await?;
        counts::check(&mut snapshot, &mut found).await?;
        snapshot.end().await?;
        rules::check(readers, &mut found).await?;
        for mailbox in self.false_images().await? {
            found.problem(format!("mailbox {mailbox} is not as its image was"));
        }
        contents::check_references(self, &mut found).await?;
        contents::check_contents(self, &mut found).await?;
        self.check_files(&mut found).await?;
        Ok(found)
    }

    /// Files that nothing names. The server runs on: what is about to be named is no damage yet.
    async fn check_files(&self, found: &mut Verification) -> Result<()> {
        let before = SystemTime::now() - 3 * COMMIT_GRACE;
        let suspects = self.orphans(before).await?;
        if suspects.is_empty() {
            return Ok(());
        }
        let still = self.orphans(before).await?;
        for name in suspects.iter().filter(|name| still.contains(name)) {
            found.problem(format!("content file {name} is named by no row"));
        }
        Ok(())
    }
}
