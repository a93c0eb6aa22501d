//! The DNS as the checks of who mail is from see it.
//!
//! Invariant: what is bogus has no answer, and so no mail is let pass by it.

use hickory_resolver::proto::rr::{Name, RecordType};
use waxwing_auth::dns::{Answer, LookUp, Outcome, Record, RecordKind};
use waxwing_policy::{DnsAnswer, DnsOutcome, DnsRecord};

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
            // RFC 2181 §11: any octets may be in a name, and macros of SPF make some that no host has.
            match Name::from_labels(name.split('.').map(str::as_bytes)) {
                Ok(name) => told(self.ask(name, kind).await),
                Err(_) => Answer::without(Outcome::NoSuchName),
            }
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
        DnsRecord::Name(name) => Some(Record::Name(octets(name))),
        DnsRecord::Mx {
            preference,
            exchange,
        } => Some(Record::Mx {
            preference,
            exchange: octets(exchange),
        }),
        DnsRecord::Text(text) => Some(Record::Text(text)),
        _ => None,
    }
}

/// A name as it is asked for. Text of a name has `\` before what no host name has, and three octal digits for what cannot be printed.
fn octets(name: String) -> String {
    if !name.contains('\\') {
        return name;
    }
    let mut octets = String::new();
    let mut rest = name.as_str();
    while let Some((before, after)) = rest.split_once('\\') {
        octets.push_str(before);
        let number = after
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let mut chars = after.chars();
        match number {
            Some(number) => {
                octets.push(number.into());
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                octets.extend(chars.next());
                rest = chars.as_str();
            }
        }
    }
    octets + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read() {
        let read = |text: &str| octets(text.to_owned());
        assert_eq!(read("mx.example.org"), "mx.example.org");
        assert_eq!(read("foo\\:bar/baz.example"), "foo:bar/baz.example");
        assert_eq!(read("a\\040b\\"), "a b");
    }
}
