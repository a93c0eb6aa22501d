//! The names that certificates are wanted for.

use std::net::IpAddr;

use crate::config::{ChallengeKind, Service, Tls};
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
        // RFC 8555 §7.1.4: in A-labels.
        if let Ok(name) = idna::domain_to_ascii(name)
            && all.iter().all(|other| other.name != name)
        {
            all.push(Wanted { name, derived });
        }
    };
    // With a certificate of the administrator's the host has one.
    if config.development_certificate() {
        push(&config.hostname, false);
    }
    for name in &config.acme.names {
        push(name, false);
    }
    let web = config
        .listeners
        .iter()
        .any(|listener| listener.service == Service::Http && listener.tls == Tls::Implicit);
    if web {
        match parts.store.domains().await {
            Ok(domains) => {
                for domain in domains {
                    if domain.mta_sts.is_some() {
                        push(&format!("mta-sts.{}", domain.name), true);
                    }
                    push(&format!("autoconfig.{}", domain.name), true);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the domains that certificates are for could not be read");
            }
        }
    }
    all
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
