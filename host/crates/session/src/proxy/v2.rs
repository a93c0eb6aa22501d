//! Version 2: octets.
//!
//! Standards: `proxy-protocol.txt` §2.2, with its §2.2.3 (CRC32c).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::crc32c::crc32c;
use super::{Found, Header, LONGEST, ProxyError};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length.
const FIXED: usize = 16;
/// §2.2.3: the type of the vector that holds a checksum.
const CRC32C: u8 = 0x03;

pub(super) fn read(bytes: &[u8]) -> Found {
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else {
        return Ok(None);
    };
    let &[.., command, family, high, low] = fixed else {
        return Err(ProxyError::Malformed);
    };
    // §2.2: version 2, and LOCAL or PROXY.
    if !matches!(command, 0x20 | 0x21) {
        return Err(ProxyError::Malformed);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED + length > LONGEST {
        return Err(ProxyError::TooLong);
    }
    let Some(body) = rest.get(..length) else {
        return Ok(None);
    };
    let (header, vectors) = addresses(family, body).ok_or(ProxyError::Malformed)?;
    if let Some(at) = checksum(vectors)? {
        let at = FIXED + (length - vectors.len()) + at;
        verify(bytes.get(..FIXED + length).unwrap_or_default(), at)?;
    }
    // §2.2: what LOCAL says of addresses is not looked at.
    let header = if command == 0x20 {
        Header::Local
    } else {
        header
    };
    Ok(Some((header, FIXED + length)))
}

/// The addresses, and the vectors behind them.
fn addresses(family: u8, body: &[u8]) -> Option<(Header, &[u8])> {
    match family {
        // AF_INET over a stream or datagrams.
        0x11 | 0x12 => {
            let (block, vectors) = body.split_first_chunk::<12>()?;
            let (ips, ports) = block.split_first_chunk::<8>()?;
            let [a, b, c, d, e, f, g, h] = *ips;
            let source = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
            let destination = IpAddr::V4(Ipv4Addr::new(e, f, g, h));
            Some((proxied(source, destination, ports)?, vectors))
        }
        // AF_INET6.
        0x21 | 0x22 => {
            let (block, vectors) = body.split_first_chunk::<36>()?;
            let (source, rest) = block.split_first_chunk::<16>()?;
            let (destination, ports) = rest.split_first_chunk::<16>()?;
            let v6 = |octets: &[u8; 16]| IpAddr::V6(Ipv6Addr::from(*octets));
            Some((proxied(v6(source), v6(destination), ports)?, vectors))
        }
        // AF_UNIX: two paths of 108 octets, which are no addresses here.
        0x31 | 0x32 => Some((Header::Local, body.get(216..)?)),
        // AF_UNSPEC: whatever there is has no meaning (§2.2), so it holds no vectors either.
        0x00..=0x02 => Some((Header::Local, &[])),
        _ => None,
    }
}

fn proxied(source: IpAddr, destination: IpAddr, ports: &[u8]) -> Option<Header> {
    let &[a, b, c, d] = ports else { return None };
    Some(Header::Proxied {
        source: SocketAddr::new(source, u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([c, d])),
    })
}

/// Walks over the vectors (type, length, value); gives where among them the four octets of a checksum stand.
fn checksum(vectors: &[u8]) -> Result<Option<usize>, ProxyError> {
    let mut found = None;
    let mut at = 0;
    while let Some(&[kind, high, low]) = vectors.get(at..at + 3) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let end = at + 3 + length;
        if end > vectors.len() {
            return Err(ProxyError::Malformed);
        }
        if kind == CRC32C {
            if length != 4 || found.is_some() {
                return Err(ProxyError::Malformed);
            }
            found = Some(at + 3);
        }
        at = end;
    }
    if at == vectors.len() {
        Ok(found)
    } else {
        Err(ProxyError::Malformed)
    }
}

/// §2.2.3: the checksum of the whole header, with zeroes where it stands itself.
fn verify(header: &[u8], at: usize) -> Result<(), ProxyError> {
    let (before, rest) = header.split_at_checked(at).ok_or(ProxyError::Malformed)?;
    let (told, after) = rest.split_first_chunk::<4>().ok_or(ProxyError::Malformed)?;
    if crc32c([before, &[0; 4], after]) == u32::from_be_bytes(*told) {
        Ok(())
    } else {
        Err(ProxyError::Checksum)
    }
}
