//! The base subject (RFC 5256 §2.1): what of a subject is left without "Re:", "[list]" and "(fwd)".

use crate::decoded::Decoded;

/// Octets of a subject that are looked at: beyond, subjects count as equal.
const LOOKED_AT: usize = 1_000;

/// A base subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseSubject {
    /// What is left.
    pub text: Decoded,
    /// Something was removed that says reply or forward.
    pub reply: bool,
}

impl BaseSubject {
    /// Of a subject as it stands in the header.
    #[must_use]
    pub fn of(subject: &[u8]) -> Self {
        let looked_at = subject.get(..LOOKED_AT).map_or(subject, whole_characters);
        let mut reply = false;
        // RFC 5256 §2.1 (1); RFC 5255 §4.2: before a comparator is applied.
        let text = Decoded::field(looked_at).map(|decoded| {
            let (base, replied) = base(decoded);
            reply = replied;
            base
        });
        Self { text, reply }
    }
}

/// Without the character at the end that may have been cut.
fn whole_characters(octets: &[u8]) -> &[u8] {
    let begins = octets.iter().rposition(|octet| octet & 0xc0 != 0x80);
    match begins.map(|at| octets.split_at(at)) {
        Some((before, last)) if std::str::from_utf8(last).is_err() => before,
        _ => octets,
    }
}

/// The base of a decoded subject, and whether something was removed that says reply or forward.
fn base(decoded: &str) -> (String, bool) {
    let words: Vec<&str> = decoded.split_ascii_whitespace().collect();
    let subject = words.join(" ");
    let mut rest = subject.as_str();
    let mut reply = false;
    loop {
        // (2)
        loop {
            rest = rest.trim_end_matches(' ');
            match strip_suffix(rest, "(fwd)") {
                Some(before) => (rest, reply) = (before, true),
                None => break,
            }
        }
        // (3) to (5)
        loop {
            if let Some(behind) = rest.strip_prefix(' ') {
                rest = behind;
            } else if let Some(behind) = refwd(rest) {
                (rest, reply) = (behind, true);
            } else if let Some(behind) = blob(rest).filter(|behind| !behind.is_empty()) {
                rest = behind;
            } else {
                break;
            }
        }
        // (6)
        let inner = strip_prefix(rest, "[fwd:").and_then(|rest| rest.strip_suffix(']'));
        match inner {
            Some(inner) => (rest, reply) = (inner, true),
            None => break,
        }
    }
    (rest.to_owned(), reply)
}

/// `*subj-blob ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`: what is behind it.
fn refwd(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(behind) = blob(rest) {
        rest = behind;
    }
    let rest = ["re", "fwd", "fw"]
        .into_iter()
        .find_map(|word| strip_prefix(rest, word))?;
    let rest = rest.trim_start_matches(' ');
    blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// `"[" *BLOBCHAR "]" *WSP`: what is behind it.
fn blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    let (_, rest) = inner.split_at_checked(end)?;
    Some(rest.strip_prefix(']')?.trim_start_matches(' '))
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let (rest, end) = text.split_at_checked(at)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_subject_goes() {
        for (subject, base, reply) in [
            ("Lunch", "Lunch", false),
            ("Re: Lunch", "Lunch", true),
            ("RE : fw[4]: FWD:Lunch (fwd) (FWD) ", "Lunch", true),
            ("[list] Re: [list]  Lunch\t today", "Lunch today", true),
            ("[list] Lunch", "Lunch", false),
            ("[list]", "[list]", false),
            ("[a] [b]", "[b]", false),
            ("[Fwd: Re: [x] Lunch]", "Lunch", true),
            ("[fwd: [fwd: Lunch (fwd)]]", "Lunch", true),
            ("=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=", "Grüße", true),
            ("Re", "Re", false),
            ("Re:", "", true),
            ("", "", false),
            ("regards: x", "regards: x", false),
            ("[unclosed Re: x", "[unclosed Re: x", false),
        ] {
            let found = BaseSubject::of(subject.as_bytes());
            assert_eq!(
                (found.text, found.reply),
                (Decoded::Text(base.into()), reply),
                "{subject}"
            );
        }
    }

    #[test]
    fn what_is_no_text_has_a_base_too() {
        let found = BaseSubject::of(b"Re: [list] =?utf-8?q?J=F6rg?=");
        assert_eq!(
            (found.text, found.reply),
            (Decoded::Octets(b"J\xf6rg".into()), true)
        );
        // What is cut off may be the end of a character.
        for before in 0..4 {
            let long = "a".repeat(before) + &"漢".repeat(LOOKED_AT);
            assert!(matches!(
                BaseSubject::of(long.as_bytes()).text,
                Decoded::Text(_)
            ));
        }
    }

    #[test]
    fn hostile_subjects_take_no_time() {
        for piece in ["[", "[a]", "re:", "[fwd:", "(fwd)"] {
            let _ = BaseSubject::of(piece.repeat(100_000).as_bytes());
        }
    }
}
