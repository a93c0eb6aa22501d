//! INTERNALDATE: `26-Nov-2026 20:55:26 +0100` (RFC 3501 §9, `date-time`).

use jiff::civil;
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Milliseconds of Unix time, and minutes east of UTC.
pub(super) fn internal_date(text: &str) -> Option<(i64, i16)> {
    let mut words = text.split_ascii_whitespace();
    let mut day = words.next()?.split('-');
    let mut clock = words.next()?.split(':');
    let zone = words.next()?;
    let number = day.next()?.parse().ok()?;
    let month = day.next()?;
    let month = MONTHS
        .iter()
        .position(|known| known.eq_ignore_ascii_case(month))?;
    let year = day.next()?.parse().ok()?;
    let date = civil::date(2000, 1, 1)
        .with()
        .year(year)
        .month(i8::try_from(month + 1).ok()?);
    let date = date.day(number).build().ok()?;
    let mut part = || clock.next()?.parse::<i8>().ok();
    let time = date
        .at(0, 0, 0, 0)
        .with()
        .hour(part()?)
        .minute(part()?)
        .second(part()?.min(59));
    let time = time.build().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let (sign, digits) = zone.split_at_checked(1)?;
    let digits: i16 = digits
        .parse()
        .ok()
        .filter(|digits| (0..=2400).contains(digits))?;
    let offset = (digits / 100 * 60 + digits % 100) * if sign == "-" { -1 } else { 1 };
    Some((time.as_millisecond() - i64::from(offset) * 60_000, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_their_zone() {
        assert_eq!(
            internal_date("26-Nov-2026 20:55:26 +0000"),
            Some((1_795_726_526_000, 0))
        );
        assert_eq!(
            internal_date(" 6-nov-2026 16:25:26 -0430"),
            Some((1_793_998_526_000, -270))
        );
        for bad in [
            "",
            "26-Nov-2026",
            "31-Feb-2026 20:55:26 +0000",
            "26-Nov-2026 20:55:26 x",
        ] {
            assert_eq!(internal_date(bad), None, "{bad:?}");
        }
    }
}
