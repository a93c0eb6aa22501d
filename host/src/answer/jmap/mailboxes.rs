//! The store's mailboxes as JMAP has them.

use std::collections::HashMap;

use waxwing_jmap::{Mailbox, MailboxId, MailboxRights, Mailboxes, Role};
use waxwing_store::SpecialUse;

use super::mail::unsigned;

/// How INBOX is called: the name that all others have, too, is not to be in capitals.
pub(super) const INBOX: &str = "INBOX";
pub(super) const SHOWN: &str = "Inbox";

/// All mailboxes of the account, which are its own.
pub(super) fn all(
    state: u64,
    list: &[waxwing_store::Mailbox],
    orders: &HashMap<waxwing_store::MailboxId, u32>,
) -> Mailboxes {
    let by_path: HashMap<&str, MailboxId> = list
        .iter()
        .map(|mailbox| (mailbox.path.as_str(), id_of(mailbox)))
        .collect();
    let mailbox = |mailbox: &waxwing_store::Mailbox| {
        let path = mailbox.path.as_str();
        let (above, name) = path
            .rsplit_once('/')
            .map_or((None, path), |(above, name)| (Some(above), name));
        let inbox = path == INBOX;
        Mailbox {
            id: id_of(mailbox),
            name: if inbox { SHOWN } else { name }.to_owned(),
            parent: above.and_then(|above| by_path.get(above)).copied(),
            role: if inbox {
                Some(Role::Inbox)
            } else {
                mailbox.special_use.map(role)
            },
            subscribed: mailbox.subscribed,
            rights: rights(mailbox.selectable, inbox),
            sort_order: orders.get(&mailbox.id).copied(),
        }
    };
    Mailboxes {
        state,
        list: list.iter().map(mailbox).collect(),
    }
}

fn id_of(mailbox: &waxwing_store::Mailbox) -> MailboxId {
    MailboxId(unsigned(mailbox.id.0))
}

const fn role(special_use: SpecialUse) -> Role {
    match special_use {
        SpecialUse::All => Role::All,
        SpecialUse::Archive => Role::Archive,
        SpecialUse::Drafts => Role::Drafts,
        SpecialUse::Flagged => Role::Flagged,
        SpecialUse::Junk => Role::Junk,
        SpecialUse::Sent => Role::Sent,
        SpecialUse::Trash => Role::Trash,
    }
}

/// An owner may do everything that can be done: a level that only holds others takes no mail, and INBOX stays where it is.
fn rights(holds_mail: bool, inbox: bool) -> MailboxRights {
    MailboxRights {
        read_items: holds_mail,
        add_items: holds_mail,
        remove_items: holds_mail,
        set_seen: holds_mail,
        set_keywords: holds_mail,
        create_child: true,
        rename: !inbox,
        delete: !inbox,
        submit: holds_mail,
    }
}
