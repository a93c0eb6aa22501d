//! SMTP TLS reports: whether sessions could be encrypted as policies ask.
//!
//! Standards: RFC 8460 §3 (records), §4.4 (JSON).

use serde::{Deserialize, Deserializer, Serialize};

use super::ReportError;
use crate::tags::Tags;

/// Octets of a report when it is unpacked.
pub const MAX_OCTETS: usize = 20 * 1024 * 1024;
/// Places of one record where reports go.
const MAX_TARGETS: usize = 16;

/// A report (RFC 8460 §4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TlsReport {
    /// Who reports.
    #[serde(default)]
    pub organization_name: String,
    /// Of which time.
    pub date_range: DateRange,
    /// Where questions go.
    #[serde(default)]
    pub contact_info: String,
    /// Its name among the reporter's.
    pub report_id: String,
    /// What was seen under each policy.
    #[serde(default)]
    pub policies: Vec<PolicyReport>,
}

/// Times of RFC 3339, in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DateRange {
    /// The first second.
    pub start_datetime: String,
    /// The last second.
    pub end_datetime: String,
}

/// What was seen under a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyReport {
    /// The policy.
    pub policy: TlsPolicy,
    /// Counts of sessions.
    pub summary: Summary,
    /// What failed, and how.
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub failure_details: Vec<FailureDetail>,
}

/// A policy that was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TlsPolicy {
    /// `tlsa`, `sts` or `no-policy-found`.
    pub policy_type: String,
    /// Its lines or records.
    #[serde(
        default,
        deserialize_with = "one_or_more",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub policy_string: Vec<String>,
    /// Whose it is.
    pub policy_domain: String,
    /// Patterns of hosts; in reports of some, one text.
    #[serde(
        default,
        deserialize_with = "one_or_more",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub mx_host: Vec<String>,
}

/// Counts of sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// That went well.
    pub total_successful_session_count: u64,
    /// That did not.
    pub total_failure_session_count: u64,
}

/// Sessions that failed alike (RFC 8460 §4.3, §4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct FailureDetail {
    /// One of RFC 8460 §4.3, as `starttls-not-supported`.
    pub result_type: String,
    /// The sender's address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sending_mta_ip: String,
    /// The receiver's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub receiving_mx_hostname: String,
    /// What it greeted with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub receiving_mx_helo: String,
    /// Its address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub receiving_ip: String,
    /// How many.
    pub failed_session_count: u64,
    /// A way to more.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub additional_information: String,
    /// What the sender's software says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub failure_reason_code: String,
}

/// RFC 8460 §4.4 says array in one place and shows a text in another.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Texts {
        One(String),
        More(Vec<String>),
    }
    Ok(match Option::<Texts>::deserialize(deserializer)? {
        None => Vec::new(),
        Some(Texts::One(text)) => vec![text],
        Some(Texts::More(texts)) => texts,
    })
}

/// Some programs write null for a list without items.
fn null_is_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<FailureDetail>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl TlsReport {
    /// Reads a report as it came: packed or not, at most [`MAX_OCTETS`] of it.
    pub fn read(octets: &[u8]) -> Result<Self, ReportError> {
        let json = super::unpack(octets, MAX_OCTETS)?;
        serde_json::from_slice(&json).map_err(|error| ReportError::Malformed(error.to_string()))
    }

    /// Writes it as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, ReportError> {
        serde_json::to_vec(self).map_err(|error| ReportError::Malformed(error.to_string()))
    }
}

/// Where a domain wants its TLS reports (RFC 8460 §3), from the text at `_smtp._tls.<domain>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsReportTarget {
    /// An address of mail.
    Mail(String),
    /// A URL to post to.
    Https(String),
}

/// Reads a record; `None` if it is none, or names no place that can be used.
#[must_use]
pub fn targets(text: &[u8]) -> Option<Vec<TlsReportTarget>> {
    let text = std::str::from_utf8(text).ok()?;
    let tags = Tags::parse(text).ok()?;
    // RFC 8460 §3: the version comes first.
    if tags.first() != Some(("v", "TLSRPTv1")) {
        return None;
    }
    let target = |uri: &str| {
        let uri = uri.trim();
        let (scheme, rest) = uri.split_once(':')?;
        let address = rest.split('?').next().unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "mailto" if address.contains('@') => Some(TlsReportTarget::Mail(address.to_owned())),
            "https" if rest.starts_with("//") => Some(TlsReportTarget::Https(uri.to_owned())),
            _ => None,
        }
    };
    let targets: Vec<_> = tags
        .get("rua")?
        .split(',')
        .filter_map(target)
        .take(MAX_TARGETS)
        .collect();
    (!targets.is_empty()).then_some(targets)
}
