//! Settings: JSON in, a serde type out, every problem told with its place; and types that settings often hold.

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Something wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What, and what to do about it.
    pub text: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(pointer: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.text),
            pointer => write!(f, "{pointer}: {}", self.text),
        }
    }
}

/// A member's name as part of a JSON Pointer (RFC 6901 §3).
pub fn escape_pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Reads settings. No text and `null` are an empty table.
///
/// # Errors
/// The one problem at which serde stopped, with its place.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Vec<Problem>> {
    let text = match text.trim() {
        "" | "null" => "{}",
        text => text,
    };
    let deserializer = &mut serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path() {
            match segment {
                serde_path_to_error::Segment::Seq { index } => {
                    pointer.push_str(&format!("/{index}"));
                }
                serde_path_to_error::Segment::Map { key } => {
                    pointer.push_str(&format!("/{}", escape_pointer(key)));
                }
                _ => {}
            }
        }
        // serde_json adds where in the JSON it stopped; the operator wrote TOML.
        let text = error.inner().to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        vec![Problem::new(pointer, text)]
    })
}

/// A network: `192.0.2.0/24`, `2001:db8::/32`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(pub IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| {
            format!(
                "\"{text}\" is no network; write 192.0.2.0/24, 2001:db8::/32 or a single address"
            )
        })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A list of networks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Networks(pub Vec<Network>);

impl Networks {
    /// The machine itself (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
    pub fn loopback() -> Self {
        Self(
            ["127.0.0.0/8", "::1"]
                .into_iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
        )
    }

    /// Whether an address lies in one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }
}

/// How many leading bits of an address make one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetworkSize {
    /// For IPv4.
    pub ipv4: u8,
    /// For IPv6.
    pub ipv6: u8,
}

impl Default for NetworkSize {
    fn default() -> Self {
        // A /24 is what one customer or one rack holds; a /56 what one household gets (RFC 6177 §2).
        Self { ipv4: 24, ipv6: 56 }
    }
}

impl NetworkSize {
    /// The network that an address belongs to.
    pub fn network_of(self, address: IpAddr) -> IpNet {
        let address = address.to_canonical();
        let prefix = if address.is_ipv4() {
            self.ipv4.min(32)
        } else {
            self.ipv6.min(128)
        };
        IpNet::new(address, prefix).map_or_else(|_| IpNet::from(address), |network| network.trunc())
    }

    /// What is wrong with it; `pointer` is where it stands.
    pub fn check(self, pointer: &str) -> Vec<Problem> {
        [("ipv4", self.ipv4, 32), ("ipv6", self.ipv6, 128)]
            .into_iter()
            .filter(|(_, prefix, longest)| prefix > longest)
            .map(|(member, prefix, longest)| {
                Problem::new(
                    format!("{pointer}/{member}"),
                    format!("{prefix} is no prefix length; 0 to {longest}"),
                )
            })
            .collect()
    }
}

/// Octets: a number, or text such as `"2 GB"` (thousands) or `"2 GiB"` (1024s).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub struct Size(pub u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl TryFrom<NumberOrText> for Size {
    type Error = String;

    fn try_from(value: NumberOrText) -> Result<Self, String> {
        match value {
            NumberOrText::Number(octets) => Ok(Self(octets)),
            NumberOrText::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no size; write octets, or \"2 GB\", \"500 MiB\"");
        let trimmed = text.trim();
        let end = trimmed
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at_checked(end).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return Err(wrong()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Example {
        trust: Networks,
        size: Option<Size>,
    }

    #[test]
    fn problems_have_places() {
        let told = |text: &str| parse::<Example>(text).unwrap_err().remove(0).to_string();
        assert_eq!(
            told(r#"{"trust": ["::1", "nowhere"]}"#),
            "/trust/1: \"nowhere\" is no network; write 192.0.2.0/24, 2001:db8::/32 or a single address"
        );
        assert_eq!(
            told(r#"{"tryst": []}"#),
            "/tryst: unknown field `tryst`, expected `trust` or `size`"
        );
        assert!(parse::<Example>("").is_ok() && parse::<Example>("null").is_ok());
    }

    #[test]
    fn sizes_are_read() {
        for (text, octets) in [
            ("0", 0),
            ("2 GB", 2_000_000_000),
            ("500MiB", 500 << 20),
            (" 7 b ", 7),
        ] {
            assert_eq!(text.parse(), Ok(Size(octets)), "{text}");
        }
        for text in ["", "GB", "-1", "1.5 GB", "1 XB", "99999999999 TB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn networks_hold_mapped_addresses() {
        let networks = Networks(vec!["192.0.2.0/24".parse().unwrap()]);
        assert!(networks.contains("::ffff:192.0.2.9".parse().unwrap()));
        assert!(!networks.contains("192.0.3.9".parse().unwrap()));
        assert!(Networks::loopback().contains("127.9.9.9".parse().unwrap()));
        let size = NetworkSize::default();
        assert_eq!(
            size.network_of("192.0.2.77".parse().unwrap()).to_string(),
            "192.0.2.0/24"
        );
        assert_eq!(
            size.network_of("2001:db8:0:1ff::1".parse().unwrap())
                .to_string(),
            "2001:db8:0:100::/56"
        );
        assert_eq!(NetworkSize { ipv4: 33, ipv6: 0 }.check("/network").len(), 1);
    }
}
