//! Fields of a report: texts of peers made harmless, lines folded, addresses in their forms.

use std::fmt::Write as _;

/// Longest text of a field.
const MAX_TEXT: usize = 1500;
/// RFC 5322 §2.1.1: lines should have no more characters.
const FOLD: usize = 78;

/// A field's text: no control characters, nothing that is not ASCII unless `utf8`, of bounded length.
pub(super) fn harmless(text: &str, utf8: bool) -> String {
    let keep = |c: char| match c {
        c if c.is_control() => ' ',
        c if c.is_ascii() || utf8 => c,
        _ => '?',
    };
    let cut = text
        .get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or_default();
    cut.chars().map(keep).collect::<String>().trim().to_owned()
}

/// Adds a field, folded at spaces, and within words that no line would hold.
pub(super) fn field(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push(':');
    let mut column = name.len() + 1;
    let mut first = true;
    for word in value.split_ascii_whitespace() {
        for (i, piece) in pieces(word).enumerate() {
            if i > 0 || (!first && column + 1 + piece.len() > FOLD) {
                out.push_str("\r\n");
                column = 0;
            }
            first = false;
            out.push(' ');
            out.push_str(piece);
            column += 1 + piece.len();
        }
    }
    out.push_str("\r\n");
}

/// Longest word on one line.
const MAX_WORD: usize = 700;

/// A word in pieces of at most [`MAX_WORD`] bytes.
fn pieces(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at_checked(rest.floor_char_boundary(MAX_WORD))?;
        rest = after;
        Some(piece)
    })
}

/// An address with its type (RFC 3464 §2.3.2; RFC 6533 §3 for those that are not ASCII).
pub(super) fn typed(address: &str, utf8: bool) -> String {
    if address.is_ascii() {
        return format!("rfc822; {}", harmless(address, false));
    }
    format!("utf-8; {}", spelled(address, utf8))
}

/// What ORCPT said: type and address as they were given (RFC 3461 §4.2).
pub(super) fn original(orcpt: &str, utf8: bool) -> String {
    match orcpt.split_once(';') {
        Some((kind, address)) if kind.eq_ignore_ascii_case("utf-8") => {
            format!("utf-8; {}", spelled(address.trim(), utf8))
        }
        Some((kind, address)) => {
            format!("{}; {}", harmless(kind, false), harmless(address, utf8))
        }
        None => typed(orcpt, utf8),
    }
}

/// RFC 6533 §3: utf-8-address where the report may be UTF-8, else utf-8-addr-xtext.
fn spelled(address: &str, utf8: bool) -> String {
    let address = harmless(address, true);
    if utf8 {
        return address;
    }
    let mut out = String::new();
    for c in address.chars() {
        // RFC 6533 §3: EmbeddedUnicodeChar for what is not ASCII, and for `\`, `+`, `=` and space.
        if c.is_ascii_graphic() && !matches!(c, '\\' | '+' | '=') {
            out.push(c);
        } else {
            let _ = write!(out, "\\x{{{:02X}}}", u32::from(c));
        }
    }
    out
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// RFC 5322 §3.3: the date of a moment (milliseconds of Unix time), in UTC. Years before 1970 and after 9999 are cut.
pub(super) fn date(at: i64) -> String {
    let seconds = at.div_euclid(1000).clamp(0, 253_402_300_799);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let at = |list: &[&'static str], at: i64| -> &'static str {
        usize::try_from(at)
            .ok()
            .and_then(|at| list.get(at))
            .copied()
            .unwrap_or_default()
    };
    let (name, month) = (at(&DAYS, days % 7), at(&MONTHS, month - 1));
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{name}, {day} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

/// Year, month and day of a number of days since 1970 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(date(1_709_210_096_000), "Thu, 29 Feb 2024 12:34:56 +0000");
        assert_eq!(date(i64::MIN), date(0));
        assert_eq!(date(i64::MAX), "Fri, 31 Dec 9999 23:59:59 +0000");
    }

    #[test]
    fn addresses_in_both_forms() {
        assert_eq!(typed("a@b.example", true), "rfc822; a@b.example");
        assert_eq!(typed("jö+x@b.example", true), "utf-8; jö+x@b.example");
        assert_eq!(
            typed("jö+x@b.example", false),
            "utf-8; j\\x{F6}\\x{2B}x@b.example"
        );
        assert_eq!(original("UTF-8;jö@b", false), "utf-8; j\\x{F6}@b");
        assert_eq!(
            original("x400;/C=de/\r\nAction: relayed", true),
            "x400; /C=de/  Action: relayed"
        );
    }

    proptest! {
        #[test]
        fn a_field_is_one_field(name in "[A-Z][a-z-]{1,20}", text in ".{0,3000}", long in "[a-zé]{0,2500}") {
            for value in [text, long] {
                let mut out = String::new();
                field(&mut out, &name, &harmless(&value, true));
                let lines: Vec<&str> = out.strip_suffix("\r\n").unwrap().split("\r\n").collect();
                for (i, line) in lines.iter().enumerate() {
                    prop_assert!(line.len() <= 998, "{}", line.len());
                    prop_assert!(!line.contains(['\r', '\n']));
                    prop_assert_eq!(i > 0, line.starts_with(' '), "{:?}", line);
                    prop_assert!(line.trim() != "" );
                }
            }
        }
    }
}
