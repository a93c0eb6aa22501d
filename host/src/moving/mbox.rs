//! mbox: a file of messages, each after a line `From sender date`.
//!
//! Standards: RFC 4155; the quotings of mboxo, mboxrd and mboxcl2 as qmail's mbox(5) tells them apart; the fields in which UW IMAP, Dovecot
//! and Mozilla keep flags.
//!
//! What an mbox cannot say is lost on its way through one: that the last line of a message has no end, the sender's and the date's exact
//! form on the `From` line, where the fields with flags stood, and in mboxo which `>From` was one. What a message itself has of these fields is
//! not: see [`status`].

mod from_line;
mod level;
mod read;
mod split;
mod status;
mod write;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(super) use level::name_of;
pub(crate) use read::Mbox;
pub(crate) use write::MboxTarget;
pub(super) use write::write_message;

/// How lines are written that would be taken for the beginning of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Quoting {
    /// Each such line gets a `>`, and so does one that has some already: nothing is lost.
    Rd,
    /// Each such line gets a `>`; what is one line and what is the other cannot be told afterwards.
    O,
    /// None: the field Content-Length says where a message ends.
    Cl2,
}

/// Whether a line is `From `, or that behind one `>` or more.
fn is_from(line: &[u8]) -> bool {
    let marks = line.iter().take_while(|octet| **octet == b'>').count();
    line.get(marks..)
        .is_some_and(|rest| rest.starts_with(b"From "))
}
