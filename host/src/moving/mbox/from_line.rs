//! The line that a message begins with: `From sender Thu Nov 26 20:55:26 2026`, or just `From `, as Mozilla writes it.

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Whether a line is `From ` and no more: the beginning of a message if an empty line, or none, stands before it.
pub(super) fn is_bare(line: &[u8]) -> bool {
    line.strip_prefix(b"From ")
        .is_some_and(|rest| rest.trim_ascii().is_empty())
}

/// Whether a line, without its end, is one that Mozilla begins messages with.
pub(super) fn is_of_mozilla(line: &[u8]) -> bool {
    line == b"From" || line.starts_with(b"From - ")
}

/// The time of such a line, milliseconds of Unix time; none if the line is another one. A time without a zone is UTC (RFC 4155).
pub(super) fn time(line: &[u8]) -> Option<i64> {
    // Senders may hold any octets; the date is what counts.
    let line = String::from_utf8_lossy(line.strip_prefix(b"From ")?);
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let clock = words.iter().rposition(|word| clock(word).is_some())?;
    let (hour, minute, second) = clock_at(&words, clock)?;
    let day: i8 = words.get(clock.checked_sub(1)?)?.parse().ok()?;
    let month = words.get(clock.checked_sub(2)?)?;
    let month = MONTHS
        .iter()
        .position(|known| month.eq_ignore_ascii_case(known))?;
    let after = words.get(clock + 1..)?;
    let year = after.iter().find_map(|word| year(word))?;
    let date = civil::date(year, 1, 1)
        .with()
        .month(i8::try_from(month + 1).ok()?)
        .day(day)
        .build()
        .ok()?;
    let time = date
        .at(hour, minute, second, 0)
        .to_zoned(TimeZone::UTC)
        .ok()?
        .timestamp();
    let zone = after.iter().find_map(|word| zone(word)).unwrap_or_default();
    Some(time.checked_sub(zone).ok()?.as_millisecond())
}

fn clock_at(words: &[&str], at: usize) -> Option<(i8, i8, i8)> {
    clock(words.get(at)?)
}

/// `20:55:26`, or `20:55`.
fn clock(word: &str) -> Option<(i8, i8, i8)> {
    let mut parts = word.split(':');
    let mut part = |most: i8| -> Option<i8> {
        let text = parts.next()?;
        let digits =
            (1..=2).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number <= most)
    };
    let (hour, minute) = (part(23)?, part(59)?);
    // A leap second is the second before it.
    let second = if word.matches(':').count() > 1 {
        part(60)?.min(59)
    } else {
        0
    };
    (word.matches(':').count() <= 2).then_some((hour, minute, second))
}

fn year(word: &str) -> Option<i16> {
    let digits = word.len() == 4 && word.bytes().all(|octet| octet.is_ascii_digit());
    word.parse().ok().filter(|year| digits && *year > 1900)
}

/// `+0100`.
fn zone(word: &str) -> Option<SignedDuration> {
    let (sign, digits) = match word.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number: i64 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    Some(SignedDuration::from_mins(
        sign * (number / 100 * 60 + number % 100),
    ))
}

/// The line of a message by a sender, without its end.
pub(super) fn line(sender: &str, date: i64) -> String {
    let time = Timestamp::from_millisecond(date).unwrap_or_default();
    format!("From {sender} {}", time.strftime("%a %b %e %H:%M:%S %Y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_their_forms() {
        let expected = Some(1_795_726_526_000);
        for text in [
            "From a@b.test Thu Nov 26 20:55:26 2026",
            "From a@b.test  Thu Nov 26 20:55:26 2026\r",
            "From a b c Thu Nov 26 20:55:26 UTC 2026",
            "From - Thu Nov 26 21:55:26 2026 +0100",
            "From a@b.test Thu Nov 26 15:55:26 -0500 2026",
        ] {
            assert_eq!(time(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(
            time(b"From Gr\xfc\xdfe@b.test Thu Nov 26 20:55:26 2026"),
            expected
        );
        assert_eq!(
            time(b"From x Thu Nov  6 20:55 2026"),
            Some(1_793_998_500_000)
        );
    }

    #[test]
    fn other_lines_are_none() {
        for text in [
            "From here on it is easy",
            "From a@b.test Thu Nov 26 2026",
            "From a@b.test Thu Nov 31 20:55:26 2026",
            "From a@b.test Thu Nov 26 25:55:26 2026",
            "from a@b.test Thu Nov 26 20:55:26 2026",
            ">From a@b.test Thu Nov 26 20:55:26 2026",
            "From ",
        ] {
            assert_eq!(time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_bare_line_has_its_space() {
        for (line, bare) in [
            (&b"From \r\n"[..], true),
            (b"From \n", true),
            (b"From\n", false),
            (b"From x\n", false),
            (b">From \n", false),
        ] {
            assert_eq!(is_bare(line), bare, "{line:?}");
        }
    }

    #[test]
    fn a_line_is_read_again() {
        let written = line("a@b.test", 1_795_726_526_000);
        assert_eq!(written, "From a@b.test Thu Nov 26 20:55:26 2026");
        assert_eq!(
            time(line("x", 1_793_998_500_000).as_bytes()),
            Some(1_793_998_500_000)
        );
    }
}
