//! How a multipart's body is cut into its parts (RFC 2046 §5.1.1).

use memchr::memmem;

use crate::summary::Span;

/// Longest boundary that is looked for; RFC 2046 §5.1.1 allows 70.
const MAX_BOUNDARY: usize = 256;

/// The parts between the delimiters of `boundary` in `raw[body]`, at most `limit`; empty if there is no delimiter.
/// The last part ends with the body if the closing delimiter is missing. One pass.
pub(crate) fn split(raw: &[u8], body: Span, boundary: &str, limit: usize) -> Vec<Span> {
    let mut parts = Vec::new();
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
        return parts;
    }
    let octets = body.of(raw);
    let needle = [b"--", boundary.as_bytes()].concat();
    let mut open: Option<usize> = None;
    for at in memmem::find_iter(octets, &needle) {
        let Some((behind, closing)) = delimiter(octets, at, needle.len()) else {
            continue;
        };
        if let Some(start) = open {
            parts.push(span(body, start, before_line_end(octets, start, at)));
        }
        open = (!closing && parts.len() < limit).then_some(behind);
        if open.is_none() {
            break;
        }
    }
    if let Some(start) = open
        && (parts.is_empty() || start < octets.len())
    {
        parts.push(span(body, start, octets.len()));
    }
    parts
}

/// What the delimiter line at `at` is: where the next line begins, and whether it closes the multipart.
///
/// Deviation from RFC 2046 §5.1.1: the line must hold nothing but the boundary and white space, since real mail nests
/// boundaries that begin alike.
fn delimiter(octets: &[u8], at: usize, length: usize) -> Option<(usize, bool)> {
    let at_line_start = at == 0 || octets.get(at - 1) == Some(&b'\n');
    if !at_line_start {
        return None;
    }
    let rest = octets.get(at + length..)?;
    if rest.starts_with(b"--") {
        return Some((octets.len(), true));
    }
    let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    let blank = rest.get(..line)?.iter().all(u8::is_ascii_whitespace);
    blank.then_some((at + length + line, false))
}

/// RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter.
fn before_line_end(octets: &[u8], start: usize, delimiter: usize) -> usize {
    let content = octets.get(start..delimiter).unwrap_or_default();
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    start + content.strip_suffix(b"\r").unwrap_or(content).len()
}

fn span(body: Span, start: usize, end: usize) -> Span {
    let at = |offset: usize| {
        body.start
            .saturating_add(u32::try_from(offset).unwrap_or(u32::MAX))
            .min(body.end)
    };
    Span {
        start: at(start),
        end: at(end.max(start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, boundary: &str) -> Vec<String> {
        let body = Span {
            start: 0,
            end: text.len() as u32,
        };
        split(text.as_bytes(), body, boundary, 10)
            .into_iter()
            .map(|span| String::from_utf8(span.of(text.as_bytes()).to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn delimiters_take_the_line_end_before_them() {
        assert_eq!(
            parts(
                "pre\r\n--b\r\none\r\n--b  \r\n\r\ntwo\r\n\r\n--b--\r\npost",
                "b"
            ),
            ["one", "\r\ntwo\r\n"]
        );
        assert_eq!(parts("--b\none\n--b\ntwo", "b"), ["one", "two"]);
    }

    #[test]
    fn boundaries_that_begin_alike_are_told_apart() {
        assert_eq!(
            parts("--b\r\n--bb\r\nx\r\n--bb--\r\n--b--", "b"),
            ["--bb\r\nx\r\n--bb--"]
        );
    }

    #[test]
    fn without_delimiters_there_are_no_parts() {
        assert_eq!(parts("one --b\r\n", "b"), Vec::<String>::new());
        assert_eq!(parts("--b--\r\n", "b"), Vec::<String>::new());
        assert_eq!(parts("--b\r\n--b\r\n--b--", "b"), ["", ""]);
    }
}
