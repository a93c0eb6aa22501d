//! LIST and LSUB (RFC 3501 §6.3.8, §6.3.9).
//!
//! Standards: RFC 5258 (LIST-EXTENDED), RFC 3348 (CHILDREN), RFC 6154 (SPECIAL-USE), RFC 5819 (LIST-STATUS), RFC 9590 (LIST-METADATA).
//! Invariant: names are held against patterns, and written, some at a time; others have their turn between.

mod names;
mod pattern;

use crate::ask::{Answer, Ask, Others};
use crate::encode::{
    Out, mailbox as write_mailbox, mailbox_name as write_name, my_rights, status, texts,
};
use crate::error::Error;
use crate::session::enable;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::mailboxes::bad_name;
use crate::session::metadata;
use crate::types::{
    ListCommand, ListForm, ListReturn, ListSelection, MailboxInfo, MailboxName, NameForm, Rights,
    SpecialUse, StatusItem,
};
use names::{Names, Node};
use pattern::Patterns;

/// Names that are looked at before others have a turn.
const NAMES: usize = 128;

pub(crate) fn begin(core: &mut Core, command: ListCommand) -> Flow {
    if command.returns.status.contains(&StatusItem::HighestModSeq) {
        // RFC 7162 §3.1: as STATUS does.
        enable::condstore(core);
    }
    let ListCommand {
        form,
        patterns,
        selection,
        returns,
    } = command;
    // RFC 3501 §6.3.8: an empty pattern asks for the separator and the root; RFC 5258 §3: not so in the extended form.
    if form == ListForm::Plain && patterns.iter().all(|pattern| pattern.as_deref() == Ok("")) {
        core.out
            .extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n");
        return Flow::Done(done(form));
    }
    let lsub = form == ListForm::Lsub;
    if let (true, Some(Err(error))) = (lsub, patterns.first()) {
        return bad_name(*error);
    }
    // RFC 5258 §3: LIST silently ignores patterns that are not accepted.
    let patterns = Patterns::new(patterns.iter().flatten().map(String::as_str));
    if lsub && patterns.refused() {
        return Flow::Done(texts::failure(
            &Error::Limit(String::from("too many wildcards")),
            false,
        ));
    }
    let deleted = returns.status.iter().any(|item| item.of_deleted());
    let list = List {
        form,
        patterns,
        selection,
        returns,
        names: core.names(),
        rev2: core.enabled.rev2,
        append_limit: core.config.limits.append_limit(),
        tells_access: false,
    };
    let ask = Ask::Mailboxes {
        deleted,
        others: Others::All,
    };
    Flow::Ask(ask, Box::new(list))
}

/// The LIST response of one mailbox (RFC 9051 §6.3.2: SELECT has it), with what the client called it, if that is not its
/// name.
pub(crate) fn one(
    core: &mut Core,
    mailboxes: Vec<MailboxInfo>,
    mailbox: &MailboxName,
    given: Option<&str>,
) {
    let shown = Shown::new(core, mailboxes);
    shown.write(&mut core.out, mailbox, given);
}

/// Mailboxes of which single LIST responses are given that nobody asked for by LIST.
#[derive(Debug)]
pub(crate) struct Shown {
    list: List,
    names: Names,
}

impl Shown {
    pub(crate) fn new(core: &Core, mailboxes: Vec<MailboxInfo>) -> Self {
        let list = List {
            form: ListForm::Extended,
            patterns: Patterns::new(["*"].into_iter()),
            selection: ListSelection::default(),
            returns: ListReturn {
                subscribed: true,
                ..ListReturn::default()
            },
            names: core.names(),
            rev2: core.enabled.rev2,
            append_limit: core.config.limits.append_limit(),
            tells_access: true,
        };
        let names = Names::new(mailboxes, list.form, list.selection);
        Self { list, names }
    }

    /// The LIST response of a name, whether there is such a mailbox or not.
    pub(crate) fn write(&self, out: &mut Out, name: &MailboxName, old: Option<&str>) {
        let node = self.names.find(name.as_str());
        let begins = out.len();
        if let Some(node) = node {
            self.list.show(out, &self.names, node, old);
        }
        if out.len() > begins {
            return;
        }
        let info = node.and_then(|node| self.names.info(node));
        let subscribed = info.is_some_and(|info| info.subscribed);
        let more = if subscribed { " \\Subscribed" } else { "" };
        out.extend_from_slice(format!("* LIST (\\NonExistent{more}) \"/\" ").as_bytes());
        write_mailbox(out, name, self.list.names);
        out.extend_from_slice(b"\r\n");
    }
}

fn done(form: ListForm) -> texts::Response {
    texts::ok(match form {
        ListForm::Lsub => "LSUB completed",
        ListForm::Plain | ListForm::Extended => "LIST completed",
    })
}

#[derive(Debug)]
struct List {
    form: ListForm,
    patterns: Patterns,
    selection: ListSelection,
    returns: ListReturn,
    /// How names are written.
    names: NameForm,
    /// The client knows what IMAP4rev2 has.
    rev2: bool,
    /// Octets of a message that is appended (RFC 7889).
    append_limit: u32,
    /// It is told which mailboxes may not be read.
    tells_access: bool,
}

impl Job for List {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        let Answer::Mailboxes(mailboxes) = answer else {
            return failed(&answer, false);
        };
        let names = Names::new(mailboxes, self.form, self.selection);
        let marked = !self.selection.recursive;
        Flow::Resume(Box::new(Listing {
            list: *self,
            names,
            at: 0,
            marked,
        }))
    }
}

/// The names are gone through: first, for RECURSIVEMATCH, to know what stands for others, then to show them.
#[derive(Debug)]
struct Listing {
    list: List,
    names: Names,
    at: usize,
    /// What stands for others is known.
    marked: bool,
}

impl Job for Listing {
    fn answer(self: Box<Self>, _core: &mut Core, _answer: Answer) -> Flow {
        Flow::Resume(self)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        for _ in 0..NAMES {
            let Some(node) = self.names.at(self.at) else {
                if self.marked {
                    return Flow::Done(done(self.list.form));
                }
                (self.marked, self.at) = (true, 0);
                continue;
            };
            self.at += 1;
            if self.marked {
                self.list.show(&mut core.out, &self.names, node, None);
                if let Some(mailbox) = self.list.noted(&self.names, node) {
                    // RFC 9590 §3: behind the LIST response.
                    let entries = self.list.returns.metadata.clone();
                    return metadata::of_listed(mailbox, entries, self);
                }
            } else if node.chosen && !self.list.patterns.matches(self.names.name(node)) {
                self.names.mark_hidden(node);
            }
        }
        Flow::Ask(Ask::Yield, self)
    }
}

impl List {
    /// Whether a name is shown if it matches a pattern.
    fn might_show(&self, names: &Names, node: Node) -> bool {
        if node.chosen {
            return true;
        }
        match self.form {
            // RFC 3501 §6.3.9: with `%`, LSUB shows a name for the subscribed ones below it.
            ListForm::Lsub => node.chosen_below && self.patterns.one_level(),
            // RFC 5258 §3.3: what does not meet the criteria is shown only for what does and is not shown itself.
            // Deviation from RFC 5258 §5, example 9, which shows names for others that are shown, too.
            _ if self.selection.recursive => node.hidden_below,
            // A level that is no mailbox, for those below it (RFC 5258 §5, example 11).
            _ => node.children && names.info(node).is_none() && !self.selection.restricts(),
        }
    }

    /// The mailbox whose metadata are told, if this name is shown: what can be selected and meets the criteria (RFC 9590 §4).
    fn noted(&self, names: &Names, node: Node) -> Option<MailboxName> {
        let there = names
            .info(node)
            .is_some_and(|info| info.exists && info.selectable);
        let wanted = there && node.chosen && !self.returns.metadata.is_empty();
        let name = names.name(node);
        if !wanted || !self.patterns.matches(name) {
            return None;
        }
        MailboxName::new(name).ok()
    }

    /// Shows a name, with what the client called it, if that was something else.
    fn show(&self, out: &mut Out, names: &Names, node: Node, given: Option<&str>) {
        let name = names.name(node);
        if !self.might_show(names, node) || !self.patterns.matches(name) {
            return;
        }
        let Ok(mailbox) = MailboxName::new(name) else {
            return;
        };
        let (word, attributes) = if self.form == ListForm::Lsub {
            // RFC 3501 §6.3.9: in LSUB it means that the name itself is not subscribed.
            let attribute = (!node.chosen).then_some("\\Noselect");
            ("LSUB", attribute.into_iter().collect())
        } else {
            ("LIST", self.attributes(names, node))
        };
        out.extend_from_slice(format!("* {word} ({}) \"/\" ", attributes.join(" ")).as_bytes());
        write_mailbox(out, &mailbox, self.names);
        // RFC 5258 §3.5: for whatever is returned, if something below it meets the criteria.
        if self.selection.recursive && node.chosen_below {
            out.extend_from_slice(self.child_info().as_bytes());
        }
        if let Some(given) = given {
            // RFC 9051 §6.3.9.7
            out.extend_from_slice(b" (\"OLDNAME\" (");
            write_name(out, given, self.names);
            out.extend_from_slice(b"))");
        }
        out.extend_from_slice(b"\r\n");
        let selectable = names.info(node).filter(|info| info.selectable);
        // RFC 8440 §3: behind the LIST response, of what is there and meets the criteria.
        if let (true, true, Some(info)) = (node.chosen, self.returns.my_rights, selectable) {
            my_rights(out, &mailbox, self.names, info.rights);
        }
        // RFC 5819 §2: the same, of what can be selected; RFC 4314 §4: STATUS needs the right to read.
        let selectable = selectable.filter(|info| info.rights.has(Rights::READ));
        if let (true, Some(info)) = (node.chosen && !self.returns.status.is_empty(), selectable) {
            status(
                out,
                &mailbox,
                self.names,
                &self.returns.status,
                &info.status,
                self.append_limit,
            );
        }
    }

    fn attributes(&self, names: &Names, node: Node) -> Vec<&'static str> {
        let info = names.info(node);
        let exists = info.is_some_and(|info| info.exists);
        let mut attributes = Vec::with_capacity(4);
        // RFC 9051 §7.3.1: clients of IMAP4rev2 know the attribute in any case.
        let known = self.form == ListForm::Extended || self.rev2;
        if !exists && known {
            // RFC 5258 §3: it implies \Noselect.
            attributes.push("\\NonExistent");
        } else if !info.is_some_and(|info| info.exists && info.selectable) {
            attributes.push("\\Noselect");
        }
        // RFC 5465 §3.1, §5.9
        if self.tells_access && info.is_some_and(MailboxInfo::is_closed) {
            attributes.push("\\NoAccess");
        }
        attributes.push(if node.children {
            "\\HasChildren"
        } else {
            "\\HasNoChildren"
        });
        // RFC 5258 §3.1: the selection option SUBSCRIBED implies the return option.
        let show_subscribed = self.selection.subscribed || self.returns.subscribed;
        if show_subscribed && info.is_some_and(|info| info.subscribed) {
            attributes.push("\\Subscribed");
        }
        let special_use = info.and_then(|info| info.special_use);
        attributes.extend(special_use.map(SpecialUse::as_str));
        attributes
    }

    /// `childinfo-extended-item`
    fn child_info(&self) -> String {
        let criteria = [
            (self.selection.subscribed, "\"SUBSCRIBED\""),
            (self.selection.special_use, "\"SPECIAL-USE\""),
        ];
        let criteria = criteria.into_iter().filter(|(given, _)| *given);
        let criteria: Vec<_> = criteria.map(|(_, name)| name).collect();
        format!(" (\"CHILDINFO\" ({}))", criteria.join(" "))
    }
}
