//! The store's values as IMAP's, and back.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use waxwing_imap::types::{
    ContentRef, EmailId, FlagSet, InternalDate, MailboxId as ImapMailbox, MailboxInfo, MailboxName,
    Rights, SpecialUse as ImapUse, ThreadId, UidSet,
};
use waxwing_imap::{
    Answer, Appended, Changes, Copied, Error, FetchRow, FlagAction, FlagRow, FlagsStored, Snapshot,
    StatusData, StoredFlags,
};
use waxwing_store::{
    FlagChange, FlagOperation, FlagScope, Flags, Mailbox, MailboxId, Message, MessageFlags,
    SpecialUse, UidRange, Usage,
};

use super::super::events;
use super::places::{Named, named};
use crate::telemetry::Reference;

/// The store's errors in terms that have a response code (RFC 5530); what is ours to mend gets a reference.
pub(super) fn error(error: waxwing_store::Error, session: u64) -> Error {
    use waxwing_store::Error as Store;
    match error {
        // An account that goes takes its mailboxes along.
        Store::NoSuchMailbox(_) | Store::NoSuchBlob(_) | Store::NoSuchAccount(_) => {
            Error::NonExistent
        }
        Store::AlreadyExists(_) => Error::AlreadyExists,
        Store::InvalidName { reason, .. } => Error::Cannot(reason.into()),
        Store::NotAllowed(reason) => Error::Cannot(reason.into()),
        Store::UseTaken => Error::SpecialUse("another mailbox is for that".into()),
        Store::TooLarge {
            what: "message", ..
        } => Error::TooLarge,
        Store::TooLarge { what, limit, .. } => Error::Limit(format!("{what} (at most {limit})")),
        other => Error::Unavailable {
            reference: Reference::log("an IMAP command failed", session, &other).to_string(),
        },
    }
}

/// The same for COPY and MOVE, where the mailbox that is missing may be the one that is open.
pub(super) fn source_error(
    error: waxwing_store::Error,
    source: ImapMailbox,
    session: u64,
) -> Error {
    let source = waxwing_store::MailboxId(source.0).to_string();
    match error {
        waxwing_store::Error::NoSuchMailbox(gone) if gone == source => Error::Gone,
        other => self::error(other, session),
    }
}

pub(super) fn ranges(uids: &UidSet) -> Vec<UidRange> {
    uids.ranges()
        .map(|(first, last)| UidRange { first, last })
        .collect()
}

/// Mailboxes, and subscribed names that are none (RFC 3501 §6.3.9).
pub(super) fn mailboxes(
    mailboxes: Vec<Mailbox>,
    others: Vec<MailboxInfo>,
    subscriptions: &[String],
    deleted: &HashMap<MailboxId, Usage>,
) -> Result<Answer, Error> {
    let own = mailboxes.iter().map(|mailbox| mailbox.path.as_str());
    let names = others.iter().map(|info| info.name.as_str());
    let paths: HashSet<&str> = own.chain(names).collect();
    let dead = subscriptions
        .iter()
        .filter(|path| !paths.contains(path.as_str()));
    let dead = dead.filter_map(|path| {
        let name = MailboxName::new(path).ok()?;
        Some(MailboxInfo {
            name,
            special_use: None,
            subscribed: true,
            selectable: false,
            exists: false,
            rights: Rights::NONE,
            status: StatusData::default(),
        })
    });
    // A name that is for the mailboxes of others means one of those.
    let ours = |mailbox: &&Mailbox| matches!(named(&mailbox.path), Named::Own(_));
    let known = mailboxes.iter().filter(ours).filter_map(|mailbox| {
        let name = MailboxName::new(&mailbox.path).ok()?;
        Some(MailboxInfo {
            name,
            special_use: mailbox.special_use.map(special_use),
            subscribed: mailbox.subscribed,
            selectable: mailbox.selectable,
            exists: true,
            rights: Rights::ALL,
            status: status(
                mailbox,
                deleted.get(&mailbox.id).copied().unwrap_or_default(),
            ),
        })
    });
    let mut infos: Vec<MailboxInfo> = known.chain(dead).collect();
    infos.extend(others);
    Ok(Answer::Mailboxes(infos))
}

fn special_use(of: SpecialUse) -> ImapUse {
    match of {
        SpecialUse::All => ImapUse::All,
        SpecialUse::Archive => ImapUse::Archive,
        SpecialUse::Drafts => ImapUse::Drafts,
        SpecialUse::Flagged => ImapUse::Flagged,
        SpecialUse::Junk => ImapUse::Junk,
        SpecialUse::Sent => ImapUse::Sent,
        SpecialUse::Trash => ImapUse::Trash,
    }
}

/// The same, back.
pub(super) fn store_use(of: ImapUse) -> SpecialUse {
    match of {
        ImapUse::All => SpecialUse::All,
        ImapUse::Archive => SpecialUse::Archive,
        ImapUse::Drafts => SpecialUse::Drafts,
        ImapUse::Flagged => SpecialUse::Flagged,
        ImapUse::Junk => SpecialUse::Junk,
        ImapUse::Sent => SpecialUse::Sent,
        ImapUse::Trash => SpecialUse::Trash,
    }
}

/// The numbers of a mailbox, of which so much has `\Deleted`.
pub(super) fn status(mailbox: &Mailbox, deleted: Usage) -> StatusData {
    StatusData {
        mailbox: ImapMailbox(mailbox.id.0),
        messages: mailbox.messages,
        // At most: UIDs are not dense.
        recent: mailbox
            .messages
            .min(mailbox.uid_next.saturating_sub(mailbox.recent_from)),
        unseen: mailbox.unseen,
        deleted: u32::try_from(deleted.messages).unwrap_or(u32::MAX),
        deleted_size: deleted.bytes,
        uid_next: mailbox.uid_next,
        uid_validity: mailbox.uid_validity,
        highest_modseq: mailbox.highest_modseq,
        size: mailbox.bytes,
    }
}

pub(super) fn snapshot(of: &waxwing_store::Snapshot, read_only: bool, rights: Rights) -> Snapshot {
    let recent = |message: &&MessageFlags| message.uid >= of.recent_from;
    let unseen = |message: &&MessageFlags| !message.flags.contains(Flags::SEEN);
    let keywords = keywords_of(&of.messages);
    Snapshot {
        mailbox: ImapMailbox(of.mailbox.id.0),
        uids: of.messages.iter().map(|message| message.uid).collect(),
        recent: of
            .messages
            .iter()
            .filter(recent)
            .map(|message| message.uid)
            .collect(),
        first_unseen: of.messages.iter().find(unseen).map(|message| message.uid),
        keywords,
        uid_validity: of.mailbox.uid_validity,
        uid_next: of.mailbox.uid_next,
        highest_modseq: of.mailbox.highest_modseq,
        read_only,
        rights,
    }
}

/// The keywords that messages have, each once.
fn keywords_of<'a>(messages: impl IntoIterator<Item = &'a MessageFlags>) -> Vec<String> {
    let mut known = HashSet::new();
    let all = messages.into_iter().flat_map(|message| &message.keywords);
    all.filter(|keyword| known.insert(keyword.to_ascii_lowercase()))
        .cloned()
        .collect()
}

/// All UIDs below the next one that are not there.
pub(super) fn absent(of: &waxwing_store::Snapshot) -> Vec<UidRange> {
    let last = of.mailbox.uid_next.saturating_sub(1);
    let present: UidSet = of.messages.iter().map(|message| message.uid).collect();
    if last == 0 {
        Vec::new()
    } else {
        ranges(&UidSet::from_ranges([(1, last)]).difference(&present))
    }
}

/// What happened, for a session that knows UIDs below `known_below` and has been given those from `recent_from` on as
/// recent.
pub(super) fn changes(
    of: &waxwing_store::Changes,
    known_below: u32,
    recent_from: Option<u32>,
) -> Changes {
    let (arrived, known): (Vec<_>, Vec<_>) = of
        .changed
        .iter()
        .partition(|message| message.uid >= known_below);
    let recent = arrived
        .iter()
        .map(|message| message.uid)
        .filter(|uid| recent_from.is_some_and(|from| *uid >= from));
    Changes {
        highest_modseq: of.mailbox.highest_modseq,
        vanished: UidSet::from_ranges(of.vanished.iter().map(|range| (range.first, range.last))),
        recent: recent.collect(),
        keywords: keywords_of(arrived.iter().copied()),
        arrived: arrived.iter().map(|message| message.uid).collect(),
        flags: known.into_iter().cloned().map(flag_row).collect(),
        rights: None,
    }
}

pub(super) fn flag_set(flags: Flags, keywords: Vec<String>) -> FlagSet {
    use waxwing_imap::types::SystemFlag;
    let mut set = FlagSet::new(0, keywords);
    let pairs = [
        (Flags::SEEN, SystemFlag::Seen),
        (Flags::ANSWERED, SystemFlag::Answered),
        (Flags::FLAGGED, SystemFlag::Flagged),
        (Flags::DELETED, SystemFlag::Deleted),
        (Flags::DRAFT, SystemFlag::Draft),
    ];
    for (flag, system) in pairs {
        if flags.contains(flag) {
            set.insert(system);
        }
    }
    set
}

pub(super) fn store_flags(set: &FlagSet) -> Flags {
    use waxwing_imap::types::SystemFlag;
    let flag = |flags: Flags, system: &SystemFlag| {
        let flag = match system {
            SystemFlag::Seen => Flags::SEEN,
            SystemFlag::Answered => Flags::ANSWERED,
            SystemFlag::Flagged => Flags::FLAGGED,
            SystemFlag::Deleted => Flags::DELETED,
            SystemFlag::Draft => Flags::DRAFT,
        };
        if set.has(*system) {
            flags | flag
        } else {
            flags
        }
    };
    SystemFlag::ALL.iter().fold(Flags::NONE, flag)
}

/// Rights from the store's bits.
pub(super) fn rights(bits: u32) -> Rights {
    Rights::from_bits(u16::try_from(bits).unwrap_or(0))
}

/// The flags that may be set and cleared with these rights.
pub(super) fn scope(rights: Rights) -> FlagScope {
    use waxwing_imap::types::SystemFlag;
    let all = SystemFlag::ALL.into_iter();
    let mut flags = FlagSet::default();
    all.for_each(|flag| flags.insert(flag));
    FlagScope {
        flags: store_flags(&rights.permitted(&flags)),
        keywords: rights.has(Rights::WRITE),
    }
}

/// The names of the flags that a change is about, as far as it may be.
pub(super) fn told(change: &FlagChange, scope: FlagScope) -> Vec<String> {
    let keywords: &[String] = if scope.keywords {
        &change.keywords
    } else {
        &[]
    };
    events::names(scope.of(change.flags), keywords)
}

pub(super) fn operation(action: FlagAction) -> FlagOperation {
    match action {
        FlagAction::Replace => FlagOperation::Replace,
        FlagAction::Add => FlagOperation::Add,
        FlagAction::Remove => FlagOperation::Remove,
    }
}

pub(super) fn flag_row(of: MessageFlags) -> FlagRow {
    FlagRow {
        uid: of.uid,
        modseq: of.modseq,
        flags: flag_set(of.flags, of.keywords),
    }
}

/// What a change of flags did, with what each message that it changed was before.
pub(super) fn flags_stored(of: waxwing_store::FlagsChanged) -> FlagsStored {
    let replaced: HashMap<u32, u64> = of.replaced.into_iter().collect();
    let stored = |message: MessageFlags| StoredFlags {
        replaced: replaced.get(&message.uid).copied(),
        row: flag_row(message),
    };
    FlagsStored {
        rows: of.messages.into_iter().map(stored).collect(),
        modified: of.modified.into_iter().map(flag_row).collect(),
    }
}

pub(super) fn row(of: Message, head: Bytes) -> FetchRow {
    FetchRow {
        uid: of.flags.uid,
        modseq: of.flags.modseq,
        flags: flag_set(of.flags.flags, of.flags.keywords),
        // IMAP's dates have seconds (RFC 3501 §9, date-time).
        internal_date: InternalDate {
            seconds: of.internal_date.div_euclid(1000),
            offset: of.internal_offset,
        },
        // RFC 8514 §4.2: a date without a zone of its own is told in UTC.
        saved: InternalDate {
            seconds: of.saved.div_euclid(1000),
            offset: 0,
        },
        email: EmailId(u64::try_from(of.blob.0).unwrap_or(0)),
        thread: ThreadId(of.thread.unsigned_abs()),
        size: of.size,
        content: ContentRef(of.blob.0),
        summary: of.summary,
        head,
    }
}

/// Which messages were copied, and where they are, if that may be known: UIDs tell of the mailbox (RFC 4315 §3).
pub(super) fn copied(of: &waxwing_store::Copied, rights: Rights) -> Copied {
    let (source, target): (Vec<u32>, Vec<u32>) = of.uids.iter().copied().unzip();
    if !rights.has(Rights::READ) {
        return Copied {
            source,
            ..Copied::default()
        };
    }
    Copied {
        uid_validity: of.uid_validity,
        source,
        target,
    }
}

/// The same of messages that were appended.
pub(super) fn appended(of: &[waxwing_store::Stored], rights: Rights) -> Appended {
    match of.first() {
        Some(first) if rights.has(Rights::READ) => Appended {
            uid_validity: first.uid_validity,
            uids: of.iter().map(|stored| stored.uid).collect(),
        },
        _ => Appended::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_both_ways() {
        for bits in 0..=Flags::ALL.bits() {
            let flags = Flags::from_bits(bits);
            assert_eq!(store_flags(&flag_set(flags, Vec::new())), flags);
        }
    }

    #[test]
    fn policy_is_told_of_flags_that_may_be_changed() {
        let change = FlagChange {
            operation: FlagOperation::Add,
            flags: Flags::SEEN | Flags::FLAGGED,
            keywords: vec!["$Junk".to_owned()],
            unchanged_since: None,
        };
        let told_with = |letters| told(&change, scope(Rights::parse(letters).unwrap()));
        assert_eq!(told_with("lrs"), ["\\Seen"]);
        assert_eq!(told_with("lrw"), ["\\Flagged", "$Junk"]);
        assert_eq!(told(&change, FlagScope::ALL).len(), 3);
    }

    #[test]
    fn a_source_that_is_gone_is_no_missing_target() {
        let gone = waxwing_store::Error::NoSuchMailbox(waxwing_store::MailboxId(7).to_string());
        assert_eq!(source_error(gone.clone(), ImapMailbox(7), 1), Error::Gone);
        assert_eq!(source_error(gone, ImapMailbox(8), 1), Error::NonExistent);
    }
}
