//! The DNS as the checks of who mail is from see it.
//!
//! Invariant: what is bogus has no answer, and so no mail is let pass by it.

use hickory_resolver::proto::rr::RecordType;
use waxwing_auth::dns::{Answer, LookUp, Outcome, Record, RecordKind};
use waxwing_policy::{DnsAnswer, DnsOutcome, DnsQuestion, DnsRecord};

use super::Resolver;

impl waxwing_auth::dns::Resolver for Resolver {
    fn look_up<'a>(&'a self, name: &'a str, kind: RecordKind) -> LookUp<'a> {
        let kind = match kind {
            RecordKind::A => RecordType::A,
            RecordKind::Aaaa => RecordType::AAAA,
            RecordKind::Mx => RecordType::MX,
            RecordKind::Ptr => RecordType::PTR,
            RecordKind::Txt => RecordType::TXT,
        };
        Box::pin(async move {
            // Macros of SPF can make octets that no name has; such a name does not exist, which is what SPF wants to hear.
            let question = DnsQuestion {
                name: name.to_owned(),
                kind: kind.into(),
            };
            told(self.resolve(&question).await)
        })
    }
}

fn told(answer: DnsAnswer) -> Answer {
    Answer {
        outcome: match answer.outcome {
            DnsOutcome::Found => Outcome::Found,
            DnsOutcome::NoData => Outcome::NoData,
            DnsOutcome::NoSuchName => Outcome::NoSuchName,
            DnsOutcome::TemporaryFailure => Outcome::Failed,
        },
        records: answer.records.into_iter().filter_map(record).collect(),
        ttl: answer.ttl,
    }
}

fn record(record: DnsRecord) -> Option<Record> {
    match record {
        DnsRecord::Address(address) => Some(Record::Address(address)),
        DnsRecord::Name(name) => Some(Record::Name(name)),
        DnsRecord::Mx {
            preference,
            exchange,
        } => Some(Record::Mx {
            preference,
            exchange,
        }),
        DnsRecord::Text(text) => Some(Record::Text(text)),
        _ => None,
    }
}
