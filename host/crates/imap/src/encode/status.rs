//! STATUS responses (RFC 3501 §7.2.4).

use crate::ask::StatusData;
use crate::encode::core::{Out, number};
use crate::encode::mailbox::mailbox;
use crate::types::{MailboxName, NameForm, StatusItem};

/// `* STATUS mailbox (…)` with the items in the order that they were asked for.
pub(crate) fn status(
    out: &mut Out,
    name: &MailboxName,
    form: NameForm,
    items: &[StatusItem],
    data: &StatusData,
    append_limit: u32,
) {
    out.extend_from_slice(b"* STATUS ");
    mailbox(out, name, form);
    out.extend_from_slice(b" (");
    for (index, &item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        let name = StatusItem::ALL
            .iter()
            .find(|(known, _)| *known == item)
            .map_or("", |(_, name)| name);
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        match item {
            // RFC 8474 §4.3.
            StatusItem::MailboxId => {
                out.extend_from_slice(format!("({})", data.mailbox).as_bytes());
            }
            // RFC 7889 §3: the same for all mailboxes.
            StatusItem::AppendLimit => number(out, append_limit),
            other => number(out, value(data, other)),
        }
    }
    out.extend_from_slice(b")\r\n");
}

fn value(data: &StatusData, item: StatusItem) -> u64 {
    match item {
        StatusItem::Messages => data.messages.into(),
        StatusItem::Recent => data.recent.into(),
        StatusItem::UidNext => data.uid_next.into(),
        StatusItem::UidValidity => data.uid_validity.into(),
        StatusItem::Unseen => data.unseen.into(),
        StatusItem::Deleted => data.deleted.into(),
        // RFC 9208 §4.1.4: the sum of RFC822.SIZE.
        StatusItem::DeletedStorage => data.deleted_size,
        // RFC 8438 §3: at least the sum of RFC822.SIZE; here it is the sum.
        StatusItem::Size => data.size,
        StatusItem::HighestModSeq => data.highest_modseq,
        StatusItem::MailboxId | StatusItem::AppendLimit => 0,
    }
}
