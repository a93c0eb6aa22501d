//! News of the selected mailbox, told before a command's tagged response and during IDLE (RFC 3501 §5.2, §7).

use crate::ask::{Answer, Ask};
use crate::encode::texts::{self, Response};
use crate::error::Error;
use crate::session::job::{Core, Flow, Job, Waiting};

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
        None => Flow::Tagged(response),
    }
}

/// Tells what changed, then waits for DONE; `None` if no mailbox is selected.
pub(crate) fn while_idle(core: &Core) -> Option<Flow> {
    ask(core).map(|ask| Flow::Ask(ask, Box::new(Idling)))
}

fn ask(core: &Core) -> Option<Ask> {
    let selected = core.selected.as_ref()?;
    Some(Ask::Poll {
        mailbox: selected.mailbox,
        since: selected.modseq,
    })
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
        tell(core, &answer, self.numbers_stay);
        let Some(selected) = &mut core.selected else {
            return Flow::Tagged(self.response);
        };
        if core.enabled.condstore {
            selected.tell_modseq(&mut core.out);
        }
        Flow::Tagged(if selected.expunges_wait() {
            self.response.with_expunges_waiting()
        } else if core.tells_modseq && core.enabled.qresync {
            // RFC 7162 §3.2.7: the tagged OK has the mailbox's new modification sequence.
            let code = texts::modseq_code(selected.known_modseq());
            self.response.with_code(code)
        } else {
            self.response
        })
    }
}

#[derive(Debug)]
struct Idling;

impl Job for Idling {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        if gone(&answer) {
            return leave(core);
        }
        tell(core, &answer, false);
        Flow::Input(Waiting::Done)
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

/// News that cannot be had now come with the next poll.
fn tell(core: &mut Core, answer: &Answer, numbers_stay: bool) {
    let enabled = core.enabled;
    if let (Answer::Changes(changes), Some(selected)) = (answer, core.selected.as_mut()) {
        selected.apply(&mut core.out, changes, numbers_stay, enabled);
    }
}
