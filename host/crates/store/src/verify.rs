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
static FILE: Sql = Sql::new("SELECT file FROM blobs WHERE id = $1");
static GARBAGE_NAMED: Sql =
    Sql::new("SELECT g.file FROM garbage g JOIN blobs b ON b.file = g.file");

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

/// Counts of a mailbox's rows.
#[derive(Default)]
struct Counted {
    messages: i64,
    unseen: i64,
    bytes: i64,
    last_uid: i64,
    last_modseq: i64,
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
        let mut missing = Vec::new();
        self.check_contents(&mut reader, &mut found, &mut missing)
            .await?;
        for row in reader.fetch(&GARBAGE_NAMED, Vec::new()).await? {
            found.problem(format!(
                "content file {} is named and marked for removal",
                row.text(0)?
            ));
        }
        reader.end().await?;
        // The server runs on: what was removed since the snapshot is no damage, and what is about to be is none yet.
        for id in missing {
            let rows = self.inner.readers.fetch(&FILE, vec![id.into()]).await?;
            if let Some(row) = rows.first() {
                found.problem(format!("content {id}: file {} is missing", row.text(0)?));
            }
        }
        let before = SystemTime::now() - 3 * COMMIT_GRACE;
        let suspects = self.orphans(before).await?;
        if !suspects.is_empty() {
            let still = self.orphans(before).await?;
            for name in suspects.iter().filter(|name| still.contains(name)) {
                found.problem(format!("content file {name} is named by no row"));
            }
        }
        Ok(found)
    }

    async fn check_contents(
        &self,
        reader: &mut SnapshotReader,
        found: &mut Verification,
        missing: &mut Vec<i64>,
    ) -> Result<()> {
        let mut references: HashMap<i64, (i64, i64, i64)> = HashMap::new();
        for row in reader.fetch(&REFERENCES, Vec::new()).await? {
            references.insert(row.int(0)?, (row.int(1)?, row.int(2)?, row.int(3)?));
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
                let size = row.int(2)?;
                found.equal(&format!("references of content {id}"), row.int(1)?, refs);
                if refs > 0 && (least, most) != (size, size) {
                    found.problem(format!(
                        "content {id} has {size} bytes, its messages say {least} to {most}"
                    ));
                }
                self.check_content(row, found, missing).await?;
            }
        }
        for (id, (refs, ..)) in references {
            found.problem(format!(
                "content {id} is missing and {refs} messages name it"
            ));
        }
        Ok(())
    }

    async fn check_content(
        &self,
        row: &Row,
        found: &mut Verification,
        missing: &mut Vec<i64>,
    ) -> Result<()> {
        let (id, size, hash, file) = (row.int(0)?, row.int(2)?, row.bytes(3)?, row.text(4)?);
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
                    missing.push(id);
                    return Ok(());
                }
                Err(error) => {
                    found.problem(format!("content {id}: {error}"));
                    return Ok(());
                }
            }
        };
        if i64::try_from(content.len()) != Ok(size)
            || Sha256::digest(&content).as_slice() != hash.as_slice()
        {
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
            messages: row.int(1)?,
            unseen: row.int(2)?,
            bytes: row.int(3)?,
            last_uid: row.int(4)?,
            last_modseq: row.int(5)?,
        };
        counts.insert(row.int(0)?, counted);
    }
    for row in reader.fetch(&VANISHED, Vec::new()).await? {
        let counted = counts.entry(row.int(0)?).or_default();
        counted.last_uid = counted.last_uid.max(row.int(1)?);
        counted.last_modseq = counted.last_modseq.max(row.int(2)?);
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
        found.messages += counted.messages.unsigned_abs();
        found.equal(
            &format!("messages of {name}"),
            row.int(5)?,
            counted.messages,
        );
        found.equal(
            &format!("unseen messages of {name}"),
            row.int(6)?,
            counted.unseen,
        );
        found.equal(&format!("bytes of {name}"), row.int(7)?, counted.bytes);
        if counted.last_uid >= row.int(3)? {
            found.problem(format!(
                "{name} has UID {} and would give out {} next",
                counted.last_uid,
                row.int(3)?
            ));
        }
        if counted.last_modseq > row.int(4)? {
            found.problem(format!(
                "{name} has modification sequence {} above its highest, {}",
                counted.last_modseq,
                row.int(4)?
            ));
        }
        if counted.messages > 0 && row.int(8)? == 0 {
            found.problem(format!("{name} cannot be selected and has messages"));
        }
        let account = accounts.entry(row.int(1)?).or_default();
        account.messages += counted.messages;
        account.bytes += counted.bytes;
        account.last_modseq = account.last_modseq.max(row.int(4)?);
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
    let mut domains: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for row in reader.fetch(&ACCOUNTS, Vec::new()).await? {
        found.accounts += 1;
        let (id, address) = (row.int(0)?, row.text(2)?);
        let counted = accounts.remove(&id).unwrap_or_default();
        found.equal(&format!("bytes of {address}"), row.int(4)?, counted.bytes);
        found.equal(
            &format!("messages of {address}"),
            row.int(5)?,
            counted.messages,
        );
        if counted.last_modseq > row.int(3)? {
            found.problem(format!(
                "{address} has a mailbox at modification sequence {} above its own, {}",
                counted.last_modseq,
                row.int(3)?
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
        found.equal(&format!("bytes of domain {name}"), row.int(2)?, bytes);
        found.equal(&format!("messages of domain {name}"), row.int(3)?, messages);
    }
    for id in domains.keys() {
        found.problem(format!("domain {id} is missing and has accounts"));
    }
    Ok(())
}
