//! An account gone through, mailbox by mailbox, its messages handed on.

use std::io::Write;

use super::{Account, Progress, Spool, Tally, Target};
use crate::admin::mail::{MailboxRow, MessageRow, PAGE};
use crate::admin::{Exit, Failure};

/// Hands all messages of an account, or of the mailboxes named, to a target that does not have them yet.
pub(crate) fn empty(
    account: &mut Account,
    target: &mut dyn Target,
    only: &[String],
    progress: &Progress,
) -> Result<Tally, Failure> {
    let opened = account.open()?;
    let wanted = |path: &str| only.is_empty() || only.iter().any(|name| is(path, name));
    for name in only {
        if !opened
            .mailboxes
            .iter()
            .any(|mailbox| is(&mailbox.path, name))
        {
            return Err(Failure::data(format!("there is no mailbox {name:?}")));
        }
    }
    target.open(account.address())?;
    let mut emptying = Emptying {
        account,
        target,
        progress,
        tally: Tally::default(),
    };
    let mailboxes = opened.mailboxes.iter().filter(|mailbox| mailbox.selectable);
    for mailbox in mailboxes.filter(|mailbox| wanted(&mailbox.path)) {
        progress.folder(&mailbox.path, u64::from(mailbox.messages));
        emptying.mailbox(mailbox)?;
    }
    let tally = emptying.tally;
    if only.is_empty() {
        target.subscriptions(&opened.subscriptions)?;
    }
    Ok(tally)
}

/// Whether a mailbox is the one of a name (RFC 3501 §5.1: INBOX in any case).
fn is(path: &str, name: &str) -> bool {
    path == name || (path == "INBOX" && name.eq_ignore_ascii_case(path))
}

/// An account that is being gone through.
struct Emptying<'a> {
    account: &'a mut Account,
    target: &'a mut dyn Target,
    progress: &'a Progress,
    tally: Tally,
}

/// What became of reading a message.
enum Content {
    Whole(Spool),
    /// It cannot be read, for this reason.
    Unread(String),
}

impl Emptying<'_> {
    fn mailbox(&mut self, mailbox: &MailboxRow) -> Result<(), Failure> {
        match self.target.mailbox(mailbox) {
            Err(failure) if failure.exit == Exit::Data => {
                self.leave_out(&format!("mailbox {:?}", mailbox.path), &failure.text);
                return Ok(());
            }
            other => other?,
        }
        let mut first = 1_u32;
        while first < mailbox.uid_next {
            for message in self.account.list(mailbox.id, first)? {
                if self.target.has(&message) {
                    self.tally.known += 1;
                } else {
                    self.message(mailbox, &message)?;
                }
                self.progress.advance(1);
            }
            first = first.saturating_add(PAGE);
        }
        self.tally.mailboxes += 1;
        self.target.done()
    }

    fn message(&mut self, mailbox: &MailboxRow, message: &MessageRow) -> Result<(), Failure> {
        let called = format!("UID {} of {:?}", message.uid, mailbox.path);
        match content(self.account, message)? {
            Content::Whole(content) => {
                for keyword in self.target.message(message, content)? {
                    let name = format!("keyword {keyword:?} of {called}");
                    self.leave_out(&name, "a Maildir has room for 26 of them");
                }
                self.tally.messages += 1;
            }
            Content::Unread(why) if self.is_there(mailbox, message)? => {
                self.target.left_out(message);
                self.leave_out(&called, &why);
            }
            // It was removed meanwhile.
            Content::Unread(_) => {}
        }
        Ok(())
    }

    /// Whether the mailbox still has a message.
    fn is_there(&mut self, mailbox: &MailboxRow, message: &MessageRow) -> Result<bool, Failure> {
        let rows = self.account.list(mailbox.id, message.uid)?;
        Ok(rows.first().is_some_and(|row| row.uid == message.uid))
    }

    /// Tells of what cannot be moved.
    fn leave_out(&mut self, name: &str, why: &str) {
        self.tally.left_out += 1;
        self.progress.say(&format!("left out: {name}: {why}"));
    }
}

fn content(account: &mut Account, message: &MessageRow) -> Result<Content, Failure> {
    let mut content = Spool::default();
    while content.octets() < message.octets {
        let piece = match account.read(message.content, content.octets()) {
            Ok(piece) if piece.is_empty() => {
                let (found, octets) = (content.octets(), message.octets);
                return Ok(Content::Unread(format!(
                    "its content ends after {found} of {octets} octets"
                )));
            }
            Ok(piece) => piece,
            Err(failure) if failure.exit == Exit::Data => return Ok(Content::Unread(failure.text)),
            Err(failure) => return Err(failure),
        };
        content.write_all(&piece).map_err(|error| {
            Failure::new(Exit::Unavailable, format!("a temporary file: {error}"))
        })?;
    }
    Ok(Content::Whole(content))
}
