//! FETCH (RFC 3501 §6.4.5): rows in batches, written one after another; content in pieces.
//!
//! Neither the rows of a large mailbox nor the content of a large message are ever in memory at once.

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;

use waxwing_message::SectionText;

use crate::ask::{Answer, Ask, FetchRow, FlagAction, RowWants, StoredFlags};
use crate::encode::{Out, texts};
use crate::error::Error;
use crate::session::fetch_row::{Next, RowWriter};
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::selected::Selected;
use crate::types::{FetchItem, FlagSet, SequenceSet, SystemFlag, UidSet};

/// First octets that come with a row when only headers are wanted; most headers are shorter.
const HEADER_HEAD: u32 = 8 * 1024;
/// First octets that come with a row when bodies are wanted; most messages are shorter.
const BODY_HEAD: u32 = 32 * 1024;

pub(crate) fn begin(
    core: &mut Core,
    uid: bool,
    set: &SequenceSet,
    mut items: Vec<FetchItem>,
) -> Flow {
    let Some(selected) = &core.selected else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    let Some(uids) = selected.resolve(set, uid) else {
        return Flow::Tagged(texts::NO_SUCH_MESSAGE);
    };
    core.numbers_stay = !uid;
    // RFC 3501 §6.4.8: UID FETCH gives the UID, asked for or not.
    if uid && !items.contains(&FetchItem::Uid) {
        items.insert(0, FetchItem::Uid);
    }
    let plan = Plan::new(&items, selected.read_only);
    Box::new(Fetch {
        items,
        plan,
        uids,
        asked: 0,
        expected: 0,
        missing: false,
        rows: VecDeque::new(),
        changed: UidSet::new(),
        writer: None,
        unreadable: false,
    })
    .resume(core)
}

/// How rows are asked for.
#[derive(Debug)]
struct Plan {
    wants: RowWants,
    /// Rows in one ask.
    batch: u32,
    /// A section sets `\Seen`.
    sees: bool,
}

impl Plan {
    fn new(items: &[FetchItem], read_only: bool) -> Self {
        let mut wants = RowWants::default();
        let mut sees = false;
        for item in items {
            match item {
                FetchItem::Envelope
                | FetchItem::Body
                | FetchItem::BodyStructure
                | FetchItem::Preview => {
                    wants.summary = true;
                }
                FetchItem::Section { section, peek, .. } => {
                    let whole = section.path.is_empty() && section.text == SectionText::All;
                    let header = matches!(
                        section.text,
                        SectionText::Header | SectionText::HeaderFields { .. }
                    );
                    wants.summary |= !whole;
                    wants.head = wants.head.max(if header && section.path.is_empty() {
                        HEADER_HEAD
                    } else {
                        BODY_HEAD
                    });
                    sees |= !peek && !read_only;
                }
                FetchItem::Uid
                | FetchItem::Flags
                | FetchItem::InternalDate
                | FetchItem::Size
                | FetchItem::SaveDate
                | FetchItem::EmailId
                | FetchItem::ThreadId => {}
            }
        }
        let batch = match (wants.head, wants.summary) {
            (0, false) => 1_000,
            (0, true) => 200,
            (HEADER_HEAD, _) => 64,
            _ => 16,
        };
        Self { wants, batch, sees }
    }
}

#[derive(Debug)]
struct Fetch {
    items: Vec<FetchItem>,
    plan: Plan,
    uids: UidSet,
    /// How many of them were asked for.
    asked: u32,
    /// How many rows the ask that is out is for.
    expected: u32,
    /// Messages that the client still has numbers of are gone.
    missing: bool,
    rows: VecDeque<FetchRow>,
    /// Those of them that got `\\Seen` just now.
    changed: UidSet,
    /// The row that is being written.
    writer: Option<RowWriter>,
    /// Something could not be read.
    unreadable: bool,
}

impl Job for Fetch {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Rows(rows) => {
                self.missing |= rows.len() < self.expected as usize;
                self.rows = rows.into();
                self.changed = UidSet::new();
                if let Some(ask) = self.see(core) {
                    return Flow::Ask(ask, self);
                }
                Flow::Resume(self)
            }
            Answer::Flags(rows) => {
                self.seen(core, rows);
                Flow::Resume(self)
            }
            Answer::Data(data) => {
                let taken = self
                    .writer
                    .as_mut()
                    .is_some_and(|writer| writer.take(&mut core.out, &data));
                if taken {
                    Flow::Resume(self)
                } else {
                    broken(core)
                }
            }
            other => self.failure(core, &other),
        }
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        let Some(selected) = &mut core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        if let Some(writer) = &mut self.writer {
            return match writer.go_on(&mut core.out, &self.items, selected) {
                Next::Read {
                    content,
                    offset,
                    length,
                } => Flow::Ask(
                    Ask::Read {
                        content,
                        offset,
                        length,
                    },
                    self,
                ),
                Next::Done => {
                    self.writer = None;
                    Flow::Resume(self)
                }
            };
        }
        if let Some(row) = self.rows.pop_front() {
            // RFC 3501 §6.4.5: flags that FETCH changed should be part of its responses.
            let tell_flags =
                self.changed.contains(row.uid) && !self.items.contains(&FetchItem::Flags);
            match RowWriter::new(row, self.plan.wants.summary, tell_flags) {
                Some(writer) => self.writer = Some(writer),
                None => self.unreadable = true,
            }
            return Flow::Resume(self);
        }
        if self.asked >= self.uids.len() {
            return Flow::Done(match (self.unreadable, self.missing) {
                (true, _) => texts::SOME_UNREADABLE,
                // RFC 2180 §4.1.2. UIDs that are gone are no error (RFC 3501 §6.4.8).
                (false, true) if core.numbers_stay => texts::EXPUNGED,
                (false, _) => texts::ok("FETCH completed"),
            });
        }
        let uids = self
            .uids
            .slice(self.asked + 1, self.asked.saturating_add(self.plan.batch));
        self.asked = self.asked.saturating_add(self.plan.batch);
        self.expected = uids.len();
        if self.items.iter().all(|item| *item == FetchItem::Uid) {
            // The session knows UIDs itself, also of messages whose removal was not told yet.
            write_uids(&mut core.out, selected, &uids, self.items.len());
            return Flow::Resume(self);
        }
        Flow::Ask(
            Ask::Rows {
                mailbox: selected.mailbox,
                uids,
                wants: self.plan.wants,
            },
            self,
        )
    }

    fn amid_response(&self) -> bool {
        self.writer.is_some()
    }
}

/// `* n FETCH (UID …)`, as often as it was asked for.
fn write_uids(out: &mut Out, selected: &Selected, uids: &UidSet, times: usize) {
    for uid in uids.iter() {
        if let Some(position) = selected.uids.position(uid) {
            let items = vec![format!("UID {uid}"); times].join(" ");
            let _ = write!(out, "* {position} FETCH ({items})\r\n");
        }
    }
}

impl Fetch {
    /// Sets `\Seen` on the rows that lack it (RFC 3501 §6.4.5: `BODY[…]` does so implicitly).
    fn see(&self, core: &Core) -> Option<Ask> {
        let unseen: UidSet = self
            .rows
            .iter()
            .filter(|row| !row.flags.has(SystemFlag::Seen))
            .map(|row| row.uid)
            .collect();
        if !self.plan.sees || unseen.is_empty() {
            return None;
        }
        Some(Ask::Store {
            mailbox: core.selected.as_ref()?.mailbox,
            uids: unseen,
            action: FlagAction::Add,
            flags: FlagSet::new(SystemFlag::Seen as u8, Vec::new()),
            unchanged_since: None,
        })
    }

    /// `\Seen` was set: the change is told with the row, and noted as this session's own.
    fn seen(&mut self, core: &mut Core, rows: Vec<StoredFlags>) {
        let Some(selected) = &mut core.selected else {
            return;
        };
        let changed: HashMap<u32, StoredFlags> = rows
            .into_iter()
            .map(|stored| (stored.row.uid, stored))
            .collect();
        for row in &mut self.rows {
            if let Some(stored) = changed.get(&row.uid) {
                row.flags = stored.row.flags.clone();
                selected.note_own(stored);
                self.changed.insert(row.uid);
            }
        }
    }

    /// What failed is left out as far as that is possible.
    fn failure(mut self: Box<Self>, core: &mut Core, answer: &Answer) -> Flow {
        let expunged =
            self.writer.is_some() && matches!(answer, Answer::Failed(Error::NonExistent));
        self.missing |= expunged;
        self.unreadable |= !expunged;
        match &mut self.writer {
            Some(writer) => {
                let left_out = writer.give_up(&mut core.out);
                if left_out {
                    Flow::Resume(self)
                } else {
                    broken(core)
                }
            }
            // \Seen could not be set: the messages are shown all the same.
            None if !self.rows.is_empty() => Flow::Resume(self),
            None => failed(answer, false),
        }
    }
}

/// A literal was announced and cannot be completed: there is no way to tell the client within the protocol.
fn broken(core: &mut Core) -> Flow {
    core.out.extend_from_slice(b"\r\n");
    core.out.extend_from_slice(texts::BYE_BROKEN.as_bytes());
    Flow::Close
}
