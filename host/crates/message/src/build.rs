//! From octets to a summary: one walk down the tree of parts, within bounds.

use crate::fields;
use crate::header;
use crate::structure;
use crate::summary::{Body, Param, Part, Span, Summary};
use crate::text;

/// Multiparts and messages inside one another; what lies deeper is an opaque part.
const MAX_DEPTH: usize = 32;
/// Parts of a message; the last one holds the rest.
pub(crate) const MAX_PARTS: usize = 1_000;
/// Octets of all strings of a summary.
const MAX_TEXT: usize = 128 * 1024;
/// How many times the octets of a message are looked through for boundaries.
const MAX_PASSES: usize = 8;

/// What may still be spent on a message.
pub(crate) struct Budget {
    text: usize,
    parts: usize,
    scan: usize,
}

impl Budget {
    /// What may be spent on a message of these octets.
    pub(crate) fn of(raw: &[u8]) -> Self {
        Self {
            text: MAX_TEXT,
            parts: MAX_PARTS,
            scan: raw.len().saturating_mul(MAX_PASSES),
        }
    }

    /// Spends `length` octets of text if they are there.
    pub(crate) fn take(&mut self, length: usize) -> bool {
        match self.text.checked_sub(length) {
            Some(left) => {
                self.text = left;
                true
            }
            None => false,
        }
    }

    /// The string if there is room for it, else an empty one.
    pub(crate) fn string(&mut self, text: &str) -> String {
        if self.take(text.len()) {
            text.to_owned()
        } else {
            String::new()
        }
    }
}

impl Summary {
    /// The summary of a message. Never fails; takes time in proportion to the octets, which are at most 4 GB.
    #[must_use]
    pub fn read(raw: &[u8]) -> Self {
        let (raw, size) = addressable(raw);
        let mut budget = Budget::of(raw);
        let mut root = whole(raw, size);
        let (envelope, references) = fields::envelope(root.header.of(raw), &mut budget);
        fill(raw, &mut root, false, 0, &mut budget);
        let preview = text::preview(&root, raw);
        Self {
            size,
            envelope,
            references,
            root,
            preview,
        }
    }
}

impl Part {
    /// The tree of parts of a message, as [`Summary::read`] finds it: for whoever wants no envelope and no preview.
    #[must_use]
    pub fn read(raw: &[u8]) -> Self {
        let (raw, size) = addressable(raw);
        let mut root = whole(raw, size);
        fill(raw, &mut root, false, 0, &mut Budget::of(raw));
        root
    }
}

/// What of a message a [`Span`] can name, and its length.
fn addressable(raw: &[u8]) -> (&[u8], u32) {
    let size = u32::try_from(raw.len()).unwrap_or(u32::MAX);
    (raw.get(..size as usize).unwrap_or(raw), size)
}

/// The message as a part of which only header and body are known.
fn whole(raw: &[u8], size: u32) -> Part {
    let all = Span {
        start: 0,
        end: size,
    };
    entity(raw, all)
}

/// A part of which only header and body are known.
fn entity(raw: &[u8], span: Span) -> Part {
    let header_length = u32::try_from(header::end(span.of(raw))).unwrap_or(u32::MAX);
    let border = span.start.saturating_add(header_length).min(span.end);
    let header = Span {
        start: span.start,
        end: border,
    };
    let body = Span {
        start: border,
        end: span.end,
    };
    Part {
        header,
        body,
        ..Part::default()
    }
}

/// Reads the part's header and descends into its body.
fn fill(raw: &[u8], part: &mut Part, digest: bool, depth: usize, budget: &mut Budget) {
    budget.parts = budget.parts.saturating_sub(1);
    fields::mime(part.header.of(raw), digest, part, budget);
    let multipart = part.media_type.eq_ignore_ascii_case("multipart");
    // RFC 6532 §3.7: a message with headers in UTF-8, which may be encoded; then it is not looked into.
    let global = part.is("message", "global");
    let encoded = !matches!(
        part.encoding.to_ascii_lowercase().as_str(),
        "" | "7bit" | "8bit" | "binary"
    );
    if multipart || global || part.is("message", "rfc822") {
        if depth >= MAX_DEPTH || budget.parts == 0 || (global && encoded) {
            opaque(part);
        } else if multipart {
            fill_multipart(raw, part, depth, budget);
        } else {
            fill_message(raw, part, depth, budget);
        }
    }
    if matches!(part.content, Body::Multipart(_)) {
        return;
    }
    part.lines =
        u32::try_from(memchr::memchr_iter(b'\n', part.body.of(raw)).count()).unwrap_or(u32::MAX);
}

fn fill_multipart(raw: &[u8], part: &mut Part, depth: usize, budget: &mut Budget) {
    let Some(left) = budget.scan.checked_sub(part.body.len() as usize) else {
        return opaque(part);
    };
    budget.scan = left;
    let spans = structure::split(
        raw,
        part.body,
        part.param("boundary").unwrap_or_default(),
        budget.parts,
    );
    if spans.is_empty() {
        // RFC 3501's grammar has no multipart without parts: it is shown as the text that it is.
        part.media_type = String::from("text");
        part.media_subtype = String::from("plain");
        part.params = Vec::<Param>::new();
        return;
    }
    let digest = part.media_subtype.eq_ignore_ascii_case("digest");
    budget.parts = budget.parts.saturating_sub(spans.len());
    let mut children = Vec::with_capacity(spans.len());
    for span in spans {
        let mut child = entity(raw, span);
        budget.parts += 1;
        fill(raw, &mut child, digest, depth + 1, budget);
        children.push(child);
    }
    part.content = Body::Multipart(children);
}

/// RFC 2046 §5.2.1 forbids encodings other than 7bit, 8bit and binary here; octets that are encoded all the same are
/// taken as they stand.
fn fill_message(raw: &[u8], part: &mut Part, depth: usize, budget: &mut Budget) {
    let mut inner = entity(raw, part.body);
    let (envelope, _) = fields::envelope(inner.header.of(raw), budget);
    fill(raw, &mut inner, false, depth + 1, budget);
    part.content = Body::Message {
        envelope: Box::new(envelope),
        part: Box::new(inner),
    };
}

/// A part that is not looked into must not look like one that was.
fn opaque(part: &mut Part) {
    part.media_type = String::from("application");
    part.media_subtype = String::from("octet-stream");
    part.params = Vec::new();
}
