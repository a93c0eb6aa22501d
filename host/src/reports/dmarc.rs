//! What is seen of mail in the name of other domains, and the report of it.
//!
//! Standards: RFC 7489 §7.2 and Appendix C (what is counted, and its form).
//! Invariant: a domain's counts are bounded, whoever sends in its name.

use serde::{Deserialize, Serialize};
use waxwing_auth::dmarc::Policy;
use waxwing_auth::report::aggregate::{AggregateReport, PublishedPolicy, ReportRecord};
use waxwing_auth::{Envelope, Results};

use super::tally::{Day, Seen, gather};

/// Messages that are told apart by where they came from and how they fared; of the rest their number is told.
const RECORDS: usize = 300;
/// Signatures of one message that are told.
const SIGNATURES: usize = 8;

/// What was seen of a domain in a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DmarcDay {
    policy: PublishedPolicy,
    records: Vec<ReportRecord>,
    /// Messages that are in none of them.
    omitted: u64,
}

impl DmarcDay {
    /// A message as it counts, and for whom: of a domain that has a record which says where reports go.
    pub(crate) fn of(
        envelope: &Envelope<'_>,
        results: &Results,
        done: Policy,
    ) -> Option<(String, Self)> {
        let record = results.dmarc.record.as_ref()?;
        if record.aggregate.is_empty() {
            return None;
        }
        let domain = results.dmarc.record_domain.clone();
        let mut seen = ReportRecord::of(envelope, results, done, reasons(results, done));
        seen.dkim_results.truncate(SIGNATURES);
        let day = Self {
            policy: PublishedPolicy {
                domain: domain.clone(),
                ..PublishedPolicy::from(record)
            },
            records: vec![seen],
            omitted: 0,
        };
        Some((domain, day))
    }

    /// Messages that DMARC let pass, and that it did not.
    pub(super) fn messages(&self) -> (u64, u64) {
        let passes = |record: &&ReportRecord| record.dkim == "pass" || record.spf == "pass";
        let all: u64 = self.records.iter().map(|record| record.count).sum();
        let well = self.records.iter().filter(passes);
        let well: u64 = well.map(|record| record.count).sum();
        (well, all - well)
    }

    /// The report of a day, by a host of this name.
    pub(super) fn report(self, key: &Day, host: &str) -> AggregateReport {
        let begin = format!("{}T00:00:00Z", key.day)
            .parse::<jiff::Timestamp>()
            .map_or(0, |at| u64::try_from(at.as_second()).unwrap_or(0));
        let omitted =
            (self.omitted > 0).then(|| format!("{} messages are not listed", self.omitted));
        AggregateReport {
            org_name: host.to_owned(),
            email: format!("postmaster@{host}"),
            extra_contact_info: None,
            report_id: format!("{}.{}", key.day, key.domain),
            begin,
            end: begin + 86_399,
            errors: omitted.into_iter().collect(),
            policy: self.policy,
            records: self.records,
        }
    }
}

/// RFC 7489 §7.2: why something else was done than was asked for.
fn reasons(results: &Results, done: Policy) -> Vec<(String, String)> {
    let failed = !(results.dmarc.dkim_aligned || results.dmarc.spf_aligned);
    let asked = if failed {
        results.dmarc.policy
    } else {
        Policy::None
    };
    if done.max(Policy::None) == asked.max(Policy::None) {
        return Vec::new();
    }
    vec![("local_policy".to_owned(), String::new())]
}

impl Seen for DmarcDay {
    fn add(&mut self, more: Self) {
        // What the domain says at last counts.
        if !more.policy.domain.is_empty() {
            self.policy = more.policy;
        }
        self.omitted += more.omitted;
        let alike = |known: &ReportRecord, one: &ReportRecord| {
            ReportRecord {
                count: known.count,
                ..one.clone()
            } == *known
        };
        for record in more.records {
            let no_room = gather(&mut self.records, RECORDS, record, alike, |known, one| {
                known.count += one.count;
            });
            self.omitted += no_room.map_or(0, |record| record.count);
        }
    }
}

#[cfg(test)]
mod tests {
    use waxwing_auth::dmarc::DmarcRecord;

    use super::*;

    fn seen(client: &str, aligned: bool, done: Policy) -> DmarcDay {
        let mut results = Results::default();
        results.dmarc.record_domain = "author.example".to_owned();
        results.dmarc.record =
            DmarcRecord::parse(b"v=DMARC1; p=reject; rua=mailto:d@author.example");
        results.dmarc.policy = Policy::Reject;
        results.dmarc.spf_aligned = aligned;
        let envelope = Envelope {
            client: client.parse().unwrap(),
            helo: "client.example",
            sender: "a@author.example",
            receiver: "mx.test",
        };
        DmarcDay::of(&envelope, &results, done).unwrap().1
    }

    #[test]
    fn messages_that_fared_alike_are_one_record() {
        let mut day = DmarcDay::default();
        for aligned in [true, true, false] {
            let done = if aligned {
                Policy::None
            } else {
                Policy::Reject
            };
            day.add(seen("192.0.2.1", aligned, done));
        }
        assert_eq!((day.records.len(), day.messages()), (2, (2, 1)));
        assert!(day.records.iter().all(|record| record.reasons.is_empty()));
        let report = day.report(
            &Day {
                day: "2026-11-26".to_owned(),
                domain: "author.example".to_owned(),
            },
            "mx.test",
        );
        assert_eq!(report.end - report.begin, 86_399);
        assert_eq!(
            (report.policy.domain.as_str(), report.policy.p.as_str()),
            ("author.example", "reject")
        );
    }

    #[test]
    fn what_was_done_otherwise_has_a_reason() {
        let day = seen("192.0.2.1", false, Policy::None);
        assert_eq!(day.records[0].reasons[0].0, "local_policy");
        assert_eq!(day.records[0].disposition, "none");
    }

    #[test]
    fn clients_beyond_number_are_counted_and_not_listed() {
        let mut day = DmarcDay::default();
        for number in 0..1000_u16 {
            let [high, low] = number.to_be_bytes();
            day.add(seen(&format!("198.51.{high}.{low}"), true, Policy::None));
        }
        assert_eq!((day.records.len(), day.omitted), (RECORDS, 700));
    }
}
