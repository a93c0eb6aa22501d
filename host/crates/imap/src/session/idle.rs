//! IDLE (RFC 2177): changes are told as they happen until the client says DONE.

use crate::encode::texts;
use crate::session::job::{Core, Flow, Waiting};
use crate::session::poll;

pub(crate) fn begin(core: &mut Core) -> Flow {
    core.out.extend_from_slice(b"+ idling\r\n");
    // What happened before IDLE is told at its begin.
    poll::while_idle(core).unwrap_or(Flow::Input(Waiting::Done))
}

pub(crate) fn done(line: &[u8]) -> Flow {
    if line.eq_ignore_ascii_case(b"DONE") {
        Flow::Done(texts::ok("IDLE completed"))
    } else {
        Flow::Tagged(texts::NOT_DONE)
    }
}
