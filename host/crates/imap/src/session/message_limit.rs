//! How many messages a command may be about (RFC 9738): of more, the highest, or none where it is all or none.
//!
//! Invariant: what was left out is told with the end of the command, so that a client can go on below.

use crate::encode::texts::{self, Response, Status};
use crate::session::job::Core;
use crate::types::UidSet;

/// What becomes of a search among more messages than a command may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// It is no command of its own.
    All,
    /// The highest are searched.
    Highest,
    /// RFC 9738 §3.3: it has to know all, so it fails.
    Nothing,
}

/// The highest of these messages, as far as the running command may be about them.
pub(crate) fn highest(core: &mut Core, uids: UidSet) -> UidSet {
    match kept(core, &uids) {
        Some(kept) => {
            core.limited = kept.first();
            kept
        }
        None => uids,
    }
}

/// Whether the running command may not be about so many messages.
pub(crate) fn exceeds(core: &Core, uids: &UidSet) -> bool {
    uids.len() > core.config.limits.messages
}

/// That so many messages are too many for a command that is about all of them, or none.
pub(crate) fn refusal(core: &Core, uids: &UidSet) -> Option<Response> {
    let lowest = kept(core, uids)?.first();
    Some(texts::TOO_MANY_AT_ONCE.with_code(code(core, lowest)))
}

/// That the running command, which says with numbers of its own what it is about, is about too many.
pub(crate) fn excess(core: &Core) -> Response {
    texts::TOO_MANY_AT_ONCE.with_code(code(core, None))
}

fn kept(core: &Core, uids: &UidSet) -> Option<UidSet> {
    let last = uids.len();
    let behind = last.checked_sub(core.config.limits.messages)?;
    (behind > 0).then(|| uids.slice(behind.saturating_add(1), last))
}

/// `MESSAGELIMIT n [uid]`: the lowest that was processed.
fn code(core: &Core, lowest: Option<u32>) -> String {
    let most = core.config.limits.messages;
    lowest.map_or_else(
        || format!("MESSAGELIMIT {most}"),
        |lowest| format!("MESSAGELIMIT {most} {lowest}"),
    )
}

/// How the running command ends, with what it left out.
pub(crate) fn told(core: &mut Core, response: Response) -> Response {
    let Some(lowest) = core.limited.take() else {
        return response;
    };
    let code = code(core, Some(lowest));
    let tells_modseq = core.tells_modseq && core.enabled.qresync;
    if response.status == Status::Ok && response.code.is_empty() && !tells_modseq {
        return response.with_code(code);
    }
    // RFC 9738 §3.1: where the tagged response has another code.
    texts::MORE_TO_DO.with_code(code).write(&mut core.out, "*");
    response
}

/// So many of these messages behind those that were asked for: upwards, or downwards where not all are taken (RFC 9738 §3.1).
pub(crate) fn batch(uids: &UidSet, asked: u32, count: u32, downwards: bool) -> UidSet {
    if !downwards {
        return uids.slice(asked.saturating_add(1), asked.saturating_add(count));
    }
    let last = uids.len().saturating_sub(asked);
    uids.slice(last.saturating_sub(count).saturating_add(1), last)
}
