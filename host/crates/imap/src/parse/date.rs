//! Dates (RFC 3501 §9): `date` of SEARCH in days, `date-time` of APPEND.

use jiff::civil;

use crate::parse::core::{Parser, SyntaxError};
use crate::types::InternalDate;

const DATE: SyntaxError = SyntaxError::Expected("a date");
const DATE_TIME: SyntaxError = SyntaxError::Expected("a date and time");

/// Months as they are written.
pub(crate) const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl Parser<'_> {
    /// `date = date-text / DQUOTE date-text DQUOTE`, in days since 1970.
    pub(crate) fn date(&mut self) -> Result<i64, SyntaxError> {
        let text = self.text().map_err(|_| DATE)?;
        let mut inner = Parser::new(text.as_bytes());
        let date = inner.date_text()?;
        inner.end().map_err(|_| DATE)?;
        Ok(days(date))
    }

    /// `date-time`
    pub(crate) fn date_time(&mut self) -> Result<InternalDate, SyntaxError> {
        let text = self.string().map_err(|_| DATE_TIME)?;
        let mut inner = Parser::new(&text);
        // `date-day-fixed` may be a space and a digit.
        inner.accept(b' ');
        let date = inner.date_text()?;
        inner.expect(b' ', "a space in the date")?;
        let mut clock = [0u32; 3];
        for (index, field) in clock.iter_mut().enumerate() {
            if index > 0 {
                inner.expect(b':', "a time")?;
            }
            *field = inner.number().map_err(|_| DATE_TIME)?;
        }
        let [hour, minute, second] = clock;
        if hour > 23 || minute > 59 || second > 60 {
            return Err(DATE_TIME);
        }
        inner.expect(b' ', "a zone")?;
        let offset = inner.zone()?;
        inner.end().map_err(|_| DATE_TIME)?;
        let seconds = i64::from(hour * 3600 + minute * 60 + second);
        Ok(InternalDate {
            seconds: days(date) * 86_400 + seconds - i64::from(offset) * 60,
            offset,
        })
    }

    /// `date-text = date-day "-" date-month "-" date-year`
    fn date_text(&mut self) -> Result<civil::Date, SyntaxError> {
        let day = self.number().map_err(|_| DATE)?;
        self.expect(b'-', "a date")?;
        let month = MONTHS
            .iter()
            .position(|month| self.accept_prefix(month))
            .ok_or(DATE)?;
        self.expect(b'-', "a date")?;
        let year = self.number().map_err(|_| DATE)?;
        let year = i16::try_from(year).map_err(|_| DATE)?;
        let (month, day) = (
            i8::try_from(month + 1).map_err(|_| DATE)?,
            i8::try_from(day).map_err(|_| DATE)?,
        );
        civil::Date::new(year, month, day).map_err(|_| DATE)
    }

    /// `zone = ("+" / "-") 4DIGIT`, in minutes east.
    fn zone(&mut self) -> Result<i16, SyntaxError> {
        let west = self.accept(b'-');
        if !west {
            self.expect(b'+', "a zone")?;
        }
        let digits = self.number().map_err(|_| DATE_TIME)?;
        let digits = i16::try_from(digits).map_err(|_| DATE_TIME)?;
        if digits > 9999 || digits % 100 > 59 {
            return Err(DATE_TIME);
        }
        let minutes = digits / 100 * 60 + digits % 100;
        Ok(if west { -minutes } else { minutes })
    }
}

fn days(date: civil::Date) -> i64 {
    date.to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(0, |zoned| zoned.timestamp().as_second().div_euclid(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_and_times_are_seconds() {
        assert_eq!(Parser::new(b"1-Feb-1994").date(), Ok(8797));
        assert_eq!(Parser::new(b"\"01-feb-1994\"").date(), Ok(8797));
        assert_eq!(
            Parser::new(b"\"17-Jul-1996 02:44:25 -0700\"").date_time(),
            Ok(InternalDate {
                seconds: 837_596_665,
                offset: -420
            })
        );
        assert_eq!(
            Parser::new(b"\" 1-Jan-1970 00:00:00 +0000\"").date_time(),
            Ok(InternalDate::default())
        );
        for broken in [
            "31-Feb-1994",
            "1-Foo-1994",
            "1-Feb-99999",
            "1-Feb",
            "1-Feb-1994x",
        ] {
            assert!(Parser::new(broken.as_bytes()).date().is_err(), "{broken}");
        }
        for broken in [
            "\"17-Jul-1996 25:44:25 -0700\"",
            "\"17-Jul-1996 02:44 -0700\"",
            "\"17-Jul-1996 02:44:25 0700\"",
        ] {
            assert!(
                Parser::new(broken.as_bytes()).date_time().is_err(),
                "{broken}"
            );
        }
    }
}
