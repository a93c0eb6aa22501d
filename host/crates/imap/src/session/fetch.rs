//! FETCH (RFC 3501 §6.4.5): rows in batches, written one after another; content in pieces.
//!
//! Neither the rows of a large mailbox nor the content of a large message are ever in memory at once.

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;

use waxwing_message::SectionText;

use crate::ask::{Answer, Ask, FetchRow, FlagAction, FlagsStored, RowWants, StoredFlags};
use crate::encode::Out;
use crate::encode::texts::{self, Response};
use crate::error::Error;
use crate::session::FLUSH;
use crate::session::changed;
use crate::session::enable::{self, Enabled};
use crate::session::fetch_row::{Needs, Next, RowWriter};
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::message_limit::{self, batch};
use crate::session::poll::After;
use crate::session::selected::Selected;
use crate::types::{FetchItem, FetchModifiers, FlagSet, Rights, SequenceSet, SystemFlag, UidSet};

/// So many messages are looked at one by one, whether they changed since; of more it is asked which.
const FEW: u32 = 16;
/// First octets that come with a row when only headers are wanted; most headers are shorter.
const HEADER_HEAD: u32 = 8 * 1024;
/// First octets that come with a row when bodies are wanted; most messages are shorter.
const BODY_HEAD: u32 = 32 * 1024;

pub(crate) fn begin(
    core: &mut Core,
    uid: bool,
    set: &SequenceSet,
    mut items: Vec<FetchItem>,
    modifiers: FetchModifiers,
) -> Flow {
    let FetchModifiers {
        changed_since,
        vanished,
        partial,
    } = modifiers;
    if partial.is_some() && !uid {
        return Flow::Tagged(texts::PARTIAL_BY_NUMBER);
    }
    if vanished && !(uid && changed_since.is_some()) {
        return Flow::Tagged(texts::VANISHED_ALONE);
    }
    if vanished && !core.enabled.qresync {
        return Flow::Tagged(texts::NOT_ENABLED);
    }
    let Some(selected) = &core.selected else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    let Some(uids) = selected.resolve(set, uid) else {
        return Flow::Tagged(texts::NO_SUCH_MESSAGE);
    };
    // RFC 9394 §3.4: first the places, then what of them changed.
    let uids = partial.map_or(uids.clone(), |range| range.of(&uids));
    core.numbers_stay = !uid;
    // RFC 3501 §6.4.8: UID FETCH gives the UID, asked for or not. RFC 9586 §3.3: not in UIDFETCH, which has it in front.
    if uid && !core.enabled.uid_only && !items.contains(&FetchItem::Uid) {
        items.insert(0, FetchItem::Uid);
    }
    // RFC 7162 §3.1.4.1: CHANGEDSINCE adds MODSEQ.
    if changed_since.is_some() && !items.contains(&FetchItem::ModSeq) {
        items.push(FetchItem::ModSeq);
    }
    if items.contains(&FetchItem::ModSeq) {
        enable::condstore(core);
    }
    let many = message_limit::exceeds(core, &uids);
    if partial.is_some() && many {
        return Flow::Done(message_limit::excess(core));
    }
    let few = uids.len() <= FEW && !vanished && !many;
    let mut fetch = Fetch::new(core, uids, items);
    match changed_since {
        None => {
            fetch.limit(core);
            Box::new(fetch).resume(core)
        }
        // The rows tell.
        Some(since) if few => Box::new(fetch.since(since)).resume(core),
        Some(since) => {
            // What went may have had a UID above all that are there: `*` has no end here.
            let earlier = vanished.then(|| set.resolve(u32::MAX));
            changed::ask(core, Box::new(fetch.since(since)), since, earlier)
        }
    }
}

/// How rows are asked for.
#[derive(Debug)]
struct Plan {
    wants: RowWants,
    /// What of the summary is looked at.
    needs: Needs,
    /// Rows in one ask.
    batch: u32,
    /// A section sets `\Seen`.
    sees: bool,
}

impl Plan {
    fn new(items: &[FetchItem], read_only: bool) -> Self {
        let mut wants = RowWants::default();
        let (mut needs, mut sees) = (Needs::Nothing, false);
        for item in items {
            match item {
                FetchItem::Envelope => needs = needs.max(Needs::Fields),
                FetchItem::Body | FetchItem::BodyStructure | FetchItem::Preview => {
                    needs = Needs::All;
                }
                FetchItem::Section { section, peek, .. } => {
                    let whole = section.path.is_empty() && section.text == SectionText::All;
                    let header = matches!(
                        section.text,
                        SectionText::Header | SectionText::HeaderFields { .. }
                    );
                    if !whole {
                        needs = Needs::All;
                    }
                    wants.head = wants.head.max(if header && section.path.is_empty() {
                        HEADER_HEAD
                    } else {
                        BODY_HEAD
                    });
                    sees |= !peek && !read_only;
                }
                FetchItem::Binary { peek, .. } => {
                    needs = Needs::All;
                    wants.head = BODY_HEAD;
                    sees |= !peek && !read_only;
                }
                FetchItem::BinarySize { .. } => {
                    needs = Needs::All;
                    wants.head = BODY_HEAD;
                }
                FetchItem::ModSeq
                | FetchItem::Uid
                | FetchItem::Flags
                | FetchItem::InternalDate
                | FetchItem::Size
                | FetchItem::SaveDate
                | FetchItem::EmailId => {}
                FetchItem::ThreadId => wants.thread = true,
            }
        }
        wants.summary = needs > Needs::Nothing;
        let batch = match (wants.head, wants.summary) {
            (0, false) => 1_000,
            (0, true) => 500,
            (HEADER_HEAD, _) => 64,
            _ => 16,
        };
        Self {
            wants,
            needs,
            batch,
            sees,
        }
    }
}

/// A FETCH that runs.
#[derive(Debug)]
pub(crate) struct Fetch {
    items: Vec<FetchItem>,
    /// What is told of messages that got `\Seen` by it.
    changed_items: Vec<FetchItem>,
    plan: Plan,
    uids: UidSet,
    /// The highest come first.
    downwards: bool,
    /// Only messages with a higher modification sequence.
    since: u64,
    /// The SELECT that this is part of ends so.
    select: Option<Response>,
    /// It tells of messages that came, and this comes behind it.
    news: Option<After>,
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
    /// What rows are written into by turns.
    buffer: Out,
    /// Something could not be read.
    unreadable: bool,
    /// Something has a transfer encoding that is not known.
    undecodable: bool,
}

impl Job for Fetch {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Rows(mut rows) => {
                self.missing |= rows.len() < self.expected as usize;
                rows.retain(|row| row.modseq > self.since);
                if self.downwards {
                    rows.reverse();
                }
                self.rows = rows.into();
                self.changed = UidSet::new();
                if let Some(ask) = self.see(core) {
                    return Flow::Ask(ask, self);
                }
                Flow::Resume(self)
            }
            Answer::Flags(stored) => {
                self.seen(core, stored);
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
        loop {
            if let Some(writer) = &mut self.writer {
                let items = if writer.changed {
                    &self.changed_items
                } else {
                    &self.items
                };
                let next = writer.go_on(&mut core.out, items, selected);
                if let Next::Read {
                    content,
                    offset,
                    length,
                } = next
                {
                    let ask = Ask::Read {
                        content,
                        offset,
                        length,
                    };
                    return Flow::Ask(ask, self);
                }
                self.buffer = self
                    .writer
                    .take()
                    .map_or_else(Out::new, RowWriter::into_buffer);
            }
            if core.out.len() >= FLUSH {
                return Flow::Resume(self);
            }
            let Some(row) = self.rows.pop_front() else {
                break;
            };
            let marks = (self.changed.contains(row.uid), core.enabled.rev2);
            let buffer = std::mem::take(&mut self.buffer);
            match RowWriter::new(row, self.plan.needs, marks, buffer) {
                // RFC 3516 §4.3: what cannot be decoded fails the request.
                Some(writer) if !writer.can_decode(&self.items) => self.undecodable = true,
                Some(writer) => self.writer = Some(writer),
                None => self.unreadable = true,
            }
        }
        if self.asked >= self.uids.len() {
            if let Some(after) = self.news.take() {
                return after.elsewhere(core);
            }
            if let (Some(done), false) = (&self.select, self.unreadable) {
                return Flow::Done(done.clone());
            }
            return Flow::Done(match (self.unreadable, self.missing) {
                (true, _) => texts::SOME_UNREADABLE,
                _ if self.undecodable => texts::UNKNOWN_CTE,
                // RFC 2180 §4.1.2. UIDs that are gone are no error (RFC 3501 §6.4.8).
                (false, true) if core.numbers_stay => texts::EXPUNGED,
                (false, _) => texts::ok("FETCH completed"),
            });
        }
        let uids = batch(&self.uids, self.asked, self.plan.batch, self.downwards);
        self.asked = self.asked.saturating_add(self.plan.batch);
        self.expected = uids.len();
        if self.items.iter().all(|item| *item == FetchItem::Uid) {
            // The session knows UIDs itself, also of messages whose removal was not told yet.
            let times = self.items.len();
            let mut write = |uid| write_uid(&mut core.out, selected, uid, times);
            if self.downwards {
                uids.iter().rev().for_each(&mut write);
            } else {
                uids.iter().for_each(&mut write);
            }
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
fn write_uid(out: &mut Out, selected: &Selected, uid: u32, times: usize) {
    if selected.begin_fetch(out, uid) {
        let items = vec![format!("UID {uid}"); times].join(" ");
        let _ = write!(out, "{items})\r\n");
    }
}

impl Fetch {
    /// The data items of these messages of the selected mailbox.
    pub(crate) fn new(core: &Core, uids: UidSet, items: Vec<FetchItem>) -> Self {
        let read_only = core.selected.as_ref().is_none_or(|it| it.read_only);
        Self {
            plan: Plan::new(&items, read_only),
            changed_items: with_flags(&items, core.enabled),
            items,
            uids,
            downwards: false,
            since: 0,
            select: None,
            news: None,
            asked: 0,
            expected: 0,
            missing: false,
            rows: VecDeque::new(),
            changed: UidSet::new(),
            writer: None,
            buffer: Out::new(),
            unreadable: false,
            undecodable: false,
        }
    }

    /// Only of those with a higher modification sequence.
    pub(crate) fn since(self, since: u64) -> Self {
        Self { since, ..self }
    }

    /// As part of a SELECT, which ends with this.
    pub(crate) fn ending_with(self, done: Response) -> Self {
        Self {
            select: Some(done),
            ..self
        }
    }

    /// As news, with this behind it.
    pub(crate) fn before(self, after: After) -> Self {
        Self {
            news: Some(after),
            ..self
        }
    }

    /// Only of as many as a command may be about.
    pub(crate) fn limit(&mut self, core: &mut Core) {
        self.uids = message_limit::highest(core, std::mem::take(&mut self.uids));
        self.downwards = core.limited.is_some();
    }

    pub(crate) fn is_part_of_select(&self) -> bool {
        self.select.is_some()
    }

    /// Only those that are among these as well.
    pub(crate) fn narrow(&mut self, uids: &UidSet) {
        self.uids = self.uids.intersection(uids);
    }

    /// Sets `\Seen` on the rows that lack it (RFC 3501 §6.4.5: `BODY[…]` does so implicitly).
    fn see(&self, core: &Core) -> Option<Ask> {
        let selected = core.selected.as_ref()?;
        // RFC 4314 §4: without the right it is not set, and that is no failure.
        if !self.plan.sees || !selected.rights.has(Rights::SEEN) {
            return None;
        }
        let unseen: UidSet = self
            .rows
            .iter()
            .filter(|row| !row.flags.has(SystemFlag::Seen))
            .map(|row| row.uid)
            .collect();
        if unseen.is_empty() {
            return None;
        }
        Some(Ask::Store {
            mailbox: selected.mailbox,
            uids: unseen,
            action: FlagAction::Add,
            flags: FlagSet::new(SystemFlag::Seen as u8, Vec::new()),
            unchanged_since: None,
        })
    }

    /// `\Seen` was set: the change is told with the row, and noted as this session's own.
    fn seen(&mut self, core: &mut Core, stored: FlagsStored) {
        let Some(selected) = &mut core.selected else {
            return;
        };
        let changed: HashMap<u32, StoredFlags> = stored
            .rows
            .into_iter()
            .map(|stored| (stored.row.uid, stored))
            .collect();
        for row in &mut self.rows {
            if let Some(stored) = changed.get(&row.uid) {
                row.flags = stored.row.flags.clone();
                row.modseq = stored.row.modseq;
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
            // News that cannot be had are not told.
            None if self.news.is_some() => {
                self.asked = self.uids.len();
                Flow::Resume(self)
            }
            None => {
                if self.is_part_of_select() {
                    // RFC 3501 §6.3.1: a SELECT that fails leaves no mailbox selected.
                    core.selected = None;
                }
                failed(answer, false)
            }
        }
    }
}

/// RFC 3501 §6.4.5: flags that FETCH changed should be part of its responses. RFC 7162 §3.2.4: so are UID and
/// modification sequence, if the client knows of such.
fn with_flags(items: &[FetchItem], enabled: Enabled) -> Vec<FetchItem> {
    let mut all = items.to_vec();
    let uid = (!enabled.uid_only).then_some(FetchItem::Uid);
    let aware = uid.into_iter().chain([FetchItem::ModSeq]);
    let aware = aware.filter(|_| enabled.condstore);
    for item in [FetchItem::Flags].into_iter().chain(aware) {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    all
}

/// A literal was announced and cannot be completed: there is no way to tell the client within the protocol.
fn broken(core: &mut Core) -> Flow {
    core.out.extend_from_slice(b"\r\n");
    core.out.extend_from_slice(texts::BYE_BROKEN.as_bytes());
    Flow::Close
}
