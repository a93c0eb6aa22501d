//! The message as policy leaves it: header edits, and the fields that tell its score.
//!
//! Standards: RFC 5322 §2.2.3 (folding), RFC 2047 (what is not ASCII), RFC 6532 (UTF-8 as it is).
//!
//! Invariants: the body is never touched; what no edit names keeps its octets; a value cannot start a field of its own.

use std::fmt::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use waxwing_message::header;

use crate::outcome::{HeaderEdit, MessageOutcome, SubmitOutcome, Verdict};

/// The field with the score.
pub const SCORE_FIELD: &str = "X-Waxwing-Score";
/// The field with verdict and findings.
pub const VERDICT_FIELD: &str = "X-Waxwing-Verdict";

/// Octets of a line before it is folded (RFC 5322 §2.1.1).
const LINE: usize = 78;
/// Octets of an encoded word (RFC 2047 §2), less its frame `=?utf-8?B?…?=`, as octets before base64.
const WORD: usize = 39;

/// A message in two pieces: fields to put on top, and the rest, which is the content itself wherever nothing in it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Whole fields with their line ends.
    pub top: String,
    /// The message below them.
    pub rest: Bytes,
}

impl MessageOutcome {
    /// Applies the edits to `content` and tells the score and `verdict` on top, if the message was scored. Fields of those
    /// names that came in are removed: nobody else's word about the score is passed on.
    #[must_use]
    pub fn rewrite(&self, content: &Bytes, verdict: &Verdict, smtputf8: bool) -> Rewritten {
        let mut header = Header::read(content);
        header.remove_all(SCORE_FIELD);
        header.remove_all(VERDICT_FIELD);
        for edit in &self.edits {
            header.apply(edit);
        }
        let mut top = String::new();
        if self.scored {
            push_field(&mut top, SCORE_FIELD, &number(self.score), smtputf8);
            push_field(
                &mut top,
                VERDICT_FIELD,
                &self.verdict_value(verdict),
                smtputf8,
            );
        }
        for (name, value) in &header.added {
            push_field(&mut top, name, value, smtputf8);
        }
        let rest = header.write(content, smtputf8);
        Rewritten { top, rest }
    }

    fn verdict_value(&self, verdict: &Verdict) -> String {
        let mut value = verdict.word().to_owned();
        let mut separator = "; ";
        for (name, score) in &self.symbols {
            let _ = write!(value, "{separator}{name}={}", number(*score));
            separator = " ";
        }
        value
    }
}

impl SubmitOutcome {
    /// Applies the edits to a message that enters the queue.
    #[must_use]
    pub fn rewrite(&self, content: &Bytes, smtputf8: bool) -> Rewritten {
        let mut header = Header::read(content);
        for edit in &self.edits {
            header.apply(edit);
        }
        let mut top = String::new();
        for (name, value) in &header.added {
            push_field(&mut top, name, value, smtputf8);
        }
        let rest = header.write(content, smtputf8);
        Rewritten { top, rest }
    }
}

/// The header while it is changed. Fields are numbered as if those added stood on top.
pub(crate) struct Header<'a> {
    added: Vec<(String, String)>,
    fields: Vec<Original<'a>>,
    changed: bool,
}

/// A field of the header as it is now.
pub(crate) enum Line<'a> {
    /// One that was added.
    New {
        /// Its name.
        name: &'a str,
        /// Its value.
        value: &'a str,
    },
    /// The one that came in at this place.
    Original(usize),
    /// That one with another value.
    Changed {
        /// Its place.
        place: usize,
        /// Its value.
        value: &'a str,
    },
}

/// A field that came in.
struct Original<'a> {
    name: &'a [u8],
    span: Range<usize>,
    now: Now,
}

/// What becomes of it.
enum Now {
    Kept,
    Removed,
    Value(String),
}

impl<'a> Header<'a> {
    pub(crate) fn read(content: &'a [u8]) -> Self {
        let block = content.get(..header::end(content)).unwrap_or_default();
        let start = block.as_ptr() as usize;
        let fields = header::fields(block)
            .map(|field| {
                let from = (field.raw.as_ptr() as usize).saturating_sub(start);
                Original {
                    name: field.name,
                    span: from..from + field.raw.len(),
                    now: Now::Kept,
                }
            })
            .collect();
        Self {
            added: Vec::new(),
            fields,
            changed: false,
        }
    }

    /// The fields as they are now, top first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let added = self
            .added
            .iter()
            .map(|(name, value)| Line::New { name, value });
        let fields = self.fields.iter().enumerate();
        added.chain(fields.filter_map(|(place, field)| match &field.now {
            Now::Kept => Some(Line::Original(place)),
            Now::Removed => None,
            Now::Value(value) => Some(Line::Changed { place, value }),
        }))
    }

    pub(crate) fn apply(&mut self, edit: &HeaderEdit) {
        match edit {
            HeaderEdit::Add { name, value } => self.added.insert(0, (name.clone(), value.clone())),
            HeaderEdit::Change { name, nth, value } => self.set(name, *nth, Some(value)),
            HeaderEdit::Remove {
                name,
                nth: Some(nth),
            } => self.set(name, *nth, None),
            HeaderEdit::Remove { name, nth: None } => self.remove_all(name),
        }
    }

    fn remove_all(&mut self, name: &str) {
        self.added
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        for field in self.fields.iter_mut().filter(|field| field.is(name)) {
            field.now = Now::Removed;
            self.changed = true;
        }
    }

    /// Gives the `nth` field of this name another value, or removes it.
    fn set(&mut self, name: &str, nth: u32, value: Option<&String>) {
        let nth = nth as usize;
        let among_added: Vec<usize> = (0..)
            .zip(&self.added)
            .filter(|(_, (other, _))| other.eq_ignore_ascii_case(name))
            .map(|(place, _)| place)
            .collect();
        if let Some(place) = among_added.get(nth) {
            match value {
                Some(value) => {
                    if let Some((_, old)) = self.added.get_mut(*place) {
                        value.clone_into(old);
                    }
                }
                None => {
                    self.added.remove(*place);
                }
            }
            return;
        }
        let nth = nth - among_added.len();
        if let Some(field) = self
            .fields
            .iter_mut()
            .filter(|field| field.is(name))
            .nth(nth)
        {
            field.now = value.map_or(Now::Removed, |value| Now::Value(value.clone()));
            self.changed = true;
        }
    }

    fn write(&self, content: &Bytes, smtputf8: bool) -> Bytes {
        if !self.changed {
            return content.clone();
        }
        let mut out = Vec::with_capacity(content.len() + 256);
        let mut copied = 0;
        for field in &self.fields {
            if matches!(field.now, Now::Kept) {
                continue;
            }
            out.extend_from_slice(content.get(copied..field.span.start).unwrap_or_default());
            copied = field.span.end;
            if let Now::Value(value) = &field.now {
                let mut line = String::new();
                push_field(
                    &mut line,
                    &String::from_utf8_lossy(field.name),
                    value,
                    smtputf8,
                );
                out.extend_from_slice(line.as_bytes());
            }
        }
        out.extend_from_slice(content.get(copied..).unwrap_or_default());
        out.into()
    }
}

impl Original<'_> {
    fn is(&self, name: &str) -> bool {
        !matches!(self.now, Now::Removed) && self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Adds `name: value` folded at spaces. Control characters become spaces, so that a value stays a value.
fn push_field(out: &mut String, name: &str, value: &str, smtputf8: bool) {
    let clean: String = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let value = clean.trim();
    out.push_str(name);
    out.push(':');
    let mut column = name.len() + 1;
    let encoded;
    let value = if smtputf8 || value.is_ascii() {
        value
    } else {
        encoded = encoded_words(value);
        &encoded
    };
    for word in value.split(' ') {
        // A line of white space alone would not be a folded line (RFC 5322 §3.2.2), so empty words never begin one.
        if !word.is_empty() && column + 1 + word.len() > LINE && column > name.len() + 1 {
            out.push_str("\r\n");
            column = 0;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.len();
    }
    out.push_str("\r\n");
}

/// A text as encoded words with spaces between, which readers drop (RFC 2047 §6.2).
fn encoded_words(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        // RFC 2047 §5: each word holds whole characters.
        let piece = crate::view::head(rest, WORD);
        if !words.is_empty() {
            words.push(' ');
        }
        let _ = write!(words, "=?utf-8?B?{}?=", STANDARD.encode(piece));
        rest = rest.get(piece.len()..).unwrap_or_default();
    }
    words
}

/// A score with at most two decimals.
fn number(score: f64) -> String {
    let text = format!("{score:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(edits: Vec<HeaderEdit>) -> MessageOutcome {
        MessageOutcome {
            verdicts: Vec::new(),
            edits,
            tags: Vec::new(),
            sender: waxwing_mail::ReversePath::Null,
            added: Vec::new(),
            removed: Vec::new(),
            scored: true,
            score: 7.2,
            symbols: vec![("ONE".into(), 2.1), ("TWO".into(), 5.1)],
        }
    }

    fn whole(rewritten: &Rewritten) -> String {
        rewritten.top.clone() + std::str::from_utf8(&rewritten.rest).unwrap()
    }

    const FIELDS: &str = "X-Waxwing-Score: 7.2\r\nX-Waxwing-Verdict: junk; ONE=2.1 TWO=5.1\r\n";

    #[test]
    fn an_unedited_message_is_not_copied() {
        let content = Bytes::from_static(b"A: b\r\n\r\nbody");
        let rewritten = outcome(Vec::new()).rewrite(&content, &Verdict::Junk, false);
        assert_eq!(rewritten.top, FIELDS);
        assert_eq!(rewritten.rest.as_ptr(), content.as_ptr());
    }

    #[test]
    fn the_word_of_others_about_the_score_is_removed() {
        let content = Bytes::from_static(
            b"x-waxwing-score: -100\r\nA: b\r\nX-Waxwing-Verdict: deliver;\r\n x\r\n\r\nbody",
        );
        let rewritten = outcome(Vec::new()).rewrite(&content, &Verdict::Junk, false);
        assert_eq!(whole(&rewritten), format!("{FIELDS}A: b\r\n\r\nbody"));
        let unscored = MessageOutcome {
            scored: false,
            ..outcome(Vec::new())
        };
        assert_eq!(
            whole(&unscored.rewrite(&content, &Verdict::Deliver, false)),
            "A: b\r\n\r\nbody"
        );
    }

    #[test]
    fn edits_follow_each_other_and_junk_lines_stay() {
        let content = Bytes::from_static(b"A: 1\r\njunk\r\nB: 2\r\nA: 3\r\n\r\nbody");
        let edits = vec![
            HeaderEdit::Add {
                name: "A".into(),
                value: "0".into(),
            },
            HeaderEdit::Change {
                name: "a".into(),
                nth: 2,
                value: "three".into(),
            },
            HeaderEdit::Remove {
                name: "A".into(),
                nth: Some(1),
            },
            HeaderEdit::Add {
                name: "C".into(),
                value: "x\r\nD: y".into(),
            },
            HeaderEdit::Remove {
                name: "Z".into(),
                nth: None,
            },
        ];
        let rewritten = outcome(edits).rewrite(&content, &Verdict::Junk, false);
        assert_eq!(
            whole(&rewritten),
            format!("{FIELDS}C: x  D: y\r\nA: 0\r\njunk\r\nB: 2\r\nA: three\r\n\r\nbody")
        );
    }

    #[test]
    fn long_and_foreign_values_are_folded_and_encoded() {
        let mut field = String::new();
        push_field(&mut field, "Subject", &"grün ".repeat(30), false);
        assert!(field.is_ascii());
        assert!(field.lines().all(|line| line.len() <= LINE), "{field}");
        assert_eq!(
            waxwing_message::decode_words(field.strip_prefix("Subject:").unwrap().as_bytes())
                .trim(),
            "grün ".repeat(30).trim()
        );
        let mut field = String::new();
        push_field(&mut field, "Subject", "grün", true);
        assert_eq!(field, "Subject: grün\r\n");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [number(7.2), number(-0.0), number(3.0), number(0.333)],
            ["7.2", "0", "3", "0.33"]
        );
    }
}
