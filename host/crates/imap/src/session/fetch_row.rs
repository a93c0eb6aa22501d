//! One message of a FETCH response: its items in the order asked for, sections in pieces.

use bytes::Bytes;
use waxwing_message::{Body, EnvelopeView, Section, SectionText, Span, Summary, header};

use crate::ask::FetchRow;
use crate::encode::Out;
use crate::encode::{
    Shape, binary_name, body, envelope, flags, internal_date, literal, number, section_name, string,
};
use crate::session::binary::{Binary, Located, Purpose};
use crate::session::decoder::Decoder;
use crate::session::selected::Selected;
use crate::types::{ContentRef, FetchItem, SectionName};

/// Octets in one read.
const PIECE: u64 = 256 * 1024;

/// Writes one row.
#[derive(Debug)]
pub(crate) struct RowWriter {
    row: FetchRow,
    /// Where more than the envelope is needed.
    summary: Option<Box<Summary>>,
    /// The envelope as it is written; empty where the summary is.
    envelope: Out,
    /// How many items are written.
    written: usize,
    opened: bool,
    /// FETCH changed the flags of the message.
    pub(crate) changed: bool,
    /// The client knows what IMAP4rev2 has.
    rev2: bool,
    transfer: Option<Transfer>,
    /// Boxed: most rows have none, and each row is moved.
    binary: Option<Box<Binary>>,
}

/// What of a row's summary is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    Nothing,
    /// The fields of the header.
    Fields,
    /// The tree of parts, too.
    All,
}

/// What the writer needs to go on.
pub(crate) enum Next {
    /// A piece of the content.
    Read {
        content: ContentRef,
        offset: u64,
        length: u32,
    },
    /// Nothing: the row is written.
    Done,
}

/// A section whose octets are being read.
#[derive(Debug)]
struct Transfer {
    at: u64,
    end: u64,
    /// A header that is gathered so that fields can be selected.
    gathered: Option<Vec<u8>>,
    /// Its literal has been announced.
    announced: bool,
}

impl RowWriter {
    /// `None` if a summary is needed and cannot be read. The buffer is one of a row before, to be used again.
    pub(crate) fn new(
        row: FetchRow,
        needs: Needs,
        (changed, rev2): (bool, bool),
        mut buffer: Out,
    ) -> Option<Self> {
        buffer.clear();
        let mut summary = None;
        match needs {
            Needs::Nothing => {}
            // Known to be whole before any of the row is written.
            Needs::Fields => envelope(&mut buffer, EnvelopeView::of(&row.summary).ok()?),
            Needs::All => summary = Some(Box::new(Summary::decode(&row.summary).ok()?)),
        }
        Some(Self {
            row,
            summary,
            envelope: buffer,
            written: 0,
            opened: false,
            changed,
            rev2,
            transfer: None,
            binary: None,
        })
    }

    /// The buffer, once the row is written.
    pub(crate) fn into_buffer(self) -> Out {
        self.envelope
    }

    /// Writes until something has to be read.
    pub(crate) fn go_on(
        &mut self,
        out: &mut Out,
        items: &[FetchItem],
        selected: &mut Selected,
    ) -> Next {
        if !self.opened {
            if !selected.uids.contains(self.row.uid) {
                return Next::Done;
            }
            self.opened = true;
            if items.contains(&FetchItem::Flags) {
                selected.announce(out, self.row.flags.keywords());
            }
            selected.begin_fetch(out, self.row.uid);
        }
        loop {
            let Some(item) = items.get(self.written) else {
                out.extend_from_slice(b")\r\n");
                return Next::Done;
            };
            if let Some(transfer) = &self.transfer {
                if transfer.at < transfer.end {
                    return self.read();
                }
                self.finish(out, item);
                continue;
            }
            if let Some(binary) = &mut self.binary {
                if let Some((offset, length)) = binary.wanted() {
                    let content = self.row.content;
                    return Next::Read {
                        content,
                        offset,
                        length,
                    };
                }
                if binary.turn(out) {
                    self.binary = None;
                    self.written += 1;
                }
                continue;
            }
            if self.written > 0 {
                out.push(b' ');
            }
            match item {
                FetchItem::Section {
                    section,
                    partial,
                    name,
                    ..
                } => self.section(out, section, *partial, *name),
                FetchItem::Binary { path, partial, .. } => {
                    binary_name(out, "BINARY", path, partial.map(|(origin, _)| origin));
                    self.binary(out, path, Purpose::Content(*partial));
                }
                FetchItem::BinarySize { path } => {
                    binary_name(out, "BINARY.SIZE", path, None);
                    self.binary(out, path, Purpose::Size);
                }
                plain => self.plain(out, plain, selected),
            }
        }
    }

    /// Takes a piece that was read; `false` if it is shorter than what was promised to the client.
    pub(crate) fn take(&mut self, out: &mut Out, data: &Bytes) -> bool {
        if let Some(binary) = &mut self.binary {
            let wanted = binary.wanted().map_or(0, |(_, length)| length as usize);
            let piece = data.get(..wanted);
            if let Some(piece) = piece {
                binary.take(out, piece);
            }
            return piece.is_some();
        }
        let Some(transfer) = &mut self.transfer else {
            return false;
        };
        let left = transfer.end - transfer.at;
        let wanted = usize::try_from(left.min(PIECE)).unwrap_or(usize::MAX);
        let Some(piece) = data.get(..wanted) else {
            return false;
        };
        transfer.at += piece.len() as u64;
        match &mut transfer.gathered {
            Some(gathered) => gathered.extend_from_slice(piece),
            None => {
                if !transfer.announced {
                    literal(out, left);
                    transfer.announced = true;
                }
                out.extend_from_slice(piece);
            }
        }
        true
    }

    /// The octets cannot be read: NIL instead; `false` if it is too late for that.
    pub(crate) fn give_up(&mut self, out: &mut Out) -> bool {
        let announced = match (&self.transfer, &self.binary) {
            (Some(transfer), _) => transfer.announced,
            (None, binary) => binary.as_deref().is_none_or(Binary::is_announced),
        };
        let nothing = self.binary.as_deref().map_or(&b"NIL"[..], Binary::nothing);
        (self.transfer, self.binary) = (None, None);
        if !announced {
            out.extend_from_slice(nothing);
            self.written += 1;
        }
        !announced
    }

    fn read(&self) -> Next {
        let (at, end) = self
            .transfer
            .as_ref()
            .map_or((0, 0), |transfer| (transfer.at, transfer.end));
        let length = u32::try_from((end - at).min(PIECE)).unwrap_or(0);
        Next::Read {
            content: self.row.content,
            offset: at,
            length,
        }
    }

    /// All octets of a section are read.
    fn finish(&mut self, out: &mut Out, item: &FetchItem) {
        if let Some(Transfer {
            gathered: Some(gathered),
            ..
        }) = self.transfer.take()
            && let FetchItem::Section {
                section, partial, ..
            } = item
        {
            selected_fields(out, &gathered, section, *partial);
        }
        self.written += 1;
    }

    fn plain(&mut self, out: &mut Out, item: &FetchItem, selected: &mut Selected) {
        match (item, &self.summary) {
            (FetchItem::Uid, _) => {
                out.extend_from_slice(b"UID ");
                number(out, self.row.uid);
            }
            (FetchItem::Flags, _) => {
                out.extend_from_slice(b"FLAGS ");
                flags(out, &self.row.flags, selected.recent.contains(self.row.uid));
            }
            (FetchItem::ModSeq, _) => selected.show_modseq(out, self.row.modseq),
            (FetchItem::InternalDate, _) => {
                out.extend_from_slice(b"INTERNALDATE ");
                internal_date(out, self.row.internal_date);
            }
            (FetchItem::Size, _) => {
                out.extend_from_slice(b"RFC822.SIZE ");
                number(out, self.row.size);
            }
            (FetchItem::SaveDate, _) => {
                out.extend_from_slice(b"SAVEDATE ");
                internal_date(out, self.row.saved);
            }
            (FetchItem::EmailId, _) => {
                out.extend_from_slice(format!("EMAILID ({})", self.row.email).as_bytes());
            }
            (FetchItem::ThreadId, _) => {
                out.extend_from_slice(format!("THREADID ({})", self.row.thread).as_bytes());
            }
            (FetchItem::Preview, Some(summary)) => {
                // RFC 8970 §3.2: an empty string, and not NIL, if there is nothing to show.
                out.extend_from_slice(b"PREVIEW ");
                string(out, summary.preview.as_bytes());
            }
            (FetchItem::Envelope, summary) => {
                out.extend_from_slice(b"ENVELOPE ");
                match summary {
                    Some(summary) => envelope(out, (&summary.envelope).into()),
                    None => out.extend_from_slice(&self.envelope),
                }
            }
            (FetchItem::Body, Some(summary)) => {
                out.extend_from_slice(b"BODY ");
                body(out, &summary.root, self.shape(false));
            }
            (FetchItem::BodyStructure, Some(summary)) => {
                out.extend_from_slice(b"BODYSTRUCTURE ");
                body(out, &summary.root, self.shape(true));
            }
            _ => {}
        }
        self.written += 1;
    }

    fn shape(&self, extended: bool) -> Shape {
        Shape {
            extended,
            global: self.rev2,
        }
    }

    /// Writes a section if its octets came with the row; otherwise begins to read them.
    fn section(
        &mut self,
        out: &mut Out,
        section: &Section,
        partial: Option<(u64, u64)>,
        name: SectionName,
    ) {
        section_name(out, name, section, partial.map(|(origin, _)| origin));
        out.push(b' ');
        let Some((start, end, filter)) = self.locate(section) else {
            out.extend_from_slice(b"NIL");
            self.written += 1;
            return;
        };
        if filter {
            match self.head(start, end) {
                Some(octets) => {
                    selected_fields(out, octets, section, partial);
                    self.written += 1;
                }
                None => {
                    self.transfer = Some(Transfer {
                        at: start,
                        end,
                        gathered: Some(Vec::new()),
                        announced: false,
                    });
                }
            }
            return;
        }
        let (start, end) = clip(start, end, partial);
        match self.head(start, end) {
            Some(octets) => {
                content(out, octets);
                self.written += 1;
            }
            None => {
                self.transfer = Some(Transfer {
                    at: start,
                    end,
                    gathered: None,
                    announced: false,
                });
            }
        }
    }

    /// Writes a part without its transfer encoding if its octets came with the row; otherwise begins to read them.
    fn binary(&mut self, out: &mut Out, path: &[u32], purpose: Purpose) {
        out.push(b' ');
        let found = self.locate_part(path).and_then(|located| {
            let (start, end) = (located.start, located.end);
            Some((Binary::new(located, purpose)?, start, end))
        });
        let Some((mut binary, start, end)) = found else {
            out.extend_from_slice(purpose.nothing());
            self.written += 1;
            return;
        };
        let Some(octets) = self.head(start, end) else {
            self.binary = Some(Box::new(binary));
            return;
        };
        loop {
            binary.take(out, octets);
            if binary.turn(out) {
                break;
            }
        }
        self.written += 1;
    }

    /// The transfer encoding of a part and its range. What holds other parts, and the message as a whole, have none.
    fn locate_part(&self, path: &[u32]) -> Option<Located<'_>> {
        if path.is_empty() {
            return Some(Located {
                encoding: "",
                text: false,
                start: 0,
                end: self.row.size,
            });
        }
        let part = self.summary.as_ref()?.root.find(path)?;
        let end = u64::from(part.body.end).min(self.row.size);
        Some(Located {
            encoding: match part.content {
                Body::Leaf => part.encoding.as_str(),
                Body::Multipart(_) | Body::Message { .. } => "",
            },
            text: part.media_type.eq_ignore_ascii_case("text"),
            start: u64::from(part.body.start).min(end),
            end,
        })
    }

    /// Whether every part that is to be decoded has an encoding that is known.
    pub(crate) fn can_decode(&self, items: &[FetchItem]) -> bool {
        items.iter().all(|item| match item {
            FetchItem::Binary { path, .. } | FetchItem::BinarySize { path } => self
                .locate_part(path)
                .is_none_or(|located| Decoder::new(located.encoding).is_some()),
            _ => true,
        })
    }

    /// The range of a section, and whether fields are to be selected of it.
    fn locate(&self, section: &Section) -> Option<(u64, u64, bool)> {
        if section.path.is_empty() && section.text == SectionText::All {
            return Some((0, self.row.size, false));
        }
        let located = self.summary.as_ref()?.locate(section)?;
        let Span { start, end } = located.span;
        let end = u64::from(end).min(self.row.size);
        Some((u64::from(start).min(end), end, located.filter))
    }

    /// The range, if it is empty or came with the row.
    fn head(&self, start: u64, end: u64) -> Option<&[u8]> {
        if start >= end {
            return Some(&[]);
        }
        self.row
            .head
            .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}

/// The part of a range that `<origin.length>` names (RFC 3501 §6.4.5: beyond the end it is empty).
fn clip(start: u64, end: u64, partial: Option<(u64, u64)>) -> (u64, u64) {
    match partial {
        None => (start, end),
        Some((origin, length)) => {
            let first = start.saturating_add(origin).min(end);
            (first, first.saturating_add(length).min(end))
        }
    }
}

fn selected_fields(out: &mut Out, octets: &[u8], section: &Section, partial: Option<(u64, u64)>) {
    let SectionText::HeaderFields { names, not } = &section.text else {
        return out.extend_from_slice(b"NIL");
    };
    let fields = header::select(octets, names, *not);
    let (first, last) = clip(0, fields.len() as u64, partial);
    let range = usize::try_from(first).unwrap_or(0)..usize::try_from(last).unwrap_or(0);
    content(out, fields.get(range).unwrap_or_default());
}

/// Message content: a literal, but for none at all.
fn content(out: &mut Out, octets: &[u8]) {
    if octets.is_empty() {
        string(out, b"");
    } else {
        literal(out, octets.len() as u64);
        out.extend_from_slice(octets);
    }
}
