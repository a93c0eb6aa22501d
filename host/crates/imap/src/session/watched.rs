//! Who else wakes a session: owners of mailboxes that the client wants to hear of (RFC 5465 §3.1: at once).
//!
//! Invariants: only owners who share something with this account are watched, so that nobody learns from being woken; and few of them.

use std::collections::BTreeSet;

use crate::ask::{Answer, Ask, Others};
use crate::encode::texts::{self, Response};
use crate::session::job::{Core, Flow, Job, unexpected};
use crate::types::{MailboxInfo, MailboxName};

/// Owners that are watched at most. What happens in the mailboxes of more is told at the next occasion.
const MAX_OWNERS: usize = 32;

/// The owners of these mailboxes, in order; not this account.
pub(crate) fn owners<'a>(mailboxes: impl Iterator<Item = &'a MailboxInfo>) -> Vec<String> {
    let owners: BTreeSet<&str> = mailboxes.filter_map(|info| info.name.owner()).collect();
    let owners = owners.into_iter().take(MAX_OWNERS);
    owners.map(str::to_owned).collect()
}

/// These owners and those of mailboxes, in order.
pub(crate) fn with<'a>(
    owners: &[String],
    names: impl Iterator<Item = &'a MailboxName>,
) -> Vec<String> {
    let new: BTreeSet<&str> = names.filter_map(MailboxName::owner).collect();
    let new = new.into_iter().map(str::to_owned);
    let new = new.filter(|owner| !owners.contains(owner));
    let room = MAX_OWNERS.saturating_sub(owners.len());
    let mut all: Vec<String> = owners.iter().cloned().chain(new.take(room)).collect();
    all.sort();
    all
}

/// Watches these owners and nobody else, then goes on with the job.
pub(crate) fn watch(core: &mut Core, owners: Vec<String>, then: Box<dyn Job>) -> Flow {
    if core.watched == owners {
        return Flow::Resume(then);
    }
    core.watched.clone_from(&owners);
    Flow::Ask(Ask::Watch { owners }, Box::new(Watching(then)))
}

/// Watches whoever shares something, then goes on.
pub(crate) fn everybody(then: Box<dyn Job>) -> Flow {
    let ask = Ask::Mailboxes {
        deleted: false,
        others: Others::All,
    };
    Flow::Ask(ask, Box::new(Finding(then)))
}

#[derive(Debug)]
struct Finding(Box<dyn Job>);

impl Job for Finding {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Mailboxes(mailboxes) => watch(core, owners(mailboxes.iter()), self.0),
            _ => Flow::Resume(self.0),
        }
    }
}

#[derive(Debug)]
struct Watching(Box<dyn Job>);

impl Job for Watching {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        if !matches!(answer, Answer::Done) {
            // Tried again at the next occasion.
            core.watched = Vec::new();
        }
        Flow::Resume(self.0)
    }
}

/// A command that ends when it is known who is watched.
#[derive(Debug)]
pub(crate) struct Ending(Response);

impl Ending {
    /// With OK and this text.
    pub(crate) fn with(text: &'static str) -> Box<Self> {
        Box::new(Self(texts::ok(text)))
    }
}

impl Job for Ending {
    fn answer(self: Box<Self>, _core: &mut Core, _answer: Answer) -> Flow {
        unexpected()
    }

    fn resume(self: Box<Self>, _core: &mut Core) -> Flow {
        Flow::Tagged(self.0)
    }
}
