//! What of a body is hashed.
//!
//! Standards: RFC 6376 §3.4.3 (simple), §3.4.4 (relaxed), §3.4.5 (`l=` counts octets after canonicalization).
//!
//! mail-auth's own canonicalization of bodies cuts at `l=` before it canonicalizes and keeps a line of nothing but white space at a body's
//! end, so that bodies are done here. Headers, which it does as the RFC says, are left to it.

use aws_lc_rs::digest::{Context, SHA256};
use mail_auth::dkim::Canonicalization;

/// The SHA-256 of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BodyHash {
    pub(crate) digest: Vec<u8>,
    /// Octets that canonicalization left, of which `l=` may take fewer but not more.
    pub(crate) length: u64,
}

/// Hashes a body, or its first octets.
pub(crate) fn body_hash(body: &[u8], kind: Canonicalization, limit: Option<u64>) -> BodyHash {
    let mut sink = Sink {
        context: Context::new(&SHA256),
        left: limit.unwrap_or(u64::MAX),
        seen: 0,
    };
    canonical_body(body, kind, &mut |octets| sink.take(octets));
    BodyHash {
        digest: sink.context.finish().as_ref().to_vec(),
        length: sink.seen,
    }
}

struct Sink {
    context: Context,
    left: u64,
    seen: u64,
}

impl Sink {
    fn take(&mut self, octets: &[u8]) {
        let count = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.seen = self.seen.saturating_add(count);
        let taken =
            usize::try_from(self.left).map_or(octets, |left| octets.get(..left).unwrap_or(octets));
        self.context.update(taken);
        self.left = self.left.saturating_sub(count);
    }
}

/// Hands out a body in its canonical form, piece by piece.
fn canonical_body(body: &[u8], kind: Canonicalization, out: &mut dyn FnMut(&[u8])) {
    let relaxed = kind == Canonicalization::Relaxed;
    // Empty lines are held back: at the end of the body they do not count.
    let mut empty = 0_usize;
    let mut written = false;
    for line in body.split_inclusive(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if relaxed { trim_end(line) } else { line };
        if line.is_empty() {
            empty += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty) {
            out(b"\r\n");
        }
        if relaxed {
            single_spaces(line, out);
        } else {
            out(line);
        }
        out(b"\r\n");
        written = true;
    }
    // RFC 6376 §3.4.3: simple makes an empty body one CRLF; §3.4.4: relaxed leaves it empty.
    if !written && !relaxed {
        out(b"\r\n");
    }
}

fn trim_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|octet| !is_wsp(*octet));
    line.get(..end.map_or(0, |at| at + 1)).unwrap_or_default()
}

/// RFC 6376 §3.4.4: white space within a line becomes one space.
fn single_spaces(line: &[u8], out: &mut dyn FnMut(&[u8])) {
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.iter().position(|octet| is_wsp(*octet));
        let (word, after) = rest.split_at(word.unwrap_or(rest.len()));
        out(word);
        let space = after.iter().position(|octet| !is_wsp(*octet));
        let (space, next) = after.split_at(space.unwrap_or(after.len()));
        if !space.is_empty() {
            out(b" ");
        }
        rest = next;
    }
}

fn is_wsp(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(body: &[u8], kind: Canonicalization) -> Vec<u8> {
        let mut all = Vec::new();
        canonical_body(body, kind, &mut |octets| all.extend_from_slice(octets));
        all
    }

    #[test]
    fn as_in_the_example_of_rfc_6376_section_3_4_5() {
        let body = b" C \r\nD \t E\r\n\r\n\r\n";
        assert_eq!(canonical(body, Canonicalization::Relaxed), b" C\r\nD E\r\n");
        assert_eq!(
            canonical(body, Canonicalization::Simple),
            b" C \r\nD \t E\r\n"
        );
    }

    #[test]
    fn lines_of_white_space_at_the_end_are_empty_if_relaxed() {
        for body in [&b"a\r\n \t\r\n"[..], b"a\r\n\r\n \r\n\r\n", b"a"] {
            assert_eq!(canonical(body, Canonicalization::Relaxed), b"a\r\n");
        }
        assert_eq!(
            canonical(b"a\r\n \r\nb", Canonicalization::Relaxed),
            b"a\r\n\r\nb\r\n"
        );
    }

    #[test]
    fn empty_bodies() {
        for body in [&b""[..], b"\r\n", b"\r\n\r\n"] {
            assert_eq!(canonical(body, Canonicalization::Simple), b"\r\n");
            assert_eq!(canonical(body, Canonicalization::Relaxed), b"");
        }
    }

    #[test]
    fn a_limit_counts_what_is_left_after_canonicalization() {
        let short = body_hash(b"a  b\r\n", Canonicalization::Relaxed, Some(3));
        assert_eq!(
            short.digest,
            body_hash(b"a b", Canonicalization::Relaxed, Some(3)).digest
        );
        assert_eq!(short.length, 5);
    }
}
