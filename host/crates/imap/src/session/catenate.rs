//! APPEND of a message that is put together from texts and from messages that are here already (RFC 4469).
//!
//! Invariants: parts go through in pieces and are never held, but for a header of which fields are selected, which is bounded; what a URL
//! names is read with the rights that SELECT and FETCH need, and nothing about it changes; a message that is too large is refused before
//! the part that makes it so is read.

use std::collections::VecDeque;

use bytes::Bytes;
use waxwing_message::{SectionText, Summary, header};

use crate::ask::{Answer, Ask, FetchRow, RowWants};
use crate::encode::texts::{self, Response};
use crate::error::Error;
use crate::parse::{Literal, MAX_URL, SyntaxError, catenate_next, literal_at_end, message_url};
use crate::session::append;
use crate::session::framing::Framing;
use crate::session::job::{Core, Flow, Job, Waiting};
use crate::session::watch::Watch;
use crate::types::{
    CatenateEnd, CatenateSegment, ContentRef, MailboxId, MailboxName, MessageUrl, UidSet,
};

/// Parts of one message.
const MAX_PARTS: u32 = 1_000;
/// Octets in one read.
const PIECE: u64 = 64 * 1024;
/// Octets of a header of which fields are selected.
const MAX_HEADER: u64 = 1 << 20;
/// Octets of a URL that are told.
const SHOWN: usize = 1024;

/// A message that is being put together.
#[derive(Debug)]
pub(crate) struct Catenating {
    /// URLs before the end of the segment.
    urls: VecDeque<Vec<u8>>,
    end: CatenateEnd,
    /// The literal that is announced at the end of the line.
    literal: Option<Literal>,
    /// Which message of the append it is, from 1.
    number: u32,
    /// The UID of the message that REPLACE removes.
    replaces: Option<u32>,
    parts: u32,
    /// Octets of it so far.
    size: u64,
    watch: Option<Watch>,
    /// The mailbox that was looked into last, which stays open to look: an answer about all that is in it is not asked for every URL.
    looked: Option<Looked>,
}

/// A mailbox that was looked into.
#[derive(Debug)]
struct Looked {
    name: MailboxName,
    mailbox: MailboxId,
    uid_validity: u32,
}

impl Catenating {
    /// Asks for leave, then takes the parts of the first segment.
    pub(crate) fn begin(
        ask: Ask,
        segment: Option<CatenateSegment>,
        literal: Option<Literal>,
        number: u32,
        replaces: Option<u32>,
    ) -> Flow {
        let end = CatenateEnd::Closed(Vec::new());
        let segment = segment.unwrap_or(CatenateSegment {
            urls: Vec::new(),
            end,
        });
        let catenating = Self {
            urls: segment.urls.into(),
            end: segment.end,
            literal,
            number,
            replaces,
            parts: 0,
            size: 0,
            watch: None,
            looked: None,
        };
        let next = Doing::Begin;
        Flow::Ask(ask, Box::new(Asked(Box::new(catenating), next)))
    }

    /// A text is all there, with the rest of its line.
    pub(crate) fn text(
        mut self: Box<Self>,
        core: &mut Core,
        framing: &mut Framing,
        utf8: bool,
        watch: Watch,
        line: &[u8],
    ) -> Flow {
        self.watch = Some(watch);
        let rest = if utf8 {
            line.strip_prefix(b")")
        } else {
            Some(line)
        };
        match rest {
            Some(rest) => self.segment(core, framing, rest),
            None => {
                let refusal = texts::syntax(SyntaxError::Expected(")"));
                append::abandon(core, framing, literal_at_end(line), refusal)
            }
        }
    }

    /// A URL in a literal is all there, with the rest of its line.
    pub(crate) fn url(
        mut self: Box<Self>,
        core: &mut Core,
        framing: &mut Framing,
        url: Vec<u8>,
        line: &[u8],
    ) -> Flow {
        self.urls.push_back(url);
        self.segment(core, framing, line)
    }

    fn segment(mut self: Box<Self>, core: &mut Core, framing: &mut Framing, line: &[u8]) -> Flow {
        let literal = literal_at_end(line);
        let parts = line.get(..literal.map_or(line.len(), |literal| literal.at));
        match catenate_next(parts.unwrap_or_default(), literal.is_some()) {
            Ok(segment) => {
                self.urls.extend(segment.urls);
                (self.end, self.literal) = (segment.end, literal);
                self.go_on(core)
            }
            Err(error) => append::abandon(core, framing, literal, texts::syntax(error)),
        }
    }

    fn go_on(mut self: Box<Self>, core: &mut Core) -> Flow {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return self.refuse(texts::TOO_BIG);
        }
        if let Some(url) = self.urls.pop_front() {
            let selected = core.selected.as_ref().map(|selected| &selected.name);
            let Some(of) = message_url(&url, selected) else {
                return self.bad_url(&url);
            };
            return self.look(Named { url, of });
        }
        match (&self.end, self.literal) {
            (CatenateEnd::Text { .. }, Some(literal)) => {
                self.extend(core, literal.length, Doing::Text(literal))
            }
            (CatenateEnd::Url, Some(literal)) if literal.length <= MAX_URL => {
                if !literal.non_synchronising {
                    core.out.extend_from_slice(b"+ send the URL\r\n");
                }
                Flow::Input(Waiting::Url {
                    size: literal.length,
                    octets: Vec::new(),
                    catenating: self,
                })
            }
            (CatenateEnd::Closed(rest), literal) => {
                let refusal = self.watch.as_ref().and_then(Watch::refusal);
                let refusal = refusal.or((self.size == 0).then_some(texts::EMPTY_MESSAGE));
                let next = match refusal {
                    Some(refusal) => Err(refusal),
                    None if rest.is_empty() && literal.is_none() => {
                        return append::ended(self.replaces);
                    }
                    // RFC 8508 §4.7: one message for one.
                    None if self.replaces.is_some() => Err(texts::syntax(SyntaxError::Trailing)),
                    None => append::another(core, rest, literal, self.number),
                };
                next.unwrap_or_else(|refusal| self.refuse(refusal))
            }
            _ => self.refuse(texts::LITERAL_TOO_LARGE),
        }
    }

    /// Asks for the mailbox of a URL, then for the message.
    fn look(self: Box<Self>, named: Named) -> Flow {
        let known = self.looked.as_ref();
        if known.is_some_and(|looked| looked.name == named.of.mailbox) {
            return self.row(named);
        }
        let ask = Ask::Look {
            mailbox: named.of.mailbox.clone(),
        };
        Flow::Ask(ask, Box::new(Asked(self, Doing::Look(named))))
    }

    /// Asks for the message in the mailbox that was looked into.
    fn row(self: Box<Self>, named: Named) -> Flow {
        let looked = self.looked.as_ref();
        let validity = named.of.uid_validity;
        let same = |looked: &&Looked| validity.is_none_or(|it| it == looked.uid_validity);
        let Some(looked) = looked.filter(same) else {
            return self.bad_url(&named.url);
        };
        let uid = named.of.uid;
        let ask = Ask::Rows {
            mailbox: looked.mailbox,
            uids: UidSet::from_ranges([(uid, uid)]),
            wants: RowWants {
                summary: true,
                ..RowWants::default()
            },
        };
        Flow::Ask(ask, Box::new(Asked(self, Doing::Row(named))))
    }

    /// Asks whether so many octets may come, too.
    fn extend(mut self: Box<Self>, core: &Core, size: u64, doing: Doing) -> Flow {
        self.size = self.size.saturating_add(size);
        // RFC 4469 §4.2
        if self.size > core.config.limits.message {
            return self.refuse(texts::TOO_BIG);
        }
        Flow::Ask(Ask::AppendExtend { size }, Box::new(Asked(self, doing)))
    }

    /// Gives the append up.
    fn refuse(&self, response: Response) -> Flow {
        let abandoned = Abandoned {
            response,
            literal: self.literal,
        };
        Flow::Ask(Ask::AppendAbandon, Box::new(abandoned))
    }

    /// RFC 4469 §4.1: the URL is told, with what cannot stand in a response code encoded.
    fn bad_url(&self, url: &[u8]) -> Flow {
        let mut shown = String::new();
        for octet in url.iter().take(SHOWN) {
            // RFC 4469 §5: the grammar leaves out the backslash, and its comment the bracket.
            if *octet == b' ' || octet.is_ascii_graphic() && !b"]\\".contains(octet) {
                shown.push(char::from(*octet));
            } else {
                shown.push_str(&format!("%{octet:02X}"));
            }
        }
        // It has at least one octet.
        if shown.is_empty() {
            return self.refuse(texts::BAD_URL);
        }
        self.refuse(texts::BAD_URL.with_code(format!("BADURL {shown}")))
    }

    /// What a URL names cannot be had.
    fn failed(&self, url: &[u8], answer: &Answer) -> Flow {
        match answer {
            Answer::Failed(
                Error::NonExistent
                | Error::Gone
                | Error::NoPermission
                | Error::Expunged
                | Error::Cannot(_),
            ) => self.bad_url(url),
            other => self.fail(other),
        }
    }

    fn fail(&self, answer: &Answer) -> Flow {
        let unavailable = Error::Unavailable {
            reference: String::new(),
        };
        let error = match answer {
            Answer::Failed(error) => error,
            _ => &unavailable,
        };
        self.refuse(texts::failure(error, true))
    }

    /// A text may come.
    fn announce(mut self: Box<Self>, core: &mut Core, literal: Literal) -> Flow {
        if !literal.non_synchronising {
            core.out.extend_from_slice(b"+ send the text\r\n");
        }
        let mut watch = self.take_watch(core);
        watch.set_binary(literal.binary);
        Flow::Input(Waiting::Message {
            size: literal.length,
            number: self.number,
            replaces: self.replaces,
            utf8: self.end == CatenateEnd::Text { utf8: true },
            watch,
            catenating: Some(self),
        })
    }

    fn take_watch(&mut self, core: &Core) -> Watch {
        let utf8 = core.enabled.any_utf8();
        let watch = self.watch.take();
        watch.unwrap_or_else(|| Watch::new(false, utf8))
    }

    /// Hands a piece on, then goes on with the rest of the part, if there is more of it.
    fn give(mut self: Box<Self>, core: &Core, piece: Bytes, rest: Option<Part>) -> Flow {
        let mut watch = self.take_watch(core);
        watch.look(&piece);
        self.watch = Some(watch);
        Flow::Content(piece, Box::new(Giving(self, rest)))
    }

    /// The message that a URL names is there: the part of it.
    fn locate(self: Box<Self>, core: &Core, named: Named, row: FetchRow) -> Flow {
        let Named { url, of } = named;
        let section = &of.section;
        let whole = section.path.is_empty() && section.text == SectionText::All;
        let located = if whole {
            Some((0, row.size, false))
        } else {
            let summary = Summary::decode(&row.summary).ok();
            let located = summary.and_then(|summary| summary.locate(section));
            located.map(|located| {
                let end = u64::from(located.span.end).min(row.size);
                (u64::from(located.span.start).min(end), end, located.filter)
            })
        };
        let Some((at, end, filter)) = located else {
            return self.bad_url(&url);
        };
        let content = row.content;
        if filter {
            if end - at > MAX_HEADER {
                return self.bad_url(&url);
            }
            let from = Range { content, at, end };
            let ask = from.read();
            let gathered = Vec::new();
            let named = Named { url, of };
            let doing = Doing::Header(named, from, gathered);
            return Flow::Ask(ask, Box::new(Asked(self, doing)));
        }
        let (at, end) = clip(at, end, of.partial);
        let part = Part {
            url,
            from: Range { content, at, end },
        };
        self.extend(core, end - at, Doing::Part(part))
    }

    /// More of a header of which fields are selected.
    fn gather(
        self: Box<Self>,
        core: &Core,
        named: Named,
        mut from: Range,
        mut gathered: Vec<u8>,
        data: &Bytes,
    ) -> Flow {
        let Some(piece) = from.take(data) else {
            return self.bad_url(&named.url);
        };
        gathered.extend_from_slice(&piece);
        if from.at < from.end {
            let ask = from.read();
            return Flow::Ask(
                ask,
                Box::new(Asked(self, Doing::Header(named, from, gathered))),
            );
        }
        let SectionText::HeaderFields { names, not } = &named.of.section.text else {
            return self.bad_url(&named.url);
        };
        let fields = header::select(&gathered, names, *not);
        let (first, last) = clip(0, fields.len() as u64, named.of.partial);
        let range = usize::try_from(first).unwrap_or(0)..usize::try_from(last).unwrap_or(0);
        let fields = Bytes::copy_from_slice(fields.get(range).unwrap_or_default());
        self.extend(core, fields.len() as u64, Doing::Known(fields))
    }
}

/// The part of a range that `;PARTIAL=` names (RFC 5550: beyond the end it is empty).
fn clip(start: u64, end: u64, partial: Option<(u64, Option<u64>)>) -> (u64, u64) {
    let (origin, length) = partial.unwrap_or((0, None));
    let first = start.saturating_add(origin).min(end);
    let length = length.unwrap_or(u64::MAX);
    (first, first.saturating_add(length).min(end))
}

/// A URL and what it names.
#[derive(Debug)]
struct Named {
    url: Vec<u8>,
    of: MessageUrl,
}

/// A part that is being read.
#[derive(Debug)]
struct Part {
    url: Vec<u8>,
    from: Range,
}

/// What of a message is being asked.
#[derive(Debug)]
enum Doing {
    /// Whether it may come at all.
    Begin,
    /// Whether a text may come.
    Text(Literal),
    /// The mailbox of a URL.
    Look(Named),
    /// The message.
    Row(Named),
    /// A header of which fields are selected, with what is there of it.
    Header(Named, Range, Vec<u8>),
    /// Whether a part may come that is known.
    Known(Bytes),
    /// Whether a part may come, and then its octets.
    Part(Part),
}

/// Octets of a content.
#[derive(Debug)]
struct Range {
    content: ContentRef,
    at: u64,
    end: u64,
}

impl Range {
    fn read(&self) -> Ask {
        Ask::Read {
            content: self.content,
            offset: self.at,
            length: u32::try_from((self.end - self.at).min(PIECE)).unwrap_or(0),
        }
    }

    /// A piece that was read; `None` if it is shorter than it has to be.
    fn take(&mut self, data: &Bytes) -> Option<Bytes> {
        let wanted = usize::try_from((self.end - self.at).min(PIECE)).ok()?;
        let piece = (data.len() >= wanted).then(|| data.slice(..wanted))?;
        self.at += wanted as u64;
        Some(piece)
    }
}

/// It is being asked.
#[derive(Debug)]
struct Asked(Box<Catenating>, Doing);

impl Job for Asked {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Self(mut catenating, doing) = *self;
        match (doing, answer) {
            (Doing::Begin, Answer::Done) => catenating.go_on(core),
            (Doing::Text(literal), Answer::Done) => catenating.announce(core, literal),
            (Doing::Look(named), Answer::Selected(snapshot)) => {
                catenating.looked = Some(Looked {
                    name: named.of.mailbox.clone(),
                    mailbox: snapshot.mailbox,
                    uid_validity: snapshot.uid_validity,
                });
                catenating.row(named)
            }
            (Doing::Row(named), Answer::Rows(rows)) => match rows.into_iter().next() {
                Some(row) => catenating.locate(core, named, row),
                None => catenating.bad_url(&named.url),
            },
            (Doing::Header(named, from, gathered), Answer::Data(data)) => {
                catenating.gather(core, named, from, gathered, &data)
            }
            (Doing::Known(piece), Answer::Done) => catenating.give(core, piece, None),
            (Doing::Part(part), Answer::Done) => Giving(catenating, Some(part)).go_on(core),
            (Doing::Part(mut part), Answer::Data(data)) => match part.from.take(&data) {
                Some(piece) => catenating.give(core, piece, Some(part)),
                None => catenating.bad_url(&part.url),
            },
            (Doing::Look(Named { url, .. }), answer)
            | (Doing::Row(Named { url, .. }), answer)
            | (Doing::Header(Named { url, .. }, ..), answer) => catenating.failed(&url, &answer),
            (_, answer) => catenating.fail(&answer),
        }
    }
}

/// A piece was handed on; the rest of the part follows.
#[derive(Debug)]
struct Giving(Box<Catenating>, Option<Part>);

impl Giving {
    fn go_on(self, core: &mut Core) -> Flow {
        match self.1 {
            Some(part) if part.from.at < part.from.end => {
                Flow::Ask(part.from.read(), Box::new(Asked(self.0, Doing::Part(part))))
            }
            _ => self.0.go_on(core),
        }
    }
}

impl Job for Giving {
    fn answer(self: Box<Self>, core: &mut Core, _answer: Answer) -> Flow {
        self.go_on(core)
    }

    fn resume(self: Box<Self>, core: &mut Core) -> Flow {
        self.go_on(core)
    }
}

/// The append is given up.
#[derive(Debug)]
struct Abandoned {
    response: Response,
    /// What may come all the same.
    literal: Option<Literal>,
}

impl Job for Abandoned {
    fn answer(self: Box<Self>, _core: &mut Core, _answer: Answer) -> Flow {
        let Self { response, literal } = *self;
        match literal {
            Some(literal) => Flow::Refuse { response, literal },
            None => Flow::Done(response),
        }
    }
}
