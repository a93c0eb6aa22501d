//! Rows that wait to be written with the commit, one statement a table however many there are.

use std::collections::BTreeMap;

use super::queue::enqueue::QueueRows;
use super::references::References;
use crate::database::Value;
use crate::statement::{Rows, Sql};
use crate::{BlobId, LedgerRow, MAX_LEDGER_JSON, MailboxId, Roster, Usage, ledger};

/// A statement and its arguments.
pub(crate) type Write = (&'static Sql, Vec<Value>);

// Bytes travel in one argument; the rows say where in it theirs are, counted from 1.
static INSERT_BLOBS: Sql = Sql::new(
    "INSERT INTO blobs (id, refs_as_written, size, hash, file, summary, content)
     SELECT r.id, r.refs, r.size, substr($2, r.hash_at, 32), r.file, substr($2, r.summary_at, r.summary_len), substr($2, r.content_at, r.content_len)
     FROM {1: id i, refs i, size i, hash_at n, file t, summary_at n, summary_len n, content_at n, content_len n} AS r",
);
static INSERT_MESSAGES: Sql = Sql::new(
    "INSERT INTO messages (mailbox, uid, blob, modseq, flags, changed, size, internal_date, internal_offset, saved, created, thread, keywords)
     SELECT r.mailbox, r.uid, r.blob, r.modseq, r.flags, 0, r.size, r.internal_date, r.internal_offset, r.saved, r.modseq, r.thread, r.keywords
     FROM {1: mailbox i, uid i, blob i, modseq i, flags i, size i, internal_date i, internal_offset i, saved i, thread i, keywords t} AS r",
);
static INSERT_LEDGER: Sql = Sql::new(
    "INSERT INTO ledger (id, queue_id, message_id, message_key, at, generation, outcome, roster, json)
     SELECT r.id, r.queue_id, r.message_id, r.message_key, r.at, r.generation, r.outcome, r.roster, {text: substr($2, r.json_at, r.json_len)}
     FROM {1: id i, queue_id t, message_id t, message_key i, at i, generation i, outcome t, roster i, json_at n, json_len n} AS r",
);
static INSERT_ROSTERS: Sql = Sql::new(
    "INSERT INTO ledger_rosters (key, seen, json) SELECT r.key, r.seen, r.json FROM {1: key i, seen i, json t} AS r WHERE true
     ON CONFLICT (key) DO UPDATE SET seen = excluded.seen",
);
static INSERT_VANISHED: Sql = Sql::new(
    "INSERT INTO vanished (mailbox, modseq, first, last, at)
     SELECT r.mailbox, r.modseq, r.first, r.last, r.at FROM {1: mailbox i, modseq i, first i, last i, at i} AS r",
);
static INSERT_DEPARTURES: Sql = Sql::new(
    "INSERT INTO departures (account, modseq, mailbox, part, created, at, emails)
     SELECT r.account, r.modseq, r.mailbox, r.part, r.created, r.at, r.emails FROM {1: account i, modseq i, mailbox i, part i, created i, at i, emails t} AS r",
);
/// A content to be written.
pub(crate) struct NewBlob<'a> {
    pub(crate) id: BlobId,
    pub(crate) refs: usize,
    pub(crate) content: &'a [u8],
    pub(crate) hash: &'a [u8; 32],
    /// The file that has the content; empty: the row has it.
    pub(crate) file: &'a str,
    pub(crate) summary: &'a [u8],
}

/// A message row to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewMessage<'a> {
    pub(crate) mailbox: MailboxId,
    pub(crate) uid: u32,
    pub(crate) blob: BlobId,
    pub(crate) modseq: u64,
    pub(crate) flags: u8,
    pub(crate) size: u64,
    pub(crate) internal_date: i64,
    pub(crate) internal_offset: i16,
    pub(crate) saved: i64,
    pub(crate) thread: i64,
    pub(crate) keywords: &'a str,
}

/// What waits.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    bytes: Vec<u8>,
    blobs: Rows,
    messages: Rows,
    ledger: Rows,
    ledger_json: Vec<u8>,
    rosters: Rows,
    vanished: Rows,
    departures: Rows,
    references: References,
    flags: Vec<Write>,
    pub(crate) queue: QueueRows,
}

/// Sizes and numbers as the database has them. Values beyond 2^63 do not occur; they would stick at the top.
pub(crate) fn signed(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// Adds bytes to an argument; where in it they are, counted from 1.
fn put(argument: &mut Vec<u8>, bytes: &[u8]) -> i64 {
    let at = signed(argument.len()) + 1;
    argument.extend_from_slice(bytes);
    at
}

impl Buffers {
    pub(crate) fn blob(&mut self, blob: &NewBlob<'_>) {
        let inline = if blob.file.is_empty() {
            blob.content
        } else {
            &[]
        };
        let hash_at = put(&mut self.bytes, blob.hash);
        let summary_at = put(&mut self.bytes, blob.summary);
        let content_at = put(&mut self.bytes, inline);
        let row = self
            .blobs
            .row()
            .int(blob.id.0)
            .int(signed(blob.refs))
            .int(signed(blob.content.len()))
            .int(hash_at);
        let row = row
            .str(blob.file)
            .int(summary_at)
            .int(signed(blob.summary.len()));
        row.int(content_at).int(signed(inline.len()));
    }

    pub(crate) fn message(&mut self, message: &NewMessage<'_>) {
        let row = self
            .messages
            .row()
            .int(message.mailbox.0)
            .int(i64::from(message.uid))
            .int(message.blob.0);
        let row = row
            .int(signed(message.modseq))
            .int(i64::from(message.flags))
            .int(signed(message.size));
        row.int(message.internal_date)
            .int(i64::from(message.internal_offset))
            .int(message.saved)
            .int(message.thread)
            .str(message.keywords);
    }

    pub(crate) fn ledger(&mut self, id: i64, row: &LedgerRow) {
        let json = ledger::bounded_json(&row.json, MAX_LEDGER_JSON);
        let message_id = ledger::bare_message_id(&row.message_id);
        let columns = self
            .ledger
            .row()
            .int(id)
            .str(&row.queue_id)
            .str(message_id)
            .int(ledger::message_key(message_id));
        let columns = columns
            .int(row.at)
            .int(signed(row.generation))
            .str(&row.outcome)
            .int(row.roster.as_ref().map_or(0, |roster| roster.key));
        columns
            .int(put(&mut self.ledger_json, json.as_bytes()))
            .int(signed(json.len()));
    }

    /// A roster that rows refer to.
    pub(crate) fn roster(&mut self, roster: &Roster, seen: i64) {
        let row = self.rosters.row().int(roster.key).int(seen);
        row.str(&roster.json);
    }

    /// Tombstones.
    pub(crate) fn vanished(
        &mut self,
        mailbox: MailboxId,
        modseq: u64,
        range: crate::UidRange,
        at: i64,
    ) {
        let row = self
            .vanished
            .row()
            .int(mailbox.0)
            .int(signed(modseq))
            .int(i64::from(range.first));
        row.int(i64::from(range.last)).int(at);
    }

    /// What left an account: account, modification sequence, mailbox and part, and the rest of the row.
    pub(crate) fn departure(&mut self, ends: [i64; 4], created: i64, at: i64, emails: &str) {
        let row = ends
            .into_iter()
            .fold(self.departures.row(), |row, end| row.int(end));
        row.int(created).int(at).str(emails);
    }

    /// A change of flags. Who makes it has seen the messages: none of them waits here.
    pub(super) fn flags(&mut self, write: Write) {
        self.flags.push(write);
    }

    /// How many statements that change flags wait.
    pub(super) fn waiting_flags(&self) -> usize {
        self.flags.len()
    }

    /// Counts references of a content up or down.
    pub(crate) fn refs(&mut self, blob: BlobId, delta: i64) {
        self.references.count(blob, delta);
    }

    /// Everything that waits, as statements in a right order.
    pub(crate) fn take(&mut self) -> Vec<Write> {
        let mut writes: Vec<Write> = Vec::new();
        let Buffers {
            bytes,
            blobs,
            messages,
            ledger,
            ledger_json,
            rosters,
            vanished,
            departures,
            references,
            flags,
            queue,
        } = std::mem::take(self);
        if !blobs.is_empty() {
            writes.push((&INSERT_BLOBS, vec![blobs.into(), Value::Blob(bytes)]));
        }
        if !ledger.is_empty() {
            writes.push((
                &INSERT_LEDGER,
                vec![ledger.into(), Value::Blob(ledger_json)],
            ));
        }
        for (sql, rows) in [
            (&INSERT_MESSAGES, messages),
            (&INSERT_ROSTERS, rosters),
            (&INSERT_VANISHED, vanished),
            (&INSERT_DEPARTURES, departures),
        ] {
            if !rows.is_empty() {
                writes.push((sql, vec![rows.into()]));
            }
        }
        writes.extend(flags);
        queue.take(&mut writes);
        references.take(&mut writes);
        writes
    }
}

static WRITE_MAILBOXES: Sql = Sql::new(
    "UPDATE mailboxes SET uid_next = r.uid_next, highest_modseq = r.highest_modseq, messages = r.messages, unseen = r.unseen,
     bytes = r.bytes, recent_from = r.recent_from
     FROM {1: id i, uid_next i, highest_modseq i, messages i, unseen i, bytes i, recent_from i} AS r WHERE mailboxes.id = r.id",
);
static WRITE_ACCOUNTS: Sql = Sql::new(
    "UPDATE accounts SET modseq = r.modseq, used_bytes = r.bytes, used_messages = r.messages, last_uid_validity = r.validity
     FROM {1: id i, modseq i, bytes i, messages i, validity i} AS r WHERE accounts.id = r.id",
);
static WRITE_DOMAINS: Sql = Sql::new(
    "UPDATE domains SET used_bytes = used_bytes + r.bytes, used_messages = used_messages + r.messages
     FROM {1: id i, bytes i, messages i} AS r WHERE domains.id = r.id",
);

/// The statements that bring the changed heads into the database.
pub(crate) fn write_heads(heads: &mut super::heads::Heads) -> Vec<Write> {
    let (mut mailboxes, mut accounts) = (Rows::default(), Rows::default());
    let mut domains: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for account in heads.accounts.values_mut().filter(|account| account.dirty) {
        let Usage { bytes, messages } = account.usage;
        let row = accounts
            .row()
            .int(account.id.0)
            .int(signed(account.modseq))
            .int(signed(bytes))
            .int(signed(messages));
        drop(row.int(i64::from(account.last_uid_validity)));
        let domain = domains.entry(account.domain.0).or_default();
        domain.0 += account.bytes_delta;
        domain.1 += account.messages_delta;
        for head in account.mailboxes.values_mut().filter(|head| head.dirty) {
            let m = &head.mailbox;
            let row = mailboxes
                .row()
                .int(m.id.0)
                .int(i64::from(m.uid_next))
                .int(signed(m.highest_modseq));
            let row = row
                .int(i64::from(m.messages))
                .int(i64::from(m.unseen))
                .int(signed(m.bytes));
            row.int(i64::from(m.recent_from));
        }
    }
    let mut deltas = Rows::default();
    for (id, (bytes, messages)) in domains.into_iter().filter(|(_, delta)| *delta != (0, 0)) {
        deltas.row().int(id).int(bytes).int(messages);
    }
    let rows = [
        (&WRITE_MAILBOXES, mailboxes),
        (&WRITE_ACCOUNTS, accounts),
        (&WRITE_DOMAINS, deltas),
    ];
    rows.into_iter()
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(sql, rows)| (sql, vec![rows.into()]))
        .collect()
}
