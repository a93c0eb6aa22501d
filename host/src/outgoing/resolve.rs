//! From a way to the addresses that are tried, in their order.
//!
//! Standards: RFC 5321 §5.1, RFC 7505 (null MX).
//! Invariant: the MX records of others lead to addresses of the internet only, unless the configuration says otherwise.

use std::net::{IpAddr, SocketAddr};

use waxwing_policy::{DnsOutcome, DnsQuestion, DnsRecord, DnsSecurity, NextHop};
use waxwing_queue::next_hop::{
    AddressAnswer, Exchange, Families, MAX_CANDIDATES, MxAnswer, NoRoute, Own, candidates,
    exchanges,
};

use super::plan::Way;
use crate::dial::is_public;
use crate::dns::Resolver;
use crate::wiring::Parts;

/// MX (RFC 1035 §3.2.2).
const MX: u16 = 15;

/// An address to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// The host's name or address, which a certificate must be for; of a socket of this machine, its path.
    pub(super) name: String,
    /// None: the socket of this machine that is called so.
    pub(super) address: Option<SocketAddr>,
    pub(super) implicit_tls: bool,
    /// LMTP is spoken there.
    pub(super) lmtp: bool,
    /// Which login, by its name in the configuration.
    pub(super) secret: Option<String>,
    pub(super) found: Found,
}

/// How a host's name was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Policy named it.
    Named,
    /// By the MX records of the domain, or their absence.
    Mx {
        /// That answer was secure by DNSSEC.
        signed: bool,
        /// Those with the host's addresses were.
        addresses_signed: bool,
    },
}

impl Stop {
    /// For operators.
    pub(super) fn label(&self) -> String {
        match self.address {
            Some(address) => format!("{} [{address}]", self.name),
            None => self.name.clone(),
        }
    }
}

/// Why there is nowhere to go.
#[derive(Debug)]
pub(super) struct Nowhere {
    pub(super) permanent: bool,
    pub(super) status: String,
    pub(super) text: String,
}

impl From<NoRoute> for Nowhere {
    fn from(none: NoRoute) -> Self {
        Self {
            permanent: none.is_permanent(),
            status: none.status().to_owned(),
            text: none.to_string(),
        }
    }
}

/// All addresses of a way; at least one.
pub(super) async fn stops(parts: &Parts, way: &Way, seed: u64) -> Result<Vec<Stop>, Nowhere> {
    match &way.plan.hop {
        NextHop::Mx => by_mx(parts, &way.domain, seed).await,
        NextHop::MxOf(domain) => by_mx(parts, domain, seed).await,
        NextHop::Lmtp(path) if path.starts_with('/') => Ok(vec![socket(path)]),
        NextHop::Lmtp(address) => {
            let (host, port) = address
                .rsplit_once(':')
                .and_then(|(host, port)| Some((host, port.parse().ok()?)))
                .ok_or_else(|| {
                    misconfigured(format!(
                        "{address} is neither host:port nor the path of a socket for LMTP"
                    ))
                })?;
            let lmtp = |address| Stop {
                lmtp: true,
                ..stop(host, address, port)
            };
            some(
                fixed(&parts.resolver, host).await.into_iter().map(lmtp),
                host,
            )
        }
        NextHop::Relay(hosts) => {
            let mut found = Vec::new();
            for host in hosts {
                let addresses = fixed(&parts.resolver, &host.host).await;
                found.extend(addresses.into_iter().map(|address| Stop {
                    implicit_tls: host.implicit_tls,
                    secret: host.secret.clone(),
                    ..stop(&host.host, address, host.port)
                }));
            }
            let first = hosts.first().map_or("", |host| host.host.as_str());
            some(found.into_iter(), first)
        }
    }
}

/// A socket of this machine, where LMTP is spoken.
fn socket(path: &str) -> Stop {
    Stop {
        name: path.to_owned(),
        address: None,
        implicit_tls: false,
        lmtp: true,
        secret: None,
        found: Found::Named,
    }
}

fn stop(name: &str, address: IpAddr, port: u16) -> Stop {
    Stop {
        name: name.to_owned(),
        address: Some(SocketAddr::new(address, port)),
        implicit_tls: false,
        lmtp: false,
        secret: None,
        found: Found::Named,
    }
}

fn some(stops: impl Iterator<Item = Stop>, host: &str) -> Result<Vec<Stop>, Nowhere> {
    let stops: Vec<_> = stops.take(MAX_CANDIDATES).collect();
    if stops.is_empty() {
        // A next hop that policy names is there or comes back: mail waits for it.
        return Err(Nowhere {
            permanent: false,
            status: "4.4.3".to_owned(),
            text: format!("the next hop {host} has no address"),
        });
    }
    Ok(stops)
}

fn misconfigured(text: String) -> Nowhere {
    Nowhere {
        permanent: false,
        // RFC 3463 §3.4: system incorrectly configured.
        status: "4.3.5".to_owned(),
        text,
    }
}

/// A host that policy names: an address, or a name whose MX records do not count.
async fn fixed(resolver: &Resolver, host: &str) -> Vec<IpAddr> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse() {
        Ok(address) => vec![address],
        Err(_) => resolver.addresses(host).await,
    }
}

async fn by_mx(parts: &Parts, domain: &str, seed: u64) -> Result<Vec<Stop>, Nowhere> {
    if let Some(address) = literal(domain) {
        return allowed(parts, domain, vec![(domain.to_owned(), address)], |_| {
            Found::Named
        });
    }
    let own = own(parts);
    let (records, signed) = mx(&parts.resolver, domain).await;
    let exchanges = exchanges(domain, records, &own, seed)?;
    let mut answers = Vec::with_capacity(exchanges.len());
    for Exchange { name, .. } in &exchanges {
        answers.push((name.clone(), addresses(&parts.resolver, name).await));
    }
    let look_up = |name: &str| {
        let answer = answers.iter().find(|(known, _)| known == name);
        answer.map_or(AddressAnswer::Addresses(Vec::new()), |(_, (answer, _))| {
            answer.clone()
        })
    };
    let families = Families::default();
    let found = candidates(domain, &exchanges, look_up, &own, families, seed)?;
    let found = found.into_iter().map(|one| (one.name, one.address));
    let how = |name: &str| Found::Mx {
        signed,
        addresses_signed: answers
            .iter()
            .any(|(known, (_, signed))| known == name && *signed),
    };
    allowed(parts, domain, found.collect(), how)
}

/// RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
pub(super) fn literal(domain: &str) -> Option<IpAddr> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    let tagged = inner
        .get(..5)
        .is_some_and(|tag| tag.eq_ignore_ascii_case("ipv6:"));
    let address = if tagged { inner.get(5..)? } else { inner };
    address.parse().ok()
}

fn allowed(
    parts: &Parts,
    domain: &str,
    found: Vec<(String, IpAddr)>,
    how: impl Fn(&str) -> Found,
) -> Result<Vec<Stop>, Nowhere> {
    let private = parts.config.queue.private_hosts;
    let port = parts.config.queue.port;
    let stops: Vec<_> = found
        .into_iter()
        .filter(|(_, address)| private || is_public(address.to_canonical()))
        .map(|(name, address)| Stop {
            found: how(&name),
            ..stop(&name, address, port)
        })
        .collect();
    if stops.is_empty() {
        return Err(Nowhere {
            permanent: true,
            // RFC 3463 §3.5: unable to route.
            status: "5.4.4".to_owned(),
            text: format!("{domain} has only addresses that are not public"),
        });
    }
    Ok(stops)
}

/// Who we are, as the MX records of others may name us.
fn own(parts: &Parts) -> Own {
    let listening = parts.config.listeners.iter();
    let addresses = listening
        .flat_map(|listener| &listener.address)
        .filter(|address| {
            address.port() == parts.config.queue.port && !address.ip().is_unspecified()
        })
        .map(|address| address.ip().to_canonical());
    Own {
        names: vec![parts.config.hostname.clone()],
        addresses: addresses.collect(),
    }
}

/// The domain's MX records, and whether the answer is secure by DNSSEC.
async fn mx(resolver: &Resolver, domain: &str) -> (MxAnswer, bool) {
    let question = DnsQuestion {
        name: domain.to_owned(),
        kind: MX,
    };
    let answer = resolver.resolve(&question).await;
    let signed = answer.security == DnsSecurity::Secure;
    let records = match answer.outcome {
        DnsOutcome::Found => MxAnswer::Records(
            answer
                .records
                .into_iter()
                .filter_map(|record| match record {
                    DnsRecord::Mx {
                        preference,
                        exchange,
                    } => Some((preference, exchange)),
                    _ => None,
                })
                .collect(),
        ),
        DnsOutcome::NoData => MxAnswer::NoRecords,
        DnsOutcome::NoSuchName => MxAnswer::NoDomain,
        other => MxAnswer::Failed(format!("{other:?}")),
    };
    (records, signed)
}

/// The addresses of an exchange, of both families, and whether those that there are are secure by DNSSEC.
async fn addresses(resolver: &Resolver, name: &str) -> (AddressAnswer, bool) {
    let ask = async |kind: u16| {
        let question = DnsQuestion {
            name: name.to_owned(),
            kind,
        };
        resolver.resolve(&question).await
    };
    // A and AAAA.
    let (four, six) = tokio::join!(ask(1), ask(28));
    let failed = [&four, &six].into_iter().any(|answer| {
        !matches!(
            answer.outcome,
            DnsOutcome::Found | DnsOutcome::NoData | DnsOutcome::NoSuchName
        )
    });
    let signed = [&four, &six].into_iter().all(|answer| {
        answer.security == DnsSecurity::Secure || answer.outcome != DnsOutcome::Found
    });
    let records = four.records.into_iter().chain(six.records);
    let found: Vec<_> = records
        .filter_map(|record| match record {
            DnsRecord::Address(address) => Some(address),
            _ => None,
        })
        .collect();
    if found.is_empty() && failed {
        return (AddressAnswer::Failed("no answer".to_owned()), false);
    }
    let signed = signed && !found.is_empty();
    (AddressAnswer::Addresses(found), signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_literals_are_read() {
        assert_eq!(literal("[192.0.2.1]"), "192.0.2.1".parse().ok());
        assert_eq!(literal("[IPv6:2001:db8::1]"), "2001:db8::1".parse().ok());
        assert_eq!(literal("example.org"), None);
        assert_eq!(literal("[x]"), None);
    }
}
