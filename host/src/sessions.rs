//! How many sessions there are: in all, and for each client address.
//!
//! Invariants: a connection holds its seat from the accept to its end; IPv6 clients are counted by /64, since one
//! client usually has all of it (RFC 6177 §2).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Service;

/// The count of sessions and its limits.
#[derive(Debug)]
pub(crate) struct Sessions {
    most: u32,
    most_per_address: u32,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: u32,
    by_address: HashMap<IpAddr, u32>,
    by_service: HashMap<Service, u32>,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The server has its limit.
    Server,
    /// The client has its limit.
    Address,
}

/// The place of one session; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    sessions: Arc<Sessions>,
    network: IpAddr,
    service: Service,
}

impl Sessions {
    pub(crate) fn new(most: u32, most_per_address: u32) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_address,
            counts: Mutex::default(),
        })
    }

    /// A seat, if there is one.
    pub(crate) fn admit(self: &Arc<Self>, client: IpAddr, service: Service) -> Result<Seat, Full> {
        let network = network(client);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.most {
            return Err(Full::Server);
        }
        let own = counts.by_address.entry(network).or_default();
        if *own >= self.most_per_address {
            return Err(Full::Address);
        }
        *own += 1;
        counts.all += 1;
        let count = counts.by_service.entry(service).or_default();
        *count += 1;
        gauge(service, *count);
        Ok(Seat {
            sessions: Arc::clone(self),
            network,
            service,
        })
    }

    /// Sessions by service, for `waxwing status`.
    pub(crate) fn by_service(&self) -> Vec<(Service, u32)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts: Vec<_> = counts
            .by_service
            .iter()
            .map(|(service, count)| (*service, *count))
            .collect();
        counts.sort_by_key(|(service, _)| service.as_str());
        counts
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self
            .sessions
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(count) = counts.by_service.get_mut(&self.service) {
            *count = count.saturating_sub(1);
            gauge(self.service, *count);
        }
        if let Some(own) = counts.by_address.get_mut(&self.network) {
            *own -= 1;
            if *own == 0 {
                counts.by_address.remove(&self.network);
            }
        }
    }
}

fn gauge(service: Service, count: u32) {
    metrics::gauge!("waxwing_sessions", "protocol" => service.as_str()).set(f64::from(count));
}

/// Whom an address counts for: itself, or in IPv6 its /64.
pub(crate) fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_limit_and_so_has_the_server() {
        let sessions = Sessions::new(3, 2);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let first = sessions.admit(one, Service::Smtp).unwrap();
        let _second = sessions.admit(one, Service::Imap).unwrap();
        assert_eq!(
            sessions.admit(one, Service::Smtp).unwrap_err(),
            Full::Address
        );
        let _third = sessions
            .admit("192.0.2.2".parse().unwrap(), Service::Smtp)
            .unwrap();
        assert_eq!(
            sessions
                .admit("192.0.2.3".parse().unwrap(), Service::Smtp)
                .unwrap_err(),
            Full::Server
        );
        drop(first);
        assert!(sessions.admit(one, Service::Smtp).is_ok());
        assert_eq!(
            sessions.by_service(),
            [(Service::Imap, 1), (Service::Smtp, 1)]
        );
    }

    #[test]
    fn ipv6_clients_are_counted_by_network() {
        let sessions = Sessions::new(9, 1);
        let _seat = sessions
            .admit("2001:db8::1".parse().unwrap(), Service::Smtp)
            .unwrap();
        assert!(
            sessions
                .admit("2001:db8::2".parse().unwrap(), Service::Smtp)
                .is_err()
        );
        assert!(
            sessions
                .admit("2001:db8:0:1::1".parse().unwrap(), Service::Smtp)
                .is_ok()
        );
        let _mapped = sessions
            .admit("::ffff:192.0.2.1".parse().unwrap(), Service::Smtp)
            .unwrap();
        assert!(
            sessions
                .admit("192.0.2.1".parse().unwrap(), Service::Smtp)
                .is_err()
        );
    }
}
