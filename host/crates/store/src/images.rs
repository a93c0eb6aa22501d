//! Mailboxes that were opened lately, as they were at a modification sequence: whoever opens one again, or asks for flags, sizes and dates,
//! has only that read which changed since. Summaries that were asked for are kept with them.
//!
//! Invariants: an image is never older than the modification sequence it carries, and may be newer, so that what is read again on top of it
//! changes nothing; who asks gets what the database has at that moment, since the mailbox's row is read first; all images together stay
//! within their room.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::account_log::EmailStay;
use crate::changes::{CHANGED, NEWEST, vanished_since};
use crate::database::{Row, Value};
use crate::flags::split_keywords;
use crate::mailboxes::{MAILBOX_BY_ID, mailbox_of_row};
use crate::messages::saved;
use crate::shared::lock;
use crate::statement::Sql;
use crate::writer::flags::message_flags;
use crate::{
    AccountId, BlobId, Error, Flags, Mailbox, MailboxId, Message, MessageFlags, Result, Store,
    UidRange,
};

/// Octets of all images together: a million and a half of messages.
const ROOM: usize = 128 << 20;
/// Octets of an image beyond which it takes no summaries, and of a summary beyond which it is not kept.
const SUMMARIES_ROOM: usize = ROOM / 4;
const SUMMARY: usize = 4096;
/// Octets of a keyword in an image beside its text.
const KEYWORD: usize = 24;
/// Octets of an image beside its messages.
const IMAGE: usize = 256;

/// Messages that are read at a time.
const LINES: i64 = 20_000;
// One row of lines: for each row that comes from SQLite's thread two threads wait for each other. What may hold spaces is last.
static PACKED: Sql = Sql::new(
    "SELECT coalesce(string_agg(l.line, $3 ORDER BY l.uid), ''), count(*), coalesce(max(l.uid), 0)
     FROM (SELECT uid, uid || ' ' || modseq || ' ' || flags || ' ' || internal_date || ' ' || size || ' ' || blob || ' ' || internal_offset
       || ' ' || saved || ' ' || created || ' ' || thread || ' ' || keywords AS line FROM messages WHERE mailbox = $1 AND uid > $2 ORDER BY uid LIMIT $4) AS l",
);

/// A message in an image.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) flags: MessageFlags,
    internal_date: i64,
    internal_offset: i16,
    saved: i64,
    size: u64,
    blob: BlobId,
    created: u64,
    thread: i64,
    /// Empty until somebody asked for it.
    summary: Bytes,
}

impl Entry {
    /// From the columns uid, modseq, flags, keywords, internal_date, size, blob, internal_offset, saved, created, thread.
    pub(crate) fn of_row(row: &Row) -> Result<Self> {
        let internal_date = row.int(4)?;
        Ok(Self {
            flags: message_flags(row)?,
            internal_date,
            size: row.natural(5)?,
            blob: BlobId(row.int(6)?),
            internal_offset: i16::try_from(row.int(7)?).unwrap_or(0),
            saved: saved(internal_date, row.int(8)?),
            created: row.natural(9)?,
            thread: row.int(10)?,
            summary: Bytes::new(),
        })
    }

    /// From a line of [`PACKED`].
    fn of_line(line: &str) -> Option<Self> {
        let mut columns = line.splitn(11, ' ');
        let mut next = || columns.next()?.parse::<i64>().ok();
        let (uid, modseq, flags) = (next()?, next()?, next()?);
        let (internal_date, size, blob) = (next()?, next()?, next()?);
        let (internal_offset, kept) = (next()?, next()?);
        let (created, thread) = (next()?, next()?);
        Some(Self {
            flags: MessageFlags {
                uid: u32::try_from(uid).ok()?,
                modseq: u64::try_from(modseq).ok()?,
                flags: Flags::from_bits(u8::try_from(flags).unwrap_or(0)),
                keywords: split_keywords(columns.next()?),
            },
            internal_date,
            size: u64::try_from(size).ok()?,
            blob: BlobId(blob),
            internal_offset: i16::try_from(internal_offset).unwrap_or(0),
            saved: saved(internal_date, kept),
            created: u64::try_from(created).ok()?,
            thread,
            summary: Bytes::new(),
        })
    }

    /// Without its summary.
    pub(crate) fn message(&self) -> Message {
        Message {
            flags: self.flags.clone(),
            internal_date: self.internal_date,
            internal_offset: self.internal_offset,
            saved: self.saved,
            size: self.size,
            blob: self.blob,
            thread: self.thread,
            summary: Bytes::new(),
        }
    }

    fn octets(&self) -> usize {
        let keywords = self.flags.keywords.iter();
        size_of::<Self>()
            + self.summary.len()
            + keywords
                .map(|keyword| KEYWORD + keyword.len())
                .sum::<usize>()
    }
}

/// The messages of a mailbox, ascending by UID.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    modseq: u64,
    entries: Arc<Vec<Entry>>,
    /// Octets of the entries.
    octets: usize,
}

impl Image {
    fn new(modseq: u64, entries: Vec<Entry>) -> Self {
        Self {
            modseq,
            octets: entries.iter().map(Entry::octets).sum(),
            entries: Arc::new(entries),
        }
    }

    pub(crate) fn flags(&self) -> Vec<MessageFlags> {
        let flags = self.entries.iter().map(|entry| entry.flags.clone());
        flags.collect()
    }

    /// Since when each message is there.
    pub(crate) fn stays(&self) -> impl Iterator<Item = EmailStay> + '_ {
        self.entries.iter().map(|entry| EmailStay {
            blob: entry.blob,
            thread: entry.thread,
            created: entry.created,
            changed: entry.flags.modseq,
        })
    }

    /// The messages of these UIDs; if asked for, with the summaries that are known.
    fn messages(&self, uids: &[UidRange], with_summary: bool) -> Vec<Message> {
        let mut sorted = uids.to_vec();
        sorted.sort_unstable_by_key(|range| range.first);
        let mut found = Vec::new();
        // No message twice, however ranges overlap.
        let mut from = 0;
        for range in sorted {
            let first = self.place(range.first).max(from);
            let end = match range.last.checked_add(1) {
                Some(behind) => self.place(behind),
                None => self.entries.len(),
            };
            if first < end {
                let entries = self.entries.get(first..end).unwrap_or_default();
                found.extend(entries.iter().map(|entry| {
                    let mut message = entry.message();
                    if with_summary {
                        message.summary = entry.summary.clone();
                    }
                    message
                }));
                from = end;
            }
        }
        found
    }

    /// Where the first message with this UID or a higher one is.
    fn place(&self, uid: u32) -> usize {
        self.entries.partition_point(|entry| entry.flags.uid < uid)
    }

    /// Takes in what changed: messages that are new or have other flags, ascending by UID, then what is gone.
    fn apply(&mut self, changed: Vec<Entry>, vanished: &[UidRange]) {
        let entries = Arc::make_mut(&mut self.entries);
        let mut octets = self.octets;
        for entry in changed {
            let place = entries.partition_point(|known| known.flags.uid < entry.flags.uid);
            octets += entry.octets();
            match entries.get_mut(place) {
                Some(known) if known.flags.uid == entry.flags.uid => {
                    octets = octets + known.summary.len() - known.octets();
                    let summary = std::mem::take(&mut known.summary);
                    *known = Entry { summary, ..entry };
                }
                _ => entries.insert(place, entry),
            }
        }
        if !vanished.is_empty() {
            entries.retain(|entry| {
                let gone = UidRange::any_holds(vanished, entry.flags.uid);
                octets -= if gone { entry.octets() } else { 0 };
                !gone
            });
        }
        self.octets = octets;
    }
}

impl Image {
    /// Keeps summaries, if nobody else looks at the image just now.
    fn learn(&mut self, summaries: &HashMap<u32, Bytes>) {
        let Some(entries) = Arc::get_mut(&mut self.entries) else {
            return;
        };
        for (uid, summary) in summaries {
            if summary.len() > SUMMARY || self.octets > SUMMARIES_ROOM {
                continue;
            }
            if let Ok(place) = entries.binary_search_by_key(uid, |entry| entry.flags.uid)
                && let Some(entry) = entries.get_mut(place)
            {
                self.octets = self.octets + summary.len() - entry.summary.len();
                entry.summary = summary.clone();
            }
        }
    }
}

/// The images that are kept.
#[derive(Debug, Default)]
pub(crate) struct Images(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    images: HashMap<MailboxId, Used>,
    /// Which was used when, the longest ago first.
    order: BTreeMap<u64, MailboxId>,
    octets: usize,
    /// Counts uses.
    uses: u64,
}

#[derive(Debug)]
struct Used {
    image: Image,
    at: u64,
}

impl Images {
    fn get(&self, mailbox: MailboxId) -> Option<Image> {
        let mut kept = lock(&self.0);
        let image = kept.remove(mailbox)?;
        kept.insert(mailbox, image.clone());
        Some(image)
    }

    /// Takes it out to be changed: nobody else holds it then, most often, and it need not be copied.
    fn take(&self, mailbox: MailboxId) {
        lock(&self.0).remove(mailbox);
    }

    /// Keeps an image, in place of those that were used longest ago.
    fn put(&self, mailbox: MailboxId, image: Image) {
        let mut kept = lock(&self.0);
        let newer = |used: &Used| used.image.modseq >= image.modseq;
        if image.octets > ROOM / 2 || kept.images.get(&mailbox).is_some_and(newer) {
            return;
        }
        kept.remove(mailbox);
        kept.insert(mailbox, image);
        kept.make_room();
    }

    /// Keeps summaries of the mailbox's messages, if there is an image of it.
    pub(crate) fn learn(&self, mailbox: MailboxId, summaries: &HashMap<u32, Bytes>) {
        let mut kept = lock(&self.0);
        if let Some(mut image) = kept.remove(mailbox) {
            image.learn(summaries);
            kept.insert(mailbox, image);
            kept.make_room();
        }
    }
}

impl Kept {
    fn make_room(&mut self) {
        while self.octets > ROOM {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            self.remove(oldest);
        }
    }

    fn insert(&mut self, mailbox: MailboxId, image: Image) {
        self.uses += 1;
        self.octets += IMAGE + image.octets;
        self.order.insert(self.uses, mailbox);
        let at = self.uses;
        self.images.insert(mailbox, Used { image, at });
    }

    fn remove(&mut self, mailbox: MailboxId) -> Option<Image> {
        let Used { image, at } = self.images.remove(&mailbox)?;
        self.order.remove(&at);
        self.octets -= IMAGE + image.octets;
        Some(image)
    }
}

impl Store {
    /// The mailbox's row and all its messages as they are now; read whole if it was not opened lately.
    ///
    /// # Errors
    /// `NoSuchMailbox`, also for one that cannot be selected.
    pub(crate) async fn image(
        &self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<(Mailbox, Image)> {
        let (found, floor) = self.mailbox_and_floor(account, mailbox).await?;
        if let Some(image) = self.caught_up(&found, floor).await? {
            return Ok((found, image));
        }
        let image = Image::new(found.highest_modseq, self.all_entries(mailbox).await?);
        self.inner.images.put(mailbox, image.clone());
        Ok((found, image))
    }

    /// Which of these contents messages of the mailbox have.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub(crate) async fn blobs_in(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        blobs: &HashSet<BlobId>,
    ) -> Result<Vec<BlobId>> {
        let (_, image) = self.image(account, mailbox).await?;
        let known = image.entries.iter().map(|entry| entry.blob);
        Ok(known.filter(|blob| blobs.contains(blob)).collect())
    }

    /// All messages, from the database.
    async fn all_entries(&self, mailbox: MailboxId) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut last = 0;
        loop {
            let arguments = vec![mailbox.0.into(), last.into(), "\n".into(), LINES.into()];
            let row = self.inner.readers.fetch_one(&PACKED, arguments).await?;
            let row = row.ok_or_else(|| Error::Corrupt("a count has no row".to_owned()))?;
            for line in row.text(0)?.lines() {
                let entry = Entry::of_line(line);
                entries.push(entry.ok_or_else(|| Error::Corrupt(format!("a message is {line}")))?);
            }
            last = row.int(2)?;
            if row.int(1)? < LINES {
                return Ok(entries);
            }
        }
    }

    /// The messages of these UIDs, if the mailbox was opened lately; if asked for, with the summaries that are known.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub(crate) async fn imaged(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[UidRange],
        with_summary: bool,
    ) -> Result<Option<Vec<Message>>> {
        if self.inner.images.get(mailbox).is_none() {
            return Ok(None);
        }
        let (found, floor) = self.mailbox_and_floor(account, mailbox).await?;
        let image = self.caught_up(&found, floor).await?;
        Ok(image.map(|image| image.messages(uids, with_summary)))
    }

    /// The mailbox, and the modification sequence since which its tombstones are whole.
    pub(crate) async fn mailbox_and_floor(
        &self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<(Mailbox, u64)> {
        let arguments = vec![account.0.into(), mailbox.0.into()];
        let row = self
            .inner
            .readers
            .fetch_one(&MAILBOX_BY_ID, arguments)
            .await?;
        let row = row.ok_or_else(|| Error::NoSuchMailbox(mailbox.to_string()))?;
        let found = mailbox_of_row(&row)?;
        if !found.selectable {
            return Err(Error::NoSuchMailbox(mailbox.to_string()));
        }
        Ok((found, row.natural(13)?))
    }

    /// The image as of now, if there is one that what changed since can be told of.
    async fn caught_up(&self, found: &Mailbox, floor: u64) -> Result<Option<Image>> {
        let mailbox = found.id;
        let Some(mut image) = self.inner.images.get(mailbox) else {
            return Ok(None);
        };
        if image.modseq == found.highest_modseq {
            return Ok(Some(image));
        }
        // Another may have caught up since the row was read; if the database has gone back, by a restore or to a standby that was behind,
        // no image of it holds.
        if image.modseq > found.highest_modseq || image.modseq < floor {
            self.inner.images.take(mailbox);
            return Ok(None);
        }
        let changed = self.entries_since(mailbox, image.modseq).await?;
        let vanished = vanished_since(&self.inner.readers, mailbox, image.modseq).await?;
        self.inner.images.take(mailbox);
        // Tombstones may have been swept between the two statements.
        let (_, floor) = self.mailbox_and_floor(found.account, mailbox).await?;
        if image.modseq < floor {
            return Ok(None);
        }
        image.apply(changed, &vanished);
        image.modseq = found.highest_modseq;
        self.inner.images.put(mailbox, image.clone());
        Ok(Some(image))
    }

    /// Messages with a higher modification sequence, ascending by UID. Those whose flags were changed are in an index; the others have the
    /// one that they came with, which rises with the UID. So they are read from the newest down to the first that is no newer: below it
    /// all came earlier.
    pub(crate) async fn entries_since(&self, mailbox: MailboxId, since: u64) -> Result<Vec<Entry>> {
        let after = i64::try_from(since).unwrap_or(i64::MAX);
        let readers = &self.inner.readers;
        let arguments = vec![mailbox.0.into(), after.into()];
        let rows = readers.fetch(&CHANGED, arguments).await?;
        let mut changed: Vec<Entry> = rows.iter().map(Entry::of_row).collect::<Result<_>>()?;
        let (mut below, mut count) = (i64::from(u32::MAX) + 1, 32);
        'reading: loop {
            let arguments: Vec<Value> = vec![mailbox.0.into(), below.into(), count.into()];
            let rows = readers.fetch(&NEWEST, arguments).await?;
            for row in &rows {
                below = row.int(0)?;
                let entry = Entry::of_row(row)?;
                if entry.flags.modseq <= since {
                    break 'reading;
                }
                changed.push(entry);
            }
            if i64::try_from(rows.len()).unwrap_or(i64::MAX) < count {
                break;
            }
            count = (count * 4).min(8192);
        }
        // Those whose flags were changed, between the two statements perhaps, are found by both.
        changed
            .sort_unstable_by_key(|entry| (entry.flags.uid, std::cmp::Reverse(entry.flags.modseq)));
        changed.dedup_by_key(|entry| entry.flags.uid);
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Flags;

    fn entry(uid: u32, modseq: u64) -> Entry {
        Entry {
            flags: MessageFlags {
                uid,
                modseq,
                flags: Flags::NONE,
                keywords: Vec::new(),
            },
            internal_date: 0,
            internal_offset: 0,
            saved: 0,
            size: 0,
            blob: BlobId(1),
            created: 1,
            thread: 0,
            summary: Bytes::new(),
        }
    }

    fn image(modseq: u64, uids: impl IntoIterator<Item = u32>) -> Image {
        Image::new(modseq, uids.into_iter().map(|uid| entry(uid, 1)).collect())
    }

    fn range(first: u32, last: u32) -> UidRange {
        UidRange { first, last }
    }

    fn uids(messages: &[Message]) -> Vec<u32> {
        messages.iter().map(|message| message.flags.uid).collect()
    }

    #[test]
    fn messages_are_found_once_whatever_ranges_ask_for_them() {
        let image = image(1, [2, 4, 6, u32::MAX]);
        let all = [range(4, 5), range(1, 4), range(6, u32::MAX), range(9, 8)];
        assert_eq!(uids(&image.messages(&all, false)), [2, 4, 6, u32::MAX]);
        assert_eq!(
            uids(&image.messages(&[range(5, 5)], false)),
            Vec::<u32>::new()
        );
    }

    #[test]
    fn what_changed_is_taken_in_twice_as_once() {
        let mut image = image(1, [2, 4, 6]);
        for _ in 0..2 {
            image.apply(vec![entry(4, 9), entry(7, 9)], &[range(1, 3), range(6, 6)]);
            let now: Vec<_> = image.flags().iter().map(|m| (m.uid, m.modseq)).collect();
            assert_eq!(now, [(4, 9), (7, 9)]);
            assert_eq!(image.octets, 2 * size_of::<Entry>());
        }
    }

    #[test]
    fn summaries_are_kept_while_flags_change() {
        let images = Images::default();
        images.put(MailboxId(1), image(5, [2, 4, 6]));
        let summary = |octets: usize| Bytes::from(vec![7; octets]);
        let summaries = [
            (4, summary(10)),
            (5, summary(10)),
            (6, summary(SUMMARY + 1)),
        ];
        images.learn(MailboxId(1), &HashMap::from(summaries));
        images.learn(MailboxId(2), &HashMap::new());
        let mut image = images.get(MailboxId(1)).unwrap();
        image.apply(vec![entry(4, 9)], &[range(2, 2)]);
        let found = image.messages(&[UidRange::ALL], true);
        let known: Vec<_> = found
            .iter()
            .map(|m| (m.flags.uid, m.summary.len()))
            .collect();
        assert_eq!(known, [(4, 10), (6, 0)]);
        assert_eq!(image.octets, 2 * size_of::<Entry>() + 10);
        // Nothing is copied for it.
        image.learn(&HashMap::from([(6, summary(1))]));
        assert_eq!(image.octets, 2 * size_of::<Entry>() + 11);
        let other = image.clone();
        image.learn(&HashMap::from([(6, summary(3))]));
        assert_eq!(image.octets, 2 * size_of::<Entry>() + 11);
        assert_eq!(uids(&other.messages(&[UidRange::ALL], true)), [4, 6]);
    }

    #[test]
    fn images_stay_within_their_room_and_never_go_back() {
        let images = Images::default();
        let many = u32::try_from(ROOM / 4 / size_of::<Entry>()).unwrap();
        for number in 0..6 {
            images.put(MailboxId(number), image(5, 1..many));
        }
        assert!(images.get(MailboxId(0)).is_none());
        assert!(images.get(MailboxId(5)).is_some());
        assert!(lock(&images.0).octets <= ROOM);
        images.put(MailboxId(5), image(4, [1]));
        assert_eq!(images.get(MailboxId(5)).unwrap().modseq, 5);
        // Nothing that is empty stays for ever.
        for number in 0..i64::try_from(2 * ROOM / IMAGE).unwrap() {
            images.put(MailboxId(100 + number), image(5, []));
        }
        assert!(lock(&images.0).images.len() <= ROOM / IMAGE);
        // What takes half of the room for itself alone is not kept.
        images.put(MailboxId(7), image(5, 1..3 * many));
        assert!(images.get(MailboxId(7)).is_none());
    }
}
