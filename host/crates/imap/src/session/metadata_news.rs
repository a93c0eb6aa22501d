//! What changed of metadata, told unasked: to who enabled that (RFC 5464 §4.4.2), and to who wants to hear of it (RFC 5465 §5.6, §5.7).
//!
//! Invariant: changes are told in their order, once, and not to the session that made them.

use crate::ask::{Answer, Ask, MetadataChanged, MetadataNews, Others};
use crate::encode::metadata_changed;
use crate::session::job::{Core, Flow, Job};
use crate::session::poll::After;
use crate::session::watched;
use crate::types::{EntryName, MailboxName};

/// How far a session was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Of all changes up to this one.
    number: u64,
    /// Later changes that this session made itself.
    own: Vec<u64>,
}

impl Told {
    pub(crate) fn up_to(number: u64) -> Self {
        Self {
            number,
            own: Vec::new(),
        }
    }
}

/// Asks from which change on there is something to tell.
pub(crate) const BEGIN: Ask = Ask::MetadataNews {
    since: None,
    others: Others::NONE,
};

/// This session made a change.
pub(crate) fn own(core: &mut Core, number: u64) {
    if let Some(told) = &mut core.metadata {
        told.own.push(number);
    }
}

/// Whether the client wants to be told.
pub(crate) fn wanted(core: &Core) -> bool {
    match &core.notify {
        // RFC 5465 §3.1: from the first NOTIFY on it says what the client is interested in.
        Some(notify) => notify.wants_metadata(),
        None => core.enabled.metadata,
    }
}

/// Tells what changed, then what comes behind it.
pub(crate) fn tell(core: &mut Core, after: After) -> Flow {
    let since = core.metadata.as_ref().map(|told| told.number);
    let Some(since) = since.filter(|_| wanted(core)) else {
        return after.end(core);
    };
    let notify = core.notify.as_ref();
    let others = notify.map_or(Others::All, |notify| notify.others());
    let ask = Ask::MetadataNews {
        since: Some(since),
        others,
    };
    Flow::Ask(ask, Box::new(Telling(after)))
}

#[derive(Debug)]
struct Telling(After);

impl Job for Telling {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        // What cannot be had now is told of at the next occasion: until then it stays known how far the session was told.
        let Answer::MetadataNews(news) = answer else {
            return self.0.end(core);
        };
        let Some(mut told) = core.metadata.take() else {
            return self.0.end(core);
        };
        write(core, &told, &news);
        let further = news.number > told.number;
        told.number = told.number.max(news.number);
        told.own.retain(|own| *own > news.number);
        core.metadata = Some(told);
        let owners = owners(core, &news);
        let then: Box<dyn Job> = if news.more && further {
            self
        } else {
            Box::new(Over(self.0))
        };
        watched::watch(core, owners, then)
    }

    fn resume(self: Box<Self>, core: &mut Core) -> Flow {
        tell(core, self.0)
    }
}

/// All that changed was told.
#[derive(Debug)]
struct Over(After);

impl Job for Over {
    fn answer(self: Box<Self>, core: &mut Core, _answer: Answer) -> Flow {
        self.0.end(core)
    }

    fn resume(self: Box<Self>, core: &mut Core) -> Flow {
        self.0.end(core)
    }
}

/// Who wakes the session: whoever it was, and those whose mailboxes it hears of for the first time, since they share them only now. Where NOTIFY
/// says what the client wants to hear of, it says so of whom, too.
fn owners(core: &Core, news: &MetadataNews) -> Vec<String> {
    if core.notify.is_some() {
        return core.watched.clone();
    }
    let names = news.changed.iter().filter_map(|it| it.mailbox.as_ref());
    watched::with(&core.watched, names)
}

/// A response for each mailbox, in the order of the changes.
fn write(core: &mut Core, told: &Told, news: &MetadataNews) {
    let heard = |changed: &&MetadataChanged| match (&core.notify, &changed.mailbox) {
        _ if told.own.contains(&changed.number) => false,
        (None, _) => true,
        (Some(notify), None) => notify.wants_server_metadata(),
        // RFC 5465 §5: it needs the right to read.
        (Some(notify), Some(name)) => changed.readable && notify.wants_metadata_of(name),
    };
    let mut responses: Vec<(&Option<MailboxName>, Vec<EntryName>)> = Vec::new();
    for changed in news.changed.iter().filter(heard) {
        let same = responses
            .iter_mut()
            .find(|(name, _)| **name == changed.mailbox);
        match same {
            Some((_, entries)) => entries.push(changed.entry.clone()),
            None => responses.push((&changed.mailbox, vec![changed.entry.clone()])),
        }
    }
    let names = core.names();
    for (name, entries) in &responses {
        metadata_changed(&mut core.out, name.as_ref(), names, entries);
    }
}

/// An answer to [`BEGIN`]: from here on changes are told of. Whether that is so.
pub(crate) fn begin(core: &mut Core, answer: &Answer) -> bool {
    let Answer::MetadataNews(news) = answer else {
        return false;
    };
    core.metadata = Some(Told::up_to(news.number));
    true
}
