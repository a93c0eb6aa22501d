//! Who may connect and how a peer must greet: decisions without a host. RFC 5321 §2.3.5, §4.1.1.1, §4.1.3.

use crate::settings::{Ban, Early, Greeting, Measure, Per, Rate, Settings};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the lists say of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Nothing applies: a trusted network.
    Trusted,
    /// On the allow list: neither the deny list nor the rates apply.
    Allowed,
    /// On the deny list.
    Denied,
    /// On none.
    Unlisted,
}

/// Looks a peer up in the lists of addresses.
pub fn listed(settings: &Settings, client: IpAddr) -> Listed {
    if settings.trust.contains(client) {
        Listed::Trusted
    } else if settings.allow.addresses.contains(client) {
        Listed::Allowed
    } else if settings.deny.addresses.contains(client) {
        Listed::Denied
    } else {
        Listed::Unlisted
    }
}

/// The key under which this rate counts this peer; none if it does not count it.
pub fn rate_key(
    settings: &Settings,
    rate: &Rate,
    protocol: &str,
    client: IpAddr,
) -> Option<String> {
    if !rate.protocols.is_empty() && !rate.protocols.iter().any(|listed| listed == protocol) {
        return None;
    }
    let which = rate.protocols.join(",");
    Some(match rate.per {
        Per::Address => format!("rate/address/{}/{which}/{client}", rate.seconds),
        Per::Network => format!(
            "rate/network/{}/{which}/{}",
            rate.seconds,
            settings.network.network_of(client)
        ),
    })
}

/// The key under which the ban of a peer is kept: of what the server counts its errors for, which of IPv6 is the network of 64 bits that one
/// peer has for itself (RFC 6177 §2).
pub fn ban_key(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(client) => format!("ban/{client}"),
        IpAddr::V6(client) => {
            let network = client.to_bits() >> 64 << 64;
            format!("ban/{}/64", std::net::Ipv6Addr::from_bits(network))
        }
    }
}

/// Why a peer is to be banned that has made so many errors, and named so many recipients in vain, of late.
pub fn ban_reason(ban: &Ban, errors: u64, refused: u64) -> Option<&'static str> {
    let reached = |limit: u64, count: u64| limit != 0 && count >= limit;
    if reached(ban.refused_recipients, refused) {
        Some("too many recipients that were refused")
    } else if reached(ban.errors, errors) {
        Some("too many errors")
    } else {
        None
    }
}

/// What is wrong with a greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What the settings say to do.
    pub measure: Measure,
    /// The finding's name.
    pub symbol: &'static str,
    /// For the peer, if it is refused.
    pub text: &'static str,
}

/// Whether it is looked at who speaks early here.
pub fn listens_early(early: &Early, protocol: &str) -> bool {
    early.measure != Measure::Off && early.protocols.iter().any(|listed| listed == protocol)
}

/// The fault of a peer that sent so many octets before it was greeted.
pub fn early_fault(early: &Early, protocol: &str, octets: u64) -> Option<Fault> {
    (octets > 0 && listens_early(early, protocol)).then_some(Fault {
        measure: early.measure,
        symbol: "EARLY_TALKER",
        text: "Wait for the greeting before you speak",
    })
}

/// The gravest fault of a greeting, if any check that is on finds one. `ours` tells whether a name is one of
/// ours beyond the settings, and is asked only where that matters.
pub fn greeting_fault(
    greeting: &Greeting,
    client: IpAddr,
    local: IpAddr,
    name: &str,
    ours: impl FnOnce(&str) -> bool,
) -> Option<Fault> {
    let (measure, symbol, text) = match Name::read(name) {
        Name::Malformed => (
            greeting.syntax,
            "HELO_SYNTAX",
            "Greet with a host name or an address literal",
        ),
        Name::BareAddress => (
            greeting.bare_address,
            "HELO_BARE_ADDRESS",
            "An address in a greeting is written in brackets",
        ),
        Name::Literal(address) if address == local && address != client => (
            greeting.own_name,
            "HELO_OWN_NAME",
            "That is this server's address, not yours",
        ),
        Name::Literal(address) if address != client => (
            greeting.literal_mismatch,
            "HELO_LITERAL_MISMATCH",
            "That is not the address you connect from",
        ),
        Name::Literal(_) => return None,
        Name::Host(host) => {
            let own = greeting.own_name != Measure::Off
                && (matches_any(&greeting.own_names, &host) || ours(&host));
            if own {
                (
                    greeting.own_name,
                    "HELO_OWN_NAME",
                    "That is this server's name, not yours",
                )
            } else if !host.contains('.') {
                (
                    greeting.unqualified,
                    "HELO_UNQUALIFIED",
                    "Greet with a fully qualified host name",
                )
            } else {
                return None;
            }
        }
    };
    (measure != Measure::Off).then_some(Fault {
        measure,
        symbol,
        text,
    })
}

/// The argument of EHLO or HELO.
#[derive(Debug, PartialEq, Eq)]
enum Name {
    /// A host name, lower-case, without the root's dot.
    Host(String),
    /// `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
    Literal(IpAddr),
    /// `192.0.2.1`.
    BareAddress,
    /// Neither.
    Malformed,
}

impl Name {
    fn read(text: &str) -> Self {
        if let Some(inner) = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            // RFC 5321 §4.1.3: IPv6 addresses bear a tag, which is compared without regard to case.
            let literal = match inner.split_at_checked(5) {
                Some((tag, address)) if tag.eq_ignore_ascii_case("ipv6:") => {
                    address.parse::<Ipv6Addr>().map(IpAddr::V6).ok()
                }
                _ => inner.parse::<Ipv4Addr>().map(IpAddr::V4).ok(),
            };
            return literal.map_or(Self::Malformed, |address| {
                Self::Literal(address.to_canonical())
            });
        }
        if text.parse::<IpAddr>().is_ok() {
            return Self::BareAddress;
        }
        let host = text.strip_suffix('.').unwrap_or(text);
        if is_host_name(host) {
            Self::Host(host.to_ascii_lowercase())
        } else {
            Self::Malformed
        }
    }
}

/// Labels of letters, digits and hyphens (RFC 5321 §4.1.2, `sub-domain`). Underscores stand in the names of many
/// honest machines and are let through; so are U-labels, which SMTPUTF8 peers may send (RFC 6531 §3.7.1).
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Whether this is a host name, or `*.` and one.
pub fn is_name_pattern(text: &str) -> bool {
    is_host_name(text.strip_prefix("*.").unwrap_or(text))
}

/// Whether a name is on a list of names and `*.` patterns.
pub fn matches_any(patterns: &[String], name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    patterns
        .iter()
        .any(|pattern| match pattern.strip_prefix("*.") {
            Some(parent) => name
                .len()
                .checked_sub(parent.len())
                .and_then(|cut| name.split_at_checked(cut))
                .is_some_and(|(rest, tail)| {
                    rest.len() > 1 && rest.ends_with('.') && tail.eq_ignore_ascii_case(parent)
                }),
            None => name.eq_ignore_ascii_case(pattern),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_ban_is_of_what_one_peer_has_for_itself() {
        for (client, key) in [
            ("192.0.2.7", "ban/192.0.2.7"),
            ("::ffff:192.0.2.7", "ban/192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "ban/2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "ban/2001:db8:1:2::/64"),
        ] {
            assert_eq!(ban_key(address(client)), key);
        }
    }

    #[test]
    fn names_are_read() {
        assert_eq!(
            Name::read("Mail.Example.ORG."),
            Name::Host("mail.example.org".into())
        );
        assert_eq!(
            Name::read("[192.0.2.1]"),
            Name::Literal(address("192.0.2.1"))
        );
        assert_eq!(
            Name::read("[ipv6:2001:db8::1]"),
            Name::Literal(address("2001:db8::1"))
        );
        assert_eq!(Name::read("192.0.2.1"), Name::BareAddress);
        assert_eq!(Name::read("2001:db8::1"), Name::BareAddress);
        for malformed in [
            "",
            "[192.0.2]",
            "[2001:db8::1]",
            "a b",
            "-a.example",
            "a..b",
            "exam!ple",
            "[é",
            "[ééé]",
        ] {
            assert_eq!(Name::read(malformed), Name::Malformed, "{malformed}");
        }
    }

    #[test]
    fn patterns_match_below_not_the_parent_itself() {
        let patterns = ["*.example.org".to_owned(), "mx.example.net".to_owned()];
        assert!(matches_any(&patterns, "a.b.EXAMPLE.org."));
        assert!(matches_any(&patterns, "MX.example.net"));
        for other in [
            "example.org",
            "badexample.org",
            "x.mx.example.net",
            ".example.org",
        ] {
            assert!(!matches_any(&patterns, other), "{other}");
        }
    }

    #[test]
    fn one_network_is_one_key() {
        let settings = Settings::default();
        let rate = Rate {
            per: Per::Network,
            connections: 1,
            seconds: 60,
            protocols: vec!["smtp".into()],
        };
        let key = |client| rate_key(&settings, &rate, "smtp", address(client));
        assert_eq!(key("192.0.2.1"), key("192.0.2.254"));
        assert_ne!(key("192.0.2.1"), key("192.0.3.1"));
        assert_eq!(key("2001:db8:0:ff::1"), key("2001:db8:0:1::"));
        assert_ne!(key("2001:db8:0:100::1"), key("2001:db8:0:1::"));
        assert_eq!(
            rate_key(&settings, &rate, "imap", address("192.0.2.1")),
            None
        );
    }
}
