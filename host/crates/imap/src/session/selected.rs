//! The selected mailbox as this session sees it: which message has which number (RFC 3501 §2.3.1.2, §7.4.1).

use std::io::Write as _;

use crate::ask::{Changes, FlagRow, Snapshot, StoredFlags};
use crate::encode::{Out, flags, number};
use crate::types::{FlagSet, MailboxId, SequenceSet, SystemFlag, UidSet};

/// Changes of this session's own that are remembered, so that they are not told to it again.
const MAX_OWN: usize = 64;
/// Keywords that are announced to the client; clients offer them as labels, and more than these are of no use to them.
const MAX_KEYWORDS: usize = 256;

/// What a session knows of its selected mailbox. Flags are not kept: they are asked for.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) mailbox: MailboxId,
    pub(crate) read_only: bool,
    /// The messages by number: the n-th UID is message n.
    pub(crate) uids: UidSet,
    pub(crate) recent: UidSet,
    /// Messages that are gone but still have their number, since the client was not told yet.
    gone: UidSet,
    /// The highest modification sequence that the client was told of.
    pub(crate) modseq: u64,
    /// This session's own changes of flags: modification sequence and messages.
    own: Vec<(u64, UidSet)>,
    /// Keywords that the client was told of.
    keywords: Vec<String>,
}

impl Selected {
    pub(crate) fn new(snapshot: &mut Snapshot, read_only: bool) -> Box<Self> {
        let mut uids = std::mem::take(&mut snapshot.uids);
        let mut recent = std::mem::take(&mut snapshot.recent);
        uids.shrink();
        recent.shrink();
        let mut keywords = std::mem::take(&mut snapshot.keywords);
        keywords.truncate(MAX_KEYWORDS);
        Box::new(Self {
            mailbox: snapshot.mailbox,
            read_only: read_only || snapshot.read_only,
            uids,
            recent,
            gone: UidSet::new(),
            modseq: snapshot.highest_modseq,
            own: Vec::new(),
            keywords,
        })
    }

    /// The messages that a sequence set means; `None` if a number is beyond the last one.
    pub(crate) fn resolve(&self, set: &SequenceSet, uid: bool) -> Option<UidSet> {
        if uid {
            // RFC 3501 §6.4.8: UIDs that are not there are ignored.
            return Some(
                set.resolve(self.uids.last().unwrap_or(0))
                    .intersection(&self.uids),
            );
        }
        let numbers = set.resolve(self.uids.len());
        // `1:*` of an empty mailbox is nothing, and no error: clients ask so without looking.
        if numbers.last().is_some_and(|last| last > self.uids.len()) {
            return None;
        }
        Some(self.resolve_some(set))
    }

    /// The messages with these numbers, as far as there are such.
    pub(crate) fn resolve_some(&self, set: &SequenceSet) -> UidSet {
        let numbers = set.resolve(self.uids.len());
        let mut uids = UidSet::new();
        for (first, last) in numbers.ranges() {
            for (low, high) in self.uids.slice(first, last).ranges() {
                uids.insert_range(low, high);
            }
        }
        uids
    }

    /// This session stored flags: the client knows of what that changed, if it knew how the message was before.
    pub(crate) fn note_own(&mut self, stored: &StoredFlags) {
        if stored.replaced.is_none_or(|before| before > self.modseq) {
            return;
        }
        let FlagRow { uid, modseq, .. } = stored.row;
        match self.own.last_mut() {
            Some((last, uids)) if *last == modseq => uids.insert(uid),
            _ => {
                if self.own.len() >= MAX_OWN {
                    self.own.remove(0);
                }
                self.own.push((modseq, UidSet::from_ranges([(uid, uid)])));
            }
        }
    }

    fn is_own(&self, row: &FlagRow) -> bool {
        let own = |(modseq, uids): &(u64, UidSet)| *modseq == row.modseq && uids.contains(row.uid);
        self.own.iter().any(own)
    }

    /// Takes what changed and tells the client of it. With `numbers_stay` messages that are gone keep their numbers
    /// for now: RFC 3501 §7.4.1 forbids EXPUNGE during FETCH, STORE and SEARCH.
    pub(crate) fn apply(&mut self, out: &mut Out, changes: &Changes, numbers_stay: bool) {
        self.modseq = self.modseq.max(changes.highest_modseq);
        let gone = changes.vanished.intersection(&self.uids);
        if !gone.is_empty() {
            self.gone = self.gone.union(&gone);
        }
        if !numbers_stay {
            self.tell_gone(out);
        }
        let arrived = changes.arrived.difference(&self.uids);
        // A UID below one that is known would renumber messages.
        let last = self.uids.last().unwrap_or(0);
        let mut came = false;
        for (first, end) in arrived.ranges() {
            if end > last {
                self.uids.insert_range(first.max(last + 1), end);
                came = true;
            }
        }
        if came {
            self.announce(out, &changes.keywords);
            self.recent = self.recent.union(&changes.recent.intersection(&self.uids));
            self.tell_size(out);
        }
        for row in &changes.flags {
            if !self.is_own(row) && !self.gone.contains(row.uid) {
                self.tell_flags(out, row.uid, &row.flags, false);
            }
        }
        self.own.clear();
        self.own.shrink_to_fit();
    }

    /// Whether messages are gone of which the client was not told.
    pub(crate) fn expunges_wait(&self) -> bool {
        !self.gone.is_empty()
    }

    /// These messages are gone; told at once, with all that waited.
    pub(crate) fn expunge(&mut self, out: &mut Out, uids: &UidSet) {
        self.gone = self.gone.union(&uids.intersection(&self.uids));
        self.tell_gone(out);
    }

    /// `* n EXPUNGE`, from the highest number down, so that no number shifts before it is told.
    fn tell_gone(&mut self, out: &mut Out) {
        if self.gone.is_empty() {
            return;
        }
        let gone = std::mem::take(&mut self.gone);
        for uid in gone.iter().rev() {
            if let Some(position) = self.uids.position(uid) {
                let _ = write!(out, "* {position} EXPUNGE\r\n");
            }
        }
        self.uids = self.uids.difference(&gone);
        self.recent = self.recent.difference(&gone);
    }

    /// `* n EXISTS`, `* n RECENT`
    pub(crate) fn tell_size(&self, out: &mut Out) {
        let _ = write!(
            out,
            "* {} EXISTS\r\n* {} RECENT\r\n",
            self.uids.len(),
            self.recent.len()
        );
    }

    /// Tells of keywords that are new to the client, before it meets them on a message (RFC 3501 §7.2.6).
    pub(crate) fn announce(&mut self, out: &mut Out, keywords: &[String]) {
        let before = self.keywords.len();
        for keyword in keywords {
            let same = |known: &String| known.eq_ignore_ascii_case(keyword);
            if self.keywords.len() < MAX_KEYWORDS && !self.keywords.iter().any(same) {
                self.keywords.push(keyword.clone());
            }
        }
        if self.keywords.len() > before {
            self.tell_keywords(out);
        }
    }

    /// `* FLAGS (…)` and which of them last.
    pub(crate) fn tell_keywords(&self, out: &mut Out) {
        let system = SystemFlag::ALL.iter().map(|flag| flag.as_str());
        let keywords = self.keywords.iter().map(String::as_str);
        let names = system.chain(keywords).collect::<Vec<_>>().join(" ");
        let _ = write!(out, "* FLAGS ({names})\r\n");
        // `\*`: new keywords can be created.
        let permanent = if self.read_only {
            String::new()
        } else {
            format!("{names} \\*")
        };
        let _ = write!(
            out,
            "* OK [PERMANENTFLAGS ({permanent})] flags that last\r\n"
        );
    }

    /// `* n FETCH (FLAGS (…))`, with the UID if the command was about UIDs.
    pub(crate) fn tell_flags(&mut self, out: &mut Out, uid: u32, set: &FlagSet, with_uid: bool) {
        let Some(position) = self.uids.position(uid) else {
            return;
        };
        self.announce(out, set.keywords());
        out.extend_from_slice(b"* ");
        number(out, position);
        out.extend_from_slice(b" FETCH (");
        if with_uid {
            let _ = write!(out, "UID {uid} ");
        }
        out.extend_from_slice(b"FLAGS ");
        flags(out, set, self.recent.contains(uid));
        out.extend_from_slice(b")\r\n");
    }
}
