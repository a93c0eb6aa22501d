//! `dns`: names and what is known of them.

use wasmtime::Result;

use super::outside::{ascii_domain, resolve_all, reversed, to_ip};
use super::types::from_ip;
use crate::bindings::waxwing::policy::dns::{
    Answer, Host, Mx, Outcome, Question, RecordData, RecordType, Security, Srv, Tlsa,
};
use crate::bindings::waxwing::policy::types::IpAddress;
use crate::services::dns::{
    DnsAnswer, DnsOutcome, DnsQuestion, DnsRecord, DnsSecurity, record_type,
};
use crate::state::State;

/// Questions of one call of `look-up`.
const MAX_QUESTIONS: usize = 100;
/// Records of an answer.
const MAX_RECORDS: usize = 200;
/// Octets of a text or of what is unknown; the wire holds no more.
const MAX_DATA: usize = 65_535;

impl Host for State {
    async fn look_up(&mut self, questions: Vec<Question>) -> Result<Vec<Answer>> {
        self.enter()?;
        let services = self.shared.services.clone();
        // Either where the answer to come will stand, or the answer that needs no asking.
        let mut asked = Vec::new();
        let places: Vec<std::result::Result<usize, Outcome>> = questions
            .iter()
            .enumerate()
            .map(|(place, question)| {
                let name = ascii_domain(&question.name).ok_or(Outcome::InvalidName)?;
                if place >= MAX_QUESTIONS || self.budget.dns_left == 0 {
                    return Err(Outcome::Limit);
                }
                self.budget.dns_left -= 1;
                asked.push(DnsQuestion {
                    name,
                    kind: number(question.kind),
                });
                Ok(asked.len() - 1)
            })
            .collect();
        let found = resolve_all(services, &asked, self.answer_by()).await;
        let answers: Vec<Answer> = places
            .into_iter()
            .map(|place| match place {
                Ok(place) => found
                    .get(place)
                    .map_or_else(|| unasked(Outcome::Limit), answer),
                Err(outcome) => unasked(outcome),
            })
            .collect();
        self.record("dns.look-up", &questions, &answers);
        Ok(answers)
    }

    fn reverse(&mut self, address: IpAddress) -> Result<String> {
        self.host_call("dns.reverse", address, |_, address| {
            let address = to_ip(*address);
            let zone = if address.is_ipv4() { "in-addr" } else { "ip6" };
            Ok(format!("{}.{zone}.arpa", reversed(address)))
        })
    }
}

fn number(kind: RecordType) -> u16 {
    match kind {
        RecordType::A => record_type::A,
        RecordType::Aaaa => record_type::AAAA,
        RecordType::Mx => record_type::MX,
        RecordType::Txt => record_type::TXT,
        RecordType::Ptr => record_type::PTR,
        RecordType::Cname => record_type::CNAME,
        RecordType::Ns => record_type::NS,
        RecordType::Srv => record_type::SRV,
        RecordType::Tlsa => record_type::TLSA,
        RecordType::Number(number) => number,
    }
}

fn unasked(outcome: Outcome) -> Answer {
    Answer {
        outcome,
        security: Security::Indeterminate,
        records: Vec::new(),
        ttl_seconds: 0,
    }
}

fn answer(found: &DnsAnswer) -> Answer {
    let bogus = found.security == DnsSecurity::Bogus;
    let outcome = match found.outcome {
        // What does not hold must not be acted upon (RFC 4035 §5.5).
        _ if bogus => Outcome::TemporaryFailure,
        DnsOutcome::Found => Outcome::Found,
        DnsOutcome::NoData => Outcome::NoData,
        DnsOutcome::NoSuchName => Outcome::NoSuchName,
        DnsOutcome::TemporaryFailure => Outcome::TemporaryFailure,
    };
    let records: &[DnsRecord] = if bogus { &[] } else { &found.records };
    Answer {
        outcome,
        security: match found.security {
            DnsSecurity::Secure => Security::Secure,
            DnsSecurity::Insecure => Security::Insecure,
            DnsSecurity::Bogus => Security::Bogus,
            DnsSecurity::Indeterminate => Security::Indeterminate,
        },
        records: records.iter().take(MAX_RECORDS).map(data).collect(),
        ttl_seconds: u32::try_from(found.ttl.as_secs()).unwrap_or(u32::MAX),
    }
}

fn data(record: &DnsRecord) -> RecordData {
    let octets = |octets: &[u8]| {
        octets
            .get(..octets.len().min(MAX_DATA))
            .unwrap_or_default()
            .to_vec()
    };
    match record {
        DnsRecord::Address(address) => RecordData::Address(from_ip(*address)),
        DnsRecord::Name(name) => RecordData::Name(name.clone()),
        DnsRecord::Mx {
            preference,
            exchange,
        } => RecordData::Mx(Mx {
            preference: *preference,
            exchange: exchange.clone(),
        }),
        DnsRecord::Text(text) => RecordData::Text(octets(text)),
        DnsRecord::Srv {
            priority,
            weight,
            port,
            target,
        } => RecordData::Srv(Srv {
            priority: *priority,
            weight: *weight,
            port: *port,
            target: target.clone(),
        }),
        DnsRecord::Tlsa {
            usage,
            selector,
            matching,
            association,
        } => RecordData::Tlsa(Tlsa {
            usage: *usage,
            selector: *selector,
            matching: *matching,
            association: octets(association),
        }),
        DnsRecord::Other(data) => RecordData::Other(octets(data)),
    }
}
