//! What lies beyond the server: the DNS, lists in it, and HTTP.

use crate::Ask;
use std::net::IpAddr;
use waxwing_plugin::host::dns::{Outcome, Question, RecordData, RecordType, Security};
use waxwing_plugin::host::http::{HeaderValue, HttpError, Request, Secret};
use waxwing_plugin::prelude::*;

/// `example.org MX` as a question.
pub(crate) fn question(text: &str) -> Option<Question> {
    let (name, kind) = text.rsplit_once(' ')?;
    let kind = match kind {
        "A" => RecordType::A,
        "AAAA" => RecordType::Aaaa,
        "MX" => RecordType::Mx,
        "TXT" => RecordType::Txt,
        "PTR" => RecordType::Ptr,
        "CNAME" => RecordType::Cname,
        "NS" => RecordType::Ns,
        "SRV" => RecordType::Srv,
        "TLSA" => RecordType::Tlsa,
        other => RecordType::Number(other.strip_prefix("TYPE")?.parse().ok()?),
    };
    // An address is asked about by its name in the DNS.
    let name = match name.parse::<IpAddr>() {
        Ok(address) => dns::reverse(address.into()),
        Err(_) => name.to_owned(),
    };
    Some(Question::new(name, kind))
}

/// One line for each answer: question, outcome, security, records.
pub(crate) fn dns(texts: &[String]) -> Vec<String> {
    let questions: Vec<Question> = texts.iter().filter_map(|text| question(text)).collect();
    let answers = dns::look_up(&questions);
    texts
        .iter()
        .zip(answers)
        .map(|(text, answer)| {
            let records: Vec<String> = answer.records.iter().map(record).collect();
            let outcome = match answer.outcome {
                Outcome::Found => "found",
                Outcome::NoData => "no-data",
                Outcome::NoSuchName => "no-such-name",
                Outcome::TemporaryFailure => "temporary-failure",
                Outcome::InvalidName => "invalid-name",
                Outcome::Limit => "limit",
            };
            let security = match answer.security {
                Security::Secure => "secure",
                Security::Insecure => "insecure",
                Security::Bogus => "bogus",
                Security::Indeterminate => "indeterminate",
            };
            format!("dns {text} {outcome} {security} {}", records.join(", "))
                .trim_end()
                .to_owned()
        })
        .collect()
}

fn record(record: &RecordData) -> String {
    match record {
        RecordData::Address(address) => IpAddr::from(*address).to_string(),
        RecordData::Name(name) => name.clone(),
        RecordData::Mx(mx) => format!("{} {}", mx.preference, mx.exchange),
        RecordData::Text(text) => String::from_utf8_lossy(text).into_owned(),
        RecordData::Srv(srv) => format!(
            "{} {} {} {}",
            srv.priority, srv.weight, srv.port, srv.target
        ),
        RecordData::Tlsa(tlsa) => format!(
            "{} {} {} {}",
            tlsa.usage,
            tlsa.selector,
            tlsa.matching,
            hex(&tlsa.association)
        ),
        RecordData::Other(octets) => hex(octets),
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// One line for each list and subject.
pub(crate) fn lists(subjects: &[String], conn: &Connection) -> Result<Vec<String>, HookError> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<dnsbl::Subject> = subjects
        .iter()
        .map(|subject| match subject.as_str() {
            "client" => dnsbl::Subject::Address(conn.client().address),
            domain => dnsbl::Subject::Domain(domain.to_owned()),
        })
        .collect();
    let listings = dnsbl::look_up(&asked, &[], true)?;
    Ok(listings
        .iter()
        .map(|listing| {
            let subject = subjects
                .get(listing.subject as usize)
                .map_or("", String::as_str);
            let outcome = match listing.outcome {
                dnsbl::Outcome::Listed => "listed",
                dnsbl::Outcome::NotListed => "not-listed",
                dnsbl::Outcome::Unavailable => "unavailable",
            };
            let codes = listing
                .codes
                .iter()
                .map(|code| IpAddr::from(*code).to_string());
            let told: Vec<String> = codes.chain(listing.texts.iter().cloned()).collect();
            format!(
                "dnsbl {subject} {} {outcome} {}",
                listing.zone,
                told.join(" ")
            )
            .trim_end()
            .to_owned()
        })
        .collect())
}

/// One line for each response or failure.
pub(crate) fn http(asks: &[Ask]) -> Vec<String> {
    if asks.is_empty() {
        return Vec::new();
    }
    let requests: Vec<Request> = asks.iter().map(request).collect();
    http::send(&requests)
        .into_iter()
        .map(|response| match response {
            Ok(response) => format!(
                "http {} {}",
                response.status,
                String::from_utf8_lossy(&response.body).trim_end()
            ),
            Err(error) => format!("http {}", told(&error)),
        })
        .collect()
}

fn request(ask: &Ask) -> Request {
    let secret = ask.secret.as_ref().map(|name| {
        let secret = Secret {
            prefix: "Bearer ".to_owned(),
            name: name.clone(),
        };
        ("Authorization".to_owned(), HeaderValue::Secret(secret))
    });
    Request {
        method: ask.method.clone().unwrap_or_else(|| "GET".to_owned()),
        headers: secret.into_iter().collect(),
        body: ask.body.clone().into_bytes(),
        ..Request::get(&ask.url)
    }
}

fn told(error: &HttpError) -> String {
    match error {
        HttpError::NotGranted(text) => format!("not-granted {text}"),
        HttpError::Invalid(text) => format!("invalid {text}"),
        HttpError::AddressRefused(_) => "address-refused".to_owned(),
        HttpError::Unreachable(_) => "unreachable".to_owned(),
        HttpError::Timeout => "timeout".to_owned(),
        HttpError::TooLarge => "too-large".to_owned(),
        HttpError::Protocol(_) => "protocol".to_owned(),
        HttpError::Limit => "limit".to_owned(),
    }
}
