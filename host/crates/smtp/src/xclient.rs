//! XCLIENT: what a trusted peer says of the client that it speaks for.
//!
//! Standards: none but Postfix's XCLIENT_README; its values are `xtext` of RFC 3461 §4.
//! Invariants: only a peer that the server trusts is listened to; what is malformed changes nothing.

use std::net::{IpAddr, Ipv6Addr};

use waxwing_mail::xtext;

/// The attributes that are understood, as EHLO lists them.
pub(crate) const NAMES: &str = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";

/// The client behind a proxy or a filter. What is `None` was not said, or is not known there: it stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The client's port.
    pub port: Option<u16>,
    /// The name that its address resolves to, and back.
    pub name: Option<Box<str>>,
    /// What it greeted with.
    pub helo: Option<Box<str>>,
    /// It greeted with HELO, not with EHLO (`PROTO=SMTP`).
    pub plain_smtp: bool,
    /// As whom it has logged in at the proxy.
    pub login: Option<Box<str>>,
    /// The address that it connected to.
    pub destination: Option<IpAddr>,
    /// The port that it connected to.
    pub destination_port: Option<u16>,
}

impl Client {
    /// Reads `attribute=value` words; `None` if one is malformed or unknown, or if there is none.
    pub(crate) fn parse(argument: &str) -> Option<Self> {
        let mut client = Self::default();
        let mut words = argument
            .split(' ')
            .filter(|word| !word.is_empty())
            .peekable();
        words.peek()?;
        for word in words {
            let (name, value) = word.split_once('=')?;
            let value = xtext::decode(value)?;
            // The proxy does not know, or does not know now.
            let known = !matches!(
                value.to_ascii_uppercase().as_str(),
                "[UNAVAILABLE]" | "[TEMPUNAVAIL]"
            );
            client.take(&name.to_ascii_uppercase(), known.then_some(value.as_str()))?;
        }
        Some(client)
    }

    fn take(&mut self, name: &str, value: Option<&str>) -> Option<()> {
        let text = || match value {
            Some(value)
                if value.is_empty() || value.contains(|c: char| c.is_control() || c == ' ') =>
            {
                None
            }
            value => Some(value.map(Into::into)),
        };
        match name {
            "ADDR" => self.address = optional(value, address)?,
            "DESTADDR" => self.destination = optional(value, address)?,
            "PORT" => self.port = optional(value, |port| port.parse().ok())?,
            "DESTPORT" => self.destination_port = optional(value, |port| port.parse().ok())?,
            "NAME" => self.name = text()?,
            "HELO" => self.helo = text()?,
            "LOGIN" => self.login = text()?,
            "PROTO" => {
                self.plain_smtp = match value?.to_ascii_uppercase().as_str() {
                    "SMTP" => true,
                    "ESMTP" => false,
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// `Some(None)` for what the proxy does not know, `None` for what is malformed.
fn optional<T>(value: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => parse(value).map(Some),
    }
}

/// An IPv4 address, or `IPV6:` and an IPv6 address.
fn address(text: &str) -> Option<IpAddr> {
    match text.split_at_checked(5) {
        Some((tag, rest)) if tag.eq_ignore_ascii_case("IPV6:") => {
            rest.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        _ => text.parse().ok(),
    }
}
