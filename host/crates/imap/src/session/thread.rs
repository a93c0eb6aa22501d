//! THREAD (RFC 5256): the messages found as trees of what replies to what.

mod forest;
mod message_id;
mod ordered_subject;
mod references;

use waxwing_message::{BaseSubject, Summary};

use crate::ask::{Answer, Ask, FetchRow, RowWants};
use crate::encode::texts;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::message_limit::Beyond;
use crate::session::prepare;
use crate::session::progress::Done;
use crate::session::search::{Found, Then};
use crate::session::sort_key::{compared, sent_date};
use crate::types::{SearchKey, ThreadAlgorithm, UidSet};
use forest::Forest;
use references::References;

/// Rows in one ask.
const ROWS: u32 = 500;
/// Octets of subjects and message IDs, of all messages.
const ROOM: usize = 64 << 20;
/// Octets of output after which it is sent.
const WRITTEN: usize = 64 * 1024;

/// What of a message is to be known.
#[derive(Debug, Clone)]
struct Message {
    uid: u32,
    /// When it was sent, in seconds of Unix time.
    date: i64,
    /// When it came, in seconds of Unix time.
    came: i64,
    /// Its base subject, as subjects are compared.
    subject: Box<[u8]>,
    /// Its subject says reply or forward.
    reply: bool,
}

pub(crate) fn begin(
    core: &mut Core,
    uid: bool,
    algorithm: ThreadAlgorithm,
    key: Option<SearchKey>,
) -> Flow {
    prepare::begin(core, uid, key, false, Box::new(Thread { uid, algorithm }))
}

#[derive(Debug)]
struct Thread {
    uid: bool,
    algorithm: ThreadAlgorithm,
}

impl Then for Thread {
    fn beyond(&self) -> Beyond {
        Beyond::Nothing
    }

    // Threading comes behind it.
    fn counted(&self) -> Option<bool> {
        Some(false)
    }

    fn found(self: Box<Self>, core: &mut Core, found: Found) -> Flow {
        Box::new(Reading {
            uid: self.uid,
            found: found.uids,
            asked: 0,
            messages: Vec::new(),
            octets: 0,
            references: match self.algorithm {
                ThreadAlgorithm::OrderedSubject => None,
                ThreadAlgorithm::References => Some(References::default()),
                ThreadAlgorithm::Refs => Some(References::whatever_the_subjects()),
            },
        })
        .resume(core)
    }
}

/// Messages are being read.
#[derive(Debug)]
struct Reading {
    uid: bool,
    found: UidSet,
    /// How many of those found were asked for.
    asked: u32,
    messages: Vec<Message>,
    /// How much their subjects take.
    octets: usize,
    /// Who replies to whom, if that is asked for.
    references: Option<References>,
}

impl Job for Reading {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Rows(rows) = answer else {
            return failed(&answer, false);
        };
        for row in &rows {
            self.take(row);
        }
        let ids = self.references.as_ref().map_or(0, References::octets);
        if self.octets + ids > ROOM {
            return Flow::Done(texts::TOO_MUCH_TO_SORT);
        }
        self.resume(core)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        core.progress(Done::Something);
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        if self.asked < self.found.len() {
            let next = self.asked.saturating_add(ROWS);
            let uids = self.found.slice(self.asked + 1, next);
            self.asked = next;
            let wants = RowWants {
                summary: true,
                ..RowWants::default()
            };
            let mailbox = selected.mailbox;
            return Flow::Ask(
                Ask::Rows {
                    mailbox,
                    uids,
                    wants,
                },
                self,
            );
        }
        let forest = match self.references {
            Some(references) => references.thread(&self.messages),
            None => ordered_subject::thread(&self.messages),
        };
        core.out.extend_from_slice(b"* THREAD");
        Flow::Resume(Box::new(Writing {
            uid: self.uid,
            forest,
            written: 0,
        }))
    }
}

impl Reading {
    fn take(&mut self, row: &FetchRow) {
        let summary = Summary::decode_fields(&row.summary).ok();
        let envelope = summary.as_ref().map(|summary| &summary.envelope);
        let subject = envelope.and_then(|envelope| envelope.subject.as_deref());
        let base = BaseSubject::of(subject.unwrap_or_default());
        let subject = compared(&base.text);
        self.octets += subject.len();
        self.messages.push(Message {
            uid: row.uid,
            date: sent_date(row, summary.as_ref()),
            came: row.internal_date.seconds,
            subject,
            reply: base.reply,
        });
        if let Some(references) = &mut self.references {
            references.add(summary.as_ref());
        }
    }
}

/// The threads are being written.
#[derive(Debug)]
struct Writing {
    uid: bool,
    forest: Forest,
    /// How many threads are written.
    written: usize,
}

impl Job for Writing {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        failed(&answer, false)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        if self.written == 0 && !self.forest.is_empty() {
            core.out.push(b' ');
        }
        let shown = |uid: u32| selected.shown(uid, self.uid);
        while core.out.len() < WRITTEN {
            if !self.forest.write(&mut core.out, self.written, shown) {
                core.out.extend_from_slice(b"\r\n");
                return Flow::Done(texts::ok("THREAD completed"));
            }
            self.written += 1;
        }
        Flow::Resume(self)
    }

    fn amid_response(&self) -> bool {
        true
    }
}
