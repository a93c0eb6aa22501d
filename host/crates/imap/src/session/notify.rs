//! NOTIFY (RFC 5465): what a client wants to hear of, and how it knows the mailboxes that are not selected.
//!
//! Invariant: a mailbox is compared with what the client was told of it, so that news are told once, however often and
//! late they are asked for.

use std::collections::{HashMap, HashSet};
use std::iter;

use crate::ask::{Answer, Ask, Others, StatusData};
use crate::encode::texts;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::metadata_news;
use crate::session::poll;
use crate::session::telling::{Change, Telling};
use crate::session::watched::{self, Ending};
use crate::types::{
    EventGroup, Events, FetchItem, MailboxArgument, MailboxFilter, MailboxId, MailboxInfo,
    MailboxName, NotifyCommand, Rights, StatusItem,
};

/// Own changes that are remembered, so that they are not told to who made them.
const MAX_OWN: usize = 64;
const COMPLETED: &str = "NOTIFY completed";

/// What a client wants to hear of.
#[derive(Debug, Default)]
pub(crate) struct Notify {
    groups: Vec<EventGroup>,
    /// Mailboxes as the client was told of them.
    known: HashMap<MailboxId, Known>,
    /// Names that are subscribed.
    subscribed: HashSet<MailboxName>,
    /// Names that this session has just made, changed or removed itself.
    own: Vec<MailboxName>,
}

#[derive(Debug)]
struct Known {
    name: MailboxName,
    selectable: bool,
    /// It may not be read.
    closed: bool,
    status: StatusData,
}

pub(crate) fn begin(core: &mut Core, command: NotifyCommand) -> Flow {
    match command {
        NotifyCommand::Unsupported => Flow::Done(texts::BAD_EVENT),
        NotifyCommand::None => {
            core.notify = Some(Box::default());
            core.metadata = None;
            watched::watch(core, Vec::new(), Ending::with(COMPLETED))
        }
        NotifyCommand::Set { status, groups } => {
            let notify = Notify {
                groups,
                ..Notify::default()
            };
            // RFC 5465 §3.1: what happened so far is told, as NOOP does.
            let before = None;
            poll::all(
                core,
                Box::new(Set {
                    status,
                    notify,
                    before,
                }),
            )
        }
    }
}

/// This session changes these names itself (RFC 5465 §5: it need not be told).
pub(crate) fn own(core: &mut Core, names: &[&MailboxArgument]) {
    let Some(notify) = &mut core.notify else {
        return;
    };
    for name in names.iter().copied().flatten() {
        if notify.own.len() < MAX_OWN {
            notify.own.push(name.clone());
        }
    }
}

/// What this session would have changed it has not, so it was somebody else who did.
pub(crate) fn disown(core: &mut Core) {
    if let Some(notify) = &mut core.notify {
        notify.own.clear();
    }
}

/// A client is being asked what there is to be heard of.
#[derive(Debug)]
pub(crate) struct Set {
    status: bool,
    notify: Notify,
    /// What it asked for before.
    before: Option<Box<Notify>>,
}

impl Set {
    /// What holds again if this fails (RFC 5465 §3.1).
    pub(crate) fn replaces(&mut self, before: Option<Box<Notify>>) {
        self.before = before;
    }

    /// What the client knew is told: from here on it hears what it asked for.
    pub(crate) fn go_on(self: Box<Self>, core: &mut Core) -> Flow {
        if !self.notify.wants_metadata() {
            core.metadata = None;
        } else if core.metadata.is_none() {
            return Flow::Ask(metadata_news::BEGIN, self);
        }
        if self.notify.watches() {
            let ask = mailboxes(&self.notify);
            return Flow::Ask(ask, self);
        }
        core.notify = Some(Box::new(self.notify));
        watched::watch(core, Vec::new(), Ending::with(COMPLETED))
    }
}

impl Job for Set {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        if metadata_news::begin(core, &answer) {
            return self.go_on(core);
        }
        let Self {
            status,
            mut notify,
            before,
        } = *self;
        let Answer::Mailboxes(mailboxes) = answer else {
            core.notify = before.or_else(|| core.notify.take());
            return failed(&answer, false);
        };
        notify.learn(&mailboxes);
        let selected = core.selected.as_ref().map(|selected| selected.mailbox);
        let mut changes = notify.closed(&mailboxes);
        if status {
            changes.extend(notify.statuses(&mailboxes, selected));
        }
        let owners = notify.owners(&mailboxes);
        core.notify = Some(Box::new(notify));
        let after = poll::After::Response(texts::ok(COMPLETED));
        let telling = Telling::new(core, mailboxes, changes, after);
        watched::watch(core, owners, telling)
    }
}

impl Notify {
    /// What is told of the selected mailbox, and whether numbers stay until a command lets them change.
    pub(crate) fn of_selected(&self) -> Option<(&Events, bool)> {
        self.groups.iter().find_map(|group| match group.mailboxes {
            MailboxFilter::Selected { delayed } => Some((&group.events, delayed)),
            _ => None,
        })
    }

    /// What is fetched of messages that come into the selected mailbox.
    pub(crate) fn fetched(&self) -> Option<Vec<FetchItem>> {
        let (events, _) = self.of_selected()?;
        (!events.fetched.is_empty()).then(|| events.fetched.clone())
    }

    /// Groups of events of other mailboxes.
    fn elsewhere(&self) -> impl Iterator<Item = &EventGroup> {
        let other = |group: &&EventGroup| {
            !matches!(group.mailboxes, MailboxFilter::Selected { .. }) && !group.events.is_empty()
        };
        self.groups.iter().filter(other)
    }

    /// Whether other mailboxes are of interest.
    pub(crate) fn watches(&self) -> bool {
        let mut groups = self.elsewhere();
        groups.any(|group| {
            // Which mailboxes are subscribed is known from what was asked, and so is which of others there are.
            let asked = group.mailboxes == MailboxFilter::Subscribed
                || whose(iter::once(&group.mailboxes), &HashSet::new()) != Others::NONE;
            group.events.of_mailboxes() || (asked && group.events.mailbox_metadata)
        })
    }

    /// Whether changes of metadata are of interest.
    pub(crate) fn wants_metadata(&self) -> bool {
        let mut groups = self.elsewhere();
        groups.any(|group| group.events.mailbox_metadata || group.events.server_metadata)
    }

    pub(crate) fn wants_server_metadata(&self) -> bool {
        self.elsewhere().any(|group| group.events.server_metadata)
    }

    // RFC 5465 §3.1: also of the selected mailbox, by the other groups.
    pub(crate) fn wants_metadata_of(&self, name: &MailboxName) -> bool {
        let subscribed = self.subscribed.contains(name);
        self.events(name, subscribed).mailbox_metadata
    }

    /// Whose mailboxes can be meant: what happens in those of others costs nothing, and nobody can have so many that others are not seen.
    // RFC 5465 §5.8: so there is no reason for NOTIFICATIONOVERFLOW.
    pub(crate) fn others(&self) -> Others {
        let filters = self.elsewhere().map(|group| &group.mailboxes);
        // Those that were subscribed, too: they are not gone because they are no longer.
        whose(filters, &self.subscribed)
    }

    /// Whose mailboxes of these are of interest.
    pub(crate) fn owners(&self, mailboxes: &[MailboxInfo]) -> Vec<String> {
        let wanted = |info: &&MailboxInfo| {
            info.name.is_of_others() && !self.events(&info.name, info.subscribed).is_empty()
        };
        watched::owners(mailboxes.iter().filter(wanted))
    }

    /// The events of a mailbox that is not selected.
    fn events(&self, name: &MailboxName, subscribed: bool) -> Events {
        let mut events = Events::default();
        for group in &self.groups {
            if group.mailboxes.means(name, subscribed) {
                events.add(&group.events);
            }
        }
        events
    }

    /// The client knows of these now.
    fn learn(&mut self, mailboxes: &[MailboxInfo]) {
        let known = mailboxes.iter().filter(|info| info.exists).map(|info| {
            let known = Known {
                name: info.name.clone(),
                selectable: info.selectable,
                closed: info.is_closed(),
                status: info.status,
            };
            (info.status.mailbox, known)
        });
        self.known = known.collect();
        let subscribed = mailboxes.iter().filter(|info| info.subscribed);
        self.subscribed = subscribed.map(|info| info.name.clone()).collect();
    }

    /// RFC 5465 §3.1: mailboxes that can be listed, and whose messages are of interest, but not for who asks.
    fn closed(&self, mailboxes: &[MailboxInfo]) -> Vec<Change> {
        let closed = mailboxes.iter().filter(|info| info.is_closed());
        let wanted = closed.filter(|info| self.events(&info.name, info.subscribed).messages);
        wanted
            .map(|info| Change::Name(info.name.clone(), None))
            .collect()
    }

    /// RFC 5465 §5.9: mailboxes that may be read no longer, or again.
    // Deviation from RFC 5465 §5.9: one whose name may be known no longer is gone (§5.4). \NoAccess would tell that it is there.
    fn opened_and_closed(&self, mailboxes: &[MailboxInfo]) -> Vec<Change> {
        let there = mailboxes.iter().filter(|info| info.exists);
        let switched = there.filter(|info| {
            let known = self.known.get(&info.status.mailbox);
            known.is_some_and(|known| known.closed != info.is_closed())
                && self.events(&info.name, info.subscribed).messages
        });
        switched
            .map(|info| Change::Name(info.name.clone(), None))
            .collect()
    }

    /// RFC 5465 §3.1: how the mailboxes are whose messages are of interest.
    fn statuses(&self, mailboxes: &[MailboxInfo], selected: Option<MailboxId>) -> Vec<Change> {
        let mut changes = Vec::new();
        for info in others(mailboxes, selected) {
            let events = self.events(&info.name, info.subscribed);
            let mut items = Vec::new();
            if events.messages {
                items.extend([
                    StatusItem::Messages,
                    StatusItem::UidNext,
                    StatusItem::UidValidity,
                ]);
            }
            if events.flags {
                items.push(StatusItem::HighestModSeq);
            }
            changes.extend(status(info, items));
        }
        changes
    }

    /// What changed since the client was told, which it is now.
    pub(crate) fn changes(
        &mut self,
        mailboxes: &[MailboxInfo],
        selected: Option<MailboxId>,
        condstore: bool,
    ) -> Vec<Change> {
        let mut changes = self.names(mailboxes);
        let mut switched = self.opened_and_closed(mailboxes);
        switched.retain(|change| !changes.contains(change));
        changes.extend(switched);
        for info in others(mailboxes, selected) {
            let events = self.events(&info.name, info.subscribed);
            let known = self.known.get(&info.status.mailbox);
            let before = known.map_or_else(|| empty(&info.status), |known| known.status);
            let mut items = news(&events, &before, &info.status, condstore);
            // RFC 5465 §5.1: a name has another mailbox now.
            let other = || self.known.values().any(|known| known.name == info.name);
            let validity = StatusItem::UidValidity;
            if known.is_none() && events.flags && !items.contains(&validity) && other() {
                items.push(validity);
            }
            changes.extend(status(info, items));
        }
        self.own.clear();
        self.learn(mailboxes);
        changes
    }

    /// Names that came, went, changed, or were subscribed or not (RFC 5465 §5.4, §5.5).
    fn names(&self, mailboxes: &[MailboxInfo]) -> Vec<Change> {
        let there = mailboxes.iter().filter(|info| info.exists);
        let now: Now<'_> = there.map(|info| (info.status.mailbox, info)).collect();
        let subscribed = mailboxes.iter().filter(|info| info.subscribed);
        let subscribed: HashSet<&MailboxName> = subscribed.map(|info| &info.name).collect();
        let before: HashSet<&MailboxName> = self.subscribed.iter().collect();
        let wants = |name: &MailboxName| {
            let either = before.contains(name) || subscribed.contains(name);
            self.events(name, either).names
        };
        let mut affected = Affected::default();
        self.came_and_went(&now, &mut affected);
        self.renamed(&now, wants, &mut affected);
        let mut changes = affected.wanted(self, wants);
        let mut switched: Vec<&&MailboxName> = before.symmetric_difference(&subscribed).collect();
        switched.sort();
        for name in switched {
            let told = changes.iter().any(|change| change.is_of(name));
            if self.events(name, true).subscriptions && !told && !self.is_own(name) {
                changes.push(Change::Name((*name).clone(), None));
            }
        }
        changes
    }

    /// Mailboxes that are new, and that are there no more; one that can be selected no more is as good as gone.
    fn came_and_went(&self, now: &Now<'_>, affected: &mut Affected) {
        for (id, info) in now {
            let known = self.known.get(id);
            if known.is_none_or(|known| known.selectable != info.selectable) {
                affected.with_parent(&info.name);
            }
        }
        let names: HashSet<&MailboxName> = now.values().map(|info| &info.name).collect();
        for (id, known) in &self.known {
            if !now.contains_key(id) && !names.contains(&known.name) {
                affected.with_parent(&known.name);
            }
        }
    }

    /// Mailboxes that are called otherwise. Those below one that the client hears of are renamed, too, and not told of.
    fn renamed(
        &self,
        now: &Now<'_>,
        wants: impl Fn(&MailboxName) -> bool,
        affected: &mut Affected,
    ) {
        let renamed: HashMap<&MailboxName, &MailboxName> = now
            .iter()
            .filter_map(|(id, info)| Some((&self.known.get(id)?.name, &info.name)))
            .filter(|(old, new)| old != new)
            .collect();
        for (old, new) in &renamed {
            let levels = iter::successors(old.parent().zip(new.parent()), |(old, new)| {
                old.parent().zip(new.parent())
            });
            let implied = levels
                .take_while(|(old, new)| renamed.get(old) == Some(&new))
                .any(|(old, new)| wants(&old) || wants(&new));
            if !implied {
                affected.renamed((*old).clone(), (*new).clone());
            }
        }
    }

    /// Whether this session made the change itself; the levels above are made and affected with a name.
    fn is_own(&self, name: &MailboxName) -> bool {
        self.own.iter().any(|own| own.is_within(name))
    }
}

/// Whose mailboxes can be meant, if these are known to be subscribed.
pub(crate) fn whose<'a>(
    filters: impl Iterator<Item = &'a MailboxFilter>,
    known: &HashSet<MailboxName>,
) -> Others {
    let (mut owners, mut subscribed) = (Vec::new(), false);
    let mut add = |name: &MailboxName| {
        let owner = name.owner().map(str::to_owned);
        owners.extend(owner.filter(|owner| !owners.contains(owner)));
    };
    for filter in filters {
        match filter {
            MailboxFilter::Selected { .. } | MailboxFilter::Personal => {}
            MailboxFilter::Subscribed => {
                subscribed = true;
                known.iter().for_each(&mut add);
            }
            MailboxFilter::Subtree(roots) if roots.iter().any(is_all_others) => {
                return Others::All;
            }
            MailboxFilter::Subtree(names)
            | MailboxFilter::SubtreeOne(names)
            | MailboxFilter::Mailboxes(names) => names.iter().for_each(&mut add),
        }
    }
    Others::Of { owners, subscribed }
}

/// The root of the mailboxes of others.
fn is_all_others(root: &MailboxName) -> bool {
    root.is_of_others() && root.owner().is_none()
}

/// The question how the mailboxes are that the client wants to hear of.
pub(crate) fn mailboxes(notify: &Notify) -> Ask {
    Ask::Mailboxes {
        deleted: false,
        others: notify.others(),
    }
}

/// The mailboxes that there are, by their numbers.
type Now<'a> = HashMap<MailboxId, &'a MailboxInfo>;

/// Names that are to be told of, with what they were before.
#[derive(Debug, Default)]
struct Affected(std::collections::BTreeMap<MailboxName, Option<MailboxName>>);

impl Affected {
    /// RFC 5465 §5.4: with a mailbox that comes or goes its direct parent is affected.
    fn with_parent(&mut self, name: &MailboxName) {
        self.0.entry(name.clone()).or_default();
        if let Some(parent) = name.parent() {
            self.0.entry(parent).or_default();
        }
    }

    fn renamed(&mut self, old: MailboxName, new: MailboxName) {
        self.0.insert(new, Some(old));
    }

    /// What of it is told.
    fn wanted(self, notify: &Notify, wants: impl Fn(&MailboxName) -> bool) -> Vec<Change> {
        self.0
            .into_iter()
            .filter(|(name, old)| wants(name) || old.as_ref().is_some_and(&wants))
            .filter(|(name, _)| !notify.is_own(name))
            .map(|(name, old)| Change::Name(name, old))
            .collect()
    }
}

/// The mailboxes whose numbers can be told: those that can be selected and are not.
fn others(
    mailboxes: &[MailboxInfo],
    selected: Option<MailboxId>,
) -> impl Iterator<Item = &MailboxInfo> {
    let other = move |info: &&MailboxInfo| Some(info.status.mailbox) != selected;
    mailboxes
        .iter()
        // RFC 5465 §5.1: as STATUS, which needs the right to read (RFC 4314 §4).
        .filter(|info| info.exists && info.selectable && info.rights.has(Rights::READ))
        .filter(other)
}

fn status(info: &MailboxInfo, items: Vec<StatusItem>) -> Option<Change> {
    (!items.is_empty()).then(|| Change::Status(info.name.clone(), items, info.status))
}

/// How a mailbox was when it was made: one that nobody was told of came since, maybe with the mail that it was made for.
fn empty(now: &StatusData) -> StatusData {
    StatusData {
        mailbox: now.mailbox,
        uid_next: 1,
        uid_validity: now.uid_validity,
        highest_modseq: now.highest_modseq,
        ..StatusData::default()
    }
}

/// What is told of numbers that changed (RFC 5465 §5.1 to §5.3).
fn news(
    events: &Events,
    before: &StatusData,
    now: &StatusData,
    condstore: bool,
) -> Vec<StatusItem> {
    let mut items = Vec::new();
    let messages = (before.messages, before.uid_next) != (now.messages, now.uid_next);
    if events.messages && messages {
        items.extend([StatusItem::UidNext, StatusItem::Messages]);
    }
    let flags = before.highest_modseq != now.highest_modseq && (condstore || !messages);
    if events.flags && (before.unseen != now.unseen || (condstore && flags)) {
        items.push(StatusItem::Unseen);
    }
    if condstore && !items.is_empty() {
        items.extend([StatusItem::UidValidity, StatusItem::HighestModSeq]);
    }
    items
}
