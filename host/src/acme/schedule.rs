//! When a certificate is renewed, and how long is waited after a failure; no clock, no chance.

use std::time::Duration;

use super::trouble::Kind;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The moment of renewal: two thirds of the lifetime are over.
pub(super) fn renewal(from: i64, until: i64) -> i64 {
    from + (until - from) / 3 * 2
}

/// The moment within a window that an authority suggests (RFC 9773 §4.2); `chance` is from 0 to 1 and stays the same.
pub(super) fn suggested(start: i64, end: i64, chance: f64) -> i64 {
    let width = u32::try_from((end - start).max(0)).unwrap_or(u32::MAX);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a share of a number of 32 bits"
    )]
    let offset = (f64::from(width) * chance) as i64;
    start + offset
}

/// How long is waited after so many failures in a row; `chance` is from 0 to 1.
pub(super) fn pause(failures: u32, kind: Kind, chance: f64) -> Duration {
    let (first, most) = match kind {
        // Nobody is bothered by asking again.
        Kind::Away => (MINUTE, HOUR),
        // Authorities count failed validations, often five in an hour for a name.
        Kind::Refused => (15 * MINUTE, 24 * HOUR),
        // They said when.
        Kind::Later(seconds) => return Duration::from_secs(seconds).mul_f64(1.0 + chance / 10.0),
    };
    let doubled = first << failures.saturating_sub(1).min(16);
    // A quarter more or less, so that servers that failed together do not come back together.
    Duration::from_secs(doubled.min(most)).mul_f64(0.75 + chance / 2.0)
}

/// In how many seconds it is looked again whether a name leads here, after so many times in vain.
pub(super) fn look(waited: u32) -> i64 {
    const SOON: i64 = 15;
    const LATE: i64 = 300;
    (SOON << waited.min(8)).min(LATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thirds_of_the_lifetime() {
        let day = 86_400;
        assert_eq!(renewal(0, 90 * day), 60 * day);
        assert_eq!(renewal(1000, 1000 + 6 * day), 1000 + 4 * day);
    }

    #[test]
    fn a_suggestion_is_kept_to() {
        assert_eq!(suggested(100, 300, 0.0), 100);
        assert_eq!(suggested(100, 300, 0.5), 200);
        assert_eq!(suggested(100, 100, 0.9), 100);
        assert_eq!(suggested(300, 100, 0.9), 300);
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let pause = |failures, kind| pause(failures, kind, 0.5).as_secs();
        assert_eq!(pause(1, Kind::Away), 60);
        assert_eq!(pause(2, Kind::Away), 120);
        assert_eq!(pause(50, Kind::Away), 3600);
        assert_eq!(pause(1, Kind::Refused), 900);
        assert_eq!(pause(3, Kind::Refused), 3600);
        assert_eq!(pause(50, Kind::Refused), 86_400);
        assert!(pause(1, Kind::Later(3600)) >= 3600);
        assert_eq!((look(0), look(2), look(40)), (15, 60, 300));
    }
}
