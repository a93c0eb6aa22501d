//! A mailbox's messages in memory, and which of them changed lately.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::summaries::Wanted;
use super::{IMAGE, ROOM, SUMMARIES_ROOM, SUMMARY};
use crate::account_log::EmailStay;
use crate::database::Row;
use crate::flags::split_keywords;
use crate::messages::saved;
use crate::writer::buffers::NewMessage;
use crate::writer::flags::message_flags;
use crate::{
    AccountId, BlobId, Flags, MailboxId, Message, MessageFlags, MessageIn, Result, Seen, UidRange,
};

/// Octets of a keyword in an image beside its text.
const KEYWORD: usize = 24;
/// Changes of an image that it can tell of.
const RECENT: usize = 4096;

/// A message in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) flags: MessageFlags,
    pub(super) internal_date: i64,
    pub(super) internal_offset: i16,
    pub(super) saved: i64,
    pub(super) size: u64,
    pub(super) blob: BlobId,
    pub(super) created: u64,
    pub(super) thread: i64,
    /// Empty until somebody asked for it.
    pub(super) summary: Bytes,
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

    /// From a line of `PACKED`.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
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

    /// As it is written.
    pub(crate) fn of_new(new: &NewMessage<'_>) -> Self {
        Self {
            flags: MessageFlags {
                uid: new.uid,
                modseq: new.modseq,
                flags: Flags::from_bits(new.flags),
                keywords: split_keywords(new.keywords),
            },
            internal_date: new.internal_date,
            internal_offset: new.internal_offset,
            saved: saved(new.internal_date, new.saved),
            size: new.size,
            blob: new.blob,
            created: new.modseq,
            thread: new.thread,
            summary: Bytes::new(),
        }
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

    pub(super) fn octets(&self) -> usize {
        let keywords = self.flags.keywords.iter();
        size_of::<Self>()
            + self.summary.len()
            + keywords
                .map(|keyword| KEYWORD + keyword.len())
                .sum::<usize>()
    }
}

/// The messages of a mailbox.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// Whose mailbox it is.
    pub(super) account: AccountId,
    pub(super) modseq: u64,
    /// When it was as its mailbox ([`super::Images::at_rest`]), where that is known.
    pub(super) settled: Option<u64>,
    content: Arc<Content>,
    /// Messages that changed since it was kept in the database.
    pub(super) unkept: usize,
    /// Octets of the entries.
    pub(super) octets: usize,
}

#[derive(Debug, Clone)]
struct Content {
    /// Ascending by UID.
    entries: Vec<Entry>,
    /// What changed since the modification sequence `told_from`: modification sequences and UIDs, the oldest first, some twice.
    recent: VecDeque<(u64, u32)>,
    told_from: u64,
    /// The image's modification sequence when messages were last taken out of it.
    removed: u64,
}

/// What was committed and an image can take in by itself: all that happened in a mailbox after one modification sequence and up to another.
#[derive(Debug)]
pub(crate) enum Change {
    Flagged(Flagged),
    Came(Came),
}

impl Change {
    pub(crate) fn mailbox(&self) -> MailboxId {
        match self {
            Self::Flagged(flagged) => flagged.mailbox,
            Self::Came(came) => came.mailbox,
        }
    }
}

/// A message that came. Others that came with it have the same modification sequence, and follow it.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) mailbox: MailboxId,
    pub(crate) after: u64,
    pub(crate) entry: Entry,
}

/// A change of flags.
#[derive(Debug)]
pub(crate) struct Flagged {
    pub(crate) mailbox: MailboxId,
    pub(crate) after: u64,
    pub(crate) modseq: u64,
    /// Those that changed, as they are now.
    pub(crate) messages: Vec<MessageFlags>,
}

impl Image {
    pub(crate) fn new(account: AccountId, modseq: u64, entries: Vec<Entry>) -> Self {
        Self {
            account,
            modseq,
            settled: None,
            unkept: entries.len(),
            octets: entries.iter().map(Entry::octets).sum(),
            content: Arc::new(Content {
                entries,
                recent: VecDeque::new(),
                told_from: modseq,
                removed: modseq,
            }),
        }
    }

    /// Whether it is as the account's mailbox still: nobody changed anything since.
    pub(super) fn is_settled(&self, account: AccountId, rest: Option<u64>) -> bool {
        self.account == account && rest.is_some() && self.settled == rest
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.content.entries
    }

    /// How many messages it has.
    pub(crate) fn count(&self) -> usize {
        self.entries().len()
    }

    /// Its messages that came no later than a moment, as those of a mailbox.
    pub(crate) fn messages_in(
        &self,
        mailbox: MailboxId,
        until: u64,
    ) -> impl Iterator<Item = MessageIn<'_>> {
        let entries = self.entries().iter();
        let there = entries.filter(move |entry| entry.created <= until);
        there.map(move |entry| MessageIn {
            mailbox,
            uid: entry.flags.uid,
            flags: entry.flags.flags,
            keywords: &entry.flags.keywords,
            blob: entry.blob,
            size: entry.size,
            thread: entry.thread,
            internal_date: entry.internal_date,
        })
    }

    pub(crate) fn flags(&self) -> Vec<MessageFlags> {
        let flags = self.entries().iter().map(|entry| entry.flags.clone());
        flags.collect()
    }

    /// Where its messages are, by their contents.
    pub(crate) fn sightings(
        &self,
        mailbox: MailboxId,
    ) -> impl Iterator<Item = (BlobId, Seen)> + '_ {
        self.content.entries.iter().map(move |entry| {
            let seen = Seen {
                mailbox,
                uid: entry.flags.uid,
                size: entry.size,
                thread: entry.thread,
                deleted: entry.flags.flags.contains(Flags::DELETED),
            };
            (entry.blob, seen)
        })
    }

    /// Since when each message is there.
    pub(crate) fn stays(&self) -> impl Iterator<Item = EmailStay> + '_ {
        // What has \Deleted has left (`writer/departures.rs`).
        let entries = self.entries().iter();
        let there = entries.filter(|entry| !entry.flags.flags.contains(Flags::DELETED));
        there.map(|entry| EmailStay {
            blob: entry.blob,
            thread: entry.thread,
            created: entry.created,
            changed: entry.flags.modseq,
        })
    }

    /// The messages of these UIDs, ascending, none twice, however ranges overlap.
    fn among(&self, uids: &[UidRange]) -> impl Iterator<Item = &Entry> {
        let mut sorted = uids.to_vec();
        sorted.sort_unstable_by_key(|range| range.first);
        let mut from = 0;
        sorted.into_iter().flat_map(move |range| {
            let first = self.place(range.first).max(from);
            let end = match range.last.checked_add(1) {
                Some(behind) => self.place(behind),
                None => self.entries().len(),
            };
            from = from.max(end);
            self.entries().get(first..end).unwrap_or_default()
        })
    }

    /// The messages of these UIDs; if asked for, with the summaries that are known.
    pub(super) fn messages(&self, uids: &[UidRange], with_summary: bool) -> Vec<Message> {
        let found = self.among(uids).map(|entry| {
            let mut message = entry.message();
            if with_summary {
                message.summary = entry.summary.clone();
            }
            message
        });
        found.collect()
    }

    /// The flags of the messages of these UIDs.
    pub(super) fn flags_of(&self, uids: &[UidRange]) -> Vec<MessageFlags> {
        self.among(uids).map(|entry| entry.flags.clone()).collect()
    }

    /// Where the first message with this UID or a higher one is.
    fn place(&self, uid: u32) -> usize {
        let entries = self.entries();
        entries.partition_point(|entry| entry.flags.uid < uid)
    }

    /// Messages with a higher modification sequence, ascending by UID, and whether others may have been removed since; nothing if that is
    /// longer ago than is known.
    pub(super) fn since(&self, since: u64) -> Option<(Vec<MessageFlags>, bool)> {
        let content = &*self.content;
        if since < content.told_from {
            return None;
        }
        let newer = content.recent.iter().filter(|(modseq, _)| *modseq > since);
        let mut uids: Vec<u32> = newer.map(|(_, uid)| *uid).collect();
        uids.sort_unstable();
        uids.dedup();
        let there = uids.into_iter().filter_map(|uid| {
            let entry = content.entries.get(self.place(uid))?;
            let same = entry.flags.uid == uid && entry.flags.modseq > since;
            same.then(|| entry.flags.clone())
        });
        Some((there.collect(), since < content.removed))
    }

    /// Takes in what changed: messages that are new or have other flags, ascending by UID, then what is gone. It is as of `modseq` then.
    pub(super) fn apply(&mut self, changed: Vec<Entry>, vanished: &[UidRange], modseq: u64) {
        let content = Arc::make_mut(&mut self.content);
        let entries = &mut content.entries;
        let mut octets = self.octets;
        let mut told: Vec<(u64, u32)> = Vec::with_capacity(changed.len());
        for entry in changed {
            told.push((entry.flags.modseq, entry.flags.uid));
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
            content.removed = modseq;
            entries.retain(|entry| {
                let gone = UidRange::any_holds(vanished, entry.flags.uid);
                octets -= if gone { entry.octets() } else { 0 };
                !gone
            });
        }
        self.unkept += told.len() + vanished.len();
        content.note(told);
        self.octets = octets;
        self.modseq = modseq;
    }

    /// Takes in a change, if it is what came next and nobody else looks at the image just now: else it stays as old as it is, for who asks
    /// next to bring it up to date. To copy it would take long, and all others wait.
    pub(super) fn take_in(&mut self, change: Change) {
        match change {
            Change::Flagged(flagged) => self.flagged(&flagged),
            Change::Came(came) => self.came(came),
        }
    }

    fn came(&mut self, Came { after, entry, .. }: Came) {
        if self.modseq != after {
            return;
        }
        let Some(content) = Arc::get_mut(&mut self.content) else {
            return;
        };
        let MessageFlags { uid, modseq, .. } = entry.flags;
        let place = content
            .entries
            .partition_point(|known| known.flags.uid < uid);
        // What the image has may be newer than the modification sequence that it carries.
        let known = content.entries.get(place);
        if known.is_none_or(|known| known.flags.uid != uid) {
            self.octets += entry.octets();
            content.entries.insert(place, entry);
        }
        self.unkept += 1;
        content.note(vec![(modseq, uid)]);
        self.modseq = modseq;
    }

    pub(super) fn flagged(&mut self, flagged: &Flagged) {
        if self.modseq != flagged.after {
            return;
        }
        let Some(content) = Arc::get_mut(&mut self.content) else {
            return;
        };
        let entries = &mut content.entries;
        let mut octets = self.octets;
        for message in &flagged.messages {
            let found = entries.binary_search_by_key(&message.uid, |entry| entry.flags.uid);
            // What the image has may be newer than the modification sequence that it carries.
            if let Some(entry) = found.ok().and_then(|place| entries.get_mut(place))
                && entry.flags.modseq < message.modseq
            {
                octets -= entry.octets();
                let was_deleted = entry.flags.flags.contains(Flags::DELETED);
                if was_deleted && !message.flags.contains(Flags::DELETED) {
                    entry.created = message.modseq;
                }
                entry.flags = message.clone();
                octets += entry.octets();
            }
        }
        self.unkept += flagged.messages.len();
        if flagged.messages.len() > RECENT {
            content.forget(flagged.modseq);
        } else {
            let messages = flagged.messages.iter();
            let changed = messages.map(|message| (message.modseq, message.uid));
            content.note(changed.collect());
        }
        self.octets = octets;
        self.modseq = flagged.modseq;
    }

    /// Those of the next messages behind one whose summaries are not here, so many at most; none where there is no room for them.
    pub(super) fn without_summary(&self, uid: u32, count: usize) -> Vec<Wanted> {
        if self.octets > SUMMARIES_ROOM {
            return Vec::new();
        }
        let behind = self.entries().get(self.place(uid.saturating_add(1))..);
        // Not all of them: most often none is missing, and each who asks would look at all.
        let near = behind.unwrap_or_default().iter().take(4 * count);
        let unknown = near.filter(|entry| entry.summary.is_empty());
        let wanted = unknown.map(|entry| (entry.blob, entry.flags.uid));
        wanted.take(count).collect()
    }

    /// Whether it is to be kept in the database, where those of `least` messages are.
    pub(super) fn is_worth_it(&self, least: usize) -> bool {
        self.unkept > 0 && self.fits() && self.entries().len() >= least
    }

    /// Whether it leaves room for others in memory. One that does not is made anew each time, and to keep it would be to write it each time.
    pub(super) fn fits(&self) -> bool {
        self.octets <= ROOM / 2
    }

    /// Octets that it takes, itself included.
    pub(super) fn room(&self) -> usize {
        IMAGE + self.octets + size_of::<(u64, u32)>() * self.content.recent.capacity()
    }

    /// Messages, those without `\Seen`, and octets of all, as a mailbox counts them.
    pub(super) fn counts(&self) -> (u32, u32, u64) {
        let entries = self.entries();
        let unseen = entries
            .iter()
            .filter(|entry| !entry.flags.flags.contains(Flags::SEEN));
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (
            count(entries.len()),
            count(unseen.count()),
            entries.iter().map(|entry| entry.size).sum(),
        )
    }

    /// Whether so much changed since it was kept that it is to be kept again at once.
    pub(super) fn is_due(&self, least: usize) -> bool {
        self.is_worth_it(least) && self.unkept > self.entries().len() / 8
    }

    /// Keeps summaries, if nobody else looks at the image just now.
    pub(super) fn learn(&mut self, summaries: &HashMap<u32, Bytes>) {
        let Some(Content { entries, .. }) = Arc::get_mut(&mut self.content) else {
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

impl Content {
    /// Notes what changed, and forgets what was longest ago.
    fn note(&mut self, mut changed: Vec<(u64, u32)>) {
        changed.sort_unstable();
        let many = (self.recent.len() + changed.len()).saturating_sub(RECENT);
        let older = many.min(self.recent.len());
        let forgotten = self
            .recent
            .drain(..older)
            .chain(changed.drain(..many - older));
        for (modseq, _) in forgotten {
            self.told_from = self.told_from.max(modseq);
        }
        self.recent.extend(changed);
    }

    /// Forgets all that changed up to a modification sequence, where that is all there is.
    fn forget(&mut self, modseq: u64) {
        self.recent = VecDeque::new();
        self.told_from = self.told_from.max(modseq);
    }
}
