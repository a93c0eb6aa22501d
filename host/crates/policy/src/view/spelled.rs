//! Links where a text or a tag of HTML writes them: found in one pass, whatever the text.
//!
//! Invariant: linear time. A stretch that was looked through for nothing is not looked through again.

use memchr::{memchr, memchr3, memrchr};

/// Schemes of links that a text spells out, the longer before its own beginning.
const SCHEMES: [&str; 4] = ["https", "http", "ftp", "mailto"];
/// Tags whose attributes name a resource, and those attributes.
const TAGS: [&str; 7] = ["a", "area", "img", "form", "link", "iframe", "script"];
const QUOTES: [u8; 2] = *b"\"'";
const ATTRIBUTES: [&str; 3] = ["href", "src", "action"];

/// The links that a plain text spells out: `http://…`, `www.….…`, `mailto:…@…`, up to a blank, a quotation mark or a bracket.
pub(super) struct Spelled<'a> {
    text: &'a str,
    at: usize,
    /// No `mailto:` before this place leads to anything.
    no_mailbox: usize,
}

impl<'a> Spelled<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            no_mailbox: 0,
        }
    }

    /// Where a link begins that has its `:` or its first `w` here, and where what can be anything in it does.
    fn begin(&mut self, at: usize) -> Option<(usize, usize)> {
        let rest = self.text.get(at..)?;
        if !rest.starts_with(':') {
            return begins_a_word(self.text, at).then_some((at, at + www(rest)?));
        }
        let before = self.text.as_bytes().get(self.at..at)?;
        let scheme = SCHEMES.iter().find(|scheme| {
            let from = before.len().checked_sub(scheme.len());
            from.and_then(|from| before.get(from..))
                .is_some_and(|name| name.eq_ignore_ascii_case(scheme.as_bytes()))
        })?;
        let start = at - scheme.len();
        if !begins_a_word(self.text, start) {
            return None;
        }
        let fixed = match *scheme {
            "mailto" => self.local_part(at + 1)? + 1,
            _ => rest.starts_with("://").then_some(3)?,
        };
        Some((start, at + fixed))
    }

    /// The octets of the local part that begins here, with its `@`.
    fn local_part(&mut self, from: usize) -> Option<usize> {
        if from < self.no_mailbox {
            return None;
        }
        let rest = self.text.get(from..)?;
        let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '@');
        let length = rest.find(ends).unwrap_or(rest.len());
        // What begins further on would end there, too; if this leads to a link, that goes on behind it.
        self.no_mailbox = from + length;
        (length > 0 && rest.get(length..)?.starts_with('@')).then_some(length + 1)
    }
}

impl<'a> Iterator for Spelled<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let mut at = self.at;
        loop {
            at += memchr3(b':', b'w', b'W', self.text.as_bytes().get(at..)?)?;
            if let Some((start, open)) = self.begin(at) {
                let tail = self.text.get(open..)?;
                let end = open + tail.find(ends_link).unwrap_or(tail.len());
                if end > open {
                    self.at = end;
                    return self.text.get(start..end);
                }
            }
            at += 1;
        }
    }
}

/// The octets of `www.` and a label with its dot.
fn www(text: &str) -> Option<usize> {
    let label = text
        .get(..4)?
        .eq_ignore_ascii_case("www.")
        .then(|| text.get(4..))??;
    let length = label.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))?;
    (length > 0 && label.get(length..)?.starts_with('.')).then_some(4 + length + 1)
}

fn ends_link(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '<' | '>' | '"' | '\'' | '`' | '\\' | '^' | '{' | '|' | '}' | '[' | ']'
        )
}

/// Whether no letter or digit stands right before.
fn begins_a_word(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// An attribute that names a resource.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    /// Whether the tag is an `a`.
    pub(super) is_anchor: bool,
    /// The attribute's value as it is written.
    pub(super) link: &'a str,
    /// Where the tag ends.
    pub(super) end: usize,
}

/// The tags of HTML that name a resource, each by its first attribute that does.
pub(super) struct References<'a> {
    html: &'a str,
    at: usize,
    /// Where the last quotation mark of either kind stands: one that opens behind it is never closed.
    last_quotes: [Option<usize>; 2],
}

/// What a look at one tag came to.
enum Look<'a> {
    Found(Reference<'a>),
    /// Nothing before this place.
    Nothing(usize),
    /// Nothing in all that is left.
    Over,
}

impl<'a> References<'a> {
    pub(super) fn new(html: &'a str) -> Self {
        Self {
            html,
            at: 0,
            last_quotes: QUOTES.map(|quote| memrchr(quote, html.as_bytes())),
        }
    }

    /// The tag that opens here.
    fn tag(&self, open: usize) -> Look<'a> {
        let inside = skip_blanks(self.html, open + 1);
        let rest = self.html.get(inside..).unwrap_or_default();
        let length = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        let known = TAGS.iter().any(|tag| name.eq_ignore_ascii_case(tag));
        match rest.get(length..).and_then(|after| after.chars().next()) {
            Some(blank) if known && blank.is_whitespace() => {
                let from = inside + length + blank.len_utf8();
                self.attribute(from, name.len() == 1)
            }
            _ => Look::Nothing(open + 1),
        }
    }

    /// The first attribute from here to the tag's end that names something.
    fn attribute(&self, from: usize, is_anchor: bool) -> Look<'a> {
        let mut at = from;
        loop {
            match self.html.as_bytes().get(at) {
                None => return Look::Over,
                Some(b'>') => return Look::Nothing(at + 1),
                Some(b'h' | b'H' | b's' | b'S' | b'a' | b'A') => {}
                Some(_) => {
                    at += 1;
                    continue;
                }
            }
            if let Some((link, after)) = self.value(at) {
                let rest = self.html.as_bytes().get(after..).unwrap_or_default();
                return match memchr(b'>', rest) {
                    Some(close) => Look::Found(Reference {
                        is_anchor,
                        link,
                        end: after + close + 1,
                    }),
                    None => Look::Over,
                };
            }
            at += 1;
        }
    }

    /// The value of the attribute whose name begins here, if it is one of those, and where it ends.
    fn value(&self, at: usize) -> Option<(&'a str, usize)> {
        let rest = self.html.get(at..)?;
        let name = ATTRIBUTES.iter().find(|name| {
            rest.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        })?;
        let equals = skip_blanks(self.html, at + name.len());
        if self.html.as_bytes().get(equals) != Some(&b'=') || !begins_a_word(self.html, at) {
            return None;
        }
        let start = skip_blanks(self.html, equals + 1);
        let text = self.html.get(start..)?;
        let opening = text.as_bytes().first()?;
        let quote = QUOTES.iter().position(|quote| quote == opening);
        let (before, length) = match quote {
            Some(_) if !self.is_closed(quote, start) => return None,
            Some(_) => (1, memchr(*opening, text.as_bytes().get(1..)?)?),
            None => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '>');
                (0, text.find(ends).unwrap_or(text.len()))
            }
        };
        let link = text.get(before..before + length)?;
        (!link.is_empty()).then_some((link, start + 2 * before + length))
    }
}

impl References<'_> {
    /// Whether a quotation mark of this kind that opens here is closed anywhere.
    fn is_closed(&self, quote: Option<usize>, start: usize) -> bool {
        let last = quote.and_then(|kind| self.last_quotes.get(kind).copied());
        last.flatten() > Some(start)
    }
}

impl<'a> Iterator for References<'a> {
    type Item = Reference<'a>;

    fn next(&mut self) -> Option<Reference<'a>> {
        loop {
            let open = self.at + memchr(b'<', self.html.as_bytes().get(self.at..)?)?;
            match self.tag(open) {
                Look::Found(reference) => {
                    self.at = reference.end;
                    return Some(reference);
                }
                Look::Nothing(before) => self.at = before,
                Look::Over => {
                    self.at = self.html.len();
                    return None;
                }
            }
        }
    }
}

/// The first place from here that is no blank.
fn skip_blanks(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    text.len() - rest.trim_start().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// What the scanners find, as regular expressions, which take ten times as long.
    const BARE: &str =
        r#"(?i)\b(?:(?:https?|ftp)://|www\.[a-z0-9-]+\.|mailto:[^\s<>"@]+@)[^\s<>"'`\\^{|}\[\]]+"#;
    const ATTRIBUTE: &str = r#"(?i)<\s*(a|area|img|form|link|iframe|script)\s[^>]*?\b(?:href|src|action)\s*=\s*(?:"([^"]+)"|'([^']+)'|([^\s"'>]+))[^>]*>"#;

    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "http", "HTTPS", "ftp", "mailto", ":", "://", "www.", "WWW.", "a.", "x", "w", "@",
                " ", "\u{a0}", "_", "é", "-", "/", "\"", "'", "<", ">", "]", "<a ", "<img\n",
                "< Area ", "href", "SRC", "action=", "=", " = ", "\n",
            ])
            .prop_map(str::to_owned),
            "[a-z.:/@]{1,3}",
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn what_leads_nowhere_is_looked_through_once() {
        // Each of these took hours if every beginning looked for its end anew.
        for piece in ["mailto:", "<a href=\"", "<a href='", "<a ", "<a href=x "] {
            let text = piece.repeat(1 << 20);
            assert_eq!(Spelled::new(&text).count(), 0, "{piece}");
            assert_eq!(References::new(&text).count(), 0, "{piece}");
        }
    }

    #[test]
    fn what_is_no_beginning_hides_no_link_behind_it() {
        let found: Vec<&str> = Spelled::new("amailto:mailto:http@: x").collect();
        assert_eq!(found, ["mailto:http@:"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        #[test]
        fn a_text_spells_out_what_the_expression_matches(text in text()) {
            let bare = Regex::new(BARE).unwrap();
            let wanted: Vec<&str> = bare.find_iter(&text).map(|hit| hit.as_str()).collect();
            prop_assert_eq!(Spelled::new(&text).collect::<Vec<_>>(), wanted);
        }

        #[test]
        fn html_refers_to_what_the_expression_captures(html in text()) {
            let attribute = Regex::new(ATTRIBUTE).unwrap();
            let wanted: Vec<Reference<'_>> = attribute
                .captures_iter(&html)
                .map(|hit| Reference {
                    is_anchor: hit[1].eq_ignore_ascii_case("a"),
                    link: (2..=4).find_map(|group| hit.get(group)).unwrap().as_str(),
                    end: hit.get(0).unwrap().end(),
                })
                .collect();
            prop_assert_eq!(References::new(&html).collect::<Vec<_>>(), wanted);
        }
    }
}
