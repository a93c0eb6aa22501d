//! When a message came, where its source does not say: by its topmost field Received, or else by Date (RFC 5322 §3.6.7, §3.6.1).

use std::io::{self, BufRead as _, Read as _};

use jiff::fmt::rfc2822::DateTimeParser;

use super::Spool;

/// Octets of a header that are looked at.
const SEARCHED: u64 = 64 * 1024;

/// Milliseconds of Unix time; none if the header does not say either.
pub(super) fn of(content: &mut Spool) -> io::Result<Option<i64>> {
    let mut lines = content.again()?.take(SEARCHED);
    let (mut field, mut date) = (Vec::new(), None);
    loop {
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line)?;
        let ends = line.trim_ascii().is_empty();
        // RFC 5322 §2.2.3: a line that begins with a space goes on with the field before it.
        if ends || !matches!(line.first(), Some(b' ' | b'\t')) {
            if let Some(received) = read(&field, "received") {
                return Ok(Some(received));
            }
            date = date.or_else(|| read(&field, "date"));
            field.clear();
        }
        if ends {
            return Ok(date);
        }
        field.append(&mut line);
    }
}

/// The time at the end of a field of a name.
fn read(field: &[u8], name: &str) -> Option<i64> {
    let field = String::from_utf8_lossy(field);
    let (found, value) = field.split_once(':')?;
    if !found.trim().eq_ignore_ascii_case(name) {
        return None;
    }
    let date = value.rsplit(';').next()?.split('(').next()?;
    let words: Vec<&str> = date.split_ascii_whitespace().collect();
    let parser = DateTimeParser::new().relaxed_weekday(true);
    let time = parser.parse_timestamp(words.join(" ")).ok()?;
    Some(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_when() {
        let date = "Date: Thu, 26 Nov 2026 20:55:26 +0000\n";
        let received =
            "Received: from a by b\r\n\tfor c;\r\n Thu, 26 Nov 2026 21:55:27\r\n\t+0100 (CET)\r\n";
        for (text, expected) in [
            (format!("A: 1\n{date}\n{received}"), Some(1_795_726_526_000)),
            (format!("{date}{received}"), Some(1_795_726_527_000)),
            (
                format!("{received}Received: by x; Thu, 26 Nov 2026 10:00:00 GMT\n{date}\nx"),
                Some(1_795_726_527_000),
            ),
            ("Date: yesterday\n\nx".to_owned(), None),
            ("\nDate: Thu, 26 Nov 2026 20:55:26 +0000\n".to_owned(), None),
            (String::new(), None),
        ] {
            let mut spool = Spool::of(&mut text.as_bytes()).unwrap();
            assert_eq!(of(&mut spool).unwrap(), expected, "{text}");
        }
    }
}
