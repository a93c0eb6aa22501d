//! ENVELOPE (RFC 3501 §7.4.2) from the stored summary.

use waxwing_message::{AddressView, Addresses, EnvelopeView};

use crate::encode::core::{Out, header_string, string};

/// `envelope`
pub(crate) fn envelope(out: &mut Out, envelope: EnvelopeView<'_>) {
    out.push(b'(');
    field(out, envelope.date);
    out.push(b' ');
    field(out, envelope.subject);
    out.push(b' ');
    let start = out.len();
    addresses(out, envelope.from);
    let author = start..out.len();
    // RFC 3501 §7.4.2: Sender and Reply-To default to From.
    for list in [envelope.sender, envelope.reply_to] {
        out.push(b' ');
        if list.is_empty() {
            out.extend_from_within(author.clone());
        } else {
            addresses(out, list);
        }
    }
    for list in [envelope.to, envelope.cc, envelope.bcc] {
        out.push(b' ');
        addresses(out, list);
    }
    out.push(b' ');
    field(out, envelope.in_reply_to);
    out.push(b' ');
    field(out, envelope.message_id);
    out.push(b')');
}

/// NIL if there is no such field; one without a value is "" (RFC 3501 §7.4.2).
fn field(out: &mut Out, value: Option<&[u8]>) {
    match value {
        Some(value) => string(out, value),
        None => out.extend_from_slice(b"NIL"),
    }
}

fn addresses(out: &mut Out, list: Addresses<'_>) {
    if list.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for item in list {
        address(out, item);
    }
    out.push(b')');
}

/// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`
fn address(out: &mut Out, item: AddressView<'_>) {
    match item {
        AddressView::Mailbox {
            name,
            route,
            local,
            domain,
        } => {
            out.push(b'(');
            if name.is_empty() {
                out.extend_from_slice(b"NIL");
            } else {
                header_string(out, name);
            }
            out.push(b' ');
            // RFC 3501 §7.4.2: addr-adl is the source route (RFC 5322 §4.4, obs-route).
            if route.is_empty() {
                out.extend_from_slice(b"NIL");
            } else {
                string(out, route.as_bytes());
            }
            out.push(b' ');
            string(out, local.as_bytes());
            out.push(b' ');
            // A NIL host would begin a group: an address without a domain has an empty one.
            string(out, domain.as_bytes());
            out.push(b')');
        }
        AddressView::GroupStart(name) => {
            out.extend_from_slice(b"(NIL NIL ");
            header_string(out, name);
            out.extend_from_slice(b" NIL)");
        }
        AddressView::GroupEnd => out.extend_from_slice(b"(NIL NIL NIL NIL)"),
    }
}
