//! The operator's side of the queue: listing, looking, holding, removing.

use std::collections::BTreeSet;

use super::RecipientState;
use crate::accounts::containing;
use crate::database::{Row, Value};
use crate::statement::{Rows, Sql};
use crate::writer::queue::operate::Operate;
use crate::{LegId, Result, Store};

/// Legs listed, or changed with one commit, at most.
const PAGE: usize = 500;

macro_rules! columns {
    () => {
        "SELECT l.id, m.queue_id, m.sender, l.destination, m.size, m.received, m.expires, l.due, l.attempts, l.state, l.lease, l.owner,
         l.said, m.id, m.priority, l.tried "
    };
}

macro_rules! legs {
    ($condition:literal) => {
        Sql::new(concat!(
            columns!(),
            "FROM queue_legs l JOIN queue_messages m ON m.id = l.message
             WHERE l.id > $1 AND ($2 < 0 OR l.state = $2) AND ",
            $condition,
            " ORDER BY l.id LIMIT $3"
        ))
    };
}

static ALL: Sql = legs!("$4 = ''");
static OF_LEG: Sql = legs!("l.id = CAST($4 AS BIGINT)");
pub(super) static OF_QUEUE_ID: Sql = legs!("m.queue_id = $4");
pub(super) static OF_QUEUE_IDS: Sql = Sql::new(concat!(
    columns!(),
    "FROM {1: queue_id t} AS r CROSS JOIN queue_messages m JOIN queue_legs l ON l.message = m.id WHERE m.queue_id = r.queue_id ORDER BY l.id"
));
pub(super) static OF_SENDER: Sql = legs!("m.sender = $4");
pub(super) static TO_DESTINATION: Sql = legs!("l.destination = $4");
static WITH_TEXT: Sql = legs!(
    "(lower(m.sender) LIKE $4 ESCAPE '\\' OR lower(l.destination) LIKE $4 ESCAPE '\\' OR lower(m.queue_id) LIKE $4 ESCAPE '\\' OR lower(l.said) LIKE $4 ESCAPE '\\'
     OR EXISTS (SELECT 1 FROM queue_recipients q WHERE q.message = m.id AND q.leg = l.id AND lower(q.address) LIKE $4 ESCAPE '\\'))"
);
static RECIPIENTS: Sql = Sql::new(
    "SELECT q.leg, q.address, q.state, q.said, q.owed FROM {1: message i, leg i} AS r CROSS JOIN queue_recipients q
     WHERE q.message = r.message AND q.leg = r.leg ORDER BY q.message, q.number",
);
static ATTEMPTS: Sql = Sql::new(
    "SELECT a.leg, a.at, a.host, a.said FROM queue_messages m JOIN queue_attempts a ON a.message = m.id
     WHERE m.queue_id = $1 ORDER BY a.id DESC LIMIT 1000",
);
static DEPTH: Sql = Sql::new("SELECT state, count(*) FROM queue_legs GROUP BY state");

/// Which legs are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueFilter {
    /// All.
    All,
    /// Those of the messages with this queue id.
    QueueId(String),
    /// Those of a reverse path; empty for the null path.
    Sender(String),
    /// This one.
    Leg(LegId),
    /// Those to a destination.
    Destination(String),
    /// Those in whose sender, recipients, destination, queue id or last words this stands. Looks at all of them.
    Text(String),
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePage {
    /// Which legs.
    pub filter: QueueFilter,
    /// Only those that are held (true) or that are not (false).
    pub held: Option<bool>,
    /// Only those after this one: the last of the page before.
    pub after: Option<LegId>,
    /// At most so many, and never more than 500.
    pub limit: usize,
}

/// What a leg is doing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LegState {
    /// It waits for its time.
    Waiting,
    /// It waits for an operator.
    Held,
    /// Somebody is at it, or was when it died.
    Leased {
        /// Who.
        owner: String,
    },
}

/// A leg as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct QueueEntry {
    /// The leg.
    pub leg: LegId,
    /// The id given in the reply to the sender.
    pub queue_id: String,
    /// The reverse path; empty for the null path.
    pub sender: String,
    /// What it is scheduled under.
    pub destination: String,
    /// Bytes of the content.
    pub size: u64,
    /// Priority, -9 to 9.
    pub priority: i64,
    /// When it came, milliseconds of Unix time.
    pub received: i64,
    /// When it is given up.
    pub expires: i64,
    /// When it is due; the end of its lease if it is leased.
    pub due: i64,
    /// Attempts settled.
    pub attempts: u32,
    /// When it was last tried; 0 if never.
    pub tried: i64,
    /// What it is doing.
    pub state: LegState,
    /// The last words of the last attempt.
    pub said: String,
    /// Its recipients.
    pub recipients: Vec<ListedRecipient>,
}

/// A recipient as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ListedRecipient {
    /// The forward path without `<>`.
    pub address: String,
    /// What has become of it.
    pub state: RecipientState,
    /// What was last said of it.
    pub said: String,
    /// Its sender is still to be told: the report could not be stored yet.
    pub owed: bool,
}

/// An attempt on a leg.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct QueueAttempt {
    /// The leg.
    pub leg: LegId,
    /// When, milliseconds of Unix time.
    pub at: i64,
    /// The host that was talked to last.
    pub host: String,
    /// The last words.
    pub said: String,
}

/// What an operator does to legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum QueueAction {
    /// Not to be tried until released. An attempt that runs ends as it ends, and what its sender is still to be told is told.
    Hold,
    /// To be tried again, now.
    Release,
    /// To be tried now; one that is held stays so.
    Retry,
    /// Who is open is gone, without a word to the sender; what the sender is still to be told of others is told.
    Remove,
}

/// How many legs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct QueueDepth {
    /// Waiting or leased.
    pub waiting: u64,
    /// Held.
    pub held: u64,
}

fn entry(row: &Row) -> Result<QueueEntry> {
    let state = match (row.int(9)?, row.int(10)?) {
        (1, _) => LegState::Held,
        (_, 0) => LegState::Waiting,
        _ => LegState::Leased {
            owner: row.text(11)?,
        },
    };
    Ok(QueueEntry {
        leg: LegId(row.int(0)?),
        queue_id: row.text(1)?,
        sender: row.text(2)?,
        destination: row.text(3)?,
        size: row.natural(4)?,
        priority: row.int(14)?,
        received: row.int(5)?,
        expires: row.int(6)?,
        due: row.int(7)?,
        attempts: row.number(8)?,
        tried: row.int(15)?,
        state,
        said: row.text(12)?,
        recipients: Vec::new(),
    })
}

impl Store {
    /// Legs in the order in which they were queued, a page of them.
    pub async fn queue(&self, page: &QueuePage) -> Result<Vec<QueueEntry>> {
        self.with_recipients(self.queue_rows(page).await?).await
    }

    /// All legs of the messages with these queue ids, in the order in which they were queued.
    pub async fn queued_as(&self, queue_ids: &[&str]) -> Result<Vec<QueueEntry>> {
        let mut ids = Rows::default();
        for id in queue_ids.iter().collect::<BTreeSet<_>>() {
            ids.row().str(id);
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.inner.readers.fetch(&OF_QUEUE_IDS, vec![ids.into()]);
        self.with_recipients(rows.await?).await
    }

    async fn with_recipients(&self, rows: Vec<Row>) -> Result<Vec<QueueEntry>> {
        let mut pairs = Rows::default();
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            pairs.row().int(row.int(13)?).int(row.int(0)?);
            entries.push(entry(row)?);
        }
        if entries.is_empty() {
            return Ok(entries);
        }
        let recipients = self.inner.readers.fetch(&RECIPIENTS, vec![pairs.into()]);
        for row in &recipients.await? {
            let leg = LegId(row.int(0)?);
            if let Ok(at) = entries.binary_search_by_key(&leg, |entry| entry.leg)
                && let Some(entry) = entries.get_mut(at)
            {
                entry.recipients.push(ListedRecipient {
                    address: row.text(1)?,
                    state: RecipientState::of_code(row.int(2)?),
                    said: row.text(3)?,
                    owed: !row.text(4)?.is_empty(),
                });
            }
        }
        Ok(entries)
    }

    async fn queue_rows(&self, page: &QueuePage) -> Result<Vec<Row>> {
        let (sql, name) = match &page.filter {
            QueueFilter::All => (&ALL, Value::from("")),
            QueueFilter::Leg(leg) => (&OF_LEG, leg.0.into()),
            QueueFilter::QueueId(id) => (&OF_QUEUE_ID, id.as_str().into()),
            QueueFilter::Sender(sender) => (&OF_SENDER, sender.as_str().into()),
            QueueFilter::Destination(name) => (&TO_DESTINATION, name.as_str().into()),
            QueueFilter::Text(text) => (&WITH_TEXT, containing(&text.to_lowercase()).into()),
        };
        let limit = i64::try_from(page.limit.min(PAGE)).unwrap_or(0);
        let values = vec![
            page.after.map_or(0, |leg| leg.0).into(),
            page.held.map_or(-1, i64::from).into(),
            limit.into(),
            name,
        ];
        self.inner.readers.fetch(sql, values).await
    }

    /// Attempts on the messages with a queue id, the latest first, at most 1000.
    pub async fn queue_attempts(&self, queue_id: &str) -> Result<Vec<QueueAttempt>> {
        let rows = self.inner.readers.fetch(&ATTEMPTS, vec![queue_id.into()]);
        let attempt = |row: &Row| {
            Ok(QueueAttempt {
                leg: LegId(row.int(0)?),
                at: row.int(1)?,
                host: row.text(2)?,
                said: row.text(3)?,
            })
        };
        rows.await?.iter().map(attempt).collect()
    }

    /// Does something to all legs that are meant; returns how many it changed. Done in pages: what is queued meanwhile
    /// may be missed, and an error may come when some are done.
    pub async fn operate(&self, filter: &QueueFilter, action: QueueAction) -> Result<u64> {
        let mut page = QueuePage {
            filter: filter.clone(),
            held: None,
            after: None,
            limit: PAGE,
        };
        let mut changed = 0;
        loop {
            let rows = self.queue_rows(&page).await?;
            let legs: Vec<i64> = rows.iter().map(|row| row.int(0)).collect::<Result<_>>()?;
            let Some(last) = legs.last() else {
                return Ok(changed);
            };
            page.after = Some(LegId(*last));
            changed += self.inner.writer.write(Operate { action, legs }).await?;
        }
    }

    /// How many legs there are. Counts them: for status and metrics, not for every message.
    pub async fn queue_depth(&self) -> Result<QueueDepth> {
        let mut depth = QueueDepth::default();
        for row in self.inner.readers.fetch(&DEPTH, Vec::new()).await? {
            match row.int(0)? {
                1 => depth.held = row.natural(1)?,
                _ => depth.waiting = row.natural(1)?,
            }
        }
        Ok(depth)
    }
}
