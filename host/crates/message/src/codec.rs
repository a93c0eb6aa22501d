//! The summary as compact octets for the store: a version, then numbers as base-128 varints and strings with their
//! length. Strings that most mail has are one octet.
//!
//! Invariants: `decode(encode(x)) == x`; any octets decode to a summary or to an error, in bounded memory.

use crate::summary::{AddressItem, Body, Envelope, Param, Part, Sent, Span, Summary};
use crate::view::AddressView;

/// The first octet.
const VERSION: u8 = 2;
/// Parts inside one another that are read; more than are ever written.
const MAX_DEPTH: usize = 80;

/// Strings with a number instead of octets. Append only.
const COMMON: &[&str] = &[
    "text",
    "plain",
    "html",
    "multipart",
    "alternative",
    "mixed",
    "related",
    "signed",
    "report",
    "application",
    "octet-stream",
    "image",
    "jpeg",
    "png",
    "gif",
    "message",
    "rfc822",
    "charset",
    "us-ascii",
    "utf-8",
    "iso-8859-1",
    "windows-1252",
    "boundary",
    "format",
    "flowed",
    "delsp",
    "name",
    "filename",
    "7bit",
    "8bit",
    "binary",
    "quoted-printable",
    "base64",
    "attachment",
    "inline",
    "pdf",
    "UTF-8",
    "US-ASCII",
    "ISO-8859-1",
    "type",
    "size",
];

/// Why octets are no summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by another version: read the message again.
    #[error("the summary has version {0}")]
    Version(u8),
    /// The octets end early, or do not make sense.
    #[error("the summary is damaged")]
    Damaged,
}

impl Summary {
    /// The summary as octets.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(512));
        out.0.push(VERSION);
        out.number(self.size);
        out.envelope(&self.envelope);
        out.octets(&self.references);
        out.part(&self.root);
        out.octets(self.preview.as_bytes());
        out.0
    }

    /// The summary of which `octets` are the encoding.
    ///
    /// # Errors
    /// Another version, or damage; then the message itself has to be read again.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let (fields, mut rest) = Self::begin(octets)?;
        Ok(Self {
            root: rest.part(0)?,
            preview: rest.string()?,
            ..fields
        })
    }

    /// The same without the tree of parts and the preview, which are empty in it: for those who look at fields only.
    ///
    /// # Errors
    /// As [`Self::decode`], as far as it is looked at.
    pub fn decode_fields(octets: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self::begin(octets)?.0)
    }

    /// The fields, and what is behind them.
    fn begin(octets: &[u8]) -> Result<(Self, Reader<'_>), DecodeError> {
        let (size, mut reader) = Reader::begin(octets)?;
        let fields = Self {
            size,
            envelope: reader.envelope()?,
            references: reader.octets()?.to_vec(),
            root: Part::default(),
            preview: String::new(),
        };
        Ok((fields, reader))
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: impl Into<u64>) {
        let mut rest: u64 = number.into();
        while rest >= 128 {
            self.0.push(rest.to_le_bytes()[0] | 128);
            rest >>= 7;
        }
        self.0.push(rest.to_le_bytes()[0]);
    }

    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn octets(&mut self, octets: &[u8]) {
        let common = COMMON.iter().position(|word| word.as_bytes() == octets);
        match common {
            Some(index) => self.number(index as u64 * 2 + 1),
            None => {
                self.number(octets.len() as u64 * 2);
                self.0.extend_from_slice(octets);
            }
        }
    }

    /// Absent, or octets.
    fn optional(&mut self, octets: Option<&Vec<u8>>) {
        self.number(u32::from(octets.is_some()));
        if let Some(octets) = octets {
            self.octets(octets);
        }
    }

    fn envelope(&mut self, envelope: &Envelope) {
        self.optional(envelope.date.as_ref());
        match envelope.sent {
            None => self.number(0u32),
            Some(sent) => {
                self.number(1u32);
                self.signed(sent.timestamp);
                self.signed(i64::from(sent.offset));
            }
        }
        self.optional(envelope.subject.as_ref());
        for list in lists(envelope) {
            self.number(list.len() as u64);
            for item in list {
                self.address(item);
            }
        }
        self.optional(envelope.in_reply_to.as_ref());
        self.optional(envelope.message_id.as_ref());
    }

    fn address(&mut self, item: &AddressItem) {
        match item {
            AddressItem::Mailbox {
                name,
                route,
                local,
                domain,
            } => {
                // Nobody writes source routes any more: those that have one are a kind of their own.
                self.number(if route.is_empty() { 0u32 } else { 3u32 });
                if !route.is_empty() {
                    self.octets(route.as_bytes());
                }
                self.octets(name.as_bytes());
                self.octets(local.as_bytes());
                self.octets(domain.as_bytes());
            }
            AddressItem::GroupStart(name) => {
                self.number(1u32);
                self.octets(name.as_bytes());
            }
            AddressItem::GroupEnd => self.number(2u32),
        }
    }

    fn params(&mut self, params: &[Param]) {
        self.number(params.len() as u64);
        for param in params {
            self.octets(param.name.as_bytes());
            self.octets(param.value.as_bytes());
        }
    }

    fn part(&mut self, part: &Part) {
        // A body follows its header, so three numbers make two spans.
        self.number(part.header.start);
        self.number(part.header.len());
        self.number(part.body.len());
        self.number(part.lines);
        self.octets(part.media_type.as_bytes());
        self.octets(part.media_subtype.as_bytes());
        self.params(&part.params);
        self.octets(&part.id);
        self.octets(&part.description);
        self.octets(part.encoding.as_bytes());
        self.octets(&part.md5);
        self.octets(part.disposition.as_bytes());
        self.params(&part.disposition_params);
        self.number(part.languages.len() as u64);
        for language in &part.languages {
            self.octets(language.as_bytes());
        }
        self.octets(&part.location);
        match &part.content {
            Body::Leaf => self.number(0u32),
            Body::Multipart(parts) => {
                self.number(1u32);
                self.number(parts.len() as u64);
                for child in parts {
                    self.part(child);
                }
            }
            Body::Message { envelope, part } => {
                self.number(2u32);
                self.envelope(envelope);
                self.part(part);
            }
        }
    }
}

fn lists(envelope: &Envelope) -> [&Vec<AddressItem>; 6] {
    let e = envelope;
    [&e.from, &e.sender, &e.reply_to, &e.to, &e.cc, &e.bcc]
}

/// Reads what [`Writer`] wrote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// At the envelope of a summary; the size of the message is before it.
    pub(crate) fn begin(octets: &'a [u8]) -> Result<(u32, Self), DecodeError> {
        let (&version, rest) = octets.split_first().ok_or(DecodeError::Damaged)?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let mut reader = Self(rest);
        Ok((reader.number()?, reader))
    }

    fn long(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (&octet, rest) = self.0.split_first().ok_or(DecodeError::Damaged)?;
            self.0 = rest;
            number |= u64::from(octet & 127) << shift;
            if octet < 128 {
                return Ok(number);
            }
        }
        Err(DecodeError::Damaged)
    }

    fn number(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.long()?).map_err(|_| DecodeError::Damaged)
    }

    /// A number of elements, each of which takes at least an octet.
    pub(crate) fn count(&mut self) -> Result<usize, DecodeError> {
        let count = self.number()? as usize;
        if count > self.0.len() {
            return Err(DecodeError::Damaged);
        }
        Ok(count)
    }

    fn signed(&mut self) -> Result<i64, DecodeError> {
        let number = self.long()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn octets(&mut self) -> Result<&'a [u8], DecodeError> {
        let head = self.number()? as usize;
        if head % 2 == 1 {
            let word = COMMON.get(head / 2).ok_or(DecodeError::Damaged)?;
            return Ok(word.as_bytes());
        }
        let (octets, rest) = self
            .0
            .split_at_checked(head / 2)
            .ok_or(DecodeError::Damaged)?;
        self.0 = rest;
        Ok(octets)
    }

    fn text(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.octets()?).map_err(|_| DecodeError::Damaged)
    }

    fn string(&mut self) -> Result<String, DecodeError> {
        self.text().map(str::to_owned)
    }

    fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.count()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn envelope(&mut self) -> Result<Envelope, DecodeError> {
        Ok(Envelope {
            date: self.optional()?.map(<[u8]>::to_vec),
            sent: self.sent()?,
            subject: self.optional()?.map(<[u8]>::to_vec),
            from: self.list(Self::item)?,
            sender: self.list(Self::item)?,
            reply_to: self.list(Self::item)?,
            to: self.list(Self::item)?,
            cc: self.list(Self::item)?,
            bcc: self.list(Self::item)?,
            in_reply_to: self.optional()?.map(<[u8]>::to_vec),
            message_id: self.optional()?.map(<[u8]>::to_vec),
        })
    }

    pub(crate) fn optional(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        if self.number()? == 0 {
            return Ok(None);
        }
        self.octets().map(Some)
    }

    pub(crate) fn sent(&mut self) -> Result<Option<Sent>, DecodeError> {
        if self.number()? == 0 {
            return Ok(None);
        }
        Ok(Some(Sent {
            timestamp: self.signed()?,
            offset: i16::try_from(self.signed()?).map_err(|_| DecodeError::Damaged)?,
        }))
    }

    pub(crate) fn address(&mut self) -> Result<AddressView<'a>, DecodeError> {
        match self.number()? {
            kind @ (0 | 3) => Ok(AddressView::Mailbox {
                route: if kind == 3 { self.text()? } else { "" },
                name: self.text()?,
                local: self.text()?,
                domain: self.text()?,
            }),
            1 => Ok(AddressView::GroupStart(self.text()?)),
            2 => Ok(AddressView::GroupEnd),
            _ => Err(DecodeError::Damaged),
        }
    }

    fn item(&mut self) -> Result<AddressItem, DecodeError> {
        self.address().map(AddressItem::from)
    }

    fn param(&mut self) -> Result<Param, DecodeError> {
        Ok(Param {
            name: self.string()?,
            value: self.string()?,
        })
    }

    fn spans(&mut self) -> Result<(Span, Span), DecodeError> {
        let start = self.number()?;
        let border = start
            .checked_add(self.number()?)
            .ok_or(DecodeError::Damaged)?;
        let end = border
            .checked_add(self.number()?)
            .ok_or(DecodeError::Damaged)?;
        Ok((Span { start, end: border }, Span { start: border, end }))
    }

    fn part(&mut self, depth: usize) -> Result<Part, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::Damaged);
        }
        let (header, body) = self.spans()?;
        Ok(Part {
            header,
            body,
            lines: self.number()?,
            media_type: self.string()?,
            media_subtype: self.string()?,
            params: self.list(Self::param)?,
            id: self.octets()?.to_vec(),
            description: self.octets()?.to_vec(),
            encoding: self.string()?,
            md5: self.octets()?.to_vec(),
            disposition: self.string()?,
            disposition_params: self.list(Self::param)?,
            languages: self.list(Self::string)?,
            location: self.octets()?.to_vec(),
            content: self.content(depth)?,
        })
    }

    fn content(&mut self, depth: usize) -> Result<Body, DecodeError> {
        match self.number()? {
            0 => Ok(Body::Leaf),
            1 => Ok(Body::Multipart(self.list(|reader| reader.part(depth + 1))?)),
            2 => Ok(Body::Message {
                envelope: Box::new(self.envelope()?),
                part: Box::new(self.part(depth + 1)?),
            }),
            _ => Err(DecodeError::Damaged),
        }
    }
}
