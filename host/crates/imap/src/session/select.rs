//! SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2).

use std::io::Write as _;

use crate::ask::{Answer, Ask, Snapshot};
use crate::encode::texts;
use crate::session::changed;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::mailboxes::bad_name;
use crate::session::selected::Selected;
use crate::types::{MailboxArgument, Resync, SelectParameters};

pub(crate) fn begin(
    core: &mut Core,
    mailbox: MailboxArgument,
    read_only: bool,
    parameters: SelectParameters,
) -> Flow {
    let SelectParameters { condstore, resync } = parameters;
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
        Ok(mailbox) => Flow::Ask(
            Ask::Select { mailbox, read_only },
            Box::new(Select { read_only, resync }),
        ),
        Err(error) => bad_name(error),
    }
}

#[derive(Debug)]
struct Select {
    read_only: bool,
    /// What the client knows already.
    resync: Option<Box<Resync>>,
}

impl Job for Select {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let mut snapshot = match answer {
            Answer::Selected(snapshot) => snapshot,
            other => return failed(&other, false),
        };
        let selected = Selected::new(&mut snapshot, self.read_only);
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
