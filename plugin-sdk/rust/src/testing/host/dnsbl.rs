//! `dnsbl`: the lists are names of the world's DNS.

use super::dns::{Outcome as Found, Question, RecordData, RecordType, reversed};
use super::world;
use std::net::IpAddr;

pub use crate::bindings::imports::dnsbl::{DnsblError, Listing, Outcome, Subject};

pub fn zones() -> Vec<String> {
    world(|world| world.network.zones.clone())
}

pub fn look_up(
    subjects: &[Subject],
    wanted: &[String],
    texts: bool,
) -> Result<Vec<Listing>, DnsblError> {
    let granted = zones();
    if let Some(zone) = wanted.iter().find(|zone| !granted.contains(zone)) {
        return Err(DnsblError::NotGranted(zone.clone()));
    }
    let asked = if wanted.is_empty() { &granted } else { wanted };
    let mut listings = Vec::new();
    for (place, subject) in (0..).zip(subjects) {
        let label = match subject {
            Subject::Address(address) => reversed(IpAddr::from(*address)),
            Subject::Domain(domain) if domain.is_empty() => {
                return Err(DnsblError::Invalid(domain.clone()));
            }
            Subject::Domain(domain) => domain.to_lowercase(),
        };
        listings.extend(asked.iter().map(|zone| listing(place, &label, zone, texts)));
    }
    Ok(listings)
}

fn listing(subject: u32, label: &str, zone: &str, texts: bool) -> Listing {
    let ask = |kind| {
        world(|world| {
            world
                .network
                .answer(&Question::new(format!("{label}.{zone}"), kind))
        })
    };
    let answer = ask(RecordType::A);
    let is_code = |record: &RecordData| match record {
        // RFC 5782 §2.1; 127.255.255.0/24 refuses whoever asks.
        RecordData::Address(address) => match IpAddr::from(*address) {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                a == 127 && (b, c) != (255, 255)
            }
            IpAddr::V6(_) => false,
        },
        _ => true,
    };
    let outcome = match answer.outcome {
        Found::Found if !answer.records.iter().all(is_code) => Outcome::Unavailable,
        Found::Found => Outcome::Listed,
        Found::NoData | Found::NoSuchName => Outcome::NotListed,
        _ => Outcome::Unavailable,
    };
    let codes = answer
        .records
        .into_iter()
        .filter_map(|record| match record {
            RecordData::Address(address) => Some(address),
            _ => None,
        });
    let reasons = if texts && outcome == Outcome::Listed {
        ask(RecordType::Txt).records
    } else {
        Vec::new()
    };
    let reasons = reasons.into_iter().filter_map(|record| match record {
        RecordData::Text(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    });
    Listing {
        subject,
        zone: zone.to_owned(),
        outcome,
        codes: codes.collect(),
        texts: reasons.collect(),
    }
}
