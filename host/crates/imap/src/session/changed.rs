//! What changed since a modification sequence: CHANGEDSINCE and VANISHED of FETCH (RFC 7162 §3.1.4.1, §3.2.6), QRESYNC
//! of SELECT (§3.2.5).

use std::io::Write as _;

use crate::ask::{Answer, Ask, Snapshot};
use crate::encode::texts::Response;
use crate::session::fetch::Fetch;
use crate::session::job::{Core, Flow, Job, failed};
use crate::types::{FetchItem, Resync, UidSet};

/// Tells a client that came back what changed meanwhile, and ends SELECT with `done`.
pub(crate) fn resynchronise(
    core: &mut Core,
    resync: &Resync,
    snapshot: &Snapshot,
    done: Response,
) -> Flow {
    let Some(selected) = &core.selected else {
        return Flow::Tagged(done);
    };
    // RFC 7162 §3.2.5: with another UIDVALIDITY what else the client said means nothing.
    if resync.uid_validity != snapshot.uid_validity || resync.modseq >= snapshot.highest_modseq {
        return Flow::Tagged(done);
    }
    let uids = match &resync.known {
        Some(known) => known.intersection(&selected.uids),
        None => selected.uids.clone(),
    };
    let earlier = resync.among(&selected.uids, snapshot.uid_next);
    // RFC 7162 §3.2.5.1: as UID FETCH known-uids (FLAGS) (CHANGEDSINCE modseq VANISHED).
    let mut items = vec![FetchItem::Uid, FetchItem::Flags, FetchItem::ModSeq];
    // RFC 9586 §3.3: a UIDFETCH response has it in front.
    items.retain(|item| !core.enabled.uid_only || *item != FetchItem::Uid);
    let fetch = Fetch::new(core, uids, items)
        .since(resync.modseq)
        .ending_with(done);
    ask(core, Box::new(fetch), resync.modseq, Some(earlier))
}

/// Asks what changed, and goes on with the FETCH of it. What of `earlier` went since is told.
pub(crate) fn ask(core: &Core, fetch: Box<Fetch>, since: u64, earlier: Option<UidSet>) -> Flow {
    match &core.selected {
        Some(selected) => Flow::Ask(
            Ask::Changed {
                mailbox: selected.mailbox,
                since,
            },
            Box::new(Since { fetch, earlier }),
        ),
        None => Flow::Tagged(crate::encode::texts::NOTHING_SELECTED),
    }
}

#[derive(Debug)]
struct Since {
    fetch: Box<Fetch>,
    /// Among which UIDs what went is told.
    earlier: Option<UidSet>,
}

impl Job for Since {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let (Answer::Changed(changed), Some(selected)) = (&answer, &core.selected) else {
            if self.fetch.is_part_of_select() {
                // RFC 3501 §6.3.1: a SELECT that fails leaves no mailbox selected.
                core.selected = None;
            }
            return failed(&answer, false);
        };
        if let Some(earlier) = &self.earlier {
            // Those that still have a number here are told without EARLIER, by the poll (RFC 7162 §3.2.10).
            let gone = changed
                .vanished
                .intersection(earlier)
                .difference(&selected.uids);
            // RFC 7162 §3.2.6: before any FETCH response.
            if !gone.is_empty() {
                let _ = write!(core.out, "* VANISHED (EARLIER) {gone}\r\n");
            }
        }
        self.fetch.narrow(&changed.messages);
        if !self.fetch.is_part_of_select() {
            self.fetch.limit(core);
        }
        self.fetch.resume(core)
    }
}
