//! METADATA responses (RFC 5464 §4.4).

use crate::encode::core::{Out, string};
use crate::encode::mailbox::mailbox;
use crate::types::{EntryName, MailboxName, NameForm};

/// `* METADATA mailbox (entry value …)`; without a mailbox, of the server.
pub(crate) fn metadata(
    out: &mut Out,
    name: Option<&MailboxName>,
    form: NameForm,
    entries: &[(EntryName, Option<Vec<u8>>)],
) {
    head(out, name, form);
    for (place, (name, value)) in entries.iter().enumerate() {
        out.extend_from_slice(if place == 0 { b" (" } else { b" " });
        entry(out, name);
        out.push(b' ');
        match value {
            None => out.extend_from_slice(b"NIL"),
            // RFC 5464 §5: what no string can hold is a literal8.
            Some(octets) if octets.contains(&0) => {
                out.extend_from_slice(format!("~{{{}}}\r\n", octets.len()).as_bytes());
                out.extend_from_slice(octets);
            }
            Some(octets) => string(out, octets),
        }
    }
    out.extend_from_slice(b")\r\n");
}

/// `* METADATA mailbox entry …`: these changed (RFC 5464 §4.4.2).
pub(crate) fn metadata_changed(
    out: &mut Out,
    name: Option<&MailboxName>,
    form: NameForm,
    entries: &[EntryName],
) {
    head(out, name, form);
    for name in entries {
        out.push(b' ');
        entry(out, name);
    }
    out.extend_from_slice(b"\r\n");
}

fn head(out: &mut Out, name: Option<&MailboxName>, form: NameForm) {
    out.extend_from_slice(b"* METADATA ");
    match name {
        Some(name) => mailbox(out, name, form),
        None => out.extend_from_slice(b"\"\""),
    }
}

/// `entry`
fn entry(out: &mut Out, entry: &EntryName) {
    let entry = entry.to_string();
    if entry.contains(|c: char| !c.is_ascii_alphanumeric() && !"/-_.".contains(c)) {
        string(out, entry.as_bytes());
    } else {
        out.extend_from_slice(entry.as_bytes());
    }
}
