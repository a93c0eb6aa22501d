//! What to publish, as records of zone files.

use serde::Serialize;
use waxwing_auth::dkim::{key_name, zone_strings};

use super::site::{Offer, Site, policy_id};

/// RFC 9110 §4.2.2.
const HTTPS: u16 = 443;

/// A record to publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ZoneRecord {
    /// Whose it is, with its last dot.
    pub(crate) name: String,
    /// `MX` and the like.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Its data as in a zone file (RFC 1035 §5.1).
    pub(crate) data: String,
    /// What it is for.
    pub(crate) purpose: &'static str,
}

fn record(name: &str, kind: &'static str, data: String, purpose: &'static str) -> ZoneRecord {
    ZoneRecord {
        name: format!("{name}."),
        kind,
        data,
        purpose,
    }
}

/// All records of a domain, in the order in which they are explained.
pub(crate) fn records(site: &Site) -> Vec<ZoneRecord> {
    let Site { domain, host, .. } = site;
    let text = |name: &str, text: &str, purpose| record(name, "TXT", zone_strings(text), purpose);
    let mut all = vec![
        record(
            domain,
            "MX",
            format!("10 {host}."),
            "Where mail for the domain goes",
        ),
        // RFC 7489 §10.1: with DMARC a hard `-all` would refuse mail before its signature is looked at.
        text(
            domain,
            "v=spf1 mx ~all",
            "SPF: which hosts send for the domain; name others that do",
        ),
    ];
    // RFC 7208 §2.3, §2.4: reports have no other sender than the host. §4.5: of two records at one name none counts.
    if host != domain {
        all.push(text(
            host,
            "v=spf1 a -all",
            "SPF of the host itself, the sender of reports",
        ));
    }
    all.extend(keys(site));
    all.push(text(
        &format!("_dmarc.{domain}"),
        &format!("v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}"),
        "DMARC: what others do with mail that is not from the domain; begin with p=none to look on first",
    ));
    all.extend(policy(site));
    all.push(text(
        &format!("_smtp._tls.{domain}"),
        &format!("v=TLSRPTv1; rua=mailto:postmaster@{domain}"),
        "Where others report trouble with TLS",
    ));
    if let Some(tlsa) = site.tlsa() {
        let digest: String = tlsa
            .association
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        all.push(record(
            &format!("_25._tcp.{host}"),
            "TLSA",
            format!("{} {} {} {digest}", tlsa.usage, tlsa.selector, tlsa.matching),
            "DANE: the key of the host's certificate; only in a zone that is signed (DNSSEC), and to be changed before the key is",
        ));
    }
    all.extend(site.offers.iter().map(|offer| service(site, offer)));
    all.extend(settings(site));
    all
}

fn keys(site: &Site) -> impl Iterator<Item = ZoneRecord> + '_ {
    site.keys.iter().map(|key| {
        let name = key_name(&key.key.selector, &site.domain);
        let data = zone_strings(&key.record);
        record(&name, "TXT", data, "DKIM: a key that the domain signs with")
    })
}

fn policy(site: &Site) -> Vec<ZoneRecord> {
    let Some(policy) = &site.policy else {
        return Vec::new();
    };
    let Site { domain, host, .. } = site;
    let id = format!("v=STSv1; id={}", policy_id(policy));
    vec![
        record(
            &format!("_mta-sts.{domain}"),
            "TXT",
            zone_strings(&id),
            "MTA-STS: there is a policy; its id changes when the policy does",
        ),
        record(
            &format!("mta-sts.{domain}"),
            "CNAME",
            format!("{host}."),
            "The host that serves the policy, with a certificate of this name",
        ),
    ]
}

/// Where programs ask for their settings (`discovery.rs`): at names of the domain, on the port of HTTPS.
fn settings(site: &Site) -> Vec<ZoneRecord> {
    let Site { domain, host, .. } = site;
    let Some(port) = site.web else {
        return Vec::new();
    };
    let mut all = vec![record(
        &format!("_autodiscover._tcp.{domain}"),
        "SRV",
        format!("0 1 {port} {host}."),
        "Where Outlook asks for its settings",
    )];
    if port == HTTPS {
        all.push(record(
            &format!("autoconfig.{domain}"),
            "CNAME",
            format!("{host}."),
            "The host that programs ask for their settings, with a certificate of this name",
        ));
    }
    all
}

/// RFC 6186 §3.4: a service that there is not has the root as its host.
fn service(site: &Site, offer: &Offer) -> ZoneRecord {
    let name = format!("{}._tcp.{}", offer.label, site.domain);
    let priority = if offer.implicit { 0 } else { 10 };
    match offer.port {
        Some(port) => record(
            &name,
            "SRV",
            format!("{priority} 1 {port} {}.", site.host),
            "Where users' programs find the server",
        ),
        None => record(&name, "SRV", "0 0 0 .".to_owned(), "This is not offered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_the_domain_has_one_spf_record() {
        let of = |host: &str| {
            let site = Site {
                domain: "example.org".into(),
                host: host.into(),
                offers: Vec::new(),
                web: None,
                keys: Vec::new(),
                policy: None,
                chain: Vec::new(),
                port: 25,
                private_hosts: false,
                https_proxy: String::new(),
                orders: None,
            };
            let spf =
                |record: &ZoneRecord| record.data.contains("v=spf1").then(|| record.name.clone());
            records(&site).iter().filter_map(spf).collect::<Vec<_>>()
        };
        assert_eq!(of("mx.example.org"), ["example.org.", "mx.example.org."]);
        assert_eq!(of("example.org"), ["example.org."]);
    }
}
