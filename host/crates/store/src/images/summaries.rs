//! Summaries of the messages of an image: those that it does not have yet come thousands to a row, and the next ones are read while these
//! are made use of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::watch;

use super::SUMMARY;
use crate::database::Value;
use crate::shared::lock;
use crate::statement::{Rows, Sql};
use crate::writer::buffers::signed;
use crate::{BlobId, Error, MailboxId, Message, Result, Store};

/// Summaries that are read at a time.
const TOGETHER: usize = 1000;
/// Who asks for so many at once is likely to ask for those behind them next.
const MANY: usize = 100;
/// Summaries that are read ahead at a time, and how many times before who asks comes again: reading them takes longer than to make use of
/// them, so that it does not wait for that.
const AHEAD: usize = 500;
const RUNS: usize = 4;

static SUMMARIES: Sql =
    Sql::new("SELECT b.id, b.summary FROM {1: id i} AS r CROSS JOIN blobs b WHERE b.id = r.id");
// For each row that comes from SQLite's thread two threads wait for each other: those that are no longer than $2 are one. Contents are
// gone to by their own numbers, which follow each other most often, and not by way of their messages.
static SUMMARIES_TOGETHER: Sql = Sql::new(
    "SELECT coalesce(string_agg(b.id || ' ' || length(b.summary), ' '), ''),
       coalesce({joined: CASE WHEN length(b.summary) <= $2 THEN b.summary END}, $3)
     FROM {1: first i, last i} AS r CROSS JOIN blobs b WHERE b.id BETWEEN r.first AND r.last",
);

/// What a summary is looked for of: a content, and the UID of a message that has it.
pub(super) type Wanted = (BlobId, u32);
type Found = HashMap<u32, Bytes>;

/// What is being read ahead, of each mailbox at most one run. What was found is told before the sender goes.
#[derive(Debug, Default)]
pub(crate) struct Ahead(Mutex<HashMap<MailboxId, watch::Receiver<Arc<Found>>>>);

impl Store {
    /// Messages with their summaries, of which some are known; those whose contents went meanwhile are left out.
    pub(crate) async fn summarised(
        &self,
        mailbox: MailboxId,
        mut messages: Vec<Message>,
    ) -> Result<Vec<Message>> {
        let unknown = |messages: &[Message]| -> Vec<Wanted> {
            let unknown = messages.iter().filter(|message| message.summary.is_empty());
            let wanted = unknown.map(|message| (message.blob, message.flags.uid));
            wanted.collect()
        };
        let last = messages.last().map(|message| message.flags.uid);
        let many = last.filter(|_| messages.len() >= MANY);
        if unknown(&messages).is_empty() {
            if let Some(last) = many {
                self.read_ahead(mailbox, last);
            }
            return Ok(messages);
        }
        self.take_ahead(mailbox, &mut messages).await;
        let wanted = unknown(&messages);
        let mut found = Found::with_capacity(wanted.len());
        for wanted in wanted.chunks(TOGETHER) {
            let large = self.together(wanted, &mut found).await?;
            self.one_by_one(large, &mut found).await?;
        }
        if !found.is_empty() {
            self.inner.images.learn(mailbox, &found);
        }
        if let Some(last) = many {
            self.read_ahead(mailbox, last);
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
        let mut all = lock(&self.inner.ahead.0);
        if all.contains_key(&mailbox) {
            return;
        }
        let wanted = self.inner.images.without_summary(mailbox, behind, AHEAD);
        if wanted.is_empty() {
            return;
        }
        let (tell, told) = watch::channel(Arc::default());
        all.insert(mailbox, told);
        drop(all);
        let store = self.clone();
        tokio::spawn(store.read_runs(mailbox, wanted, tell));
    }

    /// Reads some runs of summaries, one after another.
    async fn read_runs(
        self,
        mailbox: MailboxId,
        mut wanted: Vec<Wanted>,
        mut tell: watch::Sender<Arc<Found>>,
    ) {
        for run in 1.. {
            let mut found = Found::with_capacity(wanted.len());
            let read = self.together(&wanted, &mut found).await;
            if let Err(error) = &read {
                // Who needs them reads them again, and is told.
                tracing::debug!(%error, "summaries were not read ahead");
            }
            self.inner.images.learn(mailbox, &found);
            let behind = wanted.last().map_or(u32::MAX, |(_, uid)| *uid);
            wanted = match run < RUNS && read.is_ok() {
                true => self.inner.images.without_summary(mailbox, behind, AHEAD),
                false => Vec::new(),
            };
            let next = (!wanted.is_empty()).then(|| watch::channel(Arc::default()));
            let mut all = lock(&self.inner.ahead.0);
            tell.send_replace(Arc::new(found));
            let Some((sender, told)) = next else {
                all.remove(&mailbox);
                return;
            };
            all.insert(mailbox, told);
            drop(all);
            tell = sender;
        }
    }

    /// Summaries of messages in one row; those that are too large for it are told.
    async fn together(&self, wanted: &[Wanted], found: &mut Found) -> Result<Vec<Wanted>> {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        let arguments: Vec<Value> = vec![
            close_ranges(&wanted).into(),
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
        while let Some(blob) = numbers.next() {
            let blob = BlobId(blob.parse().map_err(|_| damaged())?);
            let length = numbers.next().and_then(|length| length.parse().ok());
            let length: usize = length.ok_or_else(damaged)?;
            if length > SUMMARY {
                large.extend_from_slice(of_blob(&wanted, blob));
                continue;
            }
            let (summary, behind) = rest.split_at_checked(length).ok_or_else(damaged)?;
            tell(of_blob(&wanted, blob), summary, found);
            rest = behind;
        }
        Ok(large)
    }

    /// Summaries of messages, of any size.
    async fn one_by_one(&self, mut wanted: Vec<Wanted>, found: &mut Found) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        wanted.sort_unstable();
        let mut blobs: Vec<i64> = wanted.iter().map(|(blob, _)| blob.0).collect();
        blobs.dedup();
        let arguments = vec![Rows::of_ints(blobs).into()];
        for row in &self.inner.readers.fetch(&SUMMARIES, arguments).await? {
            tell(of_blob(&wanted, BlobId(row.int(0)?)), &row.bytes(1)?, found);
        }
        Ok(())
    }
}

/// The messages, among sorted ones, that have this content: one that was copied within its mailbox is there twice.
fn of_blob(wanted: &[Wanted], blob: BlobId) -> &[Wanted] {
    let first = wanted.partition_point(|(other, _)| *other < blob);
    let behind = wanted.partition_point(|(other, _)| *other <= blob);
    wanted.get(first..behind).unwrap_or_default()
}

fn tell(messages: &[Wanted], summary: &[u8], found: &mut Found) {
    let Some(((_, first), others)) = messages.split_first() else {
        return;
    };
    let summary = Bytes::copy_from_slice(summary);
    for (_, uid) in others {
        found.insert(*uid, summary.clone());
    }
    found.insert(*first, summary);
}

/// Numbers of contents as ranges. One number that lies between two of them is most often that of a row of the ledger, and is passed over.
fn close_ranges(wanted: &[Wanted]) -> Rows {
    let mut rows = Rows::default();
    let mut open: Option<(i64, i64)> = None;
    for (BlobId(blob), _) in wanted {
        open = Some(match open {
            Some((first, last)) if *blob - last <= 2 => (first, *blob),
            Some((first, last)) => {
                drop(rows.row().int(first).int(last));
                (*blob, *blob)
            }
            None => (*blob, *blob),
        });
    }
    if let Some((first, last)) = open {
        drop(rows.row().int(first).int(last));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans;

    #[test]
    fn numbers_that_lie_close_are_one_range() {
        let wanted = [1, 2, 4, 4, 7, 8].map(|blob| (BlobId(blob), 9));
        assert_eq!(close_ranges(&wanted).finish(), "[[1,4],[7,8]]");
        assert_eq!(close_ranges(&[]).finish(), "[]");
    }

    #[test]
    fn what_was_not_looked_for_is_not_told() {
        let wanted = [(BlobId(3), 1), (BlobId(5), 2), (BlobId(5), 7)];
        let mut found = Found::new();
        for (blob, summary) in [(3, "three"), (4, "foreign"), (5, "five")] {
            let summary: &[u8] = summary.as_bytes();
            tell(of_blob(&wanted, BlobId(blob)), summary, &mut found);
        }
        let expected = [(1, "three"), (2, "five"), (7, "five")];
        let expected = expected.map(|(uid, summary)| (uid, Bytes::from(summary)));
        assert_eq!(found, Found::from(expected));
    }

    #[tokio::test]
    async fn contents_are_gone_to_by_their_numbers() {
        plans::on_sqlite(async |mut connection| {
            for (sql, rest) in [
                (&SUMMARIES, vec![]),
                (&SUMMARIES_TOGETHER, vec![1.into(), Value::Blob(Vec::new())]),
            ] {
                let mut values: Vec<Value> = vec!["[[1,9]]".into()];
                values.extend(rest);
                let plan = plans::plan(&mut connection, sql, values).await;
                let place = "SEARCH b USING INTEGER PRIMARY KEY";
                assert!(plan.contains(place), "{plan}");
            }
            connection.close().await;
        })
        .await;
    }
}
