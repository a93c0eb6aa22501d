//! Whom a connection counts for: its address, and the network around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::{Limits, Network};

/// How long the part of an IPv6 address is that one client usually has all of (RFC 6177 §2).
const OWN: u32 = 64;

/// How addresses are put together.
#[derive(Debug)]
pub(crate) struct Networks {
    ipv4: u32,
    ipv6: u32,
    exempt: Vec<Network>,
}

/// Whom a connection counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The address; of IPv6 its /64.
    pub(crate) address: IpAddr,
    /// The network around it.
    pub(crate) network: IpAddr,
    /// Neither the limits of networks nor rates apply.
    pub(crate) exempt: bool,
}

impl Networks {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            ipv4: limits.ipv4_network,
            ipv6: limits.ipv6_network,
            exempt: limits.exempt.clone(),
        }
    }

    /// Whom a client counts for.
    pub(crate) fn origin(&self, client: IpAddr) -> Origin {
        let address = own(client);
        let bits = if address.is_ipv4() {
            self.ipv4
        } else {
            self.ipv6
        };
        Origin {
            address,
            network: masked(address, bits),
            exempt: self.exempt.iter().any(|network| network.contains(client)),
        }
    }
}

/// What one client is taken to have: an address, or in IPv6 its /64.
pub(crate) fn own(client: IpAddr) -> IpAddr {
    masked(
        client.to_canonical(),
        if client.to_canonical().is_ipv4() {
            32
        } else {
            OWN
        },
    )
}

/// The address with all but its first bits cleared.
fn masked(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(bits))
                .unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(bits))
                .unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_count_for_their_address_and_for_their_network() {
        let networks = Networks::new(&Limits::default());
        for (client, address, network, exempt) in [
            ("192.0.2.77", "192.0.2.77", "192.0.2.0", false),
            ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0", false),
            (
                "2001:db8:1:2345::9",
                "2001:db8:1:2345::",
                "2001:db8:1:2300::",
                false,
            ),
            ("127.0.0.9", "127.0.0.9", "127.0.0.0", true),
            ("::ffff:127.0.0.1", "127.0.0.1", "127.0.0.0", true),
            ("::1", "::", "::", true),
        ] {
            let expected = Origin {
                address: address.parse().unwrap(),
                network: network.parse().unwrap(),
                exempt,
            };
            assert_eq!(
                networks.origin(client.parse().unwrap()),
                expected,
                "{client}"
            );
        }
    }
}
