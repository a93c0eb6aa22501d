//! The name of a section in a FETCH response (RFC 3501 §7.4.2): as it was asked for, with the partial's origin.

use std::io::Write as _;

use waxwing_message::{Section, SectionText};

use crate::encode::core::{Out, string};
use crate::types::SectionName;

/// `BODY[1.2.HEADER.FIELDS ("a" "b")]<0>`, or the older name.
pub(crate) fn section_name(
    out: &mut Out,
    name: SectionName,
    section: &Section,
    origin: Option<u64>,
) {
    match name {
        SectionName::Rfc822 => out.extend_from_slice(b"RFC822"),
        SectionName::Rfc822Header => out.extend_from_slice(b"RFC822.HEADER"),
        SectionName::Rfc822Text => out.extend_from_slice(b"RFC822.TEXT"),
        SectionName::Body => body(out, section, origin),
    }
}

/// `BINARY[1.2]<0>`, `BINARY.SIZE[1.2]` (RFC 3516 §7); `word` is what stands before the bracket.
pub(crate) fn binary_name(out: &mut Out, word: &str, path: &[u32], origin: Option<u64>) {
    let numbers: Vec<String> = path.iter().map(u32::to_string).collect();
    let _ = write!(out, "{word}[{}]", numbers.join("."));
    if let Some(origin) = origin {
        let _ = write!(out, "<{origin}>");
    }
}

fn body(out: &mut Out, section: &Section, origin: Option<u64>) {
    out.extend_from_slice(b"BODY[");
    for (index, part) in section.path.iter().enumerate() {
        let _ = write!(out, "{}{part}", if index > 0 { "." } else { "" });
    }
    let (text, names): (&str, &[String]) = match &section.text {
        SectionText::All => ("", &[]),
        SectionText::Header => ("HEADER", &[]),
        SectionText::Text => ("TEXT", &[]),
        SectionText::Mime => ("MIME", &[]),
        SectionText::HeaderFields { names, not: false } => ("HEADER.FIELDS", names),
        SectionText::HeaderFields { names, not: true } => ("HEADER.FIELDS.NOT", names),
    };
    if !section.path.is_empty() && !text.is_empty() {
        out.push(b'.');
    }
    out.extend_from_slice(text.as_bytes());
    for (index, name) in names.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b" " } else { b" (" });
        // Clients compare with what they sent, mostly atoms.
        if !name.is_empty() && name.bytes().all(crate::parse::is_astring_char) {
            out.extend_from_slice(name.as_bytes());
        } else {
            string(out, name.as_bytes());
        }
    }
    if !names.is_empty() {
        out.push(b')');
    }
    out.push(b']');
    if let Some(origin) = origin {
        let _ = write!(out, "<{origin}>");
    }
}
