//! EXPUNGE and CLOSE (RFC 3501 §6.4), UID EXPUNGE (RFC 4315 §2.1), UNSELECT (RFC 3691).

use crate::ask::{Answer, Ask};
use crate::encode::texts;
use crate::error::Error;
use crate::session::job::{Core, Flow, Job, Plainly, failed};
use crate::session::message_limit;
use crate::session::prepare::Prepared;
use crate::session::search::{self, Found, Then};
use crate::types::{MailboxId, Rights, SearchKey, SequenceSet, SystemFlag, UidSet};

pub(crate) fn expunge(core: &mut Core, set: Option<&SequenceSet>) -> Flow {
    let Some(selected) = &core.selected else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    if selected.read_only {
        return Flow::Done(texts::READ_ONLY);
    }
    let uids = set.and_then(|set| selected.resolve(set, true));
    if uids.as_ref().is_some_and(UidSet::is_empty) {
        return Flow::Done(texts::ok("EXPUNGE completed"));
    }
    let mailbox = selected.mailbox;
    match uids {
        // RFC 9738 §3.1: so many of those that are deleted; EXPUNGE takes them all.
        Some(uids) if message_limit::exceeds(core, &uids) => {
            let deleted = Prepared {
                key: SearchKey::Flag(SystemFlag::Deleted),
                saved: UidSet::new(),
                changed: None,
                now: None,
                among: Some(uids),
            };
            search::run(core, deleted, Box::new(Deleted))
        }
        uids => Flow::Ask(Ask::Expunge { mailbox, uids }, Box::new(Expunge)),
    }
}

/// Which of many are deleted is being found out.
#[derive(Debug)]
struct Deleted;

impl Then for Deleted {
    fn found(self: Box<Self>, core: &mut Core, found: Found) -> Flow {
        let uids = message_limit::highest(core, found.uids);
        match &core.selected {
            Some(selected) => {
                let (mailbox, uids) = (selected.mailbox, Some(uids));
                Flow::Ask(Ask::Expunge { mailbox, uids }, Box::new(Expunge))
            }
            None => Flow::Tagged(texts::NOTHING_SELECTED),
        }
    }
}

#[derive(Debug)]
struct Expunge;

impl Job for Expunge {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Expunged(uids) = answer else {
            return failed(&answer, false);
        };
        // RFC 7162 §3.2.7, §3.2.9: if at least one message went.
        core.tells_modseq = !uids.is_empty();
        let enabled = core.enabled;
        if let Some(selected) = &mut core.selected {
            selected.expunge(&mut core.out, &uids, enabled);
        }
        Flow::Done(texts::ok("EXPUNGE completed"))
    }
}

/// CLOSE expunges without telling, and without HIGHESTMODSEQ, which could hide removals from the client (RFC 7162 §3.2.8); a mailbox that is read only stays as it is (RFC 3501 §6.4.2).
pub(crate) fn close(core: &mut Core, unselect: bool) -> Flow {
    let Some(selected) = core.selected.take() else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    let mailbox = selected.mailbox;
    if unselect {
        return Flow::Ask(
            Ask::Unselect { mailbox },
            Box::new(Plainly("UNSELECT completed")),
        );
    }
    // RFC 4314 §4: without the right CLOSE removes nothing, and is no failure.
    if selected.read_only || !selected.rights.has(Rights::EXPUNGE) {
        return Flow::Ask(
            Ask::Unselect { mailbox },
            Box::new(Plainly("CLOSE completed")),
        );
    }
    Flow::Ask(
        Ask::Expunge {
            mailbox,
            uids: None,
        },
        Box::new(Close { mailbox }),
    )
}

#[derive(Debug)]
struct Close {
    mailbox: MailboxId,
}

impl Job for Close {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Expunged(_) | Answer::Failed(Error::NoPermission) => Flow::Ask(
                Ask::Unselect {
                    mailbox: self.mailbox,
                },
                Box::new(Plainly("CLOSE completed")),
            ),
            other => failed(&other, false),
        }
    }
}
