//! Summaries of the messages of an image: those that it does not have yet come thousands to a row, and the next ones are read while these
//! are made use of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::watch;

use super::SUMMARY;
use crate::database::Value;
use crate::messages::ranges_of;
use crate::shared::lock;
use crate::statement::Sql;
use crate::writer::buffers::signed;
use crate::{Error, MailboxId, Message, Result, Store, UidRange};

/// Summaries that are read at a time.
const TOGETHER: usize = 1000;
/// Who asks for so many at once is likely to ask for those behind them next.
const MANY: usize = 100;
/// Summaries that are read ahead.
const AHEAD: usize = 500;

static SUMMARIES: Sql = Sql::new(
    "SELECT m.uid, b.summary FROM {2: first i, last i} AS r CROSS JOIN messages m JOIN blobs b ON b.id = m.blob
     WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last ORDER BY m.uid",
);
// For each row that comes from SQLite's thread two threads wait for each other: those that are no longer than $3 are one.
static SUMMARIES_TOGETHER: Sql = Sql::new(
    "SELECT coalesce(string_agg(m.uid || ' ' || length(b.summary), ' '), ''),
       coalesce({joined: CASE WHEN length(b.summary) <= $3 THEN b.summary END}, $4)
     FROM {2: first i, last i} AS r CROSS JOIN messages m JOIN blobs b ON b.id = m.blob
     WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last",
);

type Found = HashMap<u32, Bytes>;

/// What is being read ahead, of each mailbox at most one run. What was found is told before the sender goes.
#[derive(Debug, Default)]
pub(crate) struct Ahead(Mutex<HashMap<MailboxId, watch::Receiver<Arc<Found>>>>);

impl Store {
    /// Messages with their summaries, of which some are known; those that went meanwhile are left out.
    pub(crate) async fn summarised(
        &self,
        mailbox: MailboxId,
        mut messages: Vec<Message>,
    ) -> Result<Vec<Message>> {
        let unknown = |messages: &[Message]| -> Vec<u32> {
            let unknown = messages.iter().filter(|message| message.summary.is_empty());
            unknown.map(|message| message.flags.uid).collect()
        };
        if unknown(&messages).is_empty() {
            return Ok(messages);
        }
        self.take_ahead(mailbox, &mut messages).await;
        let uids = unknown(&messages);
        let mut found = Found::with_capacity(uids.len());
        for uids in uids.chunks(TOGETHER) {
            let large = self.together(mailbox, uids, &mut found).await?;
            self.one_by_one(mailbox, large, &mut found).await?;
        }
        if !found.is_empty() {
            self.inner.images.learn(mailbox, &found);
        }
        if messages.len() >= MANY
            && let Some(last) = messages.last()
        {
            self.read_ahead(mailbox, last.flags.uid);
        }
        messages.retain_mut(|message| {
            if !message.summary.is_empty() {
                return true;
            }
            let summary = found.remove(&message.flags.uid);
            let there = summary.is_some();
            message.summary = summary.unwrap_or_default();
            there
        });
        Ok(messages)
    }

    /// Waits for what is being read ahead, and takes of it what is needed.
    async fn take_ahead(&self, mailbox: MailboxId, messages: &mut [Message]) {
        let reading = lock(&self.inner.ahead.0).get(&mailbox).cloned();
        let Some(mut reading) = reading else { return };
        // Until it has ended.
        while reading.changed().await.is_ok() {}
        let found = reading.borrow();
        for message in messages {
            if message.summary.is_empty()
                && let Some(summary) = found.get(&message.flags.uid)
            {
                message.summary = summary.clone();
            }
        }
    }

    /// Reads summaries of the messages behind a UID that the image does not have yet, beside what else goes on.
    fn read_ahead(&self, mailbox: MailboxId, behind: u32) {
        let uids = self.inner.images.without_summary(mailbox, behind, AHEAD);
        let mut all = lock(&self.inner.ahead.0);
        if uids.is_empty() || all.contains_key(&mailbox) {
            return;
        }
        let (tell, told) = watch::channel(Arc::default());
        all.insert(mailbox, told);
        drop(all);
        let store = self.clone();
        tokio::spawn(async move {
            let mut found = Found::with_capacity(uids.len());
            let read = store.together(mailbox, &uids, &mut found).await;
            if let Err(error) = read {
                // Who needs them reads them again, and is told.
                tracing::debug!(%error, "summaries were not read ahead");
            }
            store.inner.images.learn(mailbox, &found);
            tell.send_replace(Arc::new(found));
            lock(&store.inner.ahead.0).remove(&mailbox);
        });
    }

    /// Summaries of messages in one row; the UIDs of those that are too large for it.
    async fn together(
        &self,
        mailbox: MailboxId,
        uids: &[u32],
        found: &mut Found,
    ) -> Result<Vec<u32>> {
        let ranges = UidRange::compress(uids.iter().copied());
        let arguments: Vec<Value> = vec![
            mailbox.0.into(),
            ranges_of(&ranges).into(),
            signed(SUMMARY).into(),
            Value::Blob(Vec::new()),
        ];
        let readers = &self.inner.readers;
        let row = readers.fetch_one(&SUMMARIES_TOGETHER, arguments).await?;
        let row = row.ok_or_else(|| Error::Corrupt("a count has no row".to_owned()))?;
        let damaged = || Error::Corrupt("summaries are not as long as they are".to_owned());
        let (lengths, octets) = (row.text(0)?, row.bytes(1)?);
        let mut numbers = lengths.split_ascii_whitespace();
        let (mut rest, mut large) = (octets.as_slice(), Vec::new());
        while let Some(uid) = numbers.next() {
            let uid = uid.parse().map_err(|_| damaged())?;
            let length = numbers.next().and_then(|length| length.parse().ok());
            let length: usize = length.ok_or_else(damaged)?;
            if length > SUMMARY {
                large.push(uid);
                continue;
            }
            let (summary, behind) = rest.split_at_checked(length).ok_or_else(damaged)?;
            found.insert(uid, Bytes::copy_from_slice(summary));
            rest = behind;
        }
        large.sort_unstable();
        Ok(large)
    }

    /// Summaries of messages, of any size.
    async fn one_by_one(
        &self,
        mailbox: MailboxId,
        uids: Vec<u32>,
        found: &mut Found,
    ) -> Result<()> {
        if uids.is_empty() {
            return Ok(());
        }
        let ranges = ranges_of(&UidRange::compress(uids));
        let arguments = vec![mailbox.0.into(), Value::from(ranges)];
        for row in &self.inner.readers.fetch(&SUMMARIES, arguments).await? {
            found.insert(row.number(0)?, Bytes::from(row.bytes(1)?));
        }
        Ok(())
    }
}
