//! ACL, LISTRIGHTS and MYRIGHTS responses (RFC 4314 §3.6 to §3.8).

use crate::ask::Grantable;
use crate::encode::core::{Out, string};
use crate::encode::mailbox::mailbox;
use crate::types::{MailboxName, NameForm, Rights};

/// `* ACL mailbox identifier rights …`
pub(crate) fn acl(out: &mut Out, name: &MailboxName, form: NameForm, entries: &[(String, Rights)]) {
    out.extend_from_slice(b"* ACL ");
    mailbox(out, name, form);
    for (identifier, rights) in entries {
        out.push(b' ');
        string(out, identifier.as_bytes());
        word(out, *rights);
    }
    out.extend_from_slice(b"\r\n");
}

/// `* LISTRIGHTS mailbox identifier required optional …`: none is tied to another.
pub(crate) fn list_rights(
    out: &mut Out,
    name: &MailboxName,
    form: NameForm,
    identifier: &str,
    grantable: Grantable,
) {
    out.extend_from_slice(b"* LISTRIGHTS ");
    mailbox(out, name, form);
    out.push(b' ');
    string(out, identifier.as_bytes());
    word(out, grantable.always);
    for letter in grantable.optional.letters() {
        out.extend_from_slice(format!(" {letter}").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `* MYRIGHTS mailbox rights`
pub(crate) fn my_rights(out: &mut Out, name: &MailboxName, form: NameForm, rights: Rights) {
    out.extend_from_slice(b"* MYRIGHTS ");
    mailbox(out, name, form);
    word(out, rights);
    out.extend_from_slice(b"\r\n");
}

/// `SP rights`
fn word(out: &mut Out, rights: Rights) {
    out.push(b' ');
    let letters = rights.to_string();
    if letters.is_empty() {
        out.extend_from_slice(b"\"\"");
    } else {
        out.extend_from_slice(letters.as_bytes());
    }
}
