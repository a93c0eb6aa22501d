//! Which hosts to try for a destination, in which order, from what the DNS answered (RFC 5321 §5.1).
//!
//! Two steps, as there are two rounds of look-ups: [`exchanges`] makes an ordered list of hosts of the MX answer,
//! [`candidates`] makes addresses of it.

use std::net::IpAddr;

use crate::seed::Numbers;

/// Most hosts tried for a destination, and most addresses in all: a domain may publish any number of either.
pub const MAX_CANDIDATES: usize = 20;

/// Where the policy sends a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// To the exchanges of a domain, port 25.
    Mx {
        /// The domain, lower case, as A-labels.
        domain: String,
    },
    /// To this host and no other: a smart host, a fixed next hop. Its MX records are not asked for.
    Host {
        /// Its name.
        name: String,
        /// Its port.
        port: u16,
    },
    /// To this address: `user@[192.0.2.1]` (RFC 5321 §4.1.3), or a fixed next hop.
    Address {
        /// The address.
        address: IpAddr,
        /// Its port.
        port: u16,
    },
}

/// What the look-up of a domain's MX records came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MxAnswer {
    /// Records: preference and exchange. `.` or the empty name is the root.
    Records(Vec<(u16, String)>),
    /// The domain exists, without such records.
    NoRecords,
    /// There is no such domain.
    NoDomain,
    /// No answer, or one that could not be validated.
    Failed(String),
}

/// What the look-up of a host's addresses came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressAnswer {
    /// Addresses, of both families; empty if it has none.
    Addresses(Vec<IpAddr>),
    /// No answer.
    Failed(String),
}

/// Which family is tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Families {
    /// IPv6, then IPv4.
    #[default]
    Ipv6First,
    /// IPv4, then IPv6.
    Ipv4First,
    /// IPv4 alone.
    Ipv4Only,
    /// IPv6 alone.
    Ipv6Only,
}

/// Who we are, as others may name us in their MX records.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// Names of this server, compared without case and final dot.
    pub names: Vec<String>,
    /// Addresses that this server answers on for mail from anywhere.
    pub addresses: Vec<IpAddr>,
}

/// A host to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Its name, without final dot.
    pub name: String,
    /// Its preference; the lower the sooner. 0 for a host that is one by its addresses only.
    pub preference: u16,
}

/// An address to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The name under which it was found: what its certificate must be for.
    pub name: String,
    /// The address.
    pub address: IpAddr,
}

/// Why there is no host to try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// RFC 7505 §3: the domain takes no mail. Permanent, 5.1.10.
    #[error("the domain {0} accepts no mail (null MX)")]
    NullMx(String),
    /// Permanent, 5.1.2.
    #[error("the domain {0} does not exist")]
    NoDomain(String),
    /// Permanent, 5.4.4: neither exchanges nor addresses.
    #[error("the domain {0} has no mail host")]
    NoHost(String),
    /// Permanent, 5.4.6: the best exchange of the domain is this server, which does not know the domain.
    #[error("mail for {0} loops back to this server")]
    Loop(String),
    /// Transient, 4.4.3.
    #[error("the DNS did not answer for {name}: {reason}")]
    Dns {
        /// What was asked for.
        name: String,
        /// What the resolver said.
        reason: String,
    },
}

impl NoRoute {
    /// Whether trying again is pointless.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, NoRoute::Dns { .. })
    }

    /// The enhanced status code (RFC 3463, RFC 7505 §4).
    pub fn status(&self) -> &'static str {
        match self {
            NoRoute::NullMx(_) => "5.1.10",
            NoRoute::NoDomain(_) => "5.1.2",
            NoRoute::NoHost(_) => "5.4.4",
            NoRoute::Loop(_) => "5.4.6",
            NoRoute::Dns { .. } => "4.4.3",
        }
    }
}

fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl Own {
    fn is_name(&self, name: &str) -> bool {
        let name = bare(name);
        self.names
            .iter()
            .any(|own| bare(own).eq_ignore_ascii_case(name))
    }
}

/// The hosts of a domain, in the order in which they are tried; `seed` mixes those of equal preference.
///
/// # Errors
/// [`NoRoute`] if there is none.
pub fn exchanges(
    domain: &str,
    answer: MxAnswer,
    own: &Own,
    seed: u64,
) -> Result<Vec<Exchange>, NoRoute> {
    let mut records = match answer {
        MxAnswer::Records(records) if !records.is_empty() => records,
        // RFC 5321 §5.1: without MX records the domain itself is the host, with preference 0.
        MxAnswer::Records(_) | MxAnswer::NoRecords => vec![(0, domain.to_owned())],
        MxAnswer::NoDomain => return Err(NoRoute::NoDomain(domain.to_owned())),
        MxAnswer::Failed(reason) => {
            let name = domain.to_owned();
            return Err(NoRoute::Dns { name, reason });
        }
    };
    // RFC 7505 §3: a null MX is the only record; one beside others is a mistake and names no host.
    let all = records.len();
    records.retain(|(_, name)| !bare(name).is_empty());
    if records.is_empty() {
        return Err(match all {
            1 => NoRoute::NullMx(domain.to_owned()),
            _ => NoRoute::NoHost(domain.to_owned()),
        });
    }
    // RFC 5321 §5.1: mixed among equals, so that the load is spread.
    Numbers::new(seed).shuffle(&mut records);
    records.sort_by_key(|(preference, _)| *preference);
    let mut exchanges: Vec<Exchange> = Vec::new();
    for (preference, name) in records {
        let name = bare(&name).to_owned();
        if !exchanges
            .iter()
            .any(|known| known.name.eq_ignore_ascii_case(&name))
        {
            exchanges.push(Exchange { name, preference });
        }
    }
    let own_preference = exchanges
        .iter()
        .find(|exchange| own.is_name(&exchange.name))
        .map(|exchange| exchange.preference);
    cut(&mut exchanges, own_preference);
    if exchanges.is_empty() {
        return Err(NoRoute::Loop(domain.to_owned()));
    }
    exchanges.truncate(MAX_CANDIDATES);
    Ok(exchanges)
}

/// RFC 5321 §5.1: the server's own preference and all that are not preferred to it are dropped; a host there would only
/// send the message back.
fn cut(exchanges: &mut Vec<Exchange>, own_preference: Option<u16>) {
    if let Some(own) = own_preference {
        exchanges.retain(|exchange| exchange.preference < own);
    }
}

/// The addresses of hosts, in the order in which they are tried. `look_up` answers for each host what the DNS said.
///
/// # Errors
/// `Loop` if only this server is left, `Dns` if a host without answer could have been one, else `NoHost`.
pub fn candidates(
    domain: &str,
    exchanges: &[Exchange],
    look_up: impl Fn(&str) -> AddressAnswer,
    own: &Own,
    families: Families,
    seed: u64,
) -> Result<Vec<Candidate>, NoRoute> {
    let mut numbers = Numbers::new(seed);
    let mut found: Vec<(u16, Candidate)> = Vec::new();
    let mut failed = None;
    let mut looped = None;
    for exchange in exchanges {
        if looped.is_some_and(|own| exchange.preference >= own) {
            break;
        }
        let addresses = match look_up(&exchange.name) {
            AddressAnswer::Addresses(addresses) => addresses,
            AddressAnswer::Failed(reason) => {
                let name = exchange.name.clone();
                failed.get_or_insert(NoRoute::Dns { name, reason });
                continue;
            }
        };
        if addresses
            .iter()
            .any(|address| own.addresses.contains(&address.to_canonical()))
        {
            looped = Some(exchange.preference);
            continue;
        }
        for address in in_order(addresses, families, &mut numbers) {
            let name = exchange.name.clone();
            found.push((exchange.preference, Candidate { name, address }));
        }
    }
    if let Some(own) = looped {
        found.retain(|(preference, _)| *preference < own);
    }
    let mut candidates: Vec<Candidate> = Vec::new();
    for (_, candidate) in found {
        if !candidates
            .iter()
            .any(|known| known.address == candidate.address)
        {
            candidates.push(candidate);
        }
    }
    candidates.truncate(MAX_CANDIDATES);
    if !candidates.is_empty() {
        return Ok(candidates);
    }
    Err(match (failed, looped) {
        (Some(failed), _) => failed,
        (None, Some(_)) => NoRoute::Loop(domain.to_owned()),
        (None, None) => NoRoute::NoHost(domain.to_owned()),
    })
}

/// A host's addresses: the families in turns, so that one broken family costs one try; mixed within each.
fn in_order(addresses: Vec<IpAddr>, families: Families, numbers: &mut Numbers) -> Vec<IpAddr> {
    let (mut v6, mut v4): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .map(|address| address.to_canonical())
        .partition(IpAddr::is_ipv6);
    numbers.shuffle(&mut v6);
    numbers.shuffle(&mut v4);
    let (first, second) = match families {
        Families::Ipv6First => (v6, v4),
        Families::Ipv4First => (v4, v6),
        Families::Ipv4Only => (v4, Vec::new()),
        Families::Ipv6Only => (v6, Vec::new()),
    };
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::new();
    loop {
        let before = mixed.len();
        mixed.extend(first.next());
        mixed.extend(second.next());
        if mixed.len() == before {
            return mixed;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(list: &[(u16, &str)]) -> MxAnswer {
        MxAnswer::Records(list.iter().map(|(p, n)| (*p, (*n).to_owned())).collect())
    }

    fn names(exchanges: &[Exchange]) -> Vec<&str> {
        exchanges
            .iter()
            .map(|exchange| exchange.name.as_str())
            .collect()
    }

    fn own() -> Own {
        Own {
            names: vec!["MX.us.example.".to_owned()],
            addresses: vec!["192.0.2.1".parse().unwrap()],
        }
    }

    #[test]
    fn preference_comes_first_and_equals_take_turns() {
        let answer = records(&[
            (20, "c.example."),
            (10, "a.example."),
            (10, "b.example."),
            (20, "A.EXAMPLE"),
        ]);
        let mut firsts = Vec::new();
        for seed in 0..50 {
            let hosts = exchanges("d.example", answer.clone(), &own(), seed).unwrap();
            assert_eq!(hosts.len(), 3, "named twice, tried once");
            assert_eq!(hosts[2].name, "c.example");
            firsts.push(hosts[0].name.clone());
        }
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts, ["a.example", "b.example"]);
    }

    #[test]
    fn what_has_no_exchange() {
        let of = |answer| exchanges("d.example", answer, &own(), 0);
        // RFC 7505 §3
        assert_eq!(
            of(records(&[(0, ".")])),
            Err(NoRoute::NullMx("d.example".to_owned()))
        );
        assert_eq!(
            names(&of(records(&[(0, "."), (10, "a.example")])).unwrap()),
            ["a.example"]
        );
        assert_eq!(names(&of(MxAnswer::NoRecords).unwrap()), ["d.example"]);
        assert_eq!(of(MxAnswer::NoDomain).unwrap_err().status(), "5.1.2");
        assert!(
            !of(MxAnswer::Failed("timeout".to_owned()))
                .unwrap_err()
                .is_permanent()
        );
    }

    #[test]
    fn our_own_preference_and_what_is_behind_it_is_cut() {
        let answer = records(&[
            (10, "a.example"),
            (20, "mx.US.example"),
            (20, "b.example"),
            (30, "c.example"),
        ]);
        for seed in 0..10 {
            let hosts = exchanges("d.example", answer.clone(), &own(), seed).unwrap();
            assert_eq!(names(&hosts), ["a.example"]);
        }
        let best = records(&[(10, "mx.us.example"), (20, "b.example")]);
        assert_eq!(
            exchanges("d.example", best, &own(), 0),
            Err(NoRoute::Loop("d.example".to_owned()))
        );
    }

    fn hosts(list: &[(u16, &str)]) -> Vec<Exchange> {
        let host = |(preference, name): &(u16, &str)| Exchange {
            name: (*name).to_owned(),
            preference: *preference,
        };
        list.iter().map(host).collect()
    }

    fn look_up(name: &str) -> AddressAnswer {
        let parse = |list: &[&str]| {
            AddressAnswer::Addresses(list.iter().map(|a| a.parse().unwrap()).collect())
        };
        match name {
            "both" => parse(&["198.51.100.1", "198.51.100.2", "2001:db8::1"]),
            "v4" => parse(&["198.51.100.3"]),
            "us" => parse(&["198.51.100.9", "192.0.2.1"]),
            "mapped" => parse(&["::ffff:192.0.2.1"]),
            "none" => parse(&[]),
            _ => AddressAnswer::Failed("timeout".to_owned()),
        }
    }

    fn of(list: &[(u16, &str)], families: Families) -> Result<Vec<String>, NoRoute> {
        let found = candidates("d.example", &hosts(list), look_up, &own(), families, 3)?;
        Ok(found
            .iter()
            .map(|candidate| candidate.address.to_string())
            .collect())
    }

    #[test]
    fn families_take_turns() {
        let six_first = of(&[(1, "both"), (2, "v4")], Families::Ipv6First).unwrap();
        assert_eq!(six_first[0], "2001:db8::1");
        assert_eq!(six_first.len(), 4);
        let four_first = of(&[(1, "both")], Families::Ipv4First).unwrap();
        assert!(four_first[0].starts_with("198") && four_first[1] == "2001:db8::1");
        assert_eq!(of(&[(1, "both")], Families::Ipv4Only).unwrap().len(), 2);
        assert_eq!(
            of(&[(1, "v4")], Families::Ipv6Only).unwrap_err().status(),
            "5.4.4"
        );
    }

    #[test]
    fn our_own_address_cuts_like_our_name() {
        assert_eq!(
            of(&[(1, "v4"), (2, "us"), (2, "both")], Families::Ipv6First).unwrap(),
            ["198.51.100.3"]
        );
        assert_eq!(
            of(&[(2, "both"), (2, "us")], Families::Ipv6First)
                .unwrap_err()
                .status(),
            "5.4.6"
        );
        assert_eq!(
            of(&[(1, "mapped")], Families::Ipv6First)
                .unwrap_err()
                .status(),
            "5.4.6"
        );
    }

    #[test]
    fn a_host_without_answer_is_no_reason_to_give_up() {
        assert_eq!(
            of(&[(1, "none"), (2, "silent")], Families::Ipv6First)
                .unwrap_err()
                .status(),
            "4.4.3"
        );
        assert_eq!(
            of(&[(1, "silent"), (2, "v4")], Families::Ipv6First).unwrap(),
            ["198.51.100.3"]
        );
        assert_eq!(
            of(&[(1, "none")], Families::Ipv6First)
                .unwrap_err()
                .status(),
            "5.4.4"
        );
    }

    proptest! {
        #[test]
        fn hosts_are_those_that_were_named_in_order(list in prop::collection::vec((0u16..5, "[a-e]\\.example"), 1..40), seed: u64) {
            let answer = MxAnswer::Records(list.clone());
            let found = exchanges("d.example", answer, &own(), seed).unwrap();
            prop_assert!(found.len() <= MAX_CANDIDATES);
            prop_assert!(found.windows(2).all(|pair| pair[0].preference <= pair[1].preference));
            for exchange in &found {
                let best = list.iter().filter(|(_, name)| *name == exchange.name).map(|(p, _)| *p).min();
                prop_assert_eq!(best, Some(exchange.preference));
            }
        }
    }
}
