//! SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2).

use std::io::Write as _;

use crate::ask::{Answer, Ask, Others, Snapshot};
use crate::encode::texts;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::mailboxes::bad_name;
use crate::session::selected::Selected;
use crate::session::{changed, list};
use crate::types::{MailboxArgument, MailboxName, Resync, SelectParameters};

pub(crate) fn begin(
    core: &mut Core,
    mailbox: MailboxArgument,
    given: Option<String>,
    read_only: bool,
    parameters: SelectParameters,
) -> Flow {
    let SelectParameters { condstore, resync } = parameters;
    if core.enabled.uid_only && resync.as_ref().is_some_and(|it| it.matches.is_some()) {
        // RFC 9586 §3.5: its message numbers mean nothing.
        return Flow::Tagged(texts::UID_REQUIRED);
    }
    if resync.is_some() && !core.enabled.qresync {
        return Flow::Tagged(texts::NOT_ENABLED);
    }
    // RFC 3501 §6.3.1: the old mailbox is left, whether or not the new one can be had.
    if core.selected.take().is_some() {
        // RFC 7162 §3.2.11: the boundary between responses about one mailbox and the other.
        texts::ok_with("CLOSED", "the mailbox before is closed").write(&mut core.out, "*");
    }
    // RFC 7162 §3.1.8
    core.enabled.condstore |= condstore;
    match mailbox {
        Ok(mailbox) => {
            let select = Select {
                mailbox: mailbox.clone(),
                given,
                read_only,
                resync,
            };
            Flow::Ask(Ask::Select { mailbox, read_only }, Box::new(select))
        }
        Err(error) => bad_name(error),
    }
}

#[derive(Debug)]
struct Select {
    mailbox: MailboxName,
    /// What the client called it, if that is not its name.
    given: Option<String>,
    read_only: bool,
    /// What the client knows already.
    resync: Option<Box<Resync>>,
}

impl Job for Select {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            // RFC 9051 §6.3.2: a LIST response with its attributes.
            Answer::Selected(snapshot) if core.enabled.rev2 => Flow::Ask(
                Ask::Mailboxes {
                    deleted: false,
                    others: Others::around(&self.mailbox),
                },
                Box::new(Listed {
                    select: *self,
                    snapshot,
                }),
            ),
            Answer::Selected(snapshot) => self.finish(core, snapshot),
            other => failed(&other, false),
        }
    }
}

/// A mailbox is open whose attributes are asked for.
#[derive(Debug)]
struct Listed {
    select: Select,
    snapshot: Snapshot,
}

impl Job for Listed {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Mailboxes(mailboxes) => {
                let Select { mailbox, given, .. } = &self.select;
                list::one(core, mailboxes, mailbox, given.as_deref());
                self.select.finish(core, self.snapshot)
            }
            other => failed(&other, false),
        }
    }
}

impl Select {
    fn finish(self, core: &mut Core, mut snapshot: Snapshot) -> Flow {
        let mut selected = Selected::new(self.mailbox, &mut snapshot, self.read_only);
        if core.enabled.rev2 {
            selected.forget_recent();
            // RFC 9051 appendix E, 11.
            snapshot.first_unseen = None;
        }
        if core.enabled.uid_only {
            selected.call_by_uid();
            // RFC 9586 §3.1: it would be told by its number.
            snapshot.first_unseen = None;
        }
        tell(core, &selected, &snapshot);
        let done = match (self.read_only, selected.read_only) {
            (true, _) => texts::ok_with("READ-ONLY", "EXAMINE completed"),
            (false, true) => texts::ok_with("READ-ONLY", "SELECT completed"),
            (false, false) => texts::ok_with("READ-WRITE", "SELECT completed"),
        };
        core.selected = Some(selected);
        match self.resync {
            Some(resync) => changed::resynchronise(core, &resync, &snapshot, done),
            None => Flow::Tagged(done),
        }
    }
}

fn tell(core: &mut Core, selected: &Selected, snapshot: &Snapshot) {
    let out = &mut core.out;
    selected.tell_keywords(out);
    selected.tell_size(out);
    // RFC 3501 §7.1: UNSEEN is the number of the first unseen message, not their count.
    if let Some(number) = snapshot
        .first_unseen
        .and_then(|uid| selected.uids.position(uid))
    {
        let _ = write!(out, "* OK [UNSEEN {number}] first unseen message\r\n");
    }
    let _ = write!(
        out,
        "* OK [UIDVALIDITY {}] UIDs are valid\r\n* OK [UIDNEXT {}] next UID\r\n",
        snapshot.uid_validity, snapshot.uid_next
    );
    // RFC 8474 §4.2.
    let _ = write!(
        out,
        "* OK [MAILBOXID ({})] whatever its name\r\n",
        snapshot.mailbox
    );
    // RFC 7162 §3.1.2.1
    texts::highest_modseq(out, snapshot.highest_modseq);
}
