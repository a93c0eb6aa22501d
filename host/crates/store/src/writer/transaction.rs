//! The writer's transaction: begun late, written in few statements, committed once.
//!
//! Deliveries only fill [`Buffers`] and change [`Heads`]; on SQLite everything from BEGIN to COMMIT then goes to the
//! database in one call. Operations that need to see rows call [`Transaction::fetch`] or [`Transaction::execute`], which
//! begin the transaction and write what waits first.

mod for_images;
mod looked_up;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use super::buffers::{Buffers, NewMessage, Write, write_heads};
use super::heads::{AccountHead, Heads};
use super::outcome::{self, Mark, Outcome};
use super::queue::known::KnownLegs;
use super::rosters::Rosters;
use crate::config::Clock;
use crate::database::{Connection, Connector, Row, Value, of_schema};
use crate::images::{Came, Change, Entry, Flagged, Images};
use crate::mailboxes::MAILBOXES_OF;
use crate::room::{self, is_io_error};
use crate::shared::Shared;
use crate::statement::{Dialect, Rows, Sql, shift_arguments};
use crate::{AccountId, Error, LedgerRow, MailboxId, MessageFlags, Result, UidRange};
use for_images::ForImages;
use looked_up::LookedUp;

/// Row numbers reserved at a time.
const ID_BLOCK: i64 = 4096;
/// Accounts whose heads are kept between transactions; beyond, all are forgotten and loaded anew as needed.
const MAX_HEADS: usize = 20_000;
/// Joined texts that are remembered; beyond, all are forgotten and made anew as needed.
const MAX_TEXTS: usize = 256;
/// Changes of flags that wait to be written with what else waits.
const MAX_FLAGS: usize = 4;
/// PostgreSQL is asked for its size every time this many bytes were delivered.
const SIZE_CHECK_BYTES: usize = 1024 * 1024;

static LOAD_ACCOUNTS: Sql = Sql::new(
    "SELECT a.id, a.domain, a.modseq, a.used_bytes, a.used_messages, a.last_uid_validity
     FROM {1: id i} AS r CROSS JOIN accounts a WHERE a.id = r.id",
);
// In the order of their numbers, so that hosts wait for each other and never in a circle.
static LOCK_ACCOUNTS: Sql = Sql::new(
    "SELECT id, domain, modseq, used_bytes, used_messages, last_uid_validity
     FROM accounts WHERE id IN (SELECT r.id FROM {1: id i} AS r) ORDER BY id FOR UPDATE",
);
static RESERVE_IDS: Sql =
    Sql::new("UPDATE sequences SET next = next + $1 WHERE name = 'id' RETURNING next");
// Other hosts' workers. PostgreSQL hands it out when the transaction is committed.
static NOTIFY_QUEUE: Sql = Sql::new(concat!(
    "SELECT pg_notify('waxwing_queue_' || ",
    of_schema!(),
    ", '')"
));
// Those who watch accounts at other hosts, with numbers and modification sequences.
static NOTIFY_ACCOUNTS: Sql = Sql::new(concat!(
    "SELECT pg_notify('waxwing_accounts_' || ",
    of_schema!(),
    ", $1)"
));
/// Accounts in one notice, whose text PostgreSQL limits to 8,000 bytes.
const NOTIFIED: usize = 150;
static DATABASE_SIZE: Sql = Sql::new("SELECT pg_database_size(current_database())");

/// The one open transaction, and what outlives it.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: Option<Connection>,
    connector: Connector,
    dialect: Dialect,
    /// BEGIN was sent.
    begun: bool,
    /// COMMIT was sent: if the connection broke then, nobody knows how it ended.
    commit_sent: bool,
    /// What the open transaction can be asked after by, on PostgreSQL.
    mark: Option<Mark>,
    /// Whether the server can be asked; looked up once a connection.
    can_mark: Option<bool>,
    /// How long it is tried to find out how a transaction ended.
    patience: Duration,
    /// Where SQLite writes.
    disk: Option<PathBuf>,
    /// The last one failed in a way that does not say whether it was committed.
    pub(super) unknown: bool,
    pub(crate) heads: Heads,
    pub(crate) buffers: Buffers,
    pub(super) known: KnownLegs,
    rosters: Rosters,
    images: Arc<Images>,
    for_images: ForImages,
    /// Row numbers to give out: the next, and the end of the reservation.
    ids: (i64, i64),
    clock: Clock,
    /// The time of this transaction, milliseconds of Unix time.
    pub(crate) now: i64,
    looked_up: LookedUp,
    removed_accounts: Vec<AccountId>,
    /// Something of the queue is due sooner than was known.
    queue_changed: bool,
    /// The number of the last change of metadata, 0 without one.
    metadata: u64,
    /// Joined texts by the statements in them.
    texts: HashMap<(bool, bool, Vec<usize>), Arc<str>>,
    max_bytes: Option<u64>,
    /// Content bytes since PostgreSQL was last asked for its size, and whether it was full then.
    unchecked_bytes: usize,
    full: bool,
}

impl Transaction {
    pub(crate) fn new(
        connection: Connection,
        connector: Connector,
        images: Arc<Images>,
        config: &crate::StoreConfig,
    ) -> Transaction {
        let dialect = connection.dialect();
        Transaction {
            connection: Some(connection),
            connector,
            dialect,
            begun: false,
            commit_sent: false,
            mark: None,
            can_mark: None,
            patience: config.write_timeout,
            disk: room::directory(config),
            unknown: false,
            heads: Heads::default(),
            buffers: Buffers::default(),
            known: KnownLegs::default(),
            rosters: Rosters::default(),
            images,
            for_images: ForImages::default(),
            ids: (0, 0),
            clock: config.clock.clone(),
            now: 0,
            looked_up: LookedUp::default(),
            removed_accounts: Vec::new(),
            queue_changed: false,
            metadata: 0,
            texts: HashMap::new(),
            max_bytes: config
                .max_database_bytes
                .filter(|_| dialect == Dialect::Postgres),
            unchecked_bytes: SIZE_CHECK_BYTES,
            full: false,
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn is_sqlite(&self) -> bool {
        self.dialect == Dialect::Sqlite
    }

    /// Starts over with these accounts loaded.
    pub(super) async fn start(&mut self, accounts: &BTreeSet<AccountId>) -> Result<()> {
        if self.connection.is_none() {
            self.connection = Some(self.connector.connect().await?);
            self.can_mark = None;
        }
        self.mark = None;
        self.begun = false;
        self.commit_sent = false;
        self.now = self.clock.now();
        self.known.clear();
        if self.dialect == Dialect::Postgres || self.heads.accounts.len() > MAX_HEADS {
            self.heads = Heads::default();
        }
        let missing = Rows::of_ints(
            accounts
                .iter()
                .filter(|id| !self.heads.accounts.contains_key(id))
                .map(|id| id.0),
        );
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Value = missing.into();
        // Reading needs no transaction where nobody else writes.
        let rows = match self.dialect {
            Dialect::Sqlite => {
                self.fetch_now(&LOAD_ACCOUNTS, vec![missing.clone()])
                    .await?
            }
            Dialect::Postgres => self.fetch(&LOCK_ACCOUNTS, vec![missing.clone()]).await?,
        };
        for row in &rows {
            let head = AccountHead::of_row(row)?;
            self.heads.accounts.insert(head.id, head);
        }
        for row in &self.fetch_now(&MAILBOXES_OF, vec![missing]).await? {
            let account = AccountId(row.int(1)?);
            self.heads.account(account)?.add_row(row)?;
        }
        Ok(())
    }

    fn connection(&mut self) -> Result<&mut Connection> {
        self.connection.as_mut().ok_or(Error::Closed)
    }

    async fn fetch_now(&mut self, sql: &'static Sql, values: Vec<Value>) -> Result<Vec<Row>> {
        self.connection()?.fetch(sql, values).await
    }

    /// Runs a statement that sees everything written so far and returns its rows.
    pub(crate) async fn fetch(
        &mut self,
        sql: &'static Sql,
        values: Vec<Value>,
    ) -> Result<Vec<Row>> {
        self.flush().await?;
        self.fetch_now(sql, values).await
    }

    /// Runs a statement that need not see the rows that wait, and leaves them waiting. If it changes legs, these are to be forgotten.
    pub(crate) async fn fetch_beside(
        &mut self,
        sql: &'static Sql,
        values: Vec<Value>,
    ) -> Result<Vec<Row>> {
        if !self.begun {
            self.run(Vec::new(), false).await?;
        }
        self.fetch_now(sql, values).await
    }

    /// Runs a statement that sees everything written so far and returns the number of rows affected.
    pub(crate) async fn execute(&mut self, sql: &'static Sql, values: Vec<Value>) -> Result<u64> {
        self.flush().await?;
        let text = sql.text(self.dialect).into_sql_str();
        self.connection()?.execute(text, values).await
    }

    /// Row numbers that were never used: the first of `count`.
    pub(crate) async fn ids(&mut self, count: usize) -> Result<i64> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let (next, end) = self.ids;
        if next.saturating_add(count) <= end {
            self.ids.0 += count;
            return Ok(next);
        }
        let block = count.max(ID_BLOCK);
        let rows = self.fetch(&RESERVE_IDS, vec![Value::Int(block)]).await?;
        let end = rows
            .first()
            .ok_or_else(|| Error::Corrupt("the id sequence is missing".to_owned()))?
            .int(0)?;
        self.ids = (end - block + count, end);
        Ok(end - block)
    }

    /// Writes a row of the ledger, and what it refers to if that is not there yet.
    pub(super) fn record(&mut self, id: i64, row: &LedgerRow) {
        if let Some(roster) = &row.roster
            && self.rosters.is_due(roster, self.now)
        {
            self.buffers.roster(roster, self.now);
        }
        self.buffers.ledger(id, row);
    }

    /// Notes that something of the queue is due sooner than the workers know.
    pub(super) fn change_queue(&mut self) {
        self.queue_changed = true;
    }

    /// Notes that metadata changed.
    pub(super) fn change_metadata(&mut self, number: u64) {
        self.metadata = number;
    }

    /// The flags of messages in a mailbox that is at a modification sequence, if they are in memory. Only where nobody else writes: what an
    /// image says is written back.
    pub(super) fn flags_at(
        &self,
        mailbox: MailboxId,
        modseq: u64,
        uids: &[UidRange],
    ) -> Option<Vec<MessageFlags>> {
        let images = self.is_sqlite().then_some(&self.images)?;
        images.flags_at(mailbox, modseq, uids)
    }

    /// Writes a change of flags, which images learn of when it is committed.
    pub(super) async fn flagged(&mut self, writes: Vec<Write>, flagged: Flagged) -> Result<()> {
        // Else there would be a joined text for every order of every number of them.
        if self.buffers.waiting_flags() + writes.len() > MAX_FLAGS {
            self.flush().await?;
        }
        for write in writes {
            self.buffers.flags(write);
        }
        self.for_images.push(Change::Flagged(flagged));
        Ok(())
    }

    /// Writes a message that comes into a mailbox, which was at the modification sequence `after`.
    pub(super) fn message(&mut self, after: u64, message: &NewMessage<'_>) {
        self.buffers.message(message);
        if self.images.has(message.mailbox) {
            self.for_images.push(Change::Came(Came {
                mailbox: message.mailbox,
                after,
                entry: Entry::of_new(message),
            }));
        }
    }

    /// Messages leave a mailbox.
    pub(super) fn leave(&mut self, mailbox: MailboxId) {
        self.for_images.leave(mailbox);
    }

    /// Notes that an account and its heads are gone.
    pub(crate) fn remove_account(&mut self, id: AccountId) {
        self.heads.accounts.remove(&id);
        self.removed_accounts.push(id);
    }

    /// Refuses content when a PostgreSQL database has reached its configured size. (SQLite knows by itself.)
    pub(crate) async fn check_room(&mut self, bytes: usize) -> Result<()> {
        let Some(limit) = self.max_bytes else {
            return Ok(());
        };
        self.unchecked_bytes = self.unchecked_bytes.saturating_add(bytes);
        if self.full || self.unchecked_bytes >= SIZE_CHECK_BYTES {
            let rows = self.fetch_now(&DATABASE_SIZE, Vec::new()).await?;
            let size = rows.first().map_or(Ok(0), |row| row.natural(0))?;
            self.full = size >= limit;
            self.unchecked_bytes = 0;
        }
        if self.full { Err(Error::Full) } else { Ok(()) }
    }

    /// Begins if need be and writes the buffered rows.
    async fn flush(&mut self) -> Result<()> {
        // Who sees everything may also change it.
        self.known.clear();
        let writes = self.buffers.take();
        if writes.is_empty() && self.begun {
            return Ok(());
        }
        self.run(writes, false).await
    }

    /// Writes everything and commits. Nothing to write: nothing is done.
    pub(super) async fn commit(&mut self) -> Result<()> {
        let mut writes = self.buffers.take();
        let notices = self.notices();
        writes.extend(write_heads(&mut self.heads));
        writes.extend(notices);
        if writes.is_empty() && !self.begun {
            return Ok(());
        }
        self.run(writes, true).await?;
        self.begun = false;
        Ok(())
    }

    /// What other hosts are told with the commit.
    fn notices(&self) -> Vec<Write> {
        if self.dialect != Dialect::Postgres {
            return Vec::new();
        }
        let accounts = self.heads.accounts.values();
        let changed: Vec<String> = accounts
            .filter(|account| account.dirty)
            .map(|account| format!("{} {}", account.id.0, account.modseq))
            .collect();
        let notice = |accounts: &[String]| -> Write {
            (&NOTIFY_ACCOUNTS, vec![accounts.join(" ").as_str().into()])
        };
        let mut notices: Vec<Write> = changed.chunks(NOTIFIED).map(notice).collect();
        if self.queue_changed {
            notices.push((&NOTIFY_QUEUE, Vec::new()));
        }
        notices
    }

    /// Sends statements, with BEGIN before the first ones and COMMIT after the last.
    async fn run(&mut self, writes: Vec<Write>, commit: bool) -> Result<()> {
        let begin = !std::mem::replace(&mut self.begun, true);
        if self.dialect == Dialect::Sqlite {
            let text = self.joined(&writes, begin, commit);
            let values = writes.into_iter().flat_map(|(_, values)| values).collect();
            self.commit_sent = commit;
            if !commit {
                self.connection()?.execute(text, values).await?;
                return Ok(());
            }
            let images = Arc::clone(&self.images);
            let connection = self.connection()?;
            images.commit_begins();
            let done = connection.execute(text, values).await;
            images.commit_ended();
            return done.map(|_| ());
        }
        if begin {
            let can_mark = self.can_mark;
            let (mark, can_mark) = outcome::begin(self.connection()?, can_mark).await?;
            (self.mark, self.can_mark) = (mark, Some(can_mark));
        }
        for (sql, values) in writes {
            self.connection()?
                .execute(sql.text(Dialect::Postgres).into_sql_str(), values)
                .await?;
        }
        if commit {
            self.commit_sent = true;
            self.connection()?.run("COMMIT").await?;
        }
        Ok(())
    }

    /// One text of several statements; sqlx prepares it once and runs it in one turn of its thread.
    fn joined(&mut self, writes: &[Write], begin: bool, commit: bool) -> SqlStr {
        let key = (
            begin,
            commit,
            writes
                .iter()
                .map(|(sql, _)| std::ptr::from_ref(*sql).addr())
                .collect(),
        );
        if self.texts.len() >= MAX_TEXTS && !self.texts.contains_key(&key) {
            self.texts.clear();
        }
        let text = self.texts.entry(key).or_insert_with(|| {
            let mut text = String::from(if begin { "BEGIN IMMEDIATE;\n" } else { "" });
            let mut arguments = 0;
            for (sql, values) in writes {
                text.push_str(&shift_arguments(sql.text(Dialect::Sqlite), arguments));
                text.push_str(";\n");
                arguments += values.len();
            }
            text.push_str(if commit { "COMMIT" } else { "" });
            text.into()
        });
        AssertSqlSafe(Arc::clone(text)).into_sql_str()
    }

    /// Whether a transaction that ended with this error was committed all the same: its connection died before the
    /// server's answer came. What cannot be found out counts as not; [`Self::rollback`] then says that it is unknown.
    pub(super) async fn was_committed(&mut self, error: &Error) -> bool {
        if !self.commit_sent || !is_connection_lost(error) {
            return false;
        }
        let Some(mark) = self.mark.take() else {
            return false;
        };
        let (outcome, connection) = outcome::ask(&self.connector, &mark, self.patience).await;
        self.connection = connection;
        self.can_mark = None;
        match outcome {
            Outcome::Committed => self.begun = false,
            // As if COMMIT had never been sent: it can be tried again.
            Outcome::Aborted => self.commit_sent = false,
            Outcome::Unknown => {}
        }
        outcome == Outcome::Committed
    }

    /// Takes everything back. True: trying again may succeed.
    pub(super) async fn rollback(&mut self, error: &Error) -> bool {
        self.heads = Heads::default();
        self.buffers = Buffers::default();
        self.rosters.rolled_back();
        // The reservation may have been taken back too.
        self.ids = (0, 0);
        self.looked_up = LookedUp::default();
        self.removed_accounts.clear();
        self.queue_changed = false;
        self.metadata = 0;
        self.for_images = ForImages::default();
        let begun = std::mem::take(&mut self.begun);
        let lost = is_connection_lost(error);
        self.unknown = self.commit_sent && (lost || is_io_error(error));
        if lost {
            self.connection = None;
            return !self.commit_sent;
        }
        if begun && let Some(connection) = self.connection.as_mut() {
            // SQLite takes some failed transactions back by itself and then says that there is none.
            let undone = connection
                .execute("ROLLBACK".into_sql_str(), Vec::new())
                .await;
            if undone.is_err() && self.dialect == Dialect::Postgres {
                self.connection = None;
            }
        }
        is_conflict(error)
    }

    /// What is behind an error: a full disk, if SQLite only said that it could not write.
    pub(super) async fn cause(&self, error: Error) -> Error {
        let Some(disk) = self.disk.clone().filter(|_| is_io_error(&error)) else {
            return error;
        };
        let unclear = error.clone();
        let ask = tokio::task::spawn_blocking(move || room::cause(error, &disk));
        ask.await.unwrap_or(unclear)
    }

    /// After the commit: tells the caches and those who watch.
    pub(super) fn publish(&mut self, shared: &Shared) {
        if std::mem::take(&mut self.commit_sent) {
            shared.committed();
        }
        self.rosters.committed();
        std::mem::take(&mut self.looked_up).publish(shared);
        if std::mem::take(&mut self.queue_changed) {
            shared.queue_changed();
        }
        // Before those who watch are told: they ask for it.
        let metadata = std::mem::take(&mut self.metadata);
        shared.metadata.fetch_max(metadata, Ordering::AcqRel);
        self.images.take_in(self.for_images.take());
        for account in self.removed_accounts.drain(..) {
            shared.forget_account(account);
        }
        for account in self
            .heads
            .accounts
            .values_mut()
            .filter(|account| account.dirty)
        {
            account.dirty = false;
            for head in account.mailboxes.values_mut().filter(|head| head.dirty) {
                head.dirty = false;
                shared.mailbox_changed(account.id, head.mailbox.id);
            }
            let delta = (
                std::mem::take(&mut account.bytes_delta),
                std::mem::take(&mut account.messages_delta),
            );
            shared.account_changed(account, delta);
        }
    }

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}

pub(super) fn is_connection_lost(error: &Error) -> bool {
    let Error::Database(error) = error else {
        return false;
    };
    match &**error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // PostgreSQL class 57: the server shuts down or the session was ended; 08: connection exceptions.
        sqlx::Error::Database(e) => e.code().is_some_and(|code| {
            code.len() == 5 && (code.starts_with("57P") || code.starts_with("08"))
        }),
        _ => false,
    }
}

/// A transaction that lost against another host's: PostgreSQL's serialization_failure and deadlock_detected.
fn is_conflict(error: &Error) -> bool {
    let Error::Database(error) = error else {
        return false;
    };
    error
        .as_database_error()
        .and_then(|e| e.code())
        .is_some_and(|code| code == "40001" || code == "40P01")
}
