//! The world around the pretended server: its DNS and its HTTP servers.

use crate::host::dns::{
    Answer, Mx, Outcome, Question, RecordData, RecordType, Security, Srv, Tlsa,
};
use crate::host::types::IpAddress;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What lies beyond the server. In a case file:
///
/// ```toml
/// [case.network]
/// dns = { "example.org MX" = ["10 mx.example.org"], "2.2.0.192.list.example A" = ["127.0.0.2"] }
/// failing = ["slow.example"]
/// secure = ["example.org"]
/// zones = ["list.example"]
/// hosts = ["down.example"]
/// secrets = ["api"]
/// auth = { spf = "pass example.org", dkim = ["fail example.org"], dmarc = "pass example.org", dmarc-policy = "reject" }
/// http."https://api.example.org/x" = { status = 200, body = "good" }
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetworkFacts {
    /// Records by name and type. An address; `10 mx.example.org` for MX; `0 5 443 host` for SRV; `3 1 1 c0ffee` for TLSA; a text; a name.
    pub dns: BTreeMap<String, Vec<String>>,
    /// Names that no server answers for.
    pub failing: Vec<String>,
    /// Names whose answers are signed.
    pub secure: Vec<String>,
    /// What `[step.dnsbl] zones` has.
    pub zones: Vec<String>,
    /// What `[step.http] hosts` has, besides the servers of `http`. `waxwing plugin test` refuses others; here nobody is refused.
    pub hosts: Vec<String>,
    /// The names that `[step.http] secrets` has. Here any name will do.
    pub secrets: Vec<String>,
    /// What the host found out about who the message is from.
    pub auth: AuthFacts,
    /// Responses by URL; at others there is nobody.
    pub http: BTreeMap<String, Page>,
}

/// Results of authentication, each a word of RFC 8601 and the domain that it is about: `pass example.org`. Empty: nothing was computed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthFacts {
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
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Page {
    /// The status.
    pub status: u16,
    /// Header fields.
    pub headers: BTreeMap<String, String>,
    /// The content.
    pub body: String,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            status: 200,
            headers: BTreeMap::new(),
            body: String::new(),
        }
    }
}

impl NetworkFacts {
    /// What the DNS has to say.
    pub(super) fn answer(&self, question: &Question) -> Answer {
        let name = question.name.trim_end_matches('.').to_lowercase();
        let security = if self.secure.contains(&name) {
            Security::Secure
        } else {
            Security::Insecure
        };
        let without = |outcome, security| Answer {
            outcome,
            security,
            records: Vec::new(),
            ttl_seconds: 0,
        };
        if name
            .split('.')
            .any(|label| label.is_empty() || label.len() > 63)
        {
            return without(Outcome::InvalidName, Security::Indeterminate);
        }
        if self.failing.contains(&name) {
            return without(Outcome::TemporaryFailure, Security::Indeterminate);
        }
        let of_name = |key: &&String| key.split_once(' ').is_some_and(|(known, _)| known == name);
        match self.dns.get(&format!("{name} {}", kind(question.kind))) {
            Some(texts) => Answer {
                records: texts
                    .iter()
                    .filter_map(|text| record(question.kind, text))
                    .collect(),
                ttl_seconds: 300,
                ..without(Outcome::Found, security)
            },
            None if self.dns.keys().any(|key| of_name(&key)) => without(Outcome::NoData, security),
            None => without(Outcome::NoSuchName, security),
        }
    }
}

fn kind(kind: RecordType) -> String {
    match kind {
        RecordType::A => "A",
        RecordType::Aaaa => "AAAA",
        RecordType::Mx => "MX",
        RecordType::Txt => "TXT",
        RecordType::Ptr => "PTR",
        RecordType::Cname => "CNAME",
        RecordType::Ns => "NS",
        RecordType::Srv => "SRV",
        RecordType::Tlsa => "TLSA",
        RecordType::Number(number) => return format!("TYPE{number}"),
    }
    .to_owned()
}

/// A record as it is written; none if it cannot be read so.
fn record(kind: RecordType, text: &str) -> Option<RecordData> {
    let mut words = text.split(' ');
    Some(match kind {
        RecordType::A | RecordType::Aaaa => {
            RecordData::Address(IpAddress::from(text.parse::<IpAddr>().ok()?))
        }
        RecordType::Mx => RecordData::Mx(Mx {
            preference: words.next()?.parse().ok()?,
            exchange: words.next()?.to_owned(),
        }),
        RecordType::Txt => RecordData::Text(text.as_bytes().to_vec()),
        RecordType::Ptr | RecordType::Cname | RecordType::Ns => RecordData::Name(text.to_owned()),
        RecordType::Srv => RecordData::Srv(Srv {
            priority: words.next()?.parse().ok()?,
            weight: words.next()?.parse().ok()?,
            port: words.next()?.parse().ok()?,
            target: words.next()?.to_owned(),
        }),
        RecordType::Tlsa => RecordData::Tlsa(Tlsa {
            usage: words.next()?.parse().ok()?,
            selector: words.next()?.parse().ok()?,
            matching: words.next()?.parse().ok()?,
            association: hex(words.next()?)?,
        }),
        RecordType::Number(_) => RecordData::Other(hex(text)?),
    })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}
