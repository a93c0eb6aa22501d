//! Mail in bulk, from elsewhere into an account and out of it: Maildir, mbox, IMAP.
//!
//! A [`Source`] brings folders and messages, a [`Filling`] puts them into an account; an [`emptying`] goes through an account and
//! hands each message to a [`Target`]. Both know the account only by [`Account`]: over the socket of a server that runs, or in
//! the store itself where none does.
//!
//! Invariants: whoever is killed goes on where that was, and nothing comes twice: what is stored names where it came from
//! ([`item`]), what is written out names what it was. A message is never held whole in memory if it is large ([`Spool`]).
//! Nothing is left out without a word: it is told of and counted ([`Tally`]).
//! Octets stay as they are, but for line ends, of which the store has CRLF and files have LF; how a file had them is kept where LF
//! is not the answer.

mod account;
mod alone;
mod dates;
pub(crate) mod emptying;
mod filling;
pub(crate) mod imap;
mod inside;
pub(crate) mod maildir;
pub(crate) mod mbox;
mod progress;
mod safely;
mod spool;
pub(crate) mod stream;
pub(crate) mod upload;
mod zip;

use sha2::{Digest, Sha256};
use waxwing_store::{Flags, MAX_KEYWORD, MAX_KEYWORDS};

use crate::admin::mail::{MailboxRow, MessageRow};
use crate::admin::{Exit, Failure};

pub(crate) use account::Account;
pub(crate) use filling::{Filling, Tally, Wishes};
pub(crate) use inside::Inside;
pub(crate) use progress::Progress;
pub(crate) use spool::Spool;

/// Where mail comes from.
pub(crate) trait Source {
    /// Its folders, and what is subscribed, as paths with `/` between levels.
    fn open(&mut self) -> Result<Contents, Failure>;

    /// Brings the messages of one of its folders.
    fn bring(&mut self, folder: &Folder, into: &mut Filling<'_>) -> Result<(), Failure>;
}

/// What a source has.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) folders: Vec<Folder>,
    pub(crate) subscriptions: Vec<String>,
    /// What looks like folders, and cannot be brought.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A folder that cannot be brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// The path that it would have, or one like it.
    pub(crate) path: String,
    /// What it is called there.
    pub(crate) name: String,
    pub(crate) why: String,
}

/// A folder of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Its path, with `/` between levels; `INBOX` is that of the account.
    pub(crate) path: String,
    /// How the source names it.
    pub(crate) place: String,
}

/// A message that is brought.
#[derive(Debug)]
pub(crate) struct Message {
    /// See [`item`].
    pub(crate) item: String,
    pub(crate) marks: Marks,
    /// Milliseconds of Unix time.
    pub(crate) date: i64,
    /// Minutes east of UTC.
    pub(crate) offset: i16,
    /// Its lines end with CRLF there, as they would not in a file that the store writes.
    pub(crate) verbatim: bool,
    pub(crate) content: Spool,
}

/// Where mail goes.
pub(crate) trait Target {
    /// Begins with the account of an address; nobody else writes there meanwhile.
    fn open(&mut self, address: &str) -> Result<(), Failure>;

    /// Begins with a mailbox. It is left out if the failure is one of data.
    fn mailbox(&mut self, mailbox: &MailboxRow) -> Result<(), Failure>;

    /// Whether a message of the mailbox is there already.
    fn has(&self, message: &MessageRow) -> bool;

    /// A message is not there, though later ones will be: [`Target::has`] says no to it in this run and in the next.
    fn left_out(&mut self, message: &MessageRow);

    /// Writes a message of the mailbox; the keywords that it could not write with it.
    fn message(&mut self, message: &MessageRow, content: Spool) -> Result<Vec<String>, Failure>;

    /// Ends with the mailbox: what was written is on disk.
    fn done(&mut self) -> Result<(), Failure>;

    /// Notes what is subscribed.
    fn subscriptions(&mut self, paths: &[String]) -> Result<(), Failure>;
}

/// Flags and keywords.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) flags: Flags,
    pub(crate) keywords: Vec<String>,
    /// Keywords that the store would not take.
    pub(crate) lost: Vec<String>,
}

impl Marks {
    pub(crate) fn flag(&mut self, flag: Flags) {
        self.flags = self.flags.with(flag);
    }

    /// Adds a keyword, if the store takes it: RFC 3501 §9, `flag-keyword = atom`.
    pub(crate) fn keyword(&mut self, keyword: &str) {
        let atom = |c: u8| c.is_ascii_graphic() && !b"(){%*\"\\]".contains(&c);
        // `\Recent` and its like are no keywords.
        if keyword.is_empty() || keyword.starts_with('\\') {
            return;
        }
        let same = |known: &String| known.eq_ignore_ascii_case(keyword);
        if self.keywords.iter().any(same) {
            return;
        }
        let takes = keyword.len() <= MAX_KEYWORD && keyword.bytes().all(atom);
        if takes && self.keywords.len() < MAX_KEYWORDS {
            self.keywords.push(keyword.to_owned());
        } else {
            self.lost.push(keyword.to_owned());
        }
    }
}

/// The digest that names a message where it comes from, by what identifies it there, outermost first.
pub(crate) fn item(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    data_encoding::HEXLOWER.encode(digest.get(..16).unwrap_or(&digest))
}

/// What a file or folder could not do, as a failure.
fn file(path: &std::path::Path, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind;
    let exit = match error.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::NotADirectory => Exit::Data,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Exit::Temporary,
        _ => Exit::Unavailable,
    };
    Failure::new(exit, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_tell_their_parts_apart() {
        let one = item(&[b"ab", b"c"]);
        assert_eq!(one.len(), 32);
        assert_ne!(one, item(&[b"a", b"bc"]));
        assert_eq!(one, item(&[b"ab", b"c"]));
    }

    #[test]
    fn keywords_that_the_store_would_refuse_are_lost() {
        let mut marks = Marks::default();
        for keyword in [
            "$Forwarded",
            "two words",
            "",
            "\\Recent",
            "$forwarded",
            "naïve",
            "work",
        ] {
            marks.keyword(keyword);
        }
        assert_eq!(marks.keywords, ["$Forwarded", "work"]);
        assert_eq!(marks.lost, ["two words", "naïve"]);
    }
}
