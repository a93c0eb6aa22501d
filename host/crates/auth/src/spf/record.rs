//! SPF records: from text to terms. All of a record is read before any of it counts (RFC 7208 §4.6).
//!
//! Standards: RFC 7208 §4.5, §5, §6, §12.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::SpfResult;
use super::macros::{MacroString, Wrong};

/// A record that can be evaluated.
#[derive(Clone, Debug, Default)]
pub(super) struct SpfRecord {
    /// In their order.
    pub(super) directives: Vec<Directive>,
    pub(super) redirect: Option<MacroString>,
    pub(super) explanation: Option<MacroString>,
}

/// A mechanism, and what it means if it matches.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    /// As it was written.
    pub(super) text: String,
    pub(super) qualifier: SpfResult,
    pub(super) mechanism: Mechanism,
}

#[derive(Clone, Debug)]
pub(super) enum Mechanism {
    All,
    Include(MacroString),
    A(Option<MacroString>, Prefixes),
    Mx(Option<MacroString>, Prefixes),
    Ptr(Option<MacroString>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(MacroString),
}

/// Lengths of prefixes for either kind of address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefixes {
    v4: u8,
    v6: u8,
}

impl Prefixes {
    /// Whether two addresses agree so far.
    pub(super) fn cover(self, network: IpAddr, address: IpAddr) -> bool {
        match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => agree(
                network.to_bits().into(),
                address.to_bits().into(),
                self.v4,
                32,
            ),
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                agree(network.to_bits(), address.to_bits(), self.v6, 128)
            }
            _ => false,
        }
    }
}

/// Whether the first bits of two numbers of some width agree.
pub(super) fn agree(one: u128, other: u128, prefix: u8, width: u32) -> bool {
    let differing = one ^ other;
    let ignored = width.saturating_sub(u32::from(prefix));
    differing.checked_shr(ignored).unwrap_or(0) == 0
}

/// Whether a text is an SPF record at all: RFC 7208 §4.5: the version, and then a space or nothing.
pub(super) fn is_spf(text: &[u8]) -> bool {
    let begins = text
        .get(..6)
        .is_some_and(|version| version.eq_ignore_ascii_case(b"v=spf1"));
    begins && matches!(text.get(6), None | Some(b' '))
}

impl SpfRecord {
    /// Reads a text of which [`is_spf`] holds.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Wrong> {
        // RFC 7208 §3.1: records are ASCII.
        let text = std::str::from_utf8(text)
            .ok()
            .filter(|text| text.is_ascii())
            .ok_or_else(|| "the record is not ASCII".to_owned())?;
        let mut record = Self::default();
        for term in text.split(' ').skip(1).filter(|term| !term.is_empty()) {
            record.add(term)?;
        }
        Ok(record)
    }

    /// RFC 7208 §4.6.1: a modifier has its equals sign before any colon or slash.
    fn add(&mut self, term: &str) -> Result<(), Wrong> {
        match term.find(['=', ':', '/']).map(|at| term.split_at(at)) {
            Some((name, value)) if value.starts_with('=') => {
                self.modifier(name, value.get(1..).unwrap_or_default())
            }
            _ => {
                self.directives.push(directive(term)?);
                Ok(())
            }
        }
    }

    fn modifier(&mut self, name: &str, value: &str) -> Result<(), Wrong> {
        // RFC 7208 §6: redirect and exp are there once at most.
        let mut once = |which: fn(&mut Self) -> &mut Option<MacroString>| {
            let parsed = MacroString::parse_domain(value)?;
            match which(self).replace(parsed) {
                None => Ok(()),
                Some(_) => Err(format!("{name} is there twice")),
            }
        };
        if name.eq_ignore_ascii_case("redirect") {
            return once(|record| &mut record.redirect);
        }
        if name.eq_ignore_ascii_case("exp") {
            return once(|record| &mut record.explanation);
        }
        // RFC 7208 §12: name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ).
        let letters = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.bytes().all(letters) {
            return Err(format!("{name:?} is no name of a modifier"));
        }
        // RFC 7208 §6: unknown modifiers are ignored, but their macros must be macros.
        MacroString::parse(value, false).map(drop)
    }
}

fn directive(term: &str) -> Result<Directive, Wrong> {
    let (qualifier, rest) = match term.chars().next() {
        Some('+') => (SpfResult::Pass, term.get(1..)),
        Some('-') => (SpfResult::Fail, term.get(1..)),
        Some('~') => (SpfResult::SoftFail, term.get(1..)),
        Some('?') => (SpfResult::Neutral, term.get(1..)),
        _ => (SpfResult::Pass, Some(term)),
    };
    let rest = rest.unwrap_or_default();
    let (name, argument) = rest.split_at(rest.find([':', '/']).unwrap_or(rest.len()));
    Ok(Directive {
        text: term.to_owned(),
        qualifier,
        mechanism: mechanism(&name.to_ascii_lowercase(), argument)
            .map_err(|why| format!("{term:?}: {why}"))?,
    })
}

fn mechanism(name: &str, argument: &str) -> Result<Mechanism, Wrong> {
    let value = argument.strip_prefix(':');
    let needed = || value.ok_or_else(|| "it lacks its value".to_owned());
    Ok(match name {
        "all" if argument.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(MacroString::parse_domain(needed()?)?),
        "exists" => Mechanism::Exists(MacroString::parse_domain(needed()?)?),
        "a" => {
            let (domain, prefixes) = domain_and_prefixes(argument)?;
            Mechanism::A(domain, prefixes)
        }
        "mx" => {
            let (domain, prefixes) = domain_and_prefixes(argument)?;
            Mechanism::Mx(domain, prefixes)
        }
        "ptr" if argument.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(MacroString::parse_domain(needed()?)?)),
        "ip4" => {
            let (address, prefix) = network(needed()?, 32)?;
            Mechanism::Ip4(address, prefix)
        }
        "ip6" => {
            let (address, prefix) = network(needed()?, 128)?;
            Mechanism::Ip6(address, prefix)
        }
        _ => return Err("there is no such mechanism".to_owned()),
    })
}

/// RFC 7208 §5.6: an address and the length of its prefix.
fn network<A: std::str::FromStr>(text: &str, width: u8) -> Result<(A, u8), Wrong> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, digits)) => (address, length(digits, width)?),
        None => (text, width),
    };
    let address = address
        .parse()
        .map_err(|_| format!("{address:?} is no address"))?;
    Ok((address, prefix))
}

/// RFC 7208 §5.3: [ ":" domain-spec ] [ dual-cidr-length ], where the lengths are at the end: `/24//64`.
fn domain_and_prefixes(argument: &str) -> Result<(Option<MacroString>, Prefixes), Wrong> {
    let mut prefixes = Prefixes { v4: 32, v6: 128 };
    let mut rest = argument;
    if let Some((before, digits)) = trailing_number(rest)
        && let Some(before) = before.strip_suffix('/')
    {
        prefixes.v6 = length(digits, 128)?;
        rest = before;
        if let Some((before, digits)) = trailing_number(rest) {
            prefixes.v4 = length(digits, 32)?;
            rest = before;
        }
    } else if let Some((before, digits)) = trailing_number(rest) {
        prefixes.v4 = length(digits, 32)?;
        rest = before;
    }
    let domain = match rest.strip_prefix(':') {
        Some(domain) => Some(MacroString::parse_domain(domain)?),
        None if rest.is_empty() => None,
        None => return Err("a domain or the length of a prefix is expected".to_owned()),
    };
    Ok((domain, prefixes))
}

/// What stands before a last slash that only digits follow, and they.
fn trailing_number(text: &str) -> Option<(&str, &str)> {
    let (before, digits) = text.rsplit_once('/')?;
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then_some((before, digits))
}

/// RFC 7208 §5.6: a length is written without leading zeros.
fn length(digits: &str, most: u8) -> Result<u8, Wrong> {
    let plain = digits == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
    digits
        .parse::<u8>()
        .ok()
        .filter(|length| plain && *length <= most)
        .ok_or_else(|| format!("{digits:?} is no length of a prefix"))
}
