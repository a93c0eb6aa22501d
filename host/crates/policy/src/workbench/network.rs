//! What lies beyond the server of a case: its DNS, its HTTP servers, and what was found out about who the message is from.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use url::{Position, Url};

use crate::auth::{
    ArcVerdict, AuthResults, AuthVerdict, DkimVerdict, DmarcPolicy, DmarcVerdict, DomainVerdict,
};
use crate::memory::MemoryServices;
use crate::policy_file::{HttpGrant, Network, Origin, Secret};
use crate::services::dns::{DnsAnswer, DnsOutcome, DnsRecord, DnsSecurity, record_type};
use crate::services::http::HttpResponse;

/// How long answers may be kept.
const TTL: Duration = Duration::from_secs(300);
/// Types of records and what cases call them.
const KINDS: [(&str, u16); 9] = [
    ("A", record_type::A),
    ("AAAA", record_type::AAAA),
    ("MX", record_type::MX),
    ("TXT", record_type::TXT),
    ("PTR", record_type::PTR),
    ("CNAME", record_type::CNAME),
    ("NS", record_type::NS),
    ("SRV", record_type::SRV),
    ("TLSA", record_type::TLSA),
];
/// Methods that a plugin may use.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// What lies beyond the server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetworkCase {
    /// Records by name and type, such as `example.org MX`.
    pub dns: BTreeMap<String, Vec<String>>,
    /// Names that no server answers for.
    pub failing: Vec<String>,
    /// Names whose answers are signed.
    pub secure: Vec<String>,
    /// What `[step.dnsbl] zones` has.
    pub zones: Vec<String>,
    /// What `[step.http] hosts` has, besides the servers of `http`.
    pub hosts: Vec<String>,
    /// The names that `[step.http] secrets` has.
    pub secrets: Vec<String>,
    /// What the host found out about who the message is from.
    pub auth: AuthCase,
    /// Responses by URL; at others there is nobody.
    pub http: BTreeMap<String, PageCase>,
}

/// Results of authentication, each a word of RFC 8601 and the domain that it is about: `pass example.org`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthCase {
    /// The client's name and address.
    pub iprev: String,
    /// SPF of the greeting.
    pub spf_helo: String,
    /// SPF of the reverse-path.
    pub spf: String,
    /// Each signature.
    pub dkim: Vec<String>,
    /// The author's domain.
    pub dmarc: String,
    /// What that domain asks for: `none`, `quarantine`, `reject`.
    pub dmarc_policy: String,
    /// The chain of sealers.
    pub arc: String,
}

/// A response over HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PageCase {
    /// The status.
    pub status: u16,
    /// Header fields.
    pub headers: BTreeMap<String, String>,
    /// The content.
    pub body: String,
}

impl Default for PageCase {
    fn default() -> Self {
        Self {
            status: 200,
            headers: BTreeMap::new(),
            body: String::new(),
        }
    }
}

impl NetworkCase {
    /// Whom a step reaches in this world.
    pub(super) fn reach(&self) -> Result<Network, String> {
        let mut origins = Vec::new();
        for text in &self.hosts {
            origins.push(Origin::parse(text).ok_or_else(|| format!("\"{text}\" is no server"))?);
        }
        for url in self.http.keys() {
            origins.push(place(url)?.1);
        }
        let secrets = self.secrets.iter();
        Ok(Network {
            zones: self.zones.iter().map(|zone| zone.to_lowercase()).collect(),
            http: HttpGrant {
                origins,
                methods: METHODS.map(str::to_owned).into(),
                secrets: secrets
                    .map(|name| (name.clone(), Secret::pretended()))
                    .collect(),
                ..HttpGrant::default()
            },
        })
    }

    /// Puts all of it around a server.
    pub(super) fn surround(&self, server: &MemoryServices) -> Result<(), String> {
        for (question, texts) in &self.dns {
            let (name, kind) = question
                .rsplit_once(' ')
                .and_then(|(name, kind)| Some((name.to_lowercase(), number(kind)?)))
                .ok_or_else(|| format!("\"{question}\" is no name with a type of record"))?;
            let records = texts.iter().map(|text| {
                record(kind, text).ok_or_else(|| format!("{question}: \"{text}\" is no record"))
            });
            let answer = DnsAnswer {
                security: self.security(&name),
                ..DnsAnswer::found(records.collect::<Result<_, _>>()?, TTL)
            };
            server.add_answer(&name, kind, answer);
        }
        // Where nothing is said a name is not there, which cannot be trusted; these are other.
        for name in &self.secure {
            let has = |name: &str| {
                self.dns.keys().any(|key| {
                    key.split_once(' ')
                        .is_some_and(|(known, _)| known.eq_ignore_ascii_case(name))
                })
            };
            let outcome = if has(name) {
                DnsOutcome::NoData
            } else {
                DnsOutcome::NoSuchName
            };
            for (word, kind) in KINDS {
                if !self.dns.contains_key(&format!("{name} {word}")) {
                    let answer = DnsAnswer::without(outcome, DnsSecurity::Secure);
                    server.add_answer(&name.to_lowercase(), kind, answer);
                }
            }
        }
        for name in &self.failing {
            for (_, kind) in KINDS {
                server.add_answer(&name.to_lowercase(), kind, DnsAnswer::failed());
            }
        }
        for (url, page) in &self.http {
            let headers = page.headers.iter();
            let response = HttpResponse {
                status: page.status,
                headers: headers
                    .map(|(name, value)| (name.to_lowercase(), value.clone()))
                    .collect(),
                body: page.body.clone().into(),
            };
            server.add_response(&place(url)?.0, response);
        }
        Ok(())
    }

    fn security(&self, name: &str) -> DnsSecurity {
        if self
            .secure
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
        {
            DnsSecurity::Secure
        } else {
            DnsSecurity::Insecure
        }
    }
}

/// An URL as the pretended network has it, and its server.
fn place(text: &str) -> Result<(String, Origin), String> {
    let url = Url::parse(text).map_err(|error| format!("\"{text}\": {error}"))?;
    let origin = Origin::of(&url).ok_or_else(|| format!("\"{text}\" is no URL of HTTP"))?;
    let host = origin.host.trim_matches(['[', ']']);
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let place = format!("{}://{host}:{}{target}", url.scheme(), origin.port);
    Ok((place, origin))
}

fn number(kind: &str) -> Option<u16> {
    let known = KINDS.iter().find(|(word, _)| *word == kind);
    match known {
        Some((_, number)) => Some(*number),
        None => kind.strip_prefix("TYPE")?.parse().ok(),
    }
}

/// A record as it is written; none if it cannot be read so.
fn record(kind: u16, text: &str) -> Option<DnsRecord> {
    let mut words = text.split(' ');
    Some(match kind {
        record_type::A | record_type::AAAA => DnsRecord::Address(text.parse::<IpAddr>().ok()?),
        record_type::MX => DnsRecord::Mx {
            preference: words.next()?.parse().ok()?,
            exchange: words.next()?.to_owned(),
        },
        record_type::TXT => DnsRecord::Text(text.as_bytes().to_vec()),
        record_type::PTR | record_type::CNAME | record_type::NS => DnsRecord::Name(text.to_owned()),
        record_type::SRV => DnsRecord::Srv {
            priority: words.next()?.parse().ok()?,
            weight: words.next()?.parse().ok()?,
            port: words.next()?.parse().ok()?,
            target: words.next()?.to_owned(),
        },
        record_type::TLSA => DnsRecord::Tlsa {
            usage: words.next()?.parse().ok()?,
            selector: words.next()?.parse().ok()?,
            matching: words.next()?.parse().ok()?,
            association: hex(words.next()?)?,
        },
        _ => DnsRecord::Other(hex(text)?),
    })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

impl AuthCase {
    /// The same as the host hands it to policy.
    pub(super) fn results(&self) -> AuthResults {
        let passes = |text: &String| text.starts_with("pass ");
        let (dmarc, from) = read(&self.dmarc);
        let (arc, sealer) = read(&self.arc);
        let passed = dmarc == AuthVerdict::Pass;
        AuthResults {
            iprev: domain(&self.iprev),
            spf_helo: domain(&self.spf_helo),
            spf: domain(&self.spf),
            dkim: self.dkim.iter().map(|text| signature(text)).collect(),
            dmarc: DmarcVerdict {
                verdict: dmarc,
                record_domain: from.clone(),
                from_domain: from,
                policy: match self.dmarc_policy.as_str() {
                    "none" => DmarcPolicy::None,
                    "quarantine" => DmarcPolicy::Quarantine,
                    "reject" => DmarcPolicy::Reject,
                    _ => DmarcPolicy::Absent,
                },
                spf_aligned: passed && passes(&self.spf),
                dkim_aligned: passed && self.dkim.iter().any(passes),
            },
            arc: ArcVerdict {
                verdict: arc,
                sealers: Some(sealer)
                    .filter(|sealer| !sealer.is_empty())
                    .into_iter()
                    .collect(),
            },
        }
    }
}

/// `pass example.org` as a result and a domain.
fn read(text: &str) -> (AuthVerdict, String) {
    let (word, domain) = text.split_once(' ').unwrap_or((text, ""));
    let verdict = match word {
        "pass" => AuthVerdict::Pass,
        "fail" => AuthVerdict::Fail,
        "softfail" => AuthVerdict::SoftFail,
        "neutral" => AuthVerdict::Neutral,
        "policy" => AuthVerdict::Policy,
        "temperror" => AuthVerdict::TempError,
        "permerror" => AuthVerdict::PermError,
        _ => AuthVerdict::None,
    };
    (verdict, domain.to_owned())
}

fn domain(text: &str) -> DomainVerdict {
    let (verdict, domain) = read(text);
    DomainVerdict {
        verdict,
        domain,
        detail: String::new(),
    }
}

fn signature(text: &str) -> DkimVerdict {
    let (verdict, domain) = read(text);
    DkimVerdict {
        verdict,
        domain,
        selector: "selector".to_owned(),
        algorithm: "rsa-sha256".to_owned(),
        testing: false,
        detail: String::new(),
    }
}
