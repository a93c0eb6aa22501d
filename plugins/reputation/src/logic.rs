//! What answers of lists mean: decisions without a host. RFC 5782.

use crate::settings::{Code, List, Measure, Of, Settings};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// What a listing comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// The name of the finding; empty: none.
    pub symbol: String,
    /// What it counts.
    pub weight: f64,
    /// What is done besides.
    pub measure: Measure,
}

/// What the answers of a list mean: each code is one reason, and reasons of one name count once.
pub fn meanings(list: &List, answers: &[IpAddr]) -> Vec<Meaning> {
    let mut meanings: Vec<Meaning> = Vec::new();
    for answer in answers {
        let code = list.codes.iter().find(|code| fits(code, *answer));
        let meaning = Meaning {
            symbol: code
                .and_then(|code| code.symbol.clone())
                .unwrap_or_else(|| list.symbol.clone()),
            weight: code.and_then(|code| code.weight).unwrap_or(list.weight),
            measure: code.and_then(|code| code.measure).unwrap_or(list.measure),
        };
        match meanings
            .iter_mut()
            .find(|known| known.symbol == meaning.symbol)
        {
            Some(known) => {
                known.measure = known.measure.max(meaning.measure);
                if meaning.weight.abs() > known.weight.abs() {
                    known.weight = meaning.weight;
                }
            }
            None => meanings.push(meaning),
        }
    }
    meanings
}

fn fits(code: &Code, answer: IpAddr) -> bool {
    let listed = code.is.as_ref().is_some_and(|is| is.contains(answer));
    let IpAddr::V4(address) = answer else {
        return listed;
    };
    let [.., last] = address.octets();
    listed || last & code.bits != 0
}

/// The zones that list this, and whether the reasons are wanted in words.
pub fn zones(settings: &Settings, of: Of) -> (Vec<String>, bool) {
    let lists = settings.list.iter().filter(|list| list.of.contains(&of));
    let words = lists.clone().any(List::refuses);
    (lists.map(|list| list.zone.clone()).collect(), words)
}

/// The lists of a zone that the host names in its own spelling.
pub fn of_zone<'a>(
    settings: &'a Settings,
    zone: &'a str,
    of: Of,
) -> impl Iterator<Item = &'a List> {
    let lists = settings.list.iter();
    lists.filter(move |list| list.of.contains(&of) && same_domain(&list.zone, zone))
}

/// Whether two names are one.
pub fn same_domain(one: &str, other: &str) -> bool {
    let bare = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    bare(one) == bare(other)
}

/// Whether lists know of an address: those of private networks mean something else everywhere (RFC 6890), and no stranger is to hear of them.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let shared = address.octets();
            // RFC 6598: 100.64.0.0/10.
            let shared = matches!(shared, [100, second, ..] if second & 0xc0 == 0x40);
            !(shared
                || address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified())
        }
        IpAddr::V6(address) => {
            !(address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_loopback()
                || address.is_unspecified())
        }
    }
}

/// What is looked up for the hosts of links: lists have domains as they are registered, of two labels or, below some registries, three. At most `most`
/// hosts; addresses as they are.
pub fn linked(hosts: impl Iterator<Item = String>, most: usize) -> (Vec<Ipv4Addr>, Vec<String>) {
    let hosts: BTreeSet<String> = hosts.filter(|host| host.contains('.')).take(most).collect();
    let (mut addresses, mut domains) = (Vec::new(), BTreeSet::new());
    for host in hosts {
        if let Ok(address) = host.parse() {
            addresses.push(address);
            continue;
        }
        let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
        for count in [2, 3] {
            if let Some(domain) = labels
                .len()
                .checked_sub(count)
                .and_then(|at| labels.get(at..))
            {
                domains.insert(domain.join("."));
            }
        }
    }
    (addresses, domains.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_nobodys_business() {
        for private in [
            "10.1.2.3",
            "127.0.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "fd00::1",
            "fe80::1",
            "::1",
            "::ffff:192.168.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["192.0.2.1", "100.128.0.1", "2001:db8::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn links_are_looked_up_as_they_may_be_registered() {
        let hosts = [
            "a.b.shop.co.example",
            "shop.example",
            "192.0.2.7",
            "localhost",
            "shop.example",
        ];
        let (addresses, domains) = linked(hosts.map(ToOwned::to_owned).into_iter(), 10);
        assert_eq!(addresses, [Ipv4Addr::new(192, 0, 2, 7)]);
        assert_eq!(domains, ["co.example", "shop.co.example", "shop.example"]);
        let many = (0..100).map(|n| format!("a{n}.example"));
        assert_eq!(linked(many, 3).1.len(), 3);
    }
}
