//! Connections that plugins cause: to which addresses they may lead, and how they are made.
//!
//! Invariant: the address that was checked is the one that is connected to. A name is resolved once, here, so that a second answer of its
//! DNS (rebinding) has nobody to fool.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use waxwing_policy::HttpFailure;

use crate::dns::Resolver;

/// Addresses of a name that are tried.
const MAX_TRIES: usize = 4;

/// Connects to a host by name or address, within a time in all.
pub(crate) async fn connect(
    resolver: &Resolver,
    host: &str,
    port: u16,
    private: bool,
    within: Duration,
) -> Result<TcpStream, HttpFailure> {
    let mut allowed = addresses(resolver, host).await?;
    allowed.retain(|address| private || is_public(*address));
    allowed.truncate(MAX_TRIES);
    let mut told = HttpFailure::AddressRefused(format!(
        "{host} has only addresses that are not public; `private = true` in [step.http] lets it be reached"
    ));
    // One address that swallows what is sent to it must not take the time of the others.
    let share = within / u32::try_from(allowed.len().max(1)).unwrap_or(1);
    for address in allowed {
        told = match timeout(share, TcpStream::connect((address, port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => HttpFailure::Unreachable(format!("{host}: {error}")),
            Err(_) => HttpFailure::Timeout,
        };
    }
    Err(told)
}

/// An address of a host that has none but public ones, for a proxy to connect to: it would find others by the name, if it were asked to.
pub(crate) async fn public_address(resolver: &Resolver, host: &str) -> Result<IpAddr, HttpFailure> {
    let found = addresses(resolver, host).await?;
    match found.first() {
        Some(first) if found.iter().all(|address| is_public(*address)) => Ok(*first),
        _ => Err(HttpFailure::AddressRefused(format!(
            "{host} has an address that is not public"
        ))),
    }
}

/// What a host's name leads to; at least one.
async fn addresses(resolver: &Resolver, host: &str) -> Result<Vec<IpAddr>, HttpFailure> {
    let found = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => resolver.addresses(host).await,
    };
    if found.is_empty() {
        return Err(HttpFailure::Unreachable(format!("{host} has no address")));
    }
    let found = found.into_iter().map(|address| address.to_canonical());
    Ok(found.collect())
}

/// Whether an address is one of the internet: not of this machine, of a private network or of a special purpose (RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        // RFC 6598: between customers and their provider.
        || (a == 100 && (64..128).contains(&b))
        // RFC 6890 §2.1: protocol assignments.
        || (a, b, c) == (192, 0, 0)
        // RFC 2544: benchmarks.
        || (a == 198 && (18..20).contains(&b))
        // Multicast, reserved, broadcast.
        || a >= 224;
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let [one, two] = high.to_be_bytes();
        let [three, four] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(one, two, three, four))
    };
    match (a, b) {
        // RFC 6052: IPv4 behind a translator.
        (0x64, 0xff9b) => (c, d, e, f) == (0, 0, 0, 0) && embedded(g, h),
        // RFC 3056: IPv4 in a tunnel.
        (0x2002, _) => embedded(b, c),
        // RFC 4380 (Teredo), RFC 4843 (ORCHID), RFC 5180 (benchmarks), and what else RFC 2928 keeps.
        (0x2001, 0..=0x1ff) => false,
        (0x2001, 0xdb8) => false,
        // Of all the rest only 2000::/3 is global unicast; loopback, link-local, unique local and multicast are not in it.
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for text in [
            "192.0.1.1",
            "9.9.9.9",
            "172.32.0.1",
            "2606:4700::1",
            "64:ff9b::909:909",
            "2002:909:909::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "127.8.8.8",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert!(!is_public(address.to_canonical()), "{text}");
        }
    }
}
