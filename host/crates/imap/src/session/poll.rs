//! News, told before a command's tagged response, during IDLE, and at any time to who has asked for that (RFC 3501 §5.2,
//! §7; RFC 5465).

use crate::ask::{Answer, Ask};
use crate::encode::texts::{self, Response};
use crate::error::Error;
use crate::session::context::{self, Extra};
use crate::session::fetch::Fetch;
use crate::session::job::{Core, Flow, Job, Waiting};
use crate::session::metadata_news;
use crate::session::notify::{self, Set};
use crate::session::selected::News;
use crate::session::telling::Telling;
use crate::session::watched::watch;
use crate::types::{FetchItem, UidSet};

/// What comes behind news.
#[derive(Debug)]
pub(crate) enum After {
    /// The running command ends so.
    Response(Response),
    /// IDLE goes on.
    Idle,
    /// The next command.
    Command,
    /// NOTIFY goes on.
    Set(Box<Set>),
}

/// Ends the running command: first what changed, then its response.
pub(crate) fn then(core: &mut Core, response: Response) -> Flow {
    match ask(core) {
        Some(ask) => {
            let numbers_stay = std::mem::take(&mut core.numbers_stay);
            Flow::Ask(
                ask,
                Box::new(Before {
                    response,
                    numbers_stay,
                }),
            )
        }
        None => {
            let response = with_modseq(core, response);
            metadata_news::tell(core, After::Response(response))
        }
    }
}

/// RFC 7162 §3.2.7: the tagged OK of what took messages away has the mailbox's new modification sequence.
fn with_modseq(core: &Core, response: Response) -> Response {
    match &core.selected {
        Some(selected) if core.tells_modseq && core.enabled.qresync => {
            response.with_code(texts::modseq_code(selected.known_modseq()))
        }
        _ => response,
    }
}

/// Tells what changed, then waits for DONE; `None` if there is nothing to be told of.
pub(crate) fn while_idle(core: &mut Core) -> Option<Flow> {
    listen(core, After::Idle, false)
}

/// Tells what changed between two commands.
pub(crate) fn between(core: &mut Core) -> Option<Flow> {
    let events = core.notify.as_ref().and_then(|notify| notify.of_selected());
    // RFC 5465 §6.1.2
    let delayed = events.is_some_and(|(_, delayed)| delayed);
    listen(core, After::Command, delayed)
}

/// Tells all that changed in the selected mailbox, whatever the client wanted to hear of so far.
pub(crate) fn all(core: &mut Core, set: Box<Set>) -> Flow {
    match poll(core, true) {
        Some(ask) => Flow::Ask(ask, Box::new(All(set))),
        None => set.go_on(core),
    }
}

fn listen(core: &mut Core, after: After, numbers_stay: bool) -> Option<Flow> {
    let listening = |after| {
        Box::new(Listening {
            after,
            numbers_stay,
        })
    };
    match ask(core) {
        Some(ask) => Some(Flow::Ask(ask, listening(after))),
        None if core.notify.as_ref().is_some_and(|it| it.watches())
            || metadata_news::wanted(core) =>
        {
            Some(after.elsewhere(core))
        }
        None => None,
    }
}

/// The poll of the selected mailbox, if the client wants to hear of it.
fn ask(core: &Core) -> Option<Ask> {
    let Some(notify) = &core.notify else {
        return poll(core, true);
    };
    // RFC 5465 §3.1: whose mailbox is not named wants to hear nothing of its messages.
    let (events, _) = notify.of_selected()?;
    poll(core, events.flags).filter(|_| events.messages)
}

/// The poll of the selected mailbox, since the client was told of all or, without `flags`, of all but flags.
fn poll(core: &Core, flags: bool) -> Option<Ask> {
    let selected = core.selected.as_ref()?;
    let since = if flags {
        selected.told_of_flags()
    } else {
        selected.modseq
    };
    Some(Ask::Poll {
        mailbox: selected.mailbox,
        since,
    })
}

impl After {
    /// What the client wants to know of messages that came, then what is new elsewhere, then this.
    pub(crate) fn with(self, core: &mut Core, came: &UidSet, extra: Extra) -> Flow {
        let own = std::mem::take(&mut core.own_arrivals);
        let asked = core.notify.as_ref().and_then(|notify| notify.fetched());
        // RFC 5465 §5.2: in one response, if both NOTIFY and a search ask for it.
        let (uids, mut items) = match asked {
            Some(items) => (came.clone(), items),
            None => (extra.uids, Vec::new()),
        };
        let more = extra.items.into_iter().filter(|item| !items.contains(item));
        let more: Vec<FetchItem> = more.collect();
        items.extend(more);
        // RFC 5465 §5.2: not of messages that this session put there.
        let uids = uids.difference(&own);
        if uids.is_empty() || items.is_empty() {
            return self.elsewhere(core);
        }
        // RFC 9051 §7.5.2, RFC 7162 §3.2.4: nobody asked for it just now.
        let enabled = core.enabled;
        // RFC 9586 §3.3: a UIDFETCH response has the UID in front.
        let with_uid = (enabled.rev2 || enabled.condstore) && !enabled.uid_only;
        if with_uid && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid);
        }
        if enabled.condstore && !items.contains(&FetchItem::ModSeq) {
            items.push(FetchItem::ModSeq);
        }
        Box::new(Fetch::new(core, uids, items).before(self)).resume(core)
    }

    /// What is new elsewhere, then this. A command is kept waiting for no more of that than metadata.
    pub(crate) fn elsewhere(self, core: &mut Core) -> Flow {
        let notify = core.notify.as_ref().filter(|it| it.watches());
        match (&self, notify) {
            (Self::Idle | Self::Command, Some(_))
                if !core.gathering.may_look(core.progress.now()) =>
            {
                self.end(core)
            }
            (Self::Idle | Self::Command, Some(notify)) => {
                Flow::Ask(notify::mailboxes(notify), Box::new(Elsewhere(self)))
            }
            (Self::Set(_), _) => self.end(core),
            _ => metadata_news::tell(core, self),
        }
    }

    /// Only this.
    pub(crate) fn end(self, core: &mut Core) -> Flow {
        match self {
            Self::Response(response) => Flow::Tagged(response),
            Self::Idle => Flow::Input(Waiting::Done),
            Self::Command => Flow::Next,
            Self::Set(set) => set.go_on(core),
        }
    }
}

#[derive(Debug)]
struct Before {
    response: Response,
    numbers_stay: bool,
}

impl Job for Before {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        if gone(&answer) {
            if core.own_delete {
                core.selected = None;
                return Flow::Tagged(self.response);
            }
            let tag = std::mem::take(&mut core.tag);
            self.response.write(&mut core.out, &tag);
            return leave(core);
        }
        let news = tell(core, answer, self.numbers_stay);
        let Some(selected) = &mut core.selected else {
            return Flow::Tagged(self.response);
        };
        if core.enabled.condstore {
            selected.tell_modseq(&mut core.out);
        }
        let response = if selected.expunges_wait() {
            self.response.with_expunges_waiting()
        } else {
            with_modseq(core, self.response)
        };
        context::update(core, news, After::Response(response))
    }
}

#[derive(Debug)]
struct Listening {
    after: After,
    numbers_stay: bool,
}

impl Job for Listening {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        if gone(&answer) {
            return leave(core);
        }
        let news = tell(core, answer, self.numbers_stay);
        context::update(core, news, self.after)
    }
}

#[derive(Debug)]
struct All(Box<Set>);

impl Job for All {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        if gone(&answer) {
            return leave(core);
        }
        // What the client wanted to hear of so far does not matter any more, unless the command fails.
        let mut set = self.0;
        set.replaces(core.notify.take());
        let news = tell(core, answer, false);
        context::update(core, news, After::Set(set))
    }
}

/// How mailboxes are that are not selected is being asked.
#[derive(Debug)]
struct Elsewhere(After);

impl Job for Elsewhere {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        core.gathering.looked(core.progress.now());
        let selected = core.selected.as_ref().map(|selected| selected.mailbox);
        let condstore = core.enabled.condstore;
        match (answer, &mut core.notify) {
            (Answer::Mailboxes(mailboxes), Some(notify)) => {
                let changes = notify.changes(&mailboxes, selected, condstore);
                let owners = notify.owners(&mailboxes);
                let telling = Telling::new(core, mailboxes, changes, self.0);
                watch(core, owners, telling)
            }
            // What cannot be had now is told of at the next occasion.
            _ => metadata_news::tell(core, self.0),
        }
    }
}

fn gone(answer: &Answer) -> bool {
    matches!(answer, Answer::Failed(Error::NonExistent | Error::Gone))
}

/// RFC 2180 §3.3: whoever has a mailbox open that another session deletes is sent away.
fn leave(core: &mut Core) -> Flow {
    core.out.extend_from_slice(texts::BYE_GONE.as_bytes());
    Flow::Close
}

/// Tells what changed. News that cannot be had now come with the next poll.
fn tell(core: &mut Core, answer: Answer, numbers_stay: bool) -> News {
    let enabled = core.enabled;
    let events = core.notify.as_ref().and_then(|notify| notify.of_selected());
    // RFC 5465 §5.1: with the UID.
    let flags = events
        .is_none_or(|(events, _)| events.flags)
        .then(|| enabled.items(events.is_some()));
    match (answer, core.selected.as_mut()) {
        (Answer::Changes(changes), Some(selected)) => {
            selected.apply(&mut core.out, &changes, numbers_stay, enabled, flags)
        }
        _ => News::default(),
    }
}
