//! Dates (RFC 8620 §1.4): `Date` and `UTCDate`, RFC 3339 in a narrower form.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// A moment in UTC, to the second.
pub(super) fn utc(milliseconds: i64) -> Option<String> {
    in_zone(milliseconds.div_euclid(1000), 0)
}

/// A moment in the zone of an offset, minutes east of UTC.
pub(super) fn in_zone(seconds: i64, offset: i16) -> Option<String> {
    let moment = Timestamp::from_second(seconds).ok()?;
    let zone = Offset::from_seconds(i32::from(offset) * 60).ok()?;
    let there = moment.to_zoned(TimeZone::fixed(zone)).datetime();
    // RFC 3339 §5.6: years of four digits.
    let date = (0..=9999).contains(&there.year()).then_some(there)?;
    let date = date.strftime("%Y-%m-%dT%H:%M:%S");
    if offset == 0 {
        return Some(format!("{date}Z"));
    }
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
    Some(format!(
        "{date}{sign}{:02}:{:02}",
        minutes / 60,
        minutes % 60
    ))
}

/// The moment of a UTCDate, milliseconds of Unix time, written with capitals. RFC 8620 §1.4 wants no fraction of zeros; clients write one.
pub(crate) fn parse_utc(text: &str) -> Option<i64> {
    let date = text.strip_suffix('Z')?;
    let shape = date.bytes().enumerate().all(|(at, octet)| match at {
        4 | 7 => octet == b'-',
        10 => octet == b'T',
        13 | 16 => octet == b':',
        19 => octet == b'.',
        _ => octet.is_ascii_digit(),
    });
    if !shape || !matches!(date.len(), 19 | 21..=29) {
        return None;
    }
    let date: DateTime = date.parse().ok()?;
    let moment = date.to_zoned(TimeZone::UTC).ok()?;
    Some(moment.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_and_read() {
        assert_eq!(
            utc(1_414_649_520_999).as_deref(),
            Some("2014-10-30T06:12:00Z")
        );
        assert_eq!(utc(-1).as_deref(), Some("1969-12-31T23:59:59Z"));
        assert_eq!(
            in_zone(1_414_642_320, 480).as_deref(),
            Some("2014-10-30T12:12:00+08:00")
        );
        assert_eq!(
            in_zone(0, -210).as_deref(),
            Some("1969-12-31T20:30:00-03:30")
        );
        assert_eq!(utc(i64::MAX), None);
        assert_eq!(parse_utc("2014-10-30T06:12:00Z"), Some(1_414_649_520_000));
        assert_eq!(
            parse_utc("2014-10-30T06:12:00.25Z"),
            Some(1_414_649_520_250)
        );
        assert_eq!(
            parse_utc("2014-10-30T06:12:00.000Z"),
            Some(1_414_649_520_000)
        );
        for wrong in [
            "",
            "Z",
            "2014-10-30",
            "2014-10-30T06:12:00",
            "2014-10-30t06:12:00Z",
            "2014-10-30T06:12:00z",
            "2014-10-30T06:12:00+00:00",
            "2014-10-30T06:12:00.Z",
            "2014-02-30T06:12:00Z",
            "2014-10-30T25:12:00Z",
            "2014-10-30T06:12Z",
        ] {
            assert_eq!(parse_utc(wrong), None, "{wrong}");
        }
    }
}
