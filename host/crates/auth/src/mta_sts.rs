//! MTA-STS: what a domain promises of the TLS of the hosts that take its mail.
//!
//! Standards: RFC 8461. Invariants: a policy is read within [`MAX_POLICY`] octets, with [`MAX_HOSTS`] patterns, and lasts a year at most.
//!
//! The policy itself is fetched by the host, over HTTPS from [`policy_url`], without following redirects (§3.3).

use crate::dns::{Lookups, Outcome, RecordKind};
use crate::tags::Tags;

/// RFC 8461 §3.3: octets of a policy file.
pub const MAX_POLICY: usize = 64 * 1024;
/// Patterns of one policy.
pub const MAX_HOSTS: usize = 256;
/// RFC 8461 §3.2: seconds, about a year.
const MAX_AGE: u64 = 31_557_600;

/// What a sender does where TLS fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It does not deliver.
    Enforce,
    /// It delivers and reports.
    Testing,
    /// The domain has no policy any more.
    None,
}

impl Mode {
    /// As policies say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// A policy (RFC 8461 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsPolicy {
    /// What to do.
    pub mode: Mode,
    /// For how many seconds it may be kept.
    pub max_age: u64,
    /// Hosts in lower-case A-labels, or `*.` and a domain.
    pub hosts: Vec<String>,
}

/// Why a policy is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StsError {
    /// It is larger than [`MAX_POLICY`].
    #[error("the policy is larger than {MAX_POLICY} octets")]
    TooLarge,
    /// It is not UTF-8.
    #[error("the policy is no text")]
    NoText,
    /// A field is missing, or cannot be read.
    #[error("the policy has no proper {0}")]
    Field(&'static str),
}

impl StsPolicy {
    /// Reads a policy file.
    pub fn parse(octets: &[u8]) -> Result<Self, StsError> {
        if octets.len() > MAX_POLICY {
            return Err(StsError::TooLarge);
        }
        let text = std::str::from_utf8(octets).map_err(|_| StsError::NoText)?;
        let fields: Vec<(&str, &str)> = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        // RFC 8461 §3.2: of fields that are there twice, the first counts, but for mx.
        let get = |wanted: &str| {
            let found = fields.iter().find(|(key, _)| *key == wanted);
            found.map(|(_, value)| *value)
        };
        if get("version") != Some("STSv1") {
            return Err(StsError::Field("version"));
        }
        let mode = [Mode::Enforce, Mode::Testing, Mode::None]
            .into_iter()
            .find(|mode| get("mode") == Some(mode.as_str()))
            .ok_or(StsError::Field("mode"))?;
        let digits = |text: &&str| text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
        let max_age = get("max_age")
            .filter(digits)
            .and_then(|text| text.parse::<u64>().ok());
        let hosts = fields.iter().filter(|(key, _)| *key == "mx");
        let hosts: Option<Vec<String>> = hosts
            .take(MAX_HOSTS)
            .map(|(_, value)| pattern(value))
            .collect();
        let hosts = hosts.ok_or(StsError::Field("mx"))?;
        if hosts.is_empty() && mode != Mode::None {
            return Err(StsError::Field("mx"));
        }
        Ok(Self {
            mode,
            max_age: max_age.ok_or(StsError::Field("max_age"))?.min(MAX_AGE),
            hosts,
        })
    }

    /// The file to serve for an own domain.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("version: STSv1\r\nmode: {}\r\n", self.mode.as_str());
        for host in &self.hosts {
            text.push_str(&format!("mx: {host}\r\n"));
        }
        text + &format!("max_age: {}\r\n", self.max_age)
    }

    /// Whether a host may take the domain's mail (RFC 8461 §4.1). A star stands for one label, the first.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let Ok(host) = idna::domain_to_ascii(host.trim_end_matches('.')) else {
            return false;
        };
        let above = host.split_once('.').map(|(_, above)| above);
        self.hosts
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(domain) => above == Some(domain),
                None => *pattern == host,
            })
    }
}

/// RFC 8461 §3.2: a domain, or a star and a domain.
fn pattern(text: &str) -> Option<String> {
    let (star, domain) = match text.strip_prefix("*.") {
        Some(domain) => ("*.", domain),
        None => ("", text),
    };
    let domain = idna::domain_to_ascii(domain.trim_end_matches('.')).ok()?;
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let fits = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(letters);
    let valid = domain.len() <= 253 && domain.split('.').all(fits);
    valid.then(|| format!("{star}{domain}"))
}

/// The id of a record (RFC 8461 §3.1), which changes when the policy does.
#[must_use]
pub fn record_id(text: &[u8]) -> Option<String> {
    let tags = Tags::parse(std::str::from_utf8(text).ok()?).ok()?;
    let id = tags.get("id")?;
    let valid = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    // The version comes first.
    (tags.first() == Some(("v", "STSv1")) && valid).then(|| id.to_owned())
}

/// What the DNS says of a domain's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StsRecord {
    /// There is a policy of this id.
    Id(String),
    /// There is none.
    Absent,
    /// The DNS did not answer.
    Unknown,
}

/// Looks a domain's record up. RFC 8461 §3.1: where there are several, there is none.
pub async fn look_up(domain: &str, lookups: &Lookups<'_>) -> StsRecord {
    let answer = lookups
        .ask(&format!("_mta-sts.{domain}"), RecordKind::Txt)
        .await;
    if answer.outcome == Outcome::Failed {
        return StsRecord::Unknown;
    }
    let versions = answer.texts().filter(|text| text.starts_with(b"v=STSv1"));
    let versions: Vec<&[u8]> = versions.collect();
    match versions.as_slice() {
        [one] => record_id(one).map_or(StsRecord::Absent, StsRecord::Id),
        _ => StsRecord::Absent,
    }
}

/// Where a domain's policy is (RFC 8461 §3.3).
#[must_use]
pub fn policy_url(domain: &str) -> String {
    format!("https://mta-sts.{domain}/.well-known/mta-sts.txt")
}
