//! Header blocks as octets: their fields, and the selection of fields for `BODY[HEADER.FIELDS (…)]`.

/// Octets of a header that are looked at; what lies behind is no header any more. Far beyond any real mail.
pub const MAX_HEADER: usize = 1 << 20;

/// A header field with its line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name without the colon and the white space before it.
    pub name: &'a [u8],
    /// Everything behind the colon, folding and the last line end included.
    pub value: &'a [u8],
    /// The whole field as it stands.
    pub raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// Whether it has this name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value unfolded (RFC 5322 §2.2.3), trimmed, without NUL, CR and LF.
    #[must_use]
    pub fn unfolded(&self) -> Vec<u8> {
        self.value
            .trim_ascii()
            .iter()
            .copied()
            .filter(|octet| !matches!(octet, 0 | b'\r' | b'\n'))
            .collect()
    }
}

/// Where the header of an entity ends: behind the first empty line, or at the end if there is none.
#[must_use]
pub fn end(entity: &[u8]) -> usize {
    let looked_at = entity.get(..MAX_HEADER).unwrap_or(entity);
    if looked_at.starts_with(b"\r\n") {
        return 2;
    }
    if looked_at.starts_with(b"\n") {
        return 1;
    }
    for line_end in memchr::memchr_iter(b'\n', looked_at) {
        let rest = looked_at.get(line_end + 1..).unwrap_or_default();
        if rest.starts_with(b"\r\n") {
            return line_end + 3;
        }
        if rest.starts_with(b"\n") {
            return line_end + 2;
        }
    }
    looked_at.len()
}

/// The fields of a header block in order. Lines that are no fields are left out.
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let (raw, next) = rest.split_at(field_end(rest));
            rest = next;
            if let Some(field) = split(raw) {
                return Some(field);
            }
        }
    })
}

/// Where the first field ends: behind the first line end that no white space follows.
fn field_end(header: &[u8]) -> usize {
    for line_end in memchr::memchr_iter(b'\n', header) {
        match header.get(line_end + 1) {
            Some(b' ' | b'\t') => {}
            _ => return line_end + 1,
        }
    }
    header.len()
}

fn split(raw: &[u8]) -> Option<Field<'_>> {
    let colon = memchr::memchr(b':', raw)?;
    let (name, value) = raw.split_at_checked(colon)?;
    // RFC 5322 §4.5: obsolete syntax has white space before the colon.
    let name = name.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name.then_some(Field {
        name,
        value: value.get(1..).unwrap_or_default(),
        raw,
    })
}

/// The header that `BODY[HEADER.FIELDS (names)]` gives, or with `not` the rest, in the original order; always ends
/// with an empty line (RFC 3501 §6.4.5).
#[must_use]
pub fn select(header: &[u8], names: &[String], not: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields(header) {
        if names.iter().any(|name| field.is(name)) != not {
            out.extend_from_slice(field.raw);
            if !field.raw.ends_with(b"\n") {
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"From: a@b\r\nSubject: one\r\n two\r\nnonsense\r\nTO : c@d\r\n\r\n";

    #[test]
    fn fields_are_found_folded_and_obsolete() {
        let names: Vec<&[u8]> = fields(HEADER).map(|field| field.name).collect();
        assert_eq!(names, [b"From".as_slice(), b"Subject", b"TO"]);
        let subject = fields(HEADER).find(|field| field.is("subject")).unwrap();
        assert_eq!(subject.unfolded(), b"one two");
    }

    #[test]
    fn selection_keeps_order_and_ends_with_an_empty_line() {
        let names = vec![String::from("to"), String::from("from")];
        assert_eq!(
            select(HEADER, &names, false),
            b"From: a@b\r\nTO : c@d\r\n\r\n"
        );
        assert_eq!(
            select(HEADER, &names, true),
            b"Subject: one\r\n two\r\n\r\n"
        );
        assert_eq!(
            select(b"A: b", &[String::from("a")], false),
            b"A: b\r\n\r\n"
        );
    }

    #[test]
    fn a_header_ends_at_the_first_empty_line() {
        assert_eq!(end(b"A: b\r\n\r\nbody"), 8);
        assert_eq!(end(b"A: b\n\nbody"), 6);
        assert_eq!(end(b"\r\nbody"), 2);
        assert_eq!(end(b"A: b\r\n"), 6);
        assert_eq!(end(b""), 0);
    }
}
