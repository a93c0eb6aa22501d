//! The pretended server's message: the world's content, parsed anew at each call, and pattern sets over it.

use super::world::world;
use crate::bindings::imports::message::{Header, Hit, Scope, Url};
use mail_parser::{MessageParser, MimeHeaders as _};
use regex::bytes::{Regex, RegexBuilder};
use std::cell::RefCell;

/// The message of the world.
#[derive(Debug)]
pub struct Message(pub(super) ());

/// A part of it, by its number.
#[derive(Debug)]
pub struct Part(u32);

fn content() -> Vec<u8> {
    world(|world| world.content.clone())
}

fn parsed<R>(visit: impl FnOnce(&mail_parser::Message<'_>) -> R, otherwise: R) -> R {
    let content = content();
    match MessageParser::default().parse(&content) {
        Some(message) => visit(&message),
        None => otherwise,
    }
}

/// Unfolded and RFC 2047-decoded, as the parser decodes a subject.
fn decoded(raw: &str) -> String {
    let unfolded: String = raw.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let alone = format!("Subject: {}\r\n\r\n", unfolded.trim());
    let subject = MessageParser::default()
        .parse(alone.as_bytes())
        .and_then(|message| message.subject().map(str::to_owned));
    subject.unwrap_or_else(|| unfolded.trim().to_owned())
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn cut(mut text: String, max: u32) -> String {
    let mut end = text.len().min(max as usize);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn slice(bytes: &[u8], offset: u64, length: u32) -> Vec<u8> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    bytes
        .iter()
        .skip(offset)
        .take(length as usize)
        .copied()
        .collect()
}

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/message.wit")]
impl Message {
    pub fn size(&self) -> u64 {
        world(|world| world.content.len() as u64)
    }

    pub fn body_offset(&self) -> u64 {
        parsed(|message| u64::from(message.root_part().offset_body), 0)
    }

    pub fn header_count(&self) -> u32 {
        number(self.all_headers().len())
    }

    pub fn header_at(&self, index: u32) -> Option<Header> {
        self.all_headers().into_iter().nth(index as usize)
    }

    pub fn headers(&self, name: &str) -> Vec<Header> {
        self.all_headers()
            .into_iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name))
            .take(100)
            .collect()
    }

    pub fn first(&self, name: &str) -> Option<String> {
        self.headers(name)
            .into_iter()
            .next()
            .map(|header| header.value)
    }

    pub fn has(&self, names: &[String]) -> Vec<bool> {
        let present = self.header_names();
        let has = |name: &String| present.iter().any(|field| field.eq_ignore_ascii_case(name));
        names.iter().map(has).collect()
    }

    pub fn raw_header(&self, index: u32) -> Option<Vec<u8>> {
        parsed(
            |message| {
                message
                    .headers_raw()
                    .nth(index as usize)
                    .map(|(_, value)| value.as_bytes().to_vec())
            },
            None,
        )
    }

    pub fn header_names(&self) -> Vec<String> {
        self.all_headers()
            .into_iter()
            .map(|header| header.name)
            .collect()
    }

    pub fn subject(&self) -> String {
        self.first("Subject").unwrap_or_default()
    }

    pub fn from_addresses(&self) -> Vec<String> {
        parsed(
            |message| {
                let from = message
                    .from()
                    .into_iter()
                    .flat_map(mail_parser::Address::iter);
                from.filter_map(|address| address.address().map(str::to_owned))
                    .collect()
            },
            Vec::new(),
        )
    }

    pub fn message_id(&self) -> Option<String> {
        parsed(|message| message.message_id().map(str::to_owned), None)
    }

    pub fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        slice(&content(), offset, length)
    }

    pub fn part_count(&self) -> u32 {
        parsed(|message| number(message.parts.len()), 1)
    }

    pub fn part(&self, index: u32) -> Option<Part> {
        (index < self.part_count()).then_some(Part(index))
    }

    pub fn text(&self, max_bytes: u32) -> String {
        let text = parsed(
            |message| {
                let count = message.text_body_count();
                (0..count)
                    .filter_map(|index| message.body_text(index))
                    .collect::<Vec<_>>()
                    .join("\n")
            },
            String::new(),
        );
        cut(text, max_bytes)
    }

    pub fn urls(&self, max: u32) -> Vec<Url> {
        let html = self.html().join("\n");
        let text = format!("{}\n{html}", self.text(u32::MAX));
        let Ok(link) = regex::Regex::new(
            r#"(?i)\b([a-z][a-z0-9+.-]*)://([^\s/"'<>:@]+@)?([^\s/"'<>:?#]+)[^\s"'<>]*"#,
        ) else {
            return Vec::new();
        };
        let mut urls: Vec<Url> = Vec::new();
        for found in link.captures_iter(&text) {
            let part = |index: usize| {
                found
                    .get(index)
                    .map(|group| group.as_str())
                    .unwrap_or_default()
            };
            if !urls.iter().any(|known| known.text == part(0)) {
                urls.push(Url {
                    text: part(0).to_owned(),
                    scheme: part(1).to_lowercase(),
                    host: part(3).to_lowercase(),
                    anchor: None,
                    part: 0,
                });
            }
        }
        urls.truncate(max as usize);
        urls
    }

    pub fn search(&self, patterns: &PatternSet, per_pattern: u32) -> Vec<Hit> {
        patterns.search(per_pattern, |scope| self.texts(scope))
    }

    pub fn tokens(&self, max: u32) -> Vec<u64> {
        super::tokens::of(self, max as usize)
    }

    /// Not a digest: a stand-in that differs where contents differ in length or sum.
    pub fn sha256(&self) -> Vec<u8> {
        let content = content();
        let sum = content.iter().fold(content.len() as u64, |sum, byte| {
            sum.wrapping_mul(31) + u64::from(*byte)
        });
        sum.to_be_bytes().repeat(4)
    }

    fn all_headers(&self) -> Vec<Header> {
        parsed(
            |message| {
                let raw: Vec<(String, String)> = message
                    .headers_raw()
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                raw.into_iter()
                    .enumerate()
                    .map(|(index, (name, value))| Header {
                        index: number(index),
                        name,
                        value: decoded(&value),
                    })
                    .collect()
            },
            Vec::new(),
        )
    }

    fn html(&self) -> Vec<String> {
        parsed(
            |message| {
                let parts = message.parts.iter().filter(|part| part.is_text_html());
                parts
                    .filter_map(|part| part.text_contents().map(str::to_owned))
                    .collect()
            },
            Vec::new(),
        )
    }

    /// The texts of a scope.
    fn texts(&self, scope: &Scope) -> Vec<Vec<u8>> {
        let owned = |texts: Vec<String>| texts.into_iter().map(String::into_bytes).collect();
        match scope {
            Scope::Raw => vec![content()],
            Scope::Headers => {
                let line = |header: Header| format!("{}: {}", header.name, header.value);
                owned(self.all_headers().into_iter().map(line).collect())
            }
            Scope::Header(name) => owned(
                self.headers(name)
                    .into_iter()
                    .map(|header| header.value)
                    .collect(),
            ),
            Scope::Body => vec![slice(&content(), self.body_offset(), u32::MAX)],
            Scope::Text => owned(vec![self.text(u32::MAX)]),
            Scope::Html => owned(self.html()),
            Scope::Urls => owned(self.urls(1000).into_iter().map(|url| url.text).collect()),
            Scope::AttachmentNames => {
                let names = (0..self.part_count()).filter_map(|index| self.part(index)?.filename());
                owned(names.collect())
            }
            Scope::Value(_) => Vec::new(),
        }
    }
}

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/message.wit")]
impl Part {
    fn with<R>(&self, visit: impl FnOnce(&mail_parser::MessagePart<'_>) -> R, otherwise: R) -> R {
        let content = content();
        let message = MessageParser::default().parse(&content);
        match message.as_ref().and_then(|message| message.part(self.0)) {
            Some(part) => visit(part),
            None => otherwise,
        }
    }

    pub fn index(&self) -> u32 {
        self.0
    }

    pub fn parent(&self) -> Option<u32> {
        (self.0 > 0).then_some(0)
    }

    pub fn depth(&self) -> u32 {
        u32::from(self.0 > 0)
    }

    pub fn content_type(&self) -> String {
        let plain = || "text/plain".to_owned();
        self.with(
            |part| {
                part.content_type().map_or_else(plain, |of| {
                    format!("{}/{}", of.ctype(), of.subtype().unwrap_or("plain")).to_lowercase()
                })
            },
            plain(),
        )
    }

    pub fn content_type_param(&self, name: &str) -> Option<String> {
        self.with(
            |part| part.content_type()?.attribute(name).map(str::to_owned),
            None,
        )
    }

    pub fn disposition(&self) -> Option<String> {
        self.with(
            |part| {
                part.content_disposition()
                    .map(|of| of.ctype().to_lowercase())
            },
            None,
        )
    }

    pub fn filename(&self) -> Option<String> {
        self.with(|part| part.attachment_name().map(str::to_owned), None)
    }

    pub fn transfer_encoding(&self) -> String {
        let plain = "7bit".to_owned();
        self.with(
            |part| part.content_transfer_encoding().map(str::to_lowercase),
            None,
        )
        .unwrap_or(plain)
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.with(
            |part| {
                let header = part
                    .headers
                    .iter()
                    .find(|header| header.name().eq_ignore_ascii_case(name))?;
                header.value().as_text().map(str::to_owned)
            },
            None,
        )
    }

    pub fn raw_range(&self) -> (u64, u64) {
        self.with(
            |part| (u64::from(part.offset_body), u64::from(part.offset_end)),
            (0, 0),
        )
    }

    pub fn decoded_size(&self) -> u64 {
        self.with(|part| part.contents().len() as u64, 0)
    }

    pub fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        self.with(|part| slice(part.contents(), offset, length), Vec::new())
    }

    pub fn text(&self, max_bytes: u32) -> Option<String> {
        self.with(
            |part| {
                part.text_contents()
                    .map(|text| cut(text.to_owned(), max_bytes))
            },
            None,
        )
    }

    /// See [`Message::sha256`].
    pub fn sha256(&self) -> Vec<u8> {
        self.decoded_size().to_be_bytes().repeat(4)
    }
}

#[derive(Debug)]
struct Pattern {
    scope: Scope,
    regex: Regex,
}

/// A set of regular expressions.
#[derive(Debug, Default)]
pub struct PatternSet {
    patterns: RefCell<Vec<Pattern>>,
    compiled: RefCell<bool>,
}

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/message.wit")]
impl PatternSet {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&self, scope: &Scope, regex: &str, case_insensitive: bool) -> Result<u32, String> {
        let regex = RegexBuilder::new(regex)
            .case_insensitive(case_insensitive)
            .build()
            .map_err(|error| error.to_string())?;
        let mut patterns = self.patterns.borrow_mut();
        patterns.push(Pattern {
            scope: scope.clone(),
            regex,
        });
        Ok(number(patterns.len() - 1))
    }

    pub fn compile(&self) -> Result<(), String> {
        *self.compiled.borrow_mut() = true;
        Ok(())
    }

    pub fn search_value(&self, name: &str, text: &str) -> Vec<Hit> {
        self.search(1, |scope| match scope {
            Scope::Value(of) if of == name => vec![text.as_bytes().to_vec()],
            _ => Vec::new(),
        })
    }

    fn search(&self, per_pattern: u32, texts: impl Fn(&Scope) -> Vec<Vec<u8>>) -> Vec<Hit> {
        let mut hits = Vec::new();
        if !*self.compiled.borrow() {
            return hits;
        }
        for (index, pattern) in self.patterns.borrow().iter().enumerate() {
            let texts = texts(&pattern.scope);
            let found = texts.iter().flat_map(|text| pattern.regex.find_iter(text));
            hits.extend(found.take(per_pattern as usize).map(|found| Hit {
                pattern: number(index),
                offset: found.start() as u64,
                length: number(found.len()),
                excerpt: cut(String::from_utf8_lossy(found.as_bytes()).into_owned(), 128),
            }));
        }
        hits
    }
}
