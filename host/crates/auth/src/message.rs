//! A message as signatures see it: header fields as they stand, and the body's octets.
//!
//! Standards: RFC 5322 §2.2; RFC 6376 §5.4.2 (fields are signed from the bottom up).

use std::collections::HashMap;

/// Header fields that are looked at; what is below them does not exist for signatures.
const MAX_FIELDS: usize = 10_000;

/// A header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Before the colon, as it stands.
    pub name: &'a [u8],
    /// After the colon, with its last CRLF.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether the field is called so, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name
            .trim_ascii_end()
            .eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value as text, if it is one; RFC 6532 §3.2: UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.value).ok()
    }
}

/// A message, read once for all checks.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    fields: Vec<Field<'a>>,
    /// Where the fields of a name are, from the top.
    by_name: HashMap<Vec<u8>, Vec<usize>>,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message with CRLF line ends. What is no field is passed over.
    #[must_use]
    pub fn read(octets: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        let mut by_name: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        let mut rest = octets;
        while !rest.is_empty() && fields.len() < MAX_FIELDS {
            if let Some(body) = rest.strip_prefix(b"\r\n") {
                rest = body;
                break;
            }
            let (field, after) = rest.split_at(end_of_field(rest));
            rest = after;
            let Some(colon) = field.iter().position(|octet| *octet == b':') else {
                continue;
            };
            let (name, value) = field.split_at(colon);
            let key = name.trim_ascii_end().to_ascii_lowercase();
            by_name.entry(key).or_default().push(fields.len());
            let value = value.get(1..).unwrap_or_default();
            fields.push(Field { name, value });
        }
        Self {
            fields,
            by_name,
            body: rest,
        }
    }

    /// All fields, from the top.
    #[must_use]
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The fields of a name, from the top.
    pub fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = Field<'a>> + '_ {
        let places = self.by_name.get(name.to_ascii_lowercase().as_bytes());
        let places = places.map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|at| self.fields.get(*at).copied())
    }

    /// The octets after the empty line.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The fields that a list of names picks: RFC 6376 §5.4.2: a name that is there again means the next one above; where there is none,
    /// nothing.
    pub(crate) fn picked(&self, names: &[String]) -> Vec<(&'a [u8], &'a [u8])> {
        let mut used: HashMap<String, usize> = HashMap::new();
        let mut picked = Vec::with_capacity(names.len());
        for name in names {
            let lower = name.to_ascii_lowercase();
            let nth = used.entry(lower).or_default();
            if let Some(field) = self.named(name).rev().nth(*nth) {
                picked.push((field.name, field.value));
            }
            *nth += 1;
        }
        picked
    }
}

/// Where the field at the beginning ends: RFC 5322 §2.2.3: lines that begin with white space belong to it.
fn end_of_field(octets: &[u8]) -> usize {
    let mut at = 0;
    while let Some(line) = octets.get(at..) {
        let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
            return octets.len();
        };
        at += end + 2;
        if !matches!(octets.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
    octets.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_body() {
        let message = Message::read(b"A: 1\r\n 2\r\nno field\r\nB:\r\na: 3\r\n\r\nbody\r\n");
        let values: Vec<&[u8]> = message.named("A").map(|field| field.value).collect();
        assert_eq!(values, [&b" 1\r\n 2\r\n"[..], b" 3\r\n"]);
        assert_eq!(message.fields().len(), 3);
        assert_eq!(message.body(), b"body\r\n");
        assert_eq!(Message::read(b"A: 1").fields().len(), 1);
        assert_eq!(Message::read(b"\r\nbody").body(), b"body");
        assert!(Message::read(b"").fields().is_empty());
    }

    #[test]
    fn fields_are_picked_from_the_bottom() {
        let message = Message::read(b"A: 1\r\nB: 2\r\nA: 3\r\n\r\n");
        let names = ["a", "A", "a", "c", "b"].map(str::to_owned);
        let picked = message.picked(&names);
        let values: Vec<&[u8]> = picked.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [&b" 3\r\n"[..], b" 1\r\n", b" 2\r\n"]);
    }
}
