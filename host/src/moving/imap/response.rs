//! Responses of a server (RFC 3501 §7), read from its stream. Literals go to spools: a message is never whole in memory.

use std::io::{self, BufRead, ErrorKind, Read};

use super::super::Spool;

/// Octets of one response, the literal with its message left out.
const MAX_OCTETS: usize = 1 << 20;
/// Lists in lists.
const MAX_DEPTH: usize = 32;

/// A response.
#[derive(Debug)]
pub(super) enum Response {
    /// `+ text`
    Continue,
    /// `* OK text` and its like; the condition in capitals.
    Condition(String, String),
    /// `tag OK text`
    Tagged(String, String, String),
    /// `* data`
    Data(Vec<Value>),
}

/// A part of a response.
#[derive(Debug)]
pub(super) enum Value {
    Atom(String),
    /// A quoted string; its octets, mostly text.
    Quoted(Vec<u8>),
    Literal(Spool),
    List(Vec<Value>),
}

impl Value {
    /// The octets of an atom, a string, or a literal that is no longer than a name may be.
    pub(super) fn octets(&mut self) -> Vec<u8> {
        match self {
            Self::Atom(text) => text.clone().into_bytes(),
            Self::Quoted(octets) => octets.clone(),
            Self::Literal(spool) => {
                let mut octets = Vec::new();
                if let Ok(again) = spool.again() {
                    let _short = again.take(4096).read_to_end(&mut octets);
                }
                octets
            }
            Self::List(_) => Vec::new(),
        }
    }

    pub(super) fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.octets()).into_owned()
    }

    /// The members of a list; of anything else there are none.
    pub(super) fn members(&mut self) -> &mut [Value] {
        match self {
            Self::List(members) => members,
            _ => &mut [],
        }
    }
}

/// Reads responses.
pub(super) struct Reader<'a, R> {
    read: &'a mut R,
    left: usize,
    /// A literal with a message may come, and was none yet: it goes into a file if it is large.
    message: bool,
}

impl<'a, R: BufRead> Reader<'a, R> {
    /// The next response.
    pub(super) fn response(read: &'a mut R) -> io::Result<Response> {
        let mut reader = Reader {
            read,
            left: MAX_OCTETS,
            message: true,
        };
        let first = reader.word()?;
        if first == "+" {
            reader.text()?;
            return Ok(Response::Continue);
        }
        if first != "*" {
            let condition = reader.word()?.to_ascii_uppercase();
            return Ok(Response::Tagged(first, condition, reader.text()?));
        }
        let word = reader.word()?;
        let condition = word.to_ascii_uppercase();
        if matches!(condition.as_str(), "OK" | "NO" | "BAD" | "BYE" | "PREAUTH") {
            return Ok(Response::Condition(condition, reader.text()?));
        }
        let mut values = vec![Value::Atom(word)];
        values.extend(reader.values(0)?);
        Ok(Response::Data(values))
    }

    /// A word and the space behind it; the end of the line is left alone.
    fn word(&mut self) -> io::Result<String> {
        let mut word = Vec::new();
        loop {
            match self.peek()? {
                b'\r' | b'\n' => break,
                b' ' => {
                    self.skip()?;
                    break;
                }
                octet => {
                    word.push(octet);
                    self.skip()?;
                }
            }
        }
        Ok(String::from_utf8_lossy(&word).into_owned())
    }

    /// The rest of the line.
    fn text(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let limit = self.left as u64;
        let read = self.read.take(limit).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(broken(if read as u64 == limit {
                "a line is too long"
            } else {
                "it ended amid a line"
            }));
        }
        self.charge(read as u64)?;
        Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
    }

    /// Values up to the end of the line, or of the list at a depth.
    fn values(&mut self, depth: usize) -> io::Result<Vec<Value>> {
        if depth > MAX_DEPTH {
            return Err(broken("lists in too many lists"));
        }
        let mut values = Vec::new();
        loop {
            match self.peek()? {
                b' ' | b'\r' => self.skip()?,
                b'\n' => {
                    self.skip()?;
                    return if depth == 0 {
                        Ok(values)
                    } else {
                        Err(broken("a list is not closed"))
                    };
                }
                b')' => {
                    self.skip()?;
                    if depth > 0 {
                        return Ok(values);
                    }
                }
                b'(' => {
                    self.skip()?;
                    values.push(Value::List(self.values(depth + 1)?));
                }
                b'"' => values.push(Value::Quoted(self.quoted()?)),
                b'{' => {
                    let named = |value: &Value| matches!(value, Value::Atom(name) if name.eq_ignore_ascii_case("BODY[]"));
                    let message = values.last().is_some_and(named);
                    values.push(Value::Literal(self.literal(message)?));
                }
                _ => values.push(Value::Atom(self.atom()?)),
            }
        }
    }

    fn atom(&mut self) -> io::Result<String> {
        let mut atom = Vec::new();
        let mut brackets = 0_usize;
        loop {
            let octet = self.peek()?;
            match octet {
                // `BODY[HEADER.FIELDS (TO)]` is one.
                b'[' => brackets += 1,
                b']' => brackets = brackets.saturating_sub(1),
                b'\r' | b'\n' => break,
                b' ' | b'(' | b')' | b'"' if brackets == 0 => break,
                _ => {}
            }
            atom.push(octet);
            self.skip()?;
        }
        Ok(String::from_utf8_lossy(&atom).into_owned())
    }

    fn quoted(&mut self) -> io::Result<Vec<u8>> {
        self.skip()?;
        let mut octets = Vec::new();
        loop {
            let octet = self.peek()?;
            self.skip()?;
            match octet {
                b'"' => return Ok(octets),
                b'\\' => {
                    octets.push(self.peek()?);
                    self.skip()?;
                }
                b'\n' => return Err(broken("a string is not closed")),
                _ => octets.push(octet),
            }
        }
    }

    /// A literal. Unless it is the one with the message, it counts: each takes memory.
    fn literal(&mut self, message: bool) -> io::Result<Spool> {
        let head = self.text()?;
        let digits = head
            .strip_prefix('{')
            .and_then(|head| head.strip_suffix('}'));
        let length: Option<u64> =
            digits.and_then(|digits| digits.trim_end_matches('+').parse().ok());
        let length = length.ok_or_else(|| broken("a literal has no length"))?;
        if !(message && std::mem::take(&mut self.message)) {
            self.charge(length)?;
        }
        let spool = Spool::of(&mut self.read.take(length))?;
        if spool.octets() < length {
            return Err(broken("it ended amid a message"));
        }
        Ok(spool)
    }

    fn peek(&mut self) -> io::Result<u8> {
        let next = self.read.fill_buf()?.first().copied();
        next.ok_or_else(|| broken("it closed the connection"))
    }

    fn skip(&mut self) -> io::Result<()> {
        self.read.consume(1);
        self.charge(1)
    }

    fn charge(&mut self, octets: u64) -> io::Result<()> {
        let octets = usize::try_from(octets).ok();
        let left = octets.and_then(|octets| self.left.checked_sub(octets));
        self.left = left.ok_or_else(|| broken("a response is too long"))?;
        Ok(())
    }
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn responses(text: &str) -> Vec<Response> {
        let mut read = text.as_bytes();
        let mut all = Vec::new();
        while !read.is_empty() {
            all.push(Reader::response(&mut read).unwrap());
        }
        all
    }

    #[test]
    fn responses_are_read() {
        let text = "* OK [CAPABILITY IMAP4rev1] ready (really)\r\n+ go on\r\n* LIST (\\HasNoChildren) \".\" \"a \\\"b\"\r\n\
                    * 12 FETCH (UID 7 FLAGS (\\Seen $x) BODY[] {5}\r\n)\r\nx\n RFC822.SIZE 5)\r\n+\r\na1 NO [ALERT] not now\r\n";
        let mut all = responses(text).into_iter();
        assert!(
            matches!(all.next(), Some(Response::Condition(ok, text)) if ok == "OK" && text.ends_with("(really)"))
        );
        assert!(matches!(all.next(), Some(Response::Continue)));
        let Some(Response::Data(mut list)) = all.next() else {
            panic!()
        };
        assert_eq!(list[1].members()[0].text(), "\\HasNoChildren");
        assert_eq!(list[3].text(), "a \"b");
        let Some(Response::Data(mut fetch)) = all.next() else {
            panic!()
        };
        assert_eq!(fetch[1].text(), "FETCH");
        let row = fetch[2].members();
        assert_eq!(row[3].members().len(), 2);
        assert_eq!(row[4].text(), "BODY[]");
        assert_eq!(row[5].octets(), b")\r\nx\n");
        assert_eq!(row[7].text(), "5");
        assert!(matches!(all.next(), Some(Response::Continue)));
        assert!(
            matches!(all.next(), Some(Response::Tagged(tag, no, _)) if tag == "a1" && no == "NO")
        );
        assert!(all.next().is_none());
    }

    #[test]
    fn one_message_is_as_large_as_it_is_and_no_other_literal() {
        let literal = |name: &str| format!("{name} {{700000}}\r\n{}", "x".repeat(700_000));
        let large = format!(
            "* 1 FETCH (BODY[] {{2000000}}\r\n{} UID 1)\r\n",
            "x".repeat(2_000_000)
        );
        assert_eq!(responses(&large).len(), 1);
        for (names, is_read) in [
            (&["BODY[]", "X"][..], true),
            (&["X", "BODY[]"], true),
            (&["X", "Y"], false),
            (&["BODY[]", "BODY[]", "BODY[]"], false),
        ] {
            let literals: Vec<String> = names.iter().map(|name| literal(name)).collect();
            let text = format!("* 1 FETCH ({})\r\n", literals.join(" "));
            let read = Reader::response(&mut text.as_bytes());
            assert_eq!(read.is_ok(), is_read, "{names:?}");
        }
    }

    #[test]
    fn what_is_broken_or_endless_is_refused() {
        let endless = format!("* LIST {}", "x".repeat(MAX_OCTETS + 1));
        let deep = format!("* X {}\r\n", "(".repeat(100));
        for bad in [
            "* LIST (a\r\n",
            "* X \"a\r\n",
            "* X {9}\r\nabc",
            "* X {x}\r\n",
            "* X",
            &endless,
            &deep,
        ] {
            assert!(Reader::response(&mut bad.as_bytes()).is_err());
        }
    }
}
