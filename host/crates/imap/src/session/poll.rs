//! News of the selected mailbox, told before a command's tagged response and during IDLE (RFC 3501 §5.2, §7).

use crate::ask::{Answer, Ask};
use crate::encode::texts::Response;
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
        tell(core, &answer, self.numbers_stay);
        Flow::Tagged(self.response)
    }
}

#[derive(Debug)]
struct Idling;

impl Job for Idling {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        tell(core, &answer, false);
        Flow::Input(Waiting::Done)
    }
}

/// News that cannot be had now come with the next poll.
fn tell(core: &mut Core, answer: &Answer, numbers_stay: bool) {
    if let (Answer::Changes(changes), Some(selected)) = (answer, core.selected.as_mut()) {
        selected.apply(&mut core.out, changes, numbers_stay);
    }
}
