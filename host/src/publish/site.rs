//! What of a server the records of a domain depend on.

use sha2::{Digest, Sha256};
use waxwing_auth::dane::{self, Tlsa};
use waxwing_auth::dkim::rotation::{Phase, RotatingKey};
use waxwing_auth::mta_sts::{Mode, StsPolicy};
use waxwing_store::{MtaSts, StsMode};

use crate::config::{Config, Service, Tls};
use crate::keys::Ring;

/// Services that programs look for by name: the label, and how they are listened for (RFC 6186 §3.1 and §3.2, RFC 8314 §5.1, RFC 8620 §2.2).
const SERVICES: [(&str, Service, Tls); 7] = [
    ("_submissions", Service::Submission, Tls::Implicit),
    ("_submission", Service::Submission, Tls::Starttls),
    ("_imaps", Service::Imap, Tls::Implicit),
    ("_imap", Service::Imap, Tls::Starttls),
    ("_pop3s", Service::Pop3, Tls::Implicit),
    ("_pop3", Service::Pop3, Tls::Starttls),
    ("_jmap", Service::Http, Tls::Implicit),
];

/// A service of users' programs.
pub(crate) struct Offer {
    /// `_imaps` and the like.
    pub(crate) label: &'static str,
    /// TLS from the first octet, which is to be preferred (RFC 8314 §3).
    pub(crate) implicit: bool,
    /// The port; none if it is not offered.
    pub(crate) port: Option<u16>,
}

/// A key with the text that is to be published for it.
pub(crate) struct KeyText {
    pub(crate) key: RotatingKey,
    pub(crate) record: String,
}

/// Certificates that the server orders by itself.
pub(crate) struct Orders {
    /// What the authority is called in CAA records, if that is known.
    pub(crate) issuer: Option<&'static str>,
    /// The challenges that can be answered.
    pub(crate) challenges: Vec<&'static str>,
    /// The names of the host and of the domain.
    pub(crate) names: Vec<String>,
}

/// A domain and the server that serves it.
pub(crate) struct Site {
    pub(crate) domain: String,
    pub(crate) host: String,
    pub(crate) offers: Vec<Offer>,
    /// The port of the web under TLS, where programs ask for their settings; none if there is no such listener.
    pub(crate) web: Option<u16>,
    /// All keys that are to be published.
    pub(crate) keys: Vec<KeyText>,
    /// The domain's policy, if it has one.
    pub(crate) policy: Option<StsPolicy>,
    /// The certificates that are shown, the server's own first, DER; empty if they cannot be read.
    pub(crate) chain: Vec<Vec<u8>>,
    /// The port of mail hosts, whether they may be on private networks, and the proxy for HTTPS: how others are reached from here.
    pub(crate) port: u16,
    pub(crate) private_hosts: bool,
    pub(crate) https_proxy: String,
    /// None where an administrator brings the certificates.
    pub(crate) orders: Option<Orders>,
}

impl Site {
    pub(crate) fn new(config: &Config, ring: &Ring, policy: Option<StsPolicy>) -> Self {
        let text = |key: &RotatingKey| KeyText {
            key: key.clone(),
            record: ring.record(&key.selector).to_owned(),
        };
        let published = |key: &&RotatingKey| key.phase != Phase::Removed;
        let keys = ring.rotation.keys.iter().filter(published).map(text);
        Self {
            domain: ring.domain().to_owned(),
            host: config.hostname.clone(),
            offers: offers(config),
            web: port(config, Service::Http, Tls::Implicit),
            keys: keys.collect(),
            orders: crate::acme::orders(config, ring.domain(), policy.is_some()),
            policy,
            chain: crate::tls::chain(config),
            port: config.queue.port,
            private_hosts: config.queue.private_hosts,
            https_proxy: config.queue.https_proxy.clone(),
        }
    }

    /// RFC 7671 §5.1: the record that stays true when the certificate is renewed with its key.
    pub(crate) fn tlsa(&self) -> Option<Tlsa> {
        dane::own_key(self.chain.first()?)
    }
}

/// The services of users' programs, the better of each two first.
pub(crate) fn offers(config: &Config) -> Vec<Offer> {
    let offer = |(label, service, tls): (&'static str, Service, Tls)| Offer {
        label,
        implicit: tls == Tls::Implicit,
        port: port(config, service, tls),
    };
    SERVICES.into_iter().map(offer).collect()
}

pub(crate) fn port(config: &Config, service: Service, tls: Tls) -> Option<u16> {
    let listeners = config.listeners.iter();
    let suits = listeners.filter(|listener| listener.service == service && listener.tls == tls);
    let ports = suits.flat_map(|listener| listener.address.iter().map(|at| at.port()));
    // A free port is another one each time.
    ports.filter(|port| *port > 0).min()
}

/// The policy of a domain whose mail this server takes.
pub(crate) fn policy(config: &Config, promise: MtaSts) -> StsPolicy {
    StsPolicy {
        mode: match promise.mode {
            StsMode::None => Mode::None,
            StsMode::Testing => Mode::Testing,
            StsMode::Enforce => Mode::Enforce,
        },
        max_age: promise.max_age.into(),
        hosts: vec![config.hostname.to_ascii_lowercase()],
    }
}

/// The id that is published for a policy (RFC 8461 §3.1): another one exactly when the policy is another one.
pub(crate) fn policy_id(policy: &StsPolicy) -> String {
    let digest = Sha256::digest(policy.to_text());
    let octets = digest.iter().take(16);
    octets.map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(config: &Config) -> Vec<(&'static str, Option<u16>)> {
        let offers = offers(config).into_iter();
        offers.map(|offer| (offer.label, offer.port)).collect()
    }

    #[test]
    fn jmap_is_offered_where_the_web_is_under_tls() {
        let mut config = Config::default();
        assert!(ports(&config).contains(&("_jmap", Some(443))));
        for listener in &mut config.listeners {
            if listener.service == Service::Http {
                listener.tls = Tls::None;
            }
        }
        assert!(ports(&config).contains(&("_jmap", None)));
    }
}
