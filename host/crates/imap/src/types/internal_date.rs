//! When a message came to be (RFC 3501 §2.3.3).

/// A moment with the zone that it was given in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InternalDate {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub offset: i16,
}

impl InternalDate {
    /// Seconds since 1970 that a clock in UTC would need to show what this one's zone shows.
    #[must_use]
    pub fn local_seconds(self) -> i64 {
        self.seconds.saturating_add(i64::from(self.offset) * 60)
    }

    /// Days since 1970 of the date as it is written (RFC 3501 §6.4.4 disregards time and zone).
    #[must_use]
    pub fn day(self) -> i64 {
        self.local_seconds().div_euclid(86_400)
    }
}
