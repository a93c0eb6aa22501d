//! FETCH items (RFC 3501 §6.4.5).

use waxwing_message::{Section, SectionText};

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{FetchItem, SectionName};

/// Items, and field names in one item, that are taken.
const MAX_ITEMS: usize = 64;
/// Field names in one HEADER.FIELDS.
const MAX_FIELDS: usize = 256;
/// Part numbers in one section; deeper than any message is looked into.
const MAX_PATH: usize = 64;

impl Parser<'_> {
    /// What follows the sequence set: a macro, an item, or a list of items.
    pub(crate) fn fetch_items(&mut self) -> Result<Vec<FetchItem>, SyntaxError> {
        use FetchItem::{Body, Envelope, Flags, InternalDate, Size};
        if self.accept_word("ALL") {
            return Ok(vec![Flags, InternalDate, Size, Envelope]);
        }
        if self.accept_word("FAST") {
            return Ok(vec![Flags, InternalDate, Size]);
        }
        if self.accept_word("FULL") {
            return Ok(vec![Flags, InternalDate, Size, Envelope, Body]);
        }
        if self.peek() == Some(b'(') {
            let items = self.list(MAX_ITEMS, Self::fetch_item)?;
            return if items.is_empty() {
                Err(SyntaxError::Expected("a FETCH item"))
            } else {
                Ok(items)
            };
        }
        Ok(vec![self.fetch_item()?])
    }

    /// `fetch-att *(SP fetch-att) ")"`: a list whose parenthesis is taken already.
    pub(super) fn rest_of_fetch_items(&mut self) -> Result<Vec<FetchItem>, SyntaxError> {
        let mut items = Vec::new();
        loop {
            if items.len() >= MAX_ITEMS {
                return Err(SyntaxError::TooMany);
            }
            items.push(self.fetch_item()?);
            if self.accept(b')') {
                return Ok(items);
            }
            self.space()?;
        }
    }

    fn fetch_item(&mut self) -> Result<FetchItem, SyntaxError> {
        for (peek, prefix) in [(true, "BODY.PEEK["), (false, "BODY[")] {
            if self.accept_prefix(prefix) {
                let section = self.section()?;
                let partial = self.partial()?;
                return Ok(FetchItem::Section {
                    section,
                    partial,
                    peek,
                    name: SectionName::Body,
                });
            }
        }
        if let Some(item) = self.binary()? {
            return Ok(item);
        }
        let whole = |text, peek, name| FetchItem::Section {
            section: Section {
                path: Vec::new(),
                text,
            },
            partial: None,
            peek,
            name,
        };
        let name = self
            .atom()
            .map_err(|_| SyntaxError::Expected("a FETCH item"))?;
        Ok(match name.to_ascii_uppercase().as_str() {
            "UID" => FetchItem::Uid,
            "FLAGS" => FetchItem::Flags,
            "INTERNALDATE" => FetchItem::InternalDate,
            "RFC822.SIZE" => FetchItem::Size,
            "ENVELOPE" => FetchItem::Envelope,
            "BODY" => FetchItem::Body,
            "MODSEQ" => FetchItem::ModSeq,
            "BODYSTRUCTURE" => FetchItem::BodyStructure,
            "PREVIEW" => self.preview()?,
            "SAVEDATE" => FetchItem::SaveDate,
            "EMAILID" => FetchItem::EmailId,
            "THREADID" => FetchItem::ThreadId,
            "RFC822" => whole(SectionText::All, false, SectionName::Rfc822),
            // RFC 3501 §6.4.5: RFC822.HEADER does not set \Seen, RFC822.TEXT does.
            "RFC822.HEADER" => whole(SectionText::Header, true, SectionName::Rfc822Header),
            "RFC822.TEXT" => whole(SectionText::Text, false, SectionName::Rfc822Text),
            _ => return Err(SyntaxError::Expected("a FETCH item")),
        })
    }

    /// `"BINARY" [".PEEK"] section-binary [partial]`, `"BINARY.SIZE" section-binary`
    fn binary(&mut self) -> Result<Option<FetchItem>, SyntaxError> {
        if self.accept_prefix("BINARY.SIZE[") {
            let path = self.section_binary()?;
            return Ok(Some(FetchItem::BinarySize { path }));
        }
        for (peek, prefix) in [(true, "BINARY.PEEK["), (false, "BINARY[")] {
            if self.accept_prefix(prefix) {
                let path = self.section_binary()?;
                let partial = self.partial()?;
                return Ok(Some(FetchItem::Binary {
                    path,
                    partial,
                    peek,
                }));
            }
        }
        Ok(None)
    }

    /// `[section-part] "]"`
    fn section_binary(&mut self) -> Result<Vec<u32>, SyntaxError> {
        let mut path = Vec::new();
        if self.accept(b']') {
            return Ok(path);
        }
        loop {
            if path.len() >= MAX_PATH {
                return Err(SyntaxError::TooDeep);
            }
            path.push(self.nz_number()?);
            if !self.accept(b'.') {
                self.expect(b']', "]")?;
                return Ok(path);
            }
        }
    }

    /// `["(" preview-mod *(SP preview-mod) ")"]` behind PREVIEW.
    fn preview(&mut self) -> Result<FetchItem, SyntaxError> {
        if !self.accept_prefix(" (") {
            return Ok(FetchItem::Preview);
        }
        // RFC 8970 §4.1: LAZY asks for no more than is at hand, and every preview is.
        while self.accept_word("LAZY") {
            if self.accept(b')') {
                return Ok(FetchItem::Preview);
            }
            self.space()?;
        }
        Err(SyntaxError::Expected("LAZY"))
    }

    /// `section-spec` up to and with the closing bracket.
    pub(super) fn section(&mut self) -> Result<Section, SyntaxError> {
        let mut path = Vec::new();
        while self.peek().is_some_and(|octet| octet.is_ascii_digit()) {
            if path.len() >= MAX_PATH {
                return Err(SyntaxError::TooDeep);
            }
            path.push(self.nz_number()?);
            if !self.accept(b'.') {
                self.expect(b']', "]")?;
                return Ok(Section {
                    path,
                    text: SectionText::All,
                });
            }
        }
        if path.is_empty() && self.accept(b']') {
            return Ok(Section::default());
        }
        let text = self.section_text(!path.is_empty())?;
        self.expect(b']', "]")?;
        Ok(Section { path, text })
    }

    fn section_text(&mut self, in_part: bool) -> Result<SectionText, SyntaxError> {
        for (not, prefix) in [(true, "HEADER.FIELDS.NOT"), (false, "HEADER.FIELDS")] {
            if self.accept_prefix(prefix) {
                self.space()?;
                let names = self.list(MAX_FIELDS, Self::text)?;
                if names.is_empty() {
                    return Err(SyntaxError::Expected("a field name"));
                }
                return Ok(SectionText::HeaderFields { names, not });
            }
        }
        if self.accept_prefix("HEADER") {
            Ok(SectionText::Header)
        } else if self.accept_prefix("TEXT") {
            Ok(SectionText::Text)
        } else if in_part && self.accept_prefix("MIME") {
            Ok(SectionText::Mime)
        } else {
            Err(SyntaxError::Expected("a section"))
        }
    }

    /// `"<" number "." nz-number ">"`
    fn partial(&mut self) -> Result<Option<(u64, u64)>, SyntaxError> {
        if !self.accept(b'<') {
            return Ok(None);
        }
        // RFC 9051 §9: 63 bits.
        let first = self.number64()?;
        self.expect(b'.', "a number of octets")?;
        let length = self.number64()?;
        if length == 0 {
            return Err(SyntaxError::Expected("a number above 0"));
        }
        self.expect(b'>', ">")?;
        Ok(Some((first, length)))
    }
}
