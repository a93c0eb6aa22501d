//! Quantities as people write them: sizes (`"50MiB"`), periods (`"30s"`) and networks (`"10.0.0.0/8"`).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

const SIZES: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];
const PERIODS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("ms", 1),
    ("m", 60_000),
    ("s", 1_000),
];

/// An amount of octets, written with one of the units B, KiB, MiB and GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// So many octets.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1,048,576 octets.
    pub const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// The amount in octets.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quantity(f, self.0, &SIZES)
    }
}

impl FromStr for Size {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        quantity(text, &SIZES).map(Self).ok_or(())
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A length of time, written with one of the units ms, s, m, h and d.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// So many seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// So many thousandths of a second.
    pub const fn milliseconds(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// The length of time.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1_000),
            ("ms", 1),
        ];
        write_quantity(
            f,
            u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX),
            &units,
        )
    }
}

impl FromStr for Period {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        quantity(text, &PERIODS)
            .map(|count| Self(Duration::from_millis(count)))
            .ok_or(())
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, scale) = units
        .iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)))?;
    number.trim_end().parse::<u64>().ok()?.checked_mul(scale)
}

/// Writes with the largest unit that leaves no remainder; `units` from large to small.
fn write_quantity(f: &mut fmt::Formatter<'_>, count: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fits = |scale: u64| count >= scale && count.is_multiple_of(scale);
    let unit = units
        .iter()
        .find(|(_, scale)| fits(*scale))
        .or(units.last());
    let (name, scale) = unit.copied().unwrap_or(("", 1));
    write!(f, "{}{name}", count / scale)
}

/// A network of addresses, `10.0.0.0/8` or `2001:db8::/32`; an address alone is a network of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is in it; an IPv4 address inside an IPv6 one counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = ipnet::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Self(address.into())),
            Err(_) => text.parse().map(Self),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_they_are_written() {
        for text in ["0B", "1B", "1000B", "1KiB", "50MiB", "3GiB"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        for text in ["0ms", "1ms", "1500ms", "30s", "5m", "1h", "7d"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        assert_eq!("120s".parse::<Period>().unwrap().to_string(), "2m");
        assert_eq!("50 MiB".parse(), Ok(Size::mebibytes(50)));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "",
            "5",
            "MiB",
            "-1MiB",
            "1.5MiB",
            "99999999999999999999GiB",
            "18446744073709551615KiB",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        for text in ["", "5", "s", "5 weeks"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
