//! The consistency check behind `waxwing verify`.
//!
//! Everything is read in one snapshot of the database, so that it can run beside deliveries.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::blob_files::COMMIT_GRACE;
use crate::database::{Row, SnapshotReader};
use crate::statement::{Dialect, Sql};
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
    /// Every problem, a sentence each, at most 1000; empty when all is well.
    pub problems: Vec<String>,
}

/// Most problems listed.
const MAX_PROBLEMS: usize = 1000;
/// Contents read at a time.
const BLOBS: i64 = 64;

static QUICK_CHECK: Sql = Sql::new("PRAGMA quick_check(20)");
static MAILBOXES: Sql = Sql::new(
    "SELECT id, account, path, uid_next, highest_modseq, messages, unseen, bytes, selectable FROM mailboxes ORDER BY id",
);
static COUNTED: Sql = Sql::new(
    "SELECT mailbox, count(*), CAST(sum(CASE WHEN flags & 1 = 0 THEN 1 ELSE 0 END) AS BIGINT), CAST(sum(size) AS BIGINT), max(uid), max(modseq)
     FROM messages GROUP BY mailbox",
);
static VANISHED: Sql =
    Sql::new("SELECT mailbox, max(last), max(modseq) FROM vanished GROUP BY mailbox");
static ACCOUNTS: Sql = Sql::new(
    "SELECT id, domain, address, modseq, used_bytes, used_messages FROM accounts ORDER BY id",
);
static DOMAINS: Sql =
    Sql::new("SELECT id, name, used_bytes, used_messages FROM domains ORDER BY id");
static REFERENCES: Sql =
    Sql::new("SELECT blob, count(*), min(size), max(size) FROM messages GROUP BY blob");
static CONTENTS: Sql = Sql::new(
    "SELECT id, refs, size, hash, file, content FROM blobs WHERE id > $1 ORDER BY id LIMIT $2",
);
static GARBAGE_NAMED: Sql =
    Sql::new("SELECT g.file FROM garbage g JOIN blobs b ON b.file = g.file");

impl Verification {
    fn problem(&mut self, problem: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn equal(&mut self, what: &str, kept: u64, found: u64) {
        if kept != found {
            self.problem(format!("{what}: {kept} is kept, {found} was counted"));
        }
    }
}

/// Counts of a mailbox's rows.
#[derive(Default)]
struct Counted {
    messages: u64,
    unseen: u64,
    bytes: u64,
    last_uid: u64,
    last_modseq: u64,
}

impl Store {
    /// Checks everything: counts and usage against the messages, UIDs and modification sequences against their heads,
    /// reference counts, presence and hash of every content, files that nothing names. Reads all contents.
    pub async fn verify(&self) -> Result<Verification> {
        let mut found = Verification::default();
        let mut reader = self.inner.readers.snapshot().await?;
        if reader.dialect() == Dialect::Sqlite {
            for row in reader.fetch(&QUICK_CHECK, Vec::new()).await? {
                let line = row.text(0)?;
                if line != "ok" {
                    found.problem(format!("database: {line}"));
                }
            }
        }
        check_mailboxes(&mut reader, &mut found).await?;
        self.check_contents(&mut reader, &mut found).await?;
        for row in reader.fetch(&GARBAGE_NAMED, Vec::new()).await? {
            found.problem(format!(
                "content file {} is named and marked for removal",
                row.text(0)?
            ));
        }
        reader.end().await?;
        for name in self.orphans(SystemTime::now() - COMMIT_GRACE).await? {
            found.problem(format!("content file {name} is named by no row"));
        }
        Ok(found)
    }

    async fn check_contents(
        &self,
        reader: &mut SnapshotReader,
        found: &mut Verification,
    ) -> Result<()> {
        let mut references: HashMap<i64, (u64, u64, u64)> = HashMap::new();
        for row in reader.fetch(&REFERENCES, Vec::new()).await? {
            references.insert(
                row.int(0)?,
                (row.natural(1)?, row.natural(2)?, row.natural(3)?),
            );
        }
        let mut after = 0;
        loop {
            let rows = reader
                .fetch(&CONTENTS, vec![after.into(), BLOBS.into()])
                .await?;
            let Some(last) = rows.last() else { break };
            after = last.int(0)?;
            for row in &rows {
                found.blobs += 1;
                let id = row.int(0)?;
                let (refs, least, most) = references.remove(&id).unwrap_or_default();
                let size = row.natural(2)?;
                found.equal(
                    &format!("references of content {id}"),
                    row.natural(1)?,
                    refs,
                );
                if refs > 0 && (least, most) != (size, size) {
                    found.problem(format!(
                        "content {id} has {size} bytes, its messages say {least} to {most}"
                    ));
                }
                self.check_content(row, found).await?;
            }
        }
        for (id, (refs, ..)) in references {
            found.problem(format!(
                "content {id} is missing and {refs} messages name it"
            ));
        }
        Ok(())
    }

    async fn check_content(&self, row: &Row, found: &mut Verification) -> Result<()> {
        let (id, size, hash, file) = (row.int(0)?, row.natural(2)?, row.bytes(3)?, row.text(4)?);
        let content = if file.is_empty() {
            row.bytes(5)?.into()
        } else {
            let (files, name) = (self.inner.files.clone(), file.clone());
            let read = move || files.read(&name, 0, usize::MAX);
            match tokio::task::spawn_blocking(read)
                .await
                .map_err(|_| Error::Closed)?
            {
                Ok(Some(content)) => content,
                Ok(None) => {
                    found.problem(format!("content {id}: file {file} is missing"));
                    return Ok(());
                }
                Err(error) => {
                    found.problem(format!("content {id}: {error}"));
                    return Ok(());
                }
            }
        };
        if content.len() as u64 != size || Sha256::digest(&content).as_slice() != hash.as_slice() {
            found.problem(format!(
                "content {id} is not what was stored: {size} bytes were, {} are there",
                content.len()
            ));
        }
        Ok(())
    }
}

async fn count_messages(reader: &mut SnapshotReader) -> Result<HashMap<i64, Counted>> {
    let mut counts: HashMap<i64, Counted> = HashMap::new();
    for row in reader.fetch(&COUNTED, Vec::new()).await? {
        let counted = Counted {
            messages: row.natural(1)?,
            unseen: row.natural(2)?,
            bytes: row.natural(3)?,
            last_uid: row.natural(4)?,
            last_modseq: row.natural(5)?,
        };
        counts.insert(row.int(0)?, counted);
    }
    for row in reader.fetch(&VANISHED, Vec::new()).await? {
        let counted = counts.entry(row.int(0)?).or_default();
        counted.last_uid = counted.last_uid.max(row.natural(1)?);
        counted.last_modseq = counted.last_modseq.max(row.natural(2)?);
    }
    Ok(counts)
}

async fn check_mailboxes(reader: &mut SnapshotReader, found: &mut Verification) -> Result<()> {
    let mut counts = count_messages(reader).await?;
    let mut accounts: HashMap<i64, Counted> = HashMap::new();
    for row in reader.fetch(&MAILBOXES, Vec::new()).await? {
        found.mailboxes += 1;
        let counted = counts.remove(&row.int(0)?).unwrap_or_default();
        let name = format!(
            "mailbox {} ({}) of account {}",
            row.int(0)?,
            row.text(2)?,
            row.int(1)?
        );
        found.messages += counted.messages;
        found.equal(
            &format!("messages of {name}"),
            row.natural(5)?,
            counted.messages,
        );
        found.equal(
            &format!("unseen messages of {name}"),
            row.natural(6)?,
            counted.unseen,
        );
        found.equal(&format!("bytes of {name}"), row.natural(7)?, counted.bytes);
        if counted.last_uid >= row.natural(3)? {
            found.problem(format!(
                "{name} has UID {} and would give out {} next",
                counted.last_uid,
                row.natural(3)?
            ));
        }
        if counted.last_modseq > row.natural(4)? {
            found.problem(format!(
                "{name} has modification sequence {} above its highest, {}",
                counted.last_modseq,
                row.natural(4)?
            ));
        }
        if counted.messages > 0 && row.int(8)? == 0 {
            found.problem(format!("{name} cannot be selected and has messages"));
        }
        let account = accounts.entry(row.int(1)?).or_default();
        account.messages += counted.messages;
        account.bytes += counted.bytes;
        account.last_modseq = account.last_modseq.max(row.natural(4)?);
    }
    for (mailbox, counted) in counts
        .into_iter()
        .filter(|(_, counted)| counted.messages > 0)
    {
        found.problem(format!(
            "mailbox {mailbox} is missing and has {} messages",
            counted.messages
        ));
    }
    check_usage(reader, found, accounts).await
}

async fn check_usage(
    reader: &mut SnapshotReader,
    found: &mut Verification,
    mut accounts: HashMap<i64, Counted>,
) -> Result<()> {
    let mut domains: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for row in reader.fetch(&ACCOUNTS, Vec::new()).await? {
        found.accounts += 1;
        let (id, address) = (row.int(0)?, row.text(2)?);
        let counted = accounts.remove(&id).unwrap_or_default();
        found.equal(
            &format!("bytes of {address}"),
            row.natural(4)?,
            counted.bytes,
        );
        found.equal(
            &format!("messages of {address}"),
            row.natural(5)?,
            counted.messages,
        );
        if counted.last_modseq > row.natural(3)? {
            found.problem(format!(
                "{address} has a mailbox at modification sequence {} above its own, {}",
                counted.last_modseq,
                row.natural(3)?
            ));
        }
        let domain = domains.entry(row.int(1)?).or_default();
        domain.0 += counted.bytes;
        domain.1 += counted.messages;
    }
    for id in accounts.keys() {
        found.problem(format!("account {id} is missing and has mailboxes"));
    }
    for row in reader.fetch(&DOMAINS, Vec::new()).await? {
        let (bytes, messages) = domains.remove(&row.int(0)?).unwrap_or_default();
        let name = row.text(1)?;
        found.equal(&format!("bytes of domain {name}"), row.natural(2)?, bytes);
        found.equal(
            &format!("messages of domain {name}"),
            row.natural(3)?,
            messages,
        );
    }
    for id in domains.keys() {
        found.problem(format!("domain {id} is missing and has accounts"));
    }
    Ok(())
}
