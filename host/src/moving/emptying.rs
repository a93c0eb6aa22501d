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
    let wanted = |path: &str| {
        only.is_empty()
            || only
                .iter()
                .any(|name| name == path || (path == "INBOX" && name.eq_ignore_ascii_case(path)))
    };
    if let Some(name) = only.iter().find(|name| {
        !opened
            .mailboxes
            .iter()
            .any(|mailbox| mailbox.path.eq_ignore_ascii_case(name))
    }) {
        return Err(Failure::data(format!("there is no mailbox {name:?}")));
    }
    let mut tally = Tally::default();
    let mailboxes = opened.mailboxes.iter().filter(|mailbox| mailbox.selectable);
    for mailbox in mailboxes.filter(|mailbox| wanted(&mailbox.path)) {
        progress.folder(&mailbox.path, u64::from(mailbox.messages));
        one(account, target, mailbox, progress, &mut tally)?;
        tally.mailboxes += 1;
    }
    if only.is_empty() {
        target.subscriptions(&opened.subscriptions)?;
    }
    Ok(tally)
}

fn one(
    account: &mut Account,
    target: &mut dyn Target,
    mailbox: &MailboxRow,
    progress: &Progress,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let after = target.mailbox(mailbox)?;
    let mut first = 1_u32;
    while first < mailbox.uid_next {
        for message in account.list(mailbox.id, first)? {
            if message.uid <= after || target.has(&message) {
                tally.known += 1;
            } else if let Some(content) = content(account, &message)? {
                target.message(&message, content)?;
                tally.messages += 1;
            }
            progress.advance(1);
        }
        first = first.saturating_add(PAGE);
    }
    target.done()
}

/// The content of a message; none if it was removed meanwhile.
fn content(account: &mut Account, message: &MessageRow) -> Result<Option<Spool>, Failure> {
    let mut content = Spool::default();
    while content.octets() < message.octets {
        let piece = match account.read(message.content, content.octets()) {
            Ok(piece) if piece.is_empty() => return Ok(None),
            Ok(piece) => piece,
            Err(failure) if failure.exit == Exit::Data => return Ok(None),
            Err(failure) => return Err(failure),
        };
        content.write_all(&piece).map_err(|error| {
            Failure::new(Exit::Unavailable, format!("a temporary file: {error}"))
        })?;
    }
    Ok(Some(content))
}
