//! COPY (RFC 3501 §6.4.7), MOVE (RFC 6851), COPYUID (RFC 4315).

use std::fmt::Write as _;

use crate::ask::{Answer, Ask, Copied};
use crate::encode::texts;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::mailboxes::bad_name;
use crate::session::message_limit;
use crate::types::{MailboxArgument, SequenceSet};

pub(crate) fn begin(
    core: &mut Core,
    uid: bool,
    set: &SequenceSet,
    mailbox: MailboxArgument,
    moving: bool,
) -> Flow {
    let Some(selected) = &core.selected else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    let to = match mailbox {
        Ok(to) => to,
        Err(error) => return bad_name(error),
    };
    if moving && selected.read_only {
        return Flow::Done(texts::READ_ONLY);
    }
    let Some(uids) = selected.resolve(set, uid) else {
        return Flow::Tagged(texts::NO_SUCH_MESSAGE);
    };
    if uids.is_empty() {
        // RFC 3501 §6.4.8: UIDs that are not there are no error.
        return Flow::Done(texts::ok(if moving {
            "MOVE completed"
        } else {
            "COPY completed"
        }));
    }
    let mailbox = selected.mailbox;
    let ask = if moving {
        let uids = message_limit::highest(core, uids);
        Ask::Move { mailbox, uids, to }
    } else if let Some(refusal) = message_limit::refusal(core, &uids) {
        return Flow::Done(refusal);
    } else {
        Ask::Copy {
            mailbox,
            uids,
            to,
            whole: !uid,
        }
    };
    Flow::Ask(ask, Box::new(Copy { moving, uid }))
}

#[derive(Debug)]
struct Copy {
    moving: bool,
    /// The command is about UIDs.
    uid: bool,
}

impl Job for Copy {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Copied(copied) = answer else {
            return failed(&answer, true);
        };
        if copied.source.is_empty() && !self.uid {
            return Flow::Done(texts::EXPUNGED);
        }
        core.put(copied.uid_validity, &copied.target);
        let code = code(&copied);
        if !self.moving {
            return Flow::Done(texts::ok("COPY completed").with_code(code));
        }
        // RFC 6851 §4.3: COPYUID in an untagged OK, before the EXPUNGE responses.
        if !code.is_empty() {
            texts::ok("moved").with_code(code).write(&mut core.out, "*");
        }
        // RFC 6851 §4.4: as EXPUNGE does.
        core.tells_modseq = !copied.source.is_empty();
        let enabled = core.enabled;
        if let Some(selected) = &mut core.selected {
            let gone = copied.source.iter().copied().collect();
            selected.expunge(&mut core.out, &gone, enabled);
        }
        Flow::Done(texts::ok("MOVE completed"))
    }
}

/// `COPYUID uidvalidity source target`; the n-th of one is the n-th of the other.
fn code(copied: &Copied) -> String {
    // RFC 4315 §3: nothing of it for who may not read the target.
    if copied.source.is_empty() || copied.source.len() != copied.target.len() {
        return String::new();
    }
    format!(
        "COPYUID {} {} {}",
        copied.uid_validity,
        runs(&copied.source),
        runs(&copied.target)
    )
}

/// UIDs in this order as a uid-set.
pub(crate) fn runs(uids: &[u32]) -> String {
    let mut text = String::new();
    let mut rest = uids.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if(|&next| Some(next) == last.checked_add(1)) {
            last = next;
        }
        if !text.is_empty() {
            text.push(',');
        }
        let _ = if first == last {
            write!(text, "{first}")
        } else {
            write!(text, "{first}:{last}")
        };
    }
    text
}
