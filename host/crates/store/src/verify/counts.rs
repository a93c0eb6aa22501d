//! What is counted along, held against what is there: mailboxes, accounts, domains.

use std::collections::{BTreeMap, HashMap};

use super::Verification;
use crate::Result;
use crate::database::SnapshotReader;
use crate::statement::Sql;

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
/// Counts of a mailbox's rows.
#[derive(Default)]
struct Counted {
    messages: i64,
    unseen: i64,
    bytes: i64,
    last_uid: i64,
    last_modseq: i64,
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

pub(super) async fn check(reader: &mut SnapshotReader, found: &mut Verification) -> Result<()> {
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
