//! A mailbox as a list of messages.

use bytes::Bytes;
use waxwing_imap::types::{
    ContentRef, EmailId, FlagSet, InternalDate, MailboxId, MailboxName, Rights, SpecialUse,
    SystemFlag, ThreadId, UidSet,
};
use waxwing_imap::{
    Appended, Changed, Changes, FetchRow, FlagAction, FlagRow, FlagsStored, RowWants, Snapshot,
    StatusData, StoredFlags,
};
use waxwing_message::Summary;

/// When everything here was saved: 2026-03-03.
const SAVED: InternalDate = InternalDate {
    seconds: 1_772_536_000,
    offset: 0,
};

/// A mailbox.
pub(crate) struct Mailbox {
    pub(crate) id: MailboxId,
    pub(crate) name: MailboxName,
    pub(crate) special_use: Option<SpecialUse>,
    pub(crate) subscribed: bool,
    pub(crate) exists: bool,
    /// Who beside its owner may do what in it.
    pub(crate) acl: Vec<(String, Rights)>,
    pub(crate) uid_validity: u32,
    pub(crate) uid_next: u32,
    pub(crate) messages: Vec<Message>,
    /// UIDs from here on have been shown to no session.
    recent_from: u32,
    vanished: Vec<(u32, u64)>,
    /// What was expunged up to this modification sequence is forgotten.
    forgotten: u64,
}

/// A message.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) uid: u32,
    pub(crate) flags: FlagSet,
    pub(crate) internal_date: InternalDate,
    pub(crate) content: usize,
    pub(crate) size: u64,
    pub(crate) summary: Bytes,
    modseq: u64,
    created: u64,
}

/// Flags from words.
pub(crate) fn flags(words: &[&str]) -> FlagSet {
    let mut set = FlagSet::default();
    for word in words.iter().filter(|word| !word.is_empty()) {
        match SystemFlag::parse(word) {
            Some(flag) => set.insert(flag),
            None => set.add(&FlagSet::new(0, vec![(*word).to_owned()])),
        }
    }
    set
}

/// What a new account has.
pub(crate) fn defaults() -> Vec<Mailbox> {
    let uses = [
        ("INBOX", None),
        ("Drafts", Some(SpecialUse::Drafts)),
        ("Junk", Some(SpecialUse::Junk)),
        ("Sent", Some(SpecialUse::Sent)),
        ("Trash", Some(SpecialUse::Trash)),
        ("Archive", Some(SpecialUse::Archive)),
    ];
    let mut id = 0;
    let mut make = |(name, special_use)| {
        id += 1;
        Mailbox::new(id, MailboxName::new(name).unwrap(), special_use, true)
    };
    uses.into_iter().map(&mut make).collect()
}

impl Mailbox {
    pub(crate) fn new(
        id: i64,
        name: MailboxName,
        special_use: Option<SpecialUse>,
        subscribed: bool,
    ) -> Self {
        Self {
            id: MailboxId(id),
            name,
            special_use,
            subscribed,
            exists: true,
            acl: Vec::new(),
            uid_validity: 100 + id as u32,
            uid_next: 1,
            messages: Vec::new(),
            recent_from: 1,
            vanished: Vec::new(),
            forgotten: 0,
        }
    }

    pub(crate) fn add(
        &mut self,
        content: usize,
        raw: &[u8],
        flags: FlagSet,
        internal_date: InternalDate,
        modseq: u64,
    ) -> Appended {
        let uid = self.uid_next;
        self.uid_next += 1;
        self.messages.push(Message {
            uid,
            flags,
            internal_date,
            content,
            size: raw.len() as u64,
            summary: Summary::read(raw).encode().into(),
            modseq,
            created: modseq,
        });
        Appended {
            uid_validity: self.uid_validity,
            uids: vec![uid],
        }
    }

    pub(crate) fn remove(&mut self, uid: u32, modseq: u64) {
        self.messages.retain(|message| message.uid != uid);
        self.vanished.push((uid, modseq));
    }

    pub(crate) fn flag(&mut self, uid: u32, flags: &FlagSet, modseq: u64) {
        let message = self
            .messages
            .iter_mut()
            .find(|message| message.uid == uid)
            .unwrap();
        message.flags.add(flags);
        message.modseq = modseq;
    }

    pub(crate) fn snapshot(&mut self, highest_modseq: u64, read_only: bool) -> Snapshot {
        let mut keywords: Vec<String> = self
            .messages
            .iter()
            .flat_map(|m| m.flags.keywords().to_vec())
            .collect();
        keywords.sort();
        keywords.dedup();
        let recent: UidSet = self.recent();
        if !read_only {
            self.recent_from = self.uid_next;
        }
        Snapshot {
            mailbox: self.id,
            uids: self.messages.iter().map(|message| message.uid).collect(),
            recent,
            first_unseen: self
                .messages
                .iter()
                .find(|m| !m.flags.has(SystemFlag::Seen))
                .map(|m| m.uid),
            keywords,
            uid_validity: self.uid_validity,
            uid_next: self.uid_next,
            highest_modseq,
            read_only,
            rights: Rights::ALL,
        }
    }

    pub(crate) fn change(
        &mut self,
        uids: &UidSet,
        (action, flags, rights): (FlagAction, &FlagSet, Rights),
        unchanged_since: Option<u64>,
        modseq: u64,
    ) -> FlagsStored {
        let mut stored = FlagsStored::default();
        for message in self
            .messages
            .iter_mut()
            .filter(|message| uids.contains(message.uid))
        {
            if unchanged_since.is_some_and(|since| message.modseq > since) {
                stored.modified.push(message.flag_row());
                continue;
            }
            let before = message.flags.clone();
            let flags = &rights.permitted(flags);
            match action {
                FlagAction::Replace => {
                    message.flags.remove(&rights.permitted(&before));
                    message.flags.add(flags);
                }
                FlagAction::Add => message.flags.add(flags),
                FlagAction::Remove => message.flags.remove(flags),
            }
            let changed = message.flags != before;
            let replaced = changed.then_some(message.modseq);
            if changed {
                message.modseq = modseq;
            }
            stored.rows.push(StoredFlags {
                row: message.flag_row(),
                replaced,
            });
        }
        stored
    }

    pub(crate) fn forget(&mut self, modseq: u64) {
        self.vanished.clear();
        self.forgotten = modseq;
    }

    pub(crate) fn changed(&self, since: u64) -> Changed {
        let messages = self.messages.iter().filter(|m| m.modseq > since);
        let present = self.messages.iter().map(|message| message.uid).collect();
        Changed {
            messages: messages.map(|message| message.uid).collect(),
            vanished: if since < self.forgotten {
                UidSet::from_ranges([(1, self.uid_next - 1)]).difference(&present)
            } else {
                self.changes(since).vanished
            },
        }
    }

    pub(crate) fn expunge(&mut self, among: Option<&UidSet>, modseq: u64) -> UidSet {
        let goes = |m: &&Message| {
            m.flags.has(SystemFlag::Deleted) && among.is_none_or(|uids| uids.contains(m.uid))
        };
        let gone: UidSet = self
            .messages
            .iter()
            .filter(goes)
            .map(|message| message.uid)
            .collect();
        for uid in gone.iter() {
            self.remove(uid, modseq);
        }
        gone
    }

    pub(crate) fn status(&self) -> StatusData {
        let seen = |m: &&Message| m.flags.has(SystemFlag::Seen);
        let messages = self.messages.len() as u32;
        let deleted = self
            .messages
            .iter()
            .filter(|m| m.flags.has(SystemFlag::Deleted));
        StatusData {
            mailbox: self.id,
            messages,
            recent: self.recent().len(),
            unseen: messages - self.messages.iter().filter(seen).count() as u32,
            deleted: deleted.clone().count() as u32,
            deleted_size: deleted.map(|message| message.size).sum(),
            uid_next: self.uid_next,
            uid_validity: self.uid_validity,
            highest_modseq: self
                .messages
                .iter()
                .map(|message| message.modseq)
                .chain(self.vanished.iter().map(|(_, modseq)| *modseq))
                .max()
                .unwrap_or(1),
            size: self.messages.iter().map(|message| message.size).sum(),
        }
    }

    pub(crate) fn recent(&self) -> UidSet {
        let uids = self.messages.iter().map(|message| message.uid);
        uids.filter(|uid| *uid >= self.recent_from).collect()
    }

    pub(crate) fn changes(&self, since: u64) -> Changes {
        let new = self
            .messages
            .iter()
            .filter(|message| message.created > since);
        let changed = self
            .messages
            .iter()
            .filter(|message| message.created <= since && message.modseq > since);
        Changes {
            highest_modseq: since,
            vanished: self
                .vanished
                .iter()
                .filter(|(_, at)| *at > since)
                .map(|&(uid, _)| uid)
                .collect(),
            arrived: new.clone().map(|message| message.uid).collect(),
            recent: self.recent(),
            flags: changed.map(Message::flag_row).collect(),
            keywords: new
                .flat_map(|message| message.flags.keywords().to_vec())
                .collect(),
            rights: None,
        }
    }
}

impl Message {
    fn flag_row(&self) -> FlagRow {
        FlagRow {
            uid: self.uid,
            modseq: self.modseq,
            flags: self.flags.clone(),
        }
    }

    pub(crate) fn row(&self, wants: RowWants, content: &Bytes) -> FetchRow {
        FetchRow {
            uid: self.uid,
            modseq: self.modseq,
            flags: self.flags.clone(),
            internal_date: self.internal_date,
            saved: SAVED,
            email: EmailId(self.content as u64),
            // Of two digits, so that dialogues can name it.
            thread: ThreadId(
                Summary::decode(&self.summary)
                    .unwrap()
                    .thread()
                    .unsigned_abs()
                    % 100,
            ),
            size: self.size,
            content: ContentRef(self.content as i64),
            summary: if wants.summary {
                self.summary.clone()
            } else {
                Bytes::new()
            },
            head: content.slice(..content.len().min(wants.head as usize)),
        }
    }
}
