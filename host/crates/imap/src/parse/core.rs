//! Atoms, strings, numbers, literals (RFC 3501 §4, §9).

use crate::types::NameForm;

/// Why octets are no command; its text is what the BAD says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SyntaxError {
    /// Something else was expected.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The first word is no command.
    #[error("unknown command")]
    UnknownCommand,
    /// Octets that are not UTF-8.
    #[error("that is not UTF-8")]
    Encoding,
    /// More elements than are taken.
    #[error("too many elements")]
    TooMany,
    /// Nested too deep.
    #[error("nested too deep")]
    TooDeep,
    /// The command goes on where it should end.
    #[error("there is something behind the command")]
    Trailing,
}

/// A place in a command.
#[derive(Debug, Clone)]
pub(crate) struct Parser<'a> {
    rest: &'a [u8],
    /// How mailbox names are written.
    pub(super) names: NameForm,
}

/// `{…}` or `{…+}` at the end of a line, perhaps behind a `~`: a literal follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Octets that follow; `u64::MAX` if the number is too large for anything.
    pub(crate) length: u64,
    /// The client does not wait for a continuation (RFC 7888).
    pub(crate) non_synchronising: bool,
    /// It is a literal8: any octets may follow (RFC 3516 §7).
    pub(crate) binary: bool,
    /// Where in the line it begins.
    pub(crate) at: usize,
}

/// The literal that a line announces at its end.
pub(crate) fn literal_at_end(line: &[u8]) -> Option<Literal> {
    let inner = line.strip_suffix(b"}")?;
    let at = memchr::memrchr(b'{', inner)?;
    let number = inner.get(at + 1..)?;
    let (digits, non_synchronising) = match number.strip_suffix(b"+") {
        Some(digits) => (digits, true),
        None => (number, false),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let text = std::str::from_utf8(digits).ok()?;
    let before = line.get(..at).unwrap_or_default();
    // RFC 6855 §4: in UTF8 (~{n}), too.
    let binary = before.ends_with(b" ~") || before.ends_with(b"(~");
    Some(Literal {
        length: text.parse().unwrap_or(u64::MAX),
        non_synchronising,
        binary,
        at: at - usize::from(binary),
    })
}

/// `tag = 1*<any ASTRING-CHAR except "+">`, at most 64 octets, and what follows it.
pub(crate) fn tag(line: &[u8]) -> Option<(&str, &[u8])> {
    let end = line
        .iter()
        .position(|&octet| !is_astring_char(octet) || octet == b'+')
        .unwrap_or(line.len());
    let (tag, rest) = line.split_at_checked(end)?;
    if tag.is_empty() || tag.len() > 64 {
        return None;
    }
    Some((std::str::from_utf8(tag).ok()?, rest))
}

/// `ATOM-CHAR`: no specials, no control characters, no 8-bit octets.
pub(crate) fn is_atom_char(octet: u8) -> bool {
    octet.is_ascii_graphic()
        && !matches!(
            octet,
            b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']'
        )
}

/// `ASTRING-CHAR = ATOM-CHAR / resp-specials`
pub(crate) fn is_astring_char(octet: u8) -> bool {
    is_atom_char(octet) || octet == b']'
}

impl<'a> Parser<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self {
            rest: octets,
            names: NameForm::default(),
        }
    }

    /// The same with mailbox names in this form.
    pub(crate) fn with_names(self, names: NameForm) -> Self {
        Self { names, ..self }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// What is not parsed yet.
    pub(crate) fn rest(&self) -> &[u8] {
        self.rest
    }

    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// What follows is not looked at.
    pub(crate) fn skip_all(&mut self) {
        self.rest = &[];
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), SyntaxError> {
        // Deviation from the grammar: a space at the end of a command does no harm, and clients send it.
        if self.rest.trim_ascii().is_empty() {
            Ok(())
        } else {
            Err(SyntaxError::Trailing)
        }
    }

    /// Takes one octet if it is this one.
    pub(crate) fn accept(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        found
    }

    pub(crate) fn expect(&mut self, octet: u8, name: &'static str) -> Result<(), SyntaxError> {
        if self.accept(octet) {
            Ok(())
        } else {
            Err(SyntaxError::Expected(name))
        }
    }

    pub(crate) fn space(&mut self) -> Result<(), SyntaxError> {
        self.expect(b' ', "a space")?;
        // Deviation from the grammar: several spaces count as one.
        while self.accept(b' ') {}
        Ok(())
    }

    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self
            .rest
            .iter()
            .position(|&octet| !wanted(octet))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest;
        taken
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes this word, in any case, if nothing that could belong to it follows.
    pub(crate) fn accept_word(&mut self, word: &str) -> bool {
        let Some((found, rest)) = self.rest.split_at_checked(word.len()) else {
            return false;
        };
        let ends = rest.first().is_none_or(|&octet| !is_atom_char(octet));
        let matches = ends && found.eq_ignore_ascii_case(word.as_bytes());
        if matches {
            self.rest = rest;
        }
        matches
    }

    /// Whether these octets come next, in any case.
    pub(crate) fn looks_like(&self, prefix: &str) -> bool {
        let next = self.rest.get(..prefix.len());
        next.is_some_and(|next| next.eq_ignore_ascii_case(prefix.as_bytes()))
    }

    /// Takes these octets, in any case, whatever follows.
    pub(crate) fn accept_prefix(&mut self, prefix: &str) -> bool {
        match self.rest.split_at_checked(prefix.len()) {
            Some((found, rest)) if found.eq_ignore_ascii_case(prefix.as_bytes()) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn atom(&mut self) -> Result<&'a str, SyntaxError> {
        let atom = self.take_while(is_atom_char);
        if atom.is_empty() {
            return Err(SyntaxError::Expected("an atom"));
        }
        std::str::from_utf8(atom).map_err(|_| SyntaxError::Encoding)
    }

    /// `number = 1*DIGIT`, in 32 bits.
    pub(crate) fn number(&mut self) -> Result<u32, SyntaxError> {
        let text = std::str::from_utf8(self.take_while(|octet| octet.is_ascii_digit()))
            .unwrap_or_default();
        text.parse().map_err(|_| SyntaxError::Expected("a number"))
    }

    /// `number64 = 1*DIGIT`, in 63 bits (RFC 9051 §9).
    pub(crate) fn number64(&mut self) -> Result<u64, SyntaxError> {
        let text = std::str::from_utf8(self.take_while(|octet| octet.is_ascii_digit()))
            .unwrap_or_default();
        let number = text
            .parse()
            .ok()
            .filter(|&number| i64::try_from(number).is_ok());
        number.ok_or(SyntaxError::Expected("a number"))
    }

    pub(crate) fn nz_number(&mut self) -> Result<u32, SyntaxError> {
        match self.number()? {
            0 => Err(SyntaxError::Expected("a number above 0")),
            number => Ok(number),
        }
    }

    /// `quoted`, unescaped.
    fn quoted(&mut self) -> Result<Vec<u8>, SyntaxError> {
        self.expect(b'"', "a quoted string")?;
        let mut text = Vec::new();
        loop {
            text.extend_from_slice(
                self.take_while(|octet| !matches!(octet, b'"' | b'\\' | b'\r' | b'\n' | 0)),
            );
            match self.take(1) {
                // RFC 9051 §9, RFC 6855 §3: what is not ASCII must be UTF-8.
                Some(b"\"") if std::str::from_utf8(&text).is_err() => {
                    return Err(SyntaxError::Encoding);
                }
                Some(b"\"") => return Ok(text),
                Some(b"\\") => match self.take(1) {
                    // Only quoted-specials may be escaped.
                    Some(octet @ (b"\"" | b"\\")) => text.extend_from_slice(octet),
                    _ => return Err(SyntaxError::Expected("\" or \\ behind \\")),
                },
                _ => return Err(SyntaxError::Expected("the end of a quoted string")),
            }
        }
    }

    /// A literal of text (RFC 3501 §9: CHAR8 is any octet but NUL).
    fn literal(&mut self) -> Result<Vec<u8>, SyntaxError> {
        let octets = self.literal8()?;
        if octets.contains(&0) {
            return Err(SyntaxError::Expected("a literal without NUL"));
        }
        Ok(octets)
    }

    /// `literal8` behind its `~`: of any octets (RFC 3516 §7).
    pub(crate) fn literal8(&mut self) -> Result<Vec<u8>, SyntaxError> {
        const BROKEN: SyntaxError = SyntaxError::Expected("a literal");
        self.expect(b'{', "a literal")?;
        let length = self.number().map_err(|_| BROKEN)? as usize;
        self.accept(b'+');
        let head = self.take(3).ok_or(BROKEN)?;
        if head != b"}\r\n" {
            return Err(BROKEN);
        }
        Ok(self.take(length).ok_or(BROKEN)?.to_vec())
    }

    /// `string = quoted / literal`
    pub(crate) fn string(&mut self) -> Result<Vec<u8>, SyntaxError> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            _ => Err(SyntaxError::Expected("a string")),
        }
    }

    /// `astring = 1*ASTRING-CHAR / string`
    pub(crate) fn astring(&mut self) -> Result<Vec<u8>, SyntaxError> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => {
                let atom = self.take_while(is_astring_char);
                if atom.is_empty() {
                    return Err(SyntaxError::Expected("a string"));
                }
                Ok(atom.to_vec())
            }
        }
    }

    /// An astring that must be UTF-8.
    pub(crate) fn text(&mut self) -> Result<String, SyntaxError> {
        String::from_utf8(self.astring()?).map_err(|_| SyntaxError::Encoding)
    }

    /// `nstring = string / nil`
    pub(crate) fn nstring(&mut self) -> Result<Option<Vec<u8>>, SyntaxError> {
        if self.accept_word("NIL") {
            Ok(None)
        } else {
            self.string().map(Some)
        }
    }

    /// `"(" [item *(SP item)] ")"`, at most `limit` items.
    pub(crate) fn list<T>(
        &mut self,
        limit: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<Vec<T>, SyntaxError> {
        self.expect(b'(', "(")?;
        let mut items = Vec::new();
        while self.accept(b' ') {}
        while !self.accept(b')') {
            if !items.is_empty() {
                self.space()?;
                if self.accept(b')') {
                    break;
                }
            }
            if items.len() >= limit {
                return Err(SyntaxError::TooMany);
            }
            items.push(item(self)?);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_seen_at_the_end_of_a_line() {
        let literal =
            |line: &str| literal_at_end(line.as_bytes()).map(|l| (l.length, l.non_synchronising));
        assert_eq!(literal("a LOGIN {5}"), Some((5, false)));
        assert_eq!(literal("a LOGIN {5+}"), Some((5, true)));
        assert_eq!(
            literal("a {99999999999999999999999}"),
            Some((u64::MAX, false))
        );
        let eight = |line: &str| literal_at_end(line.as_bytes()).map(|l| (l.binary, l.at));
        assert_eq!(eight("a APPEND x ~{5}"), Some((true, 11)));
        assert_eq!(eight("a APPEND x {5+}"), Some((false, 11)));
        assert_eq!(eight("a APPEND x UTF8 (~{5+}"), Some((true, 17)));
        assert_eq!(eight("a APPEND x~{5+}"), Some((false, 11)));
        for line in ["a {}", "a {+}", "a {-1}", "a {5} ", "a 5}", "a {5-}"] {
            assert_eq!(literal(line), None, "{line}");
        }
    }

    #[test]
    fn strings_of_all_forms() {
        let astring = |text: &[u8]| Parser::new(text).astring();
        assert_eq!(astring(b"abc]"), Ok(b"abc]".to_vec()));
        assert_eq!(astring(b"\"a\\\"\\\\b\""), Ok(b"a\"\\b".to_vec()));
        assert_eq!(astring(b"{3}\r\na\r\n"), Ok(b"a\r\n".to_vec()));
        assert_eq!(
            astring(b"{3+}\r\n\xff(\" and more"),
            Ok(b"\xff(\"".to_vec())
        );
        for broken in [
            &b"\"a"[..],
            b"\"\\a\"",
            b"{3}\r\nab",
            b"{1}\r\n\0",
            b"(",
            b"",
            b"\"a\r\n\"",
        ] {
            assert!(astring(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn tags_are_bounded_and_have_no_plus() {
        assert_eq!(tag(b"a.1 NOOP"), Some(("a.1", &b" NOOP"[..])));
        assert_eq!(tag(b"+ x"), None);
        assert_eq!(tag(b" x"), None);
        assert_eq!(tag(&[b'a'; 65]), None);
    }
}
