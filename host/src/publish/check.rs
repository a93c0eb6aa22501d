//! What is wrong with what a domain publishes: one finding a mistake, each with what to do next.

mod caa;
mod hosts;

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio::time::{Duration, Instant};
use waxwing_auth::Verdict;
use waxwing_auth::dane::{DaneVerdict, verify};
use waxwing_auth::dkim::rotation::{Phase, Sight, look_up};
use waxwing_auth::dmarc::DmarcRecord;
use waxwing_auth::dns::{Lookups, Outcome, Record, RecordKind};
use waxwing_auth::iprev;
use waxwing_auth::mta_sts::{self, StsRecord};
use waxwing_auth::spf::{SpfRequest, SpfResult, check_mail_from};
use waxwing_policy::{DnsOutcome, DnsQuestion, DnsRecord, DnsSecurity};

use super::site::{KeyText, Site, policy_id};
use crate::dns::{Resolver, tlsa};
use crate::fetch::Client;

/// How long all questions may take.
const TIME: Duration = Duration::from_secs(30);
/// Questions in all; a domain with two keys needs forty.
const QUESTIONS: u32 = 500;
/// Addresses of the host that are looked at.
const MAX_ADDRESSES: usize = 16;
/// RFC 2782: that of SRV.
const SRV: u16 = 33;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// `mx`, `spf`, `dkim` and the like.
    pub(crate) about: &'static str,
    /// What is wrong.
    pub(crate) problem: String,
    /// What to do.
    pub(crate) advice: String,
}

/// A check while it goes through the records.
struct Check<'a> {
    site: &'a Site,
    resolver: &'a Resolver,
    client: Client,
    lookups: Lookups<'a>,
    findings: Vec<Finding>,
}

/// Looks at everything that is published, at a time in seconds since 1970.
pub(crate) async fn check(site: &Site, shared: &Arc<Resolver>, now: u64) -> Vec<Finding> {
    let resolver: &Resolver = shared;
    let mut check = Check {
        site,
        resolver,
        client: Client::new(Arc::clone(shared)).through(&site.https_proxy),
        lookups: Lookups::new(resolver, Instant::now() + TIME, QUESTIONS),
        findings: Vec::new(),
    };
    let hosts = check.mx().await;
    let addresses = check.addresses().await;
    for address in &addresses {
        check.name_of(*address).await;
        check.spf(*address, now).await;
    }
    check.spf_records().await;
    check.keys().await;
    check.dmarc().await;
    check.policy(now).await;
    check.hosts(&hosts, now).await;
    check.dane(now).await;
    check.services().await;
    check.issuance().await;
    check.findings
}

impl Check<'_> {
    fn found(
        &mut self,
        about: &'static str,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.findings.push(Finding {
            about,
            problem: problem.into(),
            advice: advice.into(),
        });
    }

    fn unanswered(&mut self, about: &'static str, name: &str) {
        self.found(
            about,
            format!("the DNS did not answer for {name}"),
            "try again; if it stays so, look at the domain's name servers and at dns.servers",
        );
    }

    /// Where mail for the domain goes: the hosts that are published.
    async fn mx(&mut self) -> Vec<String> {
        let Site { domain, host, .. } = self.site;
        let answer = self.lookups.ask(domain, RecordKind::Mx).await;
        let hosts = answer.records.iter().filter_map(|record| match record {
            Record::Mx { exchange, .. } => Some(exchange.trim_end_matches('.').to_owned()),
            _ => None,
        });
        let hosts: Vec<String> = hosts.collect();
        let publish = format!("publish `{domain}. IN MX 10 {host}.`");
        match answer.outcome {
            Outcome::Failed => self.unanswered("mx", domain),
            // RFC 5321 §5.1: without MX the address of the domain itself counts.
            _ if hosts.is_empty() => {
                self.found("mx", format!("{domain} has no MX record"), publish);
            }
            _ if hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) => {}
            _ => {
                let others = hosts.join(", ");
                self.found(
                    "mx",
                    format!("mail for {domain} goes to {others}, and not to {host}"),
                    format!("{publish}, or set `hostname` to the name that is published"),
                );
            }
        }
        // RFC 7505: a null MX is no host.
        hosts.into_iter().filter(|host| !host.is_empty()).collect()
    }

    /// The addresses of the host.
    async fn addresses(&mut self) -> Vec<IpAddr> {
        let host = &self.site.host;
        let (four, six) = tokio::join!(
            self.lookups.ask(host, RecordKind::A),
            self.lookups.ask(host, RecordKind::Aaaa),
        );
        let addresses = four.addresses().chain(six.addresses());
        let addresses: Vec<IpAddr> = addresses.take(MAX_ADDRESSES).collect();
        if [four.outcome, six.outcome].contains(&Outcome::Failed) {
            self.unanswered("host", host);
        } else if addresses.is_empty() {
            self.found(
                "host",
                format!("{host} has no address"),
                format!("publish A and AAAA records of {host}"),
            );
        }
        addresses
    }

    /// RFC 8601 §3: many hosts take no mail from an address whose name does not lead back.
    async fn name_of(&mut self, address: IpAddr) {
        let outcome = iprev::check(address, &self.lookups).await;
        if outcome.verdict == Verdict::Pass {
            return;
        }
        let why = outcome.problem.unwrap_or_default();
        let host = &self.site.host;
        self.found(
            "iprev",
            format!("{address} of {host}: {why}"),
            format!("have whoever gave you {address} set its PTR record to {host}"),
        );
    }

    async fn spf(&mut self, address: IpAddr, now: u64) {
        let Site { domain, host, .. } = self.site;
        let request = SpfRequest {
            client: address,
            helo: host,
            receiver: host,
            now,
        };
        let sender = format!("postmaster@{domain}");
        let outcome = check_mail_from(&request, &sender, &self.lookups).await;
        let why = outcome.problem.unwrap_or_default();
        match outcome.result {
            // Told of once, whatever the addresses.
            SpfResult::None | SpfResult::Pass => {}
            SpfResult::TempError => self.unanswered("spf", domain),
            SpfResult::PermError => self.found(
                "spf",
                format!("the SPF record of {domain} cannot be evaluated: {why}"),
                "correct it: until then it counts for nothing",
            ),
            other => self.found(
                "spf",
                format!(
                    "the SPF record of {domain} says {} of {address}, from which {host} sends",
                    other.as_str()
                ),
                "add `mx` or the address to it",
            ),
        }
    }

    async fn spf_records(&mut self) {
        let domain = &self.site.domain;
        let answer = self.lookups.ask(domain, RecordKind::Txt).await;
        let is_spf = |text: &&[u8]| *text == b"v=spf1" || text.starts_with(b"v=spf1 ");
        match answer.texts().filter(is_spf).count() {
            1 => {}
            _ if answer.outcome == Outcome::Failed => self.unanswered("spf", domain),
            0 => self.found(
                "spf",
                format!("{domain} has no SPF record"),
                format!("publish `{domain}. IN TXT \"v=spf1 mx ~all\"`"),
            ),
            // RFC 7208 §4.5.
            count => self.found(
                "spf",
                format!("{domain} has {count} SPF records, and so none that counts"),
                "make one of them",
            ),
        }
    }

    async fn keys(&mut self) {
        let domain = &self.site.domain;
        if self.site.keys.is_empty() {
            self.found(
                "dkim",
                format!("{domain} has no keys: its mail is not signed"),
                format!("`waxwing domain key add {domain}`"),
            );
        }
        for key in &self.site.keys {
            self.key(key).await;
        }
    }

    async fn key(&mut self, key: &KeyText) {
        let domain = &self.site.domain;
        let selector = &key.key.selector;
        let name = waxwing_auth::dkim::key_name(selector, domain);
        match look_up(&key.key, &key.record, domain, &self.lookups).await {
            Sight::Published(_) => return,
            Sight::Unknown => return self.unanswered("dkim", &name),
            Sight::Absent => {}
        }
        let state = match key.key.phase {
            Phase::Generated | Phase::Published { .. } => "and signs only when it is",
            Phase::Signing { .. } => "and mail is signed with it: those signatures do not hold",
            Phase::Retiring { .. } | Phase::Removed => "and mail that it signed may be under way",
        };
        self.found(
            "dkim",
            format!("the key {selector} is not published at {name}, or something else is, {state}"),
            format!("publish what `waxwing domain dns {domain}` prints for it"),
        );
    }

    async fn dmarc(&mut self) {
        let domain = &self.site.domain;
        let name = format!("_dmarc.{domain}");
        let answer = self.lookups.ask(&name, RecordKind::Txt).await;
        let records = answer.texts().filter(|text| text.starts_with(b"v=DMARC1"));
        let records: Vec<&[u8]> = records.collect();
        let publish = format!("publish what `waxwing domain dns {domain}` prints for {name}");
        match records.as_slice() {
            _ if answer.outcome == Outcome::Failed => self.unanswered("dmarc", &name),
            [] => self.found(
                "dmarc",
                format!("there is no DMARC record at {name}"),
                publish,
            ),
            [one] if DmarcRecord::parse(one).is_some() => {}
            [_] => self.found(
                "dmarc",
                format!("the DMARC record at {name} cannot be read"),
                publish,
            ),
            // RFC 7489 §6.6.3 step 5.
            several => {
                let count = several.len();
                self.found(
                    "dmarc",
                    format!("there are {count} DMARC records at {name}, and so none that counts"),
                    "leave one",
                );
            }
        }
    }

    async fn policy(&mut self, now: u64) {
        let domain = &self.site.domain;
        let published = mta_sts::look_up(domain, &self.lookups).await;
        let name = format!("_mta-sts.{domain}");
        let wanted = self.site.policy.as_ref().map(policy_id);
        match (published, wanted) {
            (StsRecord::Unknown, _) => self.unanswered("mta-sts", &name),
            (StsRecord::Absent, None) => {}
            (StsRecord::Id(id), Some(wanted)) if id == wanted => self.policy_host(now).await,
            (StsRecord::Id(_), None) => self.found(
                "mta-sts",
                format!(
                    "{name} says that there is a policy, and this server has none for {domain}"
                ),
                format!("`waxwing domain mta-sts {domain} --mode testing`, or remove the record"),
            ),
            (StsRecord::Absent, Some(wanted)) => self.found(
                "mta-sts",
                format!("the policy of {domain} is not announced at {name}"),
                format!("publish `{name}. IN TXT \"v=STSv1; id={wanted}\"`"),
            ),
            (StsRecord::Id(id), Some(wanted)) => self.found(
                "mta-sts",
                format!("{name} has the id {id} of another policy than the one that is served"),
                format!("publish `{name}. IN TXT \"v=STSv1; id={wanted}\"`"),
            ),
        }
    }

    async fn policy_host(&mut self, now: u64) {
        let Site { domain, host, .. } = self.site;
        let name = format!("mta-sts.{domain}");
        let (four, six) = tokio::join!(
            self.lookups.ask(&name, RecordKind::A),
            self.lookups.ask(&name, RecordKind::Aaaa),
        );
        if four.addresses().chain(six.addresses()).next().is_none() {
            self.found(
                "mta-sts",
                format!("{name} has no address, so that nobody can fetch the policy"),
                format!("publish `{name}. IN CNAME {host}.`"),
            );
        } else if let Some(wanted) = &self.site.policy {
            self.policy_file(&name, wanted, now).await;
        }
    }

    async fn dane(&mut self, now: u64) {
        let Site {
            domain,
            host,
            chain,
            ..
        } = self.site;
        let question = tlsa::question(host, 25);
        let name = &question.name;
        let answer = self.ask(name, question.kind).await;
        let security = answer.security;
        let records = tlsa::records(answer);
        // DANE is for those who want it.
        if records.is_empty() || chain.is_empty() {
            return;
        }
        if security == DnsSecurity::Insecure {
            self.found(
                "dane",
                format!(
                    "the zone of {name} is not signed, so that its TLSA records count for nothing"
                ),
                "sign it (DNSSEC), or remove them",
            );
        }
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        if verify(&chain, &[host, domain], &records, now) == DaneVerdict::Mismatch {
            self.found(
                "dane",
                format!("no TLSA record at {name} is of the certificate in use: who verifies it delivers nothing"),
                format!("publish what `waxwing domain dns {domain}` prints for it, at once"),
            );
        }
    }

    /// What is published of services must be so; what is not published is not looked for by programs.
    async fn services(&mut self) {
        let Site { domain, host, .. } = self.site;
        for offer in &self.site.offers {
            let name = format!("{}._tcp.{domain}", offer.label);
            let answer = self.ask(&name, SRV).await;
            let leads_here = |record: &DnsRecord| match record {
                DnsRecord::Srv { port, target, .. } => match offer.port {
                    Some(offered) => *port == offered && target.eq_ignore_ascii_case(host),
                    None => target.is_empty(),
                },
                _ => false,
            };
            if answer.records.is_empty() || answer.records.iter().any(leads_here) {
                continue;
            }
            self.found(
                "srv",
                format!("{name} leads elsewhere than to a listener of this server"),
                format!("publish what `waxwing domain dns {domain}` prints for it"),
            );
        }
    }

    async fn ask(&self, name: &str, kind: u16) -> waxwing_policy::DnsAnswer {
        let question = DnsQuestion {
            name: name.to_ascii_lowercase(),
            kind,
        };
        let answer = self.resolver.resolve(&question).await;
        match answer.outcome {
            DnsOutcome::Found => answer,
            outcome => waxwing_policy::DnsAnswer {
                records: Vec::new(),
                outcome,
                ..answer
            },
        }
    }
}
