//! Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 (RFC 9051 §5.1).

use base64::Engine as _;

use crate::encode::core::{Out, string};
use crate::parse::MODIFIED_BASE64;
use crate::types::{MailboxName, NameForm};

/// UTF-8 to modified UTF-7.
pub(crate) fn modified_utf7(name: &str) -> String {
    let mut wire = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            unshift(&mut wire, &mut shifted);
            wire.push(c);
            if c == '&' {
                wire.push('-');
            }
        } else {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                shifted.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    unshift(&mut wire, &mut shifted);
    wire
}

fn unshift(wire: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        wire.push('&');
        MODIFIED_BASE64.encode_string(&shifted, wire);
        wire.push('-');
        shifted.clear();
    }
}

/// `mailbox`, always as a string: no client stumbles over that.
pub(crate) fn mailbox(out: &mut Out, name: &MailboxName, form: NameForm) {
    mailbox_name(out, name.as_str(), form);
}

/// The same of what need not be a mailbox's name.
pub(crate) fn mailbox_name(out: &mut Out, name: &str, form: NameForm) {
    match form {
        NameForm::ModifiedUtf7 => string(out, modified_utf7(name).as_bytes()),
        // RFC 9051 §4.3: quoted strings hold UTF-8.
        NameForm::Utf8 => {
            let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
            out.extend_from_slice(format!("\"{escaped}\"").as_bytes());
        }
    }
}
