//! The names that certificates are wanted for.

use std::net::IpAddr;

use crate::config::{ChallengeKind, Config, Listener, Service, Tls};
use crate::wiring::Parts;

/// A name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: String,
    /// It follows from a domain that is served here, and may never come to lead here.
    derived: bool,
}

/// All names, the host's first.
pub(super) async fn wanted(parts: &Parts) -> Vec<Wanted> {
    let config = &parts.config;
    let mut all: Vec<Wanted> = Vec::new();
    let mut push = |name: &str, derived| {
        if all.iter().all(|other| other.name != name) {
            let name = name.to_owned();
            all.push(Wanted { name, derived });
        }
    };
    for name in of_host(config) {
        push(&name, false);
    }
    match parts.store.domains().await {
        Ok(domains) => {
            for domain in domains {
                for name in of_domain(config, &domain.name, domain.mta_sts.is_some()) {
                    push(&name, true);
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, "the domains that certificates are for could not be read");
        }
    }
    all
}

/// The names of the host itself, and those that the configuration adds.
pub(super) fn of_host(config: &Config) -> Vec<String> {
    // With a certificate of the administrator's the host has one.
    let own = config
        .development_certificate()
        .then_some(config.hostname.as_str());
    let more = config.acme.names.iter().map(String::as_str);
    own.into_iter().chain(more).filter_map(in_labels).collect()
}

/// The names of a domain that is served here, which others look for on the web.
pub(super) fn of_domain(config: &Config, domain: &str, has_policy: bool) -> Vec<String> {
    let web =
        |listener: &Listener| listener.service == Service::Http && listener.tls == Tls::Implicit;
    if !config.listeners.iter().any(web) {
        return Vec::new();
    }
    let policy = has_policy.then(|| format!("mta-sts.{domain}"));
    let names = policy.into_iter().chain([format!("autoconfig.{domain}")]);
    names.filter_map(|name| in_labels(&name)).collect()
}

/// RFC 8555 §7.1.4: in A-labels.
fn in_labels(name: &str) -> Option<String> {
    idna::domain_to_ascii(name).ok()
}

impl Wanted {
    /// Why the authority need not be asked yet, if so: it would look and find nothing, and count that.
    pub(super) async fn waits_for(&self, parts: &Parts, kind: ChallengeKind) -> Option<String> {
        if kind == ChallengeKind::Dns01 && !self.derived {
            return None;
        }
        let own = parts.resolver.addresses(&self.name).await;
        let name = &self.name;
        if self.derived {
            let host = &parts.config.hostname;
            let there: Vec<IpAddr> = parts.resolver.addresses(host).await;
            let leads_here = own.iter().any(|address| there.contains(address));
            return (!leads_here).then(|| {
                format!("{name} does not lead to {host} yet: publish what `waxwing domain dns` prints, if programs are to find it")
            });
        }
        own.is_empty()
            .then(|| format!("{name} has no address in the DNS yet: publish A and AAAA records"))
    }
}
