//! ESEARCH (RFC 7377): a search in several mailboxes, one after another.
//!
//! Invariant: while a mailbox is searched that is not the selected one, it stands in its place, and the selected one comes back as it was before
//! the command ends, however it ends.

use std::collections::{HashSet, VecDeque};
use std::io::Write as _;

use crate::ask::{Answer, Ask};
use crate::encode::texts::{self, Response};
use crate::encode::{mailbox as write_mailbox, string};
use crate::error::Error;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::search::{Found, Then};
use crate::session::search_result::{self, Next};
use crate::session::selected::Selected;
use crate::session::{context, enable, notify, prepare};
use crate::types::{Enough, MailboxFilter, MailboxInfo, MailboxName, Returns, Rights, SearchKey};

pub(crate) fn begin(
    core: &mut Core,
    sources: Vec<MailboxFilter>,
    returns: Option<Returns>,
    key: Option<SearchKey>,
) -> Flow {
    let is_selected = |filter: &MailboxFilter| matches!(filter, MailboxFilter::Selected { .. });
    // RFC 7377 §2.1: no options mean ALL.
    let all = Returns {
        all: true,
        ..Returns::default()
    };
    let mut returns = returns.unwrap_or(all);
    let needs_selected = returns.update || sources.iter().any(is_selected);
    if needs_selected && core.selected.is_none() {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    }
    // RFC 7377 §2.2: SAVE is for the selected mailbox alone.
    if returns.save && !sources.iter().all(is_selected) {
        return Flow::Tagged(texts::SAVE_ELSEWHERE);
    }
    // RFC 5267 §4.3: it may be refused, alone.
    if std::mem::take(&mut returns.update)
        && let Some(refusal) = context::refuse(core)
    {
        return Flow::Tagged(refusal);
    }
    let Some(key) = key else {
        return Flow::Done(texts::BAD_CHARSET);
    };
    if key.lowest_modseq().is_some() {
        // RFC 7162 §3.1: it tells of the mailbox that is selected now.
        enable::condstore(core);
    }
    let ask = Ask::Mailboxes {
        deleted: false,
        others: notify::whose(sources.iter().chain(&around(core)), &HashSet::new()),
    };
    let esearch = Esearch {
        key,
        returns,
        left: VecDeque::new(),
        aside: None,
    };
    Flow::Ask(ask, Box::new(Sources { sources, esearch }))
}

/// The selected mailbox by its name.
fn around(core: &Core) -> Option<MailboxFilter> {
    let selected = core.selected.as_ref()?;
    Some(MailboxFilter::Mailboxes(vec![selected.name.clone()]))
}

/// Which mailboxes are meant is being asked.
#[derive(Debug)]
struct Sources {
    sources: Vec<MailboxFilter>,
    esearch: Esearch,
}

impl Job for Sources {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Mailboxes(mut mailboxes) = answer else {
            return failed(&answer, false);
        };
        mailboxes.sort_by(|a, b| a.name.cmp(&b.name));
        let Self {
            sources,
            mut esearch,
        } = *self;
        let selected = core.selected.as_ref().map(|selected| {
            // It may be called otherwise by now.
            let mut all = mailboxes.iter();
            let now = all.find(|info| info.exists && info.status.mailbox == selected.mailbox);
            now.map_or_else(|| selected.name.clone(), |info| info.name.clone())
        });
        let mut known = HashSet::new();
        for filter in &sources {
            for target in targets(filter, selected.as_ref(), &mailboxes) {
                if known.insert(target.name.clone()) {
                    esearch.left.push_back(target);
                }
            }
        }
        Box::new(esearch).go_on(core)
    }
}

/// A mailbox that is to be searched.
#[derive(Debug)]
struct Target {
    name: MailboxName,
    /// It is the selected one, as the client knows it.
    selected: bool,
}

/// What a filter means. RFC 7377 §2.2: with the right to read; with the right to look up what it does not name.
fn targets(
    filter: &MailboxFilter,
    selected: Option<&MailboxName>,
    mailboxes: &[MailboxInfo],
) -> Vec<Target> {
    let target = |name: &MailboxName, selected| Target {
        name: name.clone(),
        selected,
    };
    match filter {
        MailboxFilter::Selected { .. } => selected
            .map(|name| target(name, true))
            .into_iter()
            .collect(),
        MailboxFilter::Mailboxes(names) => names.iter().map(|name| target(name, false)).collect(),
        _ => mailboxes
            .iter()
            .filter(|info| info.exists && info.selectable)
            .filter(|info| info.rights.has(Rights::LOOKUP.with(Rights::READ)))
            .filter(|info| filter.means(&info.name, info.subscribed))
            .map(|info| target(&info.name, false))
            .collect(),
    }
}

/// Mailboxes are being searched.
#[derive(Debug)]
struct Esearch {
    key: SearchKey,
    returns: Returns,
    left: VecDeque<Target>,
    /// What was selected, if anything, while another mailbox stands in its place.
    aside: Option<Option<Box<Selected>>>,
}

impl Esearch {
    /// The selected mailbox is what it was.
    fn restore(&mut self, core: &mut Core) {
        if let Some(selected) = self.aside.take() {
            core.selected = selected;
        }
    }

    fn end(mut self, core: &mut Core, response: Response) -> Flow {
        self.restore(core);
        Flow::Done(response)
    }

    fn go_on(mut self: Box<Self>, core: &mut Core) -> Flow {
        self.restore(core);
        match self.left.pop_front() {
            None => self.end(core, texts::ok("ESEARCH completed")),
            Some(target) if target.selected => self.search(core, target.name),
            Some(Target { name, .. }) => {
                let ask = Ask::Look {
                    mailbox: name.clone(),
                };
                Flow::Ask(
                    ask,
                    Box::new(Looking {
                        name,
                        esearch: self,
                    }),
                )
            }
        }
    }

    /// Searches the mailbox that is selected, or stands in its place.
    fn search(self: Box<Self>, core: &mut Core, name: MailboxName) -> Flow {
        let (key, save) = (self.key.clone(), self.returns.save);
        let then = Box::new(InOne {
            name,
            esearch: self,
        });
        prepare::begin(core, true, Some(key), save, then)
    }

    /// RFC 7377 §2.2: a mailbox that may not be searched, or is not there, is ignored.
    fn ignore(self: Box<Self>, core: &mut Core, answer: &Answer) -> Flow {
        let gone = matches!(
            answer,
            Answer::Failed(Error::NonExistent | Error::Gone | Error::NoPermission)
        );
        if gone {
            return self.go_on(core);
        }
        match failed(answer, false) {
            Flow::Done(response) => self.end(core, response),
            other => other,
        }
    }
}

impl Next for Esearch {
    fn next(self: Box<Self>, core: &mut Core) -> Flow {
        self.go_on(core)
    }
}

/// A mailbox is being opened beside the selected one.
#[derive(Debug)]
struct Looking {
    name: MailboxName,
    esearch: Box<Esearch>,
}

impl Job for Looking {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Self { name, mut esearch } = *self;
        let Answer::Selected(mut snapshot) = answer else {
            return esearch.ignore(core, &answer);
        };
        let beside = Selected::new(name.clone(), &mut snapshot, true);
        esearch.aside = Some(core.selected.replace(beside));
        esearch.search(core, name)
    }
}

/// One mailbox is being searched.
#[derive(Debug)]
struct InOne {
    name: MailboxName,
    esearch: Box<Esearch>,
}

impl Then for InOne {
    // It is one of several mailboxes.
    fn counted(&self) -> Option<bool> {
        Some(false)
    }

    fn scored(&self) -> bool {
        self.esearch.returns.relevancy
    }

    fn enough(&self) -> Enough {
        self.esearch.returns.enough()
    }

    fn found(self: Box<Self>, core: &mut Core, found: Found) -> Flow {
        let Self { name, esearch } = *self;
        let names = core.names();
        let Some(selected) = &mut core.selected else {
            return esearch.go_on(core);
        };
        let returns = esearch.returns;
        if returns.save && !search_result::save(selected, &returns.of(&found.uids)) {
            return esearch.end(core, texts::NOT_SAVED);
        }
        // RFC 7377 §2.1: nothing is told of mailboxes in which nothing is found.
        if found.uids.is_empty() || returns.is_silent() {
            return esearch.go_on(core);
        }
        let out = &mut core.out;
        out.extend_from_slice(b"* ESEARCH (TAG ");
        string(out, core.tag.as_bytes());
        out.extend_from_slice(b" MAILBOX ");
        write_mailbox(out, &name, names);
        let _ = write!(out, " UIDVALIDITY {}) UID", selected.uid_validity);
        search_result::body(core, &returns, found, true, esearch)
    }

    fn refused(self: Box<Self>, core: &mut Core, response: Response) -> Flow {
        self.esearch.end(core, response)
    }

    fn failed(self: Box<Self>, core: &mut Core, answer: &Answer) -> Flow {
        self.esearch.ignore(core, answer)
    }
}
