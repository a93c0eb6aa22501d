//! What strangers write about who mail is from: signatures, records, policies and reports.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;
use waxwing_auth::dns::{Answer, LookUp, Record, RecordKind, Resolver};
use waxwing_auth::fields::{authentication_results, claims_id, received_spf};
use waxwing_auth::mta_sts::{StsPolicy, record_id};
use waxwing_auth::report::aggregate::AggregateReport;
use waxwing_auth::report::tls::{TlsReport, targets};
use waxwing_auth::{Envelope, Limits, Message, check_envelope, check_message};

/// Every name has the same text, and leads on to others.
struct Everywhere<'t>(&'t [u8]);

impl Resolver for Everywhere<'_> {
    fn look_up<'a>(&'a self, name: &'a str, kind: RecordKind) -> LookUp<'a> {
        let record = match kind {
            RecordKind::A => Record::Address(IpAddr::from([192, 0, 2, 1])),
            RecordKind::Aaaa => Record::Address(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])),
            RecordKind::Mx => Record::Mx {
                preference: 10,
                exchange: name.to_owned(),
            },
            RecordKind::Ptr => Record::Name("mail.first.example".to_owned()),
            RecordKind::Txt => Record::Text(self.0.to_vec()),
        };
        Box::pin(std::future::ready(Answer::found(
            vec![record],
            Duration::from_secs(60),
        )))
    }
}

/// All checks of a message, with one text everywhere in the DNS; then the fields that tell of them.
fn check(text: &[u8], message: &[u8], client: IpAddr) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
    else {
        return;
    };
    let envelope = Envelope {
        client,
        helo: "mail.first.example",
        sender: "ann@first.example",
        receiver: "mx.waxwing.test",
    };
    let (limits, now, resolver) = (Limits::default(), 1_800_000_000, Everywhere(text));
    let results = runtime.block_on(async {
        let deadline = Instant::now() + Duration::from_secs(60);
        let first = check_envelope(&envelope, limits, now, deadline, &resolver).await;
        let message = Message::read(message);
        check_message(&message, first, limits, now, deadline, &resolver).await
    });
    assert!(results.dkim.signatures.len() <= limits.dkim.signatures);
    for field in [
        authentication_results("mx.waxwing.test", &envelope, &results, true),
        received_spf("mx.waxwing.test", &envelope, &results.spf, false),
    ] {
        let lines = field.trim_end().split("\r\n").skip(1);
        for line in lines {
            assert!(line.starts_with('\t'), "a field stays one field");
        }
    }
}

/// A message with DKIM and ARC fields: the key is before the first empty octet.
pub fn signatures(octets: &[u8]) {
    let end = octets.iter().position(|octet| *octet == 0);
    let (key, message) = octets.split_at(end.unwrap_or(0));
    let message = message.strip_prefix(b"\0").unwrap_or(message);
    check(key, message, IpAddr::from([192, 0, 2, 1]));
}

/// An SPF record, for clients of both kinds.
pub fn spf(octets: &[u8]) {
    let message = b"From: ann@first.example\r\n\r\n";
    check(octets, message, IpAddr::from([198, 51, 100, 1]));
    check(
        octets,
        message,
        IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]),
    );
}

/// A DMARC record, for a message whose author has a long name; and the value of a field that tells results.
pub fn dmarc(octets: &[u8]) {
    let message = b"From: ann@a.b.c.d.e.f.g.h.i.first.example\r\n\r\n";
    check(octets, message, IpAddr::from([198, 51, 100, 1]));
    let _either = claims_id(octets, "mx.waxwing.test");
}

/// Reports of both kinds, packed or not.
pub fn report(octets: &[u8]) {
    if let Ok(report) = AggregateReport::read(octets) {
        let again = AggregateReport::read(report.to_xml().as_bytes());
        assert!(again.is_ok(), "what is written reads back");
    }
    if let Ok(report) = TlsReport::read(octets) {
        let again = report.to_json().and_then(|json| TlsReport::read(&json));
        assert_eq!(again, Ok(report), "what is written reads back");
    }
}

/// MTA-STS policies, and the records of MTA-STS and TLS reports.
pub fn sts(octets: &[u8]) {
    if let Ok(policy) = StsPolicy::parse(octets) {
        let again = StsPolicy::parse(policy.to_text().as_bytes());
        assert_eq!(again, Ok(policy), "what is written reads back");
    }
    let _either = (record_id(octets), targets(octets));
}
