//! What a DMARC aggregate report says.
//!
//! Standards: RFC 7489 Appendix C, whose elements the fields are named for. Values that its schema lists are kept as text: reports hold
//! others, too, and people want to see them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::ReportError;
use crate::check::{Envelope, Results};
use crate::dmarc::{DmarcRecord, Policy};
use crate::spf::SpfResult;
use crate::verdict::Verdict;

/// Octets of a report when it is unpacked.
pub const MAX_OCTETS: usize = 20 * 1024 * 1024;

/// A report: what one receiver saw of one domain in one period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AggregateReport {
    /// Who reports.
    pub org_name: String,
    /// Where questions go.
    pub email: String,
    /// A way to more, perhaps a URL.
    pub extra_contact_info: Option<String>,
    /// Its name among the reporter's.
    pub report_id: String,
    /// The first second of the period, since 1970.
    pub begin: u64,
    /// The last second of the period, since 1970.
    pub end: u64,
    /// What went wrong at the reporter.
    pub errors: Vec<String>,
    /// What the domain had published.
    pub policy: PublishedPolicy,
    /// What was seen.
    pub records: Vec<ReportRecord>,
}

/// `policy_published`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPolicy {
    /// The domain at which the record was.
    pub domain: String,
    /// `r` or `s`.
    pub adkim: String,
    /// `r` or `s`.
    pub aspf: String,
    /// The policy.
    pub p: String,
    /// For subdomains.
    pub sp: String,
    /// For subdomains that do not exist; newer than RFC 7489.
    pub np: String,
    /// Percents.
    pub pct: Option<u8>,
    /// Options of failure reports.
    pub fo: String,
}

/// `record`: messages that fared alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReportRecord {
    /// The client; none if what stands there is no address.
    pub source_ip: Option<IpAddr>,
    /// How many messages.
    pub count: u64,
    /// What was done: `none`, `quarantine` or `reject`.
    pub disposition: String,
    /// DMARC's view of DKIM: `pass` or `fail`.
    pub dkim: String,
    /// DMARC's view of SPF: `pass` or `fail`.
    pub spf: String,
    /// Why something else was done than the policy asks for: type and comment.
    pub reasons: Vec<(String, String)>,
    /// The recipient's domain, if it is told.
    pub envelope_to: String,
    /// The domain of the reverse-path.
    pub envelope_from: String,
    /// The author's domain.
    pub header_from: String,
    /// Signatures.
    pub dkim_results: Vec<DkimRow>,
    /// SPF checks.
    pub spf_results: Vec<SpfRow>,
}

/// `auth_results/dkim`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DkimRow {
    /// `d=`.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// The result, in the words of RFC 8601.
    pub result: String,
    /// For people.
    pub human_result: String,
}

/// `auth_results/spf`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpfRow {
    /// The domain that was checked.
    pub domain: String,
    /// `helo` or `mfrom`.
    pub scope: String,
    /// The result, in the words of RFC 7208.
    pub result: String,
}

impl From<&DmarcRecord> for PublishedPolicy {
    fn from(record: &DmarcRecord) -> Self {
        let mode = |strict: bool| if strict { "s" } else { "r" }.to_owned();
        let or_empty = |policy: Option<Policy>| policy.map_or("", Policy::as_str).to_owned();
        Self {
            domain: String::new(),
            adkim: mode(record.strict_dkim),
            aspf: mode(record.strict_spf),
            p: record.policy.as_str().to_owned(),
            // The schema wants it: where nothing is said, it is p (RFC 7489 §6.3).
            sp: record
                .subdomains
                .unwrap_or(record.policy)
                .as_str()
                .to_owned(),
            np: or_empty(record.nonexistent),
            pct: Some(record.percent),
            fo: record.failure_options.clone(),
        }
    }
}

impl ReportRecord {
    /// One message: what was found, and what was done with it.
    #[must_use]
    pub fn of(
        envelope: &Envelope<'_>,
        results: &Results,
        done: Policy,
        reasons: Vec<(String, String)>,
    ) -> Self {
        let word = |passed: bool| if passed { "pass" } else { "fail" }.to_owned();
        let domain = envelope
            .sender
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain);
        let signatures = results.dkim.signatures.iter();
        let told = signatures.filter(|one| !one.domain.is_empty() && one.verdict != Verdict::None);
        Self {
            source_ip: Some(envelope.client.to_canonical()),
            count: 1,
            disposition: done.max(Policy::None).as_str().to_owned(),
            dkim: word(results.dmarc.dkim_aligned),
            spf: word(results.dmarc.spf_aligned),
            reasons,
            envelope_to: String::new(),
            envelope_from: domain.to_ascii_lowercase(),
            header_from: results.dmarc.from_domain.clone(),
            dkim_results: told
                .map(|one| DkimRow {
                    domain: one.domain.clone(),
                    selector: one.selector.clone(),
                    result: one.verdict.as_str().to_owned(),
                    human_result: one.problem.clone().unwrap_or_default(),
                })
                .collect(),
            spf_results: spf_row(envelope, results).into_iter().collect(),
        }
    }
}

fn spf_row(envelope: &Envelope<'_>, results: &Results) -> Option<SpfRow> {
    let spf = &results.spf;
    if spf.domain.is_empty() && spf.result == SpfResult::None {
        return None;
    }
    Some(SpfRow {
        domain: spf.domain.clone(),
        scope: if envelope.sender.is_empty() {
            "helo"
        } else {
            "mfrom"
        }
        .to_owned(),
        result: spf.result.as_str().to_owned(),
    })
}

/// Counts messages that fared alike as one record (RFC 7489 §7.2), in a fixed order.
#[must_use]
pub fn merged(records: impl IntoIterator<Item = ReportRecord>) -> Vec<ReportRecord> {
    let mut counts: BTreeMap<ReportRecord, u64> = BTreeMap::new();
    for record in records {
        let count = record.count;
        let alike = ReportRecord { count: 0, ..record };
        let so_far = counts.entry(alike).or_default();
        *so_far = so_far.saturating_add(count);
    }
    let with_count = |(record, count)| ReportRecord { count, ..record };
    counts.into_iter().map(with_count).collect()
}

impl AggregateReport {
    /// Reads a report as it came: packed or not, at most [`MAX_OCTETS`] of it.
    pub fn read(octets: &[u8]) -> Result<Self, ReportError> {
        let xml = super::unpack(octets, MAX_OCTETS)?;
        super::aggregate_read::read(&String::from_utf8_lossy(&xml))
    }

    /// Writes it as XML.
    #[must_use]
    pub fn to_xml(&self) -> String {
        super::aggregate_write::write(self)
    }
}
