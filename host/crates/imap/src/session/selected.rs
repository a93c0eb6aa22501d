//! The selected mailbox as this session sees it: which message has which number (RFC 3501 §2.3.1.2, §7.4.1).

use std::io::Write as _;

use crate::ask::{Changes, FlagRow, Snapshot, StoredFlags};
use crate::encode::{Out, flags, number, texts};
use crate::session::context::Context;
use crate::session::enable::Enabled;
use crate::types::{MailboxId, MailboxName, Rights, SequenceSet, SystemFlag, UidSet};

/// Changes of this session's own that are remembered, so that they are not told to it again.
const MAX_OWN: usize = 64;
/// Keywords that are announced to the client; clients offer them as labels, and more than these are of no use to them.
const MAX_KEYWORDS: usize = 256;

/// What an untagged FETCH response tells of a message whose flags changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Items {
    pub(crate) uid: bool,
    pub(crate) flags: bool,
    pub(crate) modseq: bool,
}

/// What a poll brought.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Messages that came.
    pub(crate) came: UidSet,
    /// They, and those whose flags changed.
    pub(crate) changed: UidSet,
}

/// What a session knows of its selected mailbox. Flags are not kept: they are asked for.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) mailbox: MailboxId,
    /// What it was called when it was opened.
    pub(crate) name: MailboxName,
    /// No other mailbox of its account has the same.
    pub(crate) uid_validity: u32,
    pub(crate) read_only: bool,
    /// EXAMINE: it stays read only whatever may be done.
    examined: bool,
    /// What may be done in it.
    pub(crate) rights: Rights,
    /// The messages by number: the n-th UID is message n.
    pub(crate) uids: UidSet,
    pub(crate) recent: UidSet,
    /// What the last SEARCH saved (RFC 5182).
    pub(crate) saved: UidSet,
    /// Searches whose results are kept track of (RFC 5267).
    pub(crate) contexts: Vec<Context>,
    /// The client wants to know of `\Recent`.
    tells_recent: bool,
    /// Messages have no numbers for the client (RFC 9586).
    uid_only: bool,
    /// Messages that are gone but still have their number, since the client was not told yet.
    gone: UidSet,
    /// Up to which modification sequence changes are known; the client was told of them, but for what is `gone`.
    pub(crate) modseq: u64,
    /// While messages are gone untold: up to which modification sequence the client was told of everything.
    told: u64,
    /// Before the first change of flags of which the client did not want to hear: up to there it was told of everything.
    untold: Option<u64>,
    /// The highest modification sequence that FETCH responses showed since the last tagged one.
    shown: u64,
    /// The client was told of a modification sequence below what it was shown.
    corrected: bool,
    /// This session's own changes of flags: modification sequence and messages.
    own: Vec<(u64, UidSet)>,
    /// Keywords that the client was told of.
    keywords: Vec<String>,
}

impl Selected {
    pub(crate) fn new(name: MailboxName, snapshot: &mut Snapshot, read_only: bool) -> Box<Self> {
        let mut uids = std::mem::take(&mut snapshot.uids);
        let mut recent = std::mem::take(&mut snapshot.recent);
        uids.shrink();
        recent.shrink();
        let mut keywords = std::mem::take(&mut snapshot.keywords);
        keywords.truncate(MAX_KEYWORDS);
        Box::new(Self {
            mailbox: snapshot.mailbox,
            name,
            uid_validity: snapshot.uid_validity,
            read_only: read_only || snapshot.read_only,
            examined: read_only,
            rights: snapshot.rights,
            uids,
            recent,
            saved: UidSet::new(),
            contexts: Vec::new(),
            tells_recent: true,
            uid_only: false,
            gone: UidSet::new(),
            modseq: snapshot.highest_modseq,
            told: snapshot.highest_modseq,
            untold: None,
            shown: 0,
            corrected: false,
            own: Vec::new(),
            keywords,
        })
    }

    /// Messages have no numbers any more, only UIDs (RFC 9586).
    pub(crate) fn call_by_uid(&mut self) {
        self.uid_only = true;
        for context in &mut self.contexts {
            context.call_by_uid();
        }
    }

    /// `* n FETCH (` of this message, or `* uid UIDFETCH (` where messages have no numbers (RFC 9586 §3.3); `false` and nothing if it is not known.
    pub(crate) fn begin_fetch(&self, out: &mut Out, uid: u32) -> bool {
        let Some(position) = self.uids.position(uid) else {
            return false;
        };
        let (shown, name) = if self.uid_only {
            (uid, " UIDFETCH (")
        } else {
            (position, " FETCH (")
        };
        out.extend_from_slice(b"* ");
        number(out, shown);
        out.extend_from_slice(name.as_bytes());
        true
    }

    /// `\Recent` is not told of any more (RFC 9051 appendix E, 12).
    pub(crate) fn forget_recent(&mut self) {
        self.recent = UidSet::new();
        self.tells_recent = false;
    }

    /// The messages that a sequence set means; `None` if a number is beyond the last one.
    pub(crate) fn resolve(&self, set: &SequenceSet, uid: bool) -> Option<UidSet> {
        let with_saved = |uids: UidSet| {
            if set.saved {
                uids.union(&self.saved)
            } else {
                uids
            }
        };
        if uid {
            return Some(with_saved(self.with_uids(set)));
        }
        let numbers = set.resolve(self.uids.len());
        // `1:*` of an empty mailbox is nothing, and no error: clients ask so without looking.
        if numbers.last().is_some_and(|last| last > self.uids.len()) {
            return None;
        }
        Some(with_saved(self.numbered(set)))
    }

    /// The messages with these UIDs, without what `$` means. RFC 3501 §6.4.8: UIDs that are not there are ignored.
    pub(crate) fn with_uids(&self, set: &SequenceSet) -> UidSet {
        let last = self.uids.last().unwrap_or(0);
        set.resolve(last).intersection(&self.uids)
    }

    /// How a response names a message: by its UID or its number.
    pub(crate) fn shown(&self, message: u32, uid: bool) -> Option<u32> {
        if uid {
            Some(message)
        } else {
            self.uids.position(message)
        }
    }

    /// The messages with these numbers, as far as there are such, without what `$` means.
    pub(crate) fn numbered(&self, set: &SequenceSet) -> UidSet {
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
        self.remember(uid, modseq);
    }

    /// The client was told of this change: it is not told again.
    fn remember(&mut self, uid: u32, modseq: u64) {
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
    /// for now: RFC 3501 §7.4.1 forbids EXPUNGE during FETCH, STORE and SEARCH. Of messages whose flags changed `flags` is
    /// told, if anything.
    pub(crate) fn apply(
        &mut self,
        out: &mut Out,
        changes: &Changes,
        numbers_stay: bool,
        enabled: Enabled,
        flags: Option<Items>,
    ) -> News {
        if let Some(rights) = changes.rights {
            self.permit(out, rights);
        }
        self.told = self.known_modseq();
        let others = |row: &FlagRow| !self.is_own(row) && !self.gone.contains(row.uid);
        self.untold = match flags {
            Some(_) => None,
            None if changes.flags.iter().any(others) => self.untold.or(Some(self.modseq)),
            None => self.untold,
        };
        self.modseq = self.modseq.max(changes.highest_modseq);
        let gone = changes.vanished.intersection(&self.uids);
        if !gone.is_empty() {
            self.gone = self.gone.union(&gone);
        }
        if !numbers_stay {
            self.tell_gone(out, enabled);
        }
        let arrived = changes.arrived.difference(&self.uids);
        // A UID below one that is known would renumber messages.
        let last = self.uids.last().unwrap_or(0);
        let mut came = UidSet::new();
        for (first, end) in arrived.ranges() {
            if end > last {
                self.uids.insert_range(first.max(last + 1), end);
                came.insert_range(first.max(last + 1), end);
            }
        }
        if !came.is_empty() {
            self.announce(out, &changes.keywords);
            if self.tells_recent {
                self.recent = self.recent.union(&changes.recent.intersection(&self.uids));
            }
            self.tell_size(out);
        }
        for row in &changes.flags {
            if let Some(items) = flags
                && !self.is_own(row)
                && !self.gone.contains(row.uid)
            {
                self.tell(out, row, items);
            }
        }
        self.own.clear();
        self.own.shrink_to_fit();
        let flags = changes.flags.iter().map(|row| row.uid).collect();
        News {
            changed: came.union(&flags).intersection(&self.uids),
            came,
        }
    }

    /// Takes what may be done from now on, and tells of flags that can be set now or no longer (RFC 4314 §5.1.1).
    fn permit(&mut self, out: &mut Out, rights: Rights) {
        if self.rights == rights {
            return;
        }
        self.rights = rights;
        self.read_only = self.examined || !rights.writes();
        self.tell_keywords(out);
    }

    /// Whether messages are gone of which the client was not told.
    pub(crate) fn expunges_wait(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Up to which modification sequence the client was told of everything.
    pub(crate) fn known_modseq(&self) -> u64 {
        let known = if self.gone.is_empty() {
            self.modseq
        } else {
            self.told
        };
        known.min(self.untold.unwrap_or(known))
    }

    /// Since when changes are asked for, if the client is told of flags, too.
    pub(crate) fn told_of_flags(&self) -> u64 {
        self.untold.unwrap_or(self.modseq)
    }

    /// At the end of a command the client takes the highest modification sequence that it was shown for its own. Where
    /// that would hide from it what is still to be told, it is given the right one (RFC 7162 §3.2, §6).
    pub(crate) fn tell_modseq(&mut self, out: &mut Out) {
        let known = self.known_modseq();
        let ahead = std::mem::take(&mut self.shown) > known;
        let caught_up = self.corrected && !ahead && self.gone.is_empty();
        if ahead || caught_up {
            texts::highest_modseq(out, known);
        }
        self.corrected = ahead || self.corrected && !caught_up;
    }

    /// `MODSEQ (n)` of a FETCH response.
    pub(crate) fn show_modseq(&mut self, out: &mut Out, modseq: u64) {
        self.shown = self.shown.max(modseq);
        let _ = write!(out, "MODSEQ ({modseq})");
    }

    /// These messages are gone; told at once, with all that waited.
    pub(crate) fn expunge(&mut self, out: &mut Out, uids: &UidSet, enabled: Enabled) {
        self.gone = self.gone.union(&uids.intersection(&self.uids));
        self.tell_gone(out, enabled);
    }

    /// `* VANISHED uids` where that is enabled (RFC 7162 §3.2.10), else `* n EXPUNGE`, from the highest number down, so
    /// that no number shifts before it is told.
    fn tell_gone(&mut self, out: &mut Out, enabled: Enabled) {
        if self.gone.is_empty() {
            return;
        }
        let gone = std::mem::take(&mut self.gone);
        // RFC 5267 §4.3.4: before the numbers shift.
        for context in &mut self.contexts {
            context.lose(out, &self.uids, &gone);
        }
        // RFC 9586 §3.1: there are no numbers.
        let by_uid = enabled.qresync || enabled.uid_only;
        if by_uid {
            let _ = write!(out, "* VANISHED {gone}\r\n");
        }
        for uid in gone.iter().rev().filter(|_| !by_uid) {
            if let Some(position) = self.uids.position(uid) {
                let _ = write!(out, "* {position} EXPUNGE\r\n");
            }
        }
        self.uids = self.uids.difference(&gone);
        self.recent = self.recent.difference(&gone);
        // RFC 5182 §2.1
        self.saved = self.saved.difference(&gone);
    }

    /// `* n EXISTS`, `* n RECENT`
    pub(crate) fn tell_size(&self, out: &mut Out) {
        let _ = write!(out, "* {} EXISTS\r\n", self.uids.len());
        if self.tells_recent {
            let _ = write!(out, "* {} RECENT\r\n", self.recent.len());
        }
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
        let permanent = self.permanent();
        let _ = write!(
            out,
            "* OK [PERMANENTFLAGS ({permanent})] flags that last\r\n"
        );
    }

    /// What can be set and cleared for good (RFC 4314 §5.1.1).
    fn permanent(&self) -> String {
        if self.read_only {
            return String::new();
        }
        let may = |flag: &SystemFlag| self.rights.has(Rights::of_flag(*flag));
        let system = SystemFlag::ALL.into_iter().filter(may);
        let mut names: Vec<&str> = system.map(SystemFlag::as_str).collect();
        if self.rights.has(Rights::WRITE) {
            names.extend(self.keywords.iter().map(String::as_str));
            // New keywords can be created.
            names.push("\\*");
        }
        names.join(" ")
    }

    /// `* n FETCH (…)` of a message whose flags changed.
    pub(crate) fn tell(&mut self, out: &mut Out, row: &FlagRow, items: Items) {
        self.announce(out, row.flags.keywords());
        if !items.flags && !items.modseq || !self.begin_fetch(out, row.uid) {
            return;
        }
        if items.uid {
            let _ = write!(out, "UID {} ", row.uid);
        }
        if items.flags {
            out.extend_from_slice(b"FLAGS ");
            flags(out, &row.flags, self.recent.contains(row.uid));
        }
        if items.flags && items.modseq {
            out.push(b' ');
        }
        if items.modseq {
            self.show_modseq(out, row.modseq);
        }
        out.extend_from_slice(b")\r\n");
    }

    /// The same of one whose change need not be told again.
    pub(crate) fn tell_once(&mut self, out: &mut Out, row: &FlagRow, items: Items) {
        self.tell(out, row, items);
        self.remember(row.uid, row.modseq);
    }
}
