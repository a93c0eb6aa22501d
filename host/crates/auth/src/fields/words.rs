//! The words that fields are made of.

/// Characters of what others wrote, in one word.
const MAX_WORD: usize = 256;

/// How domains and addresses are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// RFC 8616 §6: the message is an internationalised one, and may have U-labels and UTF-8 in its header.
    pub(super) utf8: bool,
}

impl Script {
    /// A domain, as a word.
    pub(super) fn domain(self, domain: &str) -> String {
        if self.utf8 && domain.contains("xn--") {
            let (unicode, read) = idna::domain_to_unicode(domain);
            if read.is_ok() {
                return self.word(&unicode);
            }
        }
        match idna::domain_to_ascii(domain) {
            Ok(ascii) if !self.utf8 && !domain.is_ascii() => self.word(&ascii),
            _ => self.word(domain),
        }
    }

    /// An address, or what of it can be written: RFC 8601 §2.2: [ [ local-part ] "@" ] domain-name.
    pub(super) fn address(self, local: &str, domain: &str) -> String {
        let domain = self.domain(domain);
        if local.is_empty() || !(self.utf8 || local.is_ascii()) {
            return domain;
        }
        let dot_atom = local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atext));
        if dot_atom && local.len() <= MAX_WORD {
            format!("{local}@{domain}")
        } else {
            format!("{}@{domain}", self.quoted(local))
        }
    }

    /// A word: as it is if it is an atom with dots (RFC 5322 §3.2.3) or an address in text, else in quotes.
    pub(super) fn word(self, text: &str) -> String {
        let plain = |c: char| is_atext(c) && (c.is_ascii() || self.utf8) || c == '.';
        if !text.is_empty() && text.len() <= MAX_WORD && text.chars().all(plain) {
            text.to_owned()
        } else {
            self.quoted(text)
        }
    }

    /// A quoted string (RFC 5322 §3.2.4).
    pub(super) fn quoted(self, text: &str) -> String {
        let mut out = "\"".to_owned();
        for c in self.printable(text) {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out + "\""
    }

    /// A comment (RFC 5322 §3.2.2).
    pub(super) fn comment(self, text: &str) -> String {
        let mut out = "(".to_owned();
        for c in self.printable(text) {
            if matches!(c, '(' | ')' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out + ")"
    }

    /// What may stand in a line; the rest becomes a question mark.
    fn printable(self, text: &str) -> impl Iterator<Item = char> {
        text.chars().take(MAX_WORD).map(move |c| match c {
            ' '..='~' => c,
            _ if !c.is_ascii() && !c.is_control() && self.utf8 => c,
            _ => '?',
        })
    }
}

/// RFC 5322 §3.2.3, and RFC 6532 §3.2: what is not ASCII.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(c)
        || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
}
