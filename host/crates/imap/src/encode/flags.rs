//! Flag lists (RFC 3501 §9).

use crate::encode::core::Out;
use crate::types::{FlagSet, SystemFlag};

/// `flag-list`, with `\Recent` if the session has the message as such.
pub(crate) fn flags(out: &mut Out, flags: &FlagSet, recent: bool) {
    out.push(b'(');
    let begins = out.len();
    let mut write = |name: &str| {
        if out.len() > begins {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    };
    for flag in SystemFlag::ALL.into_iter().filter(|&flag| flags.has(flag)) {
        write(flag.as_str());
    }
    for keyword in flags.keywords() {
        write(keyword);
    }
    if recent {
        write("\\Recent");
    }
    out.push(b')');
}
