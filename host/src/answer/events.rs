//! What happened in mailboxes, in the terms of policy: told by sessions once it is in the store, and never waited for.

use waxwing_policy::{MailboxChange, Moved, Placed};
use waxwing_store::{Copied, FlagOperation, Flags, UidRange};

/// Flags and keywords by their names.
pub(crate) fn names(flags: Flags, keywords: &[String]) -> Vec<String> {
    let system = [
        (Flags::SEEN, "\\Seen"),
        (Flags::ANSWERED, "\\Answered"),
        (Flags::FLAGGED, "\\Flagged"),
        (Flags::DELETED, "\\Deleted"),
        (Flags::DRAFT, "\\Draft"),
    ];
    system
        .into_iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, name)| name.to_owned())
        .chain(keywords.iter().cloned())
        .collect()
}

/// One message that came into a mailbox.
pub(crate) fn placed(mailbox: &str, uid: u32, flags: Flags, keywords: &[String]) -> Placed {
    Placed {
        mailbox: mailbox.to_owned(),
        uid,
        flags: names(flags, keywords),
    }
}

/// Messages that came from one mailbox into another.
pub(crate) fn moved(source: &str, mailbox: &str, copied: &Copied) -> Moved {
    Moved {
        source: source.to_owned(),
        mailbox: mailbox.to_owned(),
        uids: ranges(copied.uids.iter().map(|(_, new)| *new)),
    }
}

/// Messages that are gone.
pub(crate) fn expunged(mailbox: &str, uids: impl IntoIterator<Item = u32>) -> MailboxChange {
    MailboxChange::Expunge {
        mailbox: mailbox.to_owned(),
        uids: ranges(uids),
    }
}

/// Flags that changed.
pub(crate) fn flagged(
    mailbox: &str,
    uids: impl IntoIterator<Item = u32>,
    operation: FlagOperation,
    flags: Vec<String>,
) -> MailboxChange {
    MailboxChange::Flag {
        mailbox: mailbox.to_owned(),
        uids: ranges(uids),
        operation: match operation {
            FlagOperation::Replace => "set",
            FlagOperation::Add => "add",
            FlagOperation::Remove => "remove",
        },
        flags,
    }
}

fn ranges(uids: impl IntoIterator<Item = u32>) -> Vec<(u32, u32)> {
    UidRange::compress(uids)
        .into_iter()
        .map(|range| (range.first, range.last))
        .collect()
}
