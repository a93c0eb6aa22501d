//! What is seen of the TLS of others, and the report of it.
//!
//! Standards: RFC 8460 §4 (what is counted, and its form).
//! Invariant: a domain's counts are bounded in number and in size, whatever its servers do.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use waxwing_auth::dane::Tlsa;
use waxwing_auth::mta_sts::StsPolicy;
use waxwing_auth::report::tls::{
    DateRange, FailureDetail, PolicyReport, Summary, TlsPolicy, TlsReport,
};

use super::tally::{Day, Seen, gather};

/// Policies of a domain in a day: they change seldom.
const POLICIES: usize = 4;
/// Kinds of failures under a policy that are told apart.
const FAILURES: usize = 32;
/// Octets of a reason.
const REASON: usize = 200;

/// What was seen of a domain in a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TlsDay(Vec<PolicyReport>);

/// The policy that applied to a session.
pub(crate) enum Applied<'a> {
    /// None was found.
    None,
    /// Records for DANE.
    Dane(&'a [Tlsa]),
    /// A policy of MTA-STS.
    Sts(&'a StsPolicy),
    /// A policy of MTA-STS that could not be had.
    StsUnknown,
}

/// A session with a server of a domain, or what stood in its way.
pub(crate) struct Session<'a> {
    pub(crate) domain: &'a str,
    pub(crate) applied: Applied<'a>,
    /// The host, if it came to that.
    pub(crate) host: &'a str,
    pub(crate) address: Option<SocketAddr>,
    /// A result of RFC 8460 §4.3, and what our software says of it; none: it went well.
    pub(crate) failure: Option<(&'static str, String)>,
}

impl Session<'_> {
    /// As it is counted.
    pub(crate) fn seen(self) -> TlsDay {
        let policy = self.policy();
        let failed = u64::from(self.failure.is_some());
        let failures = self.failure.map(|(result, reason)| FailureDetail {
            result_type: result.to_owned(),
            receiving_mx_hostname: self.host.to_owned(),
            receiving_ip: self
                .address
                .map(|address| address.ip().to_canonical().to_string())
                .unwrap_or_default(),
            failed_session_count: 1,
            failure_reason_code: reason
                .get(..reason.floor_char_boundary(REASON))
                .unwrap_or_default()
                .to_owned(),
            ..FailureDetail::default()
        });
        TlsDay(vec![PolicyReport {
            policy,
            summary: Summary {
                total_successful_session_count: 1 - failed,
                total_failure_session_count: failed,
            },
            failure_details: failures.into_iter().collect(),
        }])
    }

    /// RFC 8460 §4.4: the policy as it was applied.
    fn policy(&self) -> TlsPolicy {
        let (kind, lines, hosts) = match self.applied {
            Applied::None => ("no-policy-found", Vec::new(), Vec::new()),
            Applied::Dane(records) => ("tlsa", records.iter().map(rdata).collect(), Vec::new()),
            Applied::Sts(policy) => {
                let lines = policy.to_text().lines().map(str::to_owned).collect();
                ("sts", lines, policy.hosts.clone())
            }
            Applied::StsUnknown => ("sts", Vec::new(), Vec::new()),
        };
        TlsPolicy {
            policy_type: kind.to_owned(),
            policy_string: lines,
            policy_domain: self.domain.to_owned(),
            mx_host: hosts,
        }
    }
}

/// A record in the form of a zone file (RFC 6698 §2.2).
fn rdata(record: &Tlsa) -> String {
    let mut text = format!("{} {} {} ", record.usage, record.selector, record.matching);
    for octet in &record.association {
        text.push_str(&format!("{octet:02x}"));
    }
    text
}

impl Seen for TlsDay {
    fn add(&mut self, more: Self) {
        let alike = |known: &PolicyReport, one: &PolicyReport| known.policy == one.policy;
        for policy in more.0 {
            // Beyond the bounds counts are dropped: nobody publishes so many policies in a day.
            let _no_room = gather(&mut self.0, POLICIES, policy, alike, join);
        }
    }
}

fn join(known: &mut PolicyReport, more: PolicyReport) {
    known.summary.total_successful_session_count += more.summary.total_successful_session_count;
    known.summary.total_failure_session_count += more.summary.total_failure_session_count;
    let alike = |known: &FailureDetail, one: &FailureDetail| {
        FailureDetail {
            failed_session_count: known.failed_session_count,
            ..one.clone()
        } == *known
    };
    for failure in more.failure_details {
        // The sum has those that are not told apart.
        let _no_room = gather(
            &mut known.failure_details,
            FAILURES,
            failure,
            alike,
            |known, one| known.failed_session_count += one.failed_session_count,
        );
    }
}

impl TlsDay {
    /// Sessions that went well, and that did not.
    pub(crate) fn sessions(&self) -> (u64, u64) {
        let sum = |of: fn(&Summary) -> u64| self.0.iter().map(|policy| of(&policy.summary)).sum();
        (
            sum(|summary| summary.total_successful_session_count),
            sum(|summary| summary.total_failure_session_count),
        )
    }

    /// The report of a day, by a host of this name.
    pub(super) fn report(self, key: &Day, host: &str) -> TlsReport {
        let Day { day, domain } = key;
        TlsReport {
            organization_name: host.to_owned(),
            date_range: DateRange {
                start_datetime: format!("{day}T00:00:00Z"),
                end_datetime: format!("{day}T23:59:59Z"),
            },
            contact_info: format!("postmaster@{host}"),
            report_id: format!("{day}-{domain}@{host}"),
            policies: self.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(failure: Option<(&'static str, String)>) -> TlsDay {
        let session = Session {
            domain: "remote.example",
            applied: Applied::None,
            host: "mx.remote.example",
            address: "192.0.2.1:25".parse().ok(),
            failure,
        };
        session.seen()
    }

    #[test]
    fn sessions_add_up_by_policy_and_failure() {
        let mut day = TlsDay::default();
        for failure in [
            None,
            Some("starttls-not-supported"),
            Some("starttls-not-supported"),
            Some("certificate-expired"),
        ] {
            day.add(session(failure.map(|failure| (failure, String::new()))));
        }
        assert_eq!(day.sessions(), (1, 3));
        assert_eq!(day.0.len(), 1);
        let counts: Vec<_> = day.0[0]
            .failure_details
            .iter()
            .map(|failure| (failure.result_type.as_str(), failure.failed_session_count))
            .collect();
        assert_eq!(
            counts,
            [("starttls-not-supported", 2), ("certificate-expired", 1)]
        );
    }

    #[test]
    fn counts_are_bounded() {
        let mut day = TlsDay::default();
        for number in 0..10_000 {
            day.add(session(Some((
                "validation-failure",
                format!("reason {number}"),
            ))));
        }
        assert_eq!(day.0[0].failure_details.len(), FAILURES);
        assert_eq!(day.sessions(), (0, 10_000));
    }

    #[test]
    fn policies_are_told_as_they_were_applied() {
        let text = "version: STSv1\nmode: enforce\nmx: *.remote.example\nmax_age: 60\n";
        let sts = StsPolicy::parse(text.as_bytes()).unwrap();
        let records = [Tlsa {
            usage: 3,
            selector: 1,
            matching: 1,
            association: vec![0xab, 1],
        }];
        let of = |applied| {
            let session = Session {
                domain: "remote.example",
                applied,
                host: "",
                address: None,
                failure: None,
            };
            session.policy()
        };
        let sts = of(Applied::Sts(&sts));
        assert_eq!(sts.policy_type, "sts");
        assert_eq!(
            sts.policy_string,
            [
                "version: STSv1",
                "mode: enforce",
                "mx: *.remote.example",
                "max_age: 60"
            ]
        );
        assert_eq!(sts.mx_host, ["*.remote.example"]);
        assert_eq!(of(Applied::Dane(&records)).policy_string, ["3 1 1 ab01"]);
    }
}
