//! Version 1: one line of text.
//!
//! Standards: `proxy-protocol.txt` §2.1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Found, Header, ProxyError};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";
/// §2.1: the longest line, CRLF included.
const LONGEST: usize = 107;

pub(super) fn read(bytes: &[u8]) -> Found {
    let line = bytes.get(..LONGEST.min(bytes.len())).unwrap_or_default();
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        // §2.1: nothing but CRLF ends the line, and it must be there within 107 octets.
        let inner = line.split_last().map_or(line, |(_, inner)| inner);
        return if inner.contains(&b'\r') || line.contains(&b'\n') {
            Err(ProxyError::Malformed)
        } else if line.len() == LONGEST {
            Err(ProxyError::TooLong)
        } else {
            Ok(None)
        };
    };
    let text = line.get(SIGNATURE.len()..end).unwrap_or_default();
    // The same as above, whether the end has come already or not.
    if text.contains(&b'\r') || text.contains(&b'\n') {
        return Err(ProxyError::Malformed);
    }
    let text = std::str::from_utf8(text).map_err(|_| ProxyError::Malformed)?;
    let header = parse(text).ok_or(ProxyError::Malformed)?;
    Ok(Some((header, end + 2)))
}

/// `TCP4|TCP6 SP source SP destination SP port SP port`, or `UNKNOWN` and anything.
fn parse(text: &str) -> Option<Header> {
    let mut words = text.split(' ');
    let kind = words.next()?;
    if kind == "UNKNOWN" {
        return Some(Header::Local);
    }
    let (source, destination) = (words.next()?, words.next()?);
    let (source_port, destination_port) = (port(words.next()?)?, port(words.next()?)?);
    if words.next().is_some() {
        return None;
    }
    let address = |text: &str| -> Option<IpAddr> {
        match kind {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    Some(Header::Proxied {
        source: SocketAddr::new(address(source)?, source_port),
        destination: SocketAddr::new(address(destination)?, destination_port),
    })
}

/// §2.1: 0 to 65535 without leading zeroes.
fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    (digits && (text == "0" || !text.starts_with('0')))
        .then(|| text.parse().ok())
        .flatten()
}
