//! `dnsbl`: lists in the DNS, those that the step names.
//!
//! Standard: RFC 5782.

use std::net::IpAddr;

use wasmtime::Result;

use super::outside::{ascii_domain, resolve_all, reversed, to_ip};
use super::types::from_ip;
use crate::bindings::waxwing::policy::dnsbl::{DnsblError, Host, Listing, Outcome, Subject};
use crate::services::dns::{
    DnsAnswer, DnsOutcome, DnsQuestion, DnsRecord, DnsSecurity, record_type,
};
use crate::state::State;
use crate::view::head;

/// Texts of a listing, and octets of each.
const MAX_TEXTS: usize = 8;
const MAX_TEXT: usize = 255;
/// Codes of a listing.
const MAX_CODES: usize = 32;

type Answer<T> = std::result::Result<T, DnsblError>;

impl Host for State {
    fn zones(&mut self) -> Result<Vec<String>> {
        self.host_call("dnsbl.zones", (), |state, ()| {
            Ok(state.shared.network.zones.clone())
        })
    }

    async fn look_up(
        &mut self,
        subjects: Vec<Subject>,
        zones: Vec<String>,
        texts: bool,
    ) -> Result<Answer<Vec<Listing>>> {
        self.enter()?;
        let services = self.shared.services.clone();
        let answer = match self.questions(&subjects, &zones, texts) {
            Err(error) => Err(error),
            Ok((asked, listings)) => {
                let answers = resolve_all(services, &asked, self.answer_by()).await;
                Ok(listings_of(listings, &answers, texts))
            }
        };
        self.record("dnsbl.look-up", &(subjects, zones, texts), &answer);
        Ok(answer)
    }
}

impl State {
    /// The questions, those for texts behind those for codes, and the listings that they are to fill in.
    fn questions(
        &mut self,
        subjects: &[Subject],
        wanted: &[String],
        texts: bool,
    ) -> Answer<(Vec<DnsQuestion>, Vec<Listing>)> {
        let zones = self.granted(wanted)?;
        let kinds: &[u16] = if texts {
            &[record_type::A, record_type::TXT]
        } else {
            &[record_type::A]
        };
        let count = subjects
            .len()
            .saturating_mul(zones.len())
            .saturating_mul(kinds.len());
        self.budget.dns_left = u32::try_from(count)
            .ok()
            .and_then(|count| self.budget.dns_left.checked_sub(count))
            .ok_or(DnsblError::Limit)?;
        let mut names = Vec::new();
        let mut listings = Vec::new();
        for (place, subject) in (0..).zip(subjects) {
            let label = label(subject)?;
            for zone in &zones {
                names.push(
                    ascii_domain(&format!("{label}.{zone}"))
                        .ok_or_else(|| DnsblError::Invalid(label.clone()))?,
                );
                listings.push(Listing {
                    subject: place,
                    zone: zone.clone(),
                    outcome: Outcome::Unavailable,
                    codes: Vec::new(),
                    texts: Vec::new(),
                });
            }
        }
        let asked = kinds.iter().flat_map(|kind| {
            names.iter().map(|name| DnsQuestion {
                name: name.clone(),
                kind: *kind,
            })
        });
        Ok((asked.collect(), listings))
    }

    fn granted(&self, wanted: &[String]) -> Answer<Vec<String>> {
        let granted = &self.shared.network.zones;
        if wanted.is_empty() {
            return Ok(granted.clone());
        }
        wanted
            .iter()
            .map(|zone| {
                ascii_domain(zone)
                    .filter(|zone| granted.contains(zone))
                    .ok_or_else(|| DnsblError::NotGranted(head(zone, 253).to_owned()))
            })
            .collect()
    }
}

fn label(subject: &Subject) -> Answer<String> {
    match subject {
        Subject::Address(address) => Ok(reversed(to_ip(*address))),
        Subject::Domain(domain) => ascii_domain(domain)
            .filter(|domain| !domain.is_empty())
            .ok_or_else(|| DnsblError::Invalid(head(domain, 253).to_owned())),
    }
}

fn listings_of(mut listings: Vec<Listing>, answers: &[DnsAnswer], texts: bool) -> Vec<Listing> {
    let (codes, reasons) = answers.split_at(listings.len().min(answers.len()));
    for (place, listing) in listings.iter_mut().enumerate() {
        if let Some(answer) = codes.get(place) {
            read_codes(listing, answer);
        }
        if let (true, Outcome::Listed, Some(answer)) = (texts, listing.outcome, reasons.get(place))
        {
            listing.texts = answer
                .records
                .iter()
                .filter_map(text)
                .take(MAX_TEXTS)
                .collect();
        }
    }
    listings
}

fn read_codes(listing: &mut Listing, answer: &DnsAnswer) {
    listing.outcome = match answer.outcome {
        _ if answer.security == DnsSecurity::Bogus => Outcome::Unavailable,
        DnsOutcome::NoSuchName | DnsOutcome::NoData => Outcome::NotListed,
        DnsOutcome::TemporaryFailure => Outcome::Unavailable,
        DnsOutcome::Found => {
            let codes: Vec<IpAddr> = answer
                .records
                .iter()
                .filter_map(|record| match record {
                    DnsRecord::Address(address) => Some(*address),
                    _ => None,
                })
                .take(MAX_CODES)
                .collect();
            listing.codes = codes.iter().copied().map(from_ip).collect();
            if !codes.is_empty() && codes.iter().all(is_code) {
                Outcome::Listed
            } else {
                Outcome::Unavailable
            }
        }
    };
}

/// Whether an address is a list's way to say yes. RFC 5782 §2.1: lists answer within 127.0.0.0/8. By custom 127.255.255.0/24 says that the
/// list refuses whoever asks: taken for listings, everybody would be listed.
fn is_code(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            a == 127 && (b, c) != (255, 255)
        }
        IpAddr::V6(_) => false,
    }
}

fn text(record: &DnsRecord) -> Option<String> {
    let DnsRecord::Text(octets) = record else {
        return None;
    };
    Some(head(&String::from_utf8_lossy(octets), MAX_TEXT).to_owned())
}
