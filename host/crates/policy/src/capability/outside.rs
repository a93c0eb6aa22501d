//! What `dns` and `dnsbl` share: names, and questions asked side by side within the time of the call.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use tokio::time::timeout_at;

use crate::bindings::waxwing::policy::types::IpAddress;
use crate::services::Services;
use crate::services::dns::{DnsAnswer, DnsQuestion};
use crate::state::State;

/// Octets of a name and of a label (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

impl State {
    /// When what is outside has to have answered, so that the plugin has time left to decide without it.
    pub(super) fn answer_by(&self) -> Instant {
        let reserve = self.shared.limits.deadline / 10;
        self.budget
            .deadline
            .checked_sub(reserve)
            .unwrap_or(self.budget.deadline)
    }
}

/// Asks all at once. What does not answer in time has failed. The caller has counted the questions.
pub(super) async fn resolve_all(
    services: Arc<dyn Services>,
    questions: &[DnsQuestion],
    until: Instant,
) -> Vec<DnsAnswer> {
    join_all(questions.iter().map(|question| async {
        timeout_at(until.into(), services.resolve(question))
            .await
            .unwrap_or_else(|_| DnsAnswer::failed())
    }))
    .await
}

/// A domain as it is asked for: lower-case A-labels, no last dot. None if it is no name of the DNS.
pub(crate) fn ascii_domain(text: &str) -> Option<String> {
    let ascii = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(text).ok()?
    };
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    let fits = name.len() <= MAX_NAME
        && (name.is_empty()
            || name.split('.').all(|label| {
                (1..=MAX_LABEL).contains(&label.len())
                    && label
                        .bytes()
                        .all(|octet| octet.is_ascii_graphic() && octet != b'\\')
            }));
    fits.then(|| name.to_owned())
}

/// The labels of an address in reverse: octets of IPv4, nibbles of IPv6 (RFC 5782 §2.1, §2.4).
pub(super) fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}")
        }
        IpAddr::V6(address) => {
            let mut labels = String::with_capacity(64);
            for octet in address.octets().iter().rev() {
                let dot = if labels.is_empty() { "" } else { "." };
                let _infallible = write!(labels, "{dot}{:x}.{:x}", octet & 15, octet >> 4);
            }
            labels
        }
    }
}

pub(super) fn to_ip(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => IpAddr::from([a, b, c, d]),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => {
            IpAddr::from([a, b, c, d, e, f, g, h]).to_canonical()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_reversed_as_lists_want_them() {
        let reversed = |text: &str| reversed(text.parse().unwrap());
        assert_eq!(reversed("192.0.2.99"), "99.2.0.192");
        // The example of RFC 5782 §2.4.
        assert_eq!(
            reversed("2001:db8:1:2:3:4:567:89ab"),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"
        );
    }

    #[test]
    fn names_are_a_labels_within_bounds() {
        assert_eq!(
            ascii_domain("Bücher.example."),
            Some("xn--bcher-kva.example".into())
        );
        assert_eq!(
            ascii_domain("_25._tcp.MX.example"),
            Some("_25._tcp.mx.example".into())
        );
        assert_eq!(ascii_domain("."), Some(String::new()));
        for text in [
            "a..b",
            ".a",
            "a b",
            "a\\b",
            &"a".repeat(64),
            &"a.".repeat(128),
        ] {
            assert_eq!(ascii_domain(text), None, "{text}");
        }
    }
}
