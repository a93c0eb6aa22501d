//! Reports: what is written reads back, what others write is read, and nothing in them gets out of hand.

use std::io::Write as _;

use proptest::prelude::*;
use waxwing_auth::dkim::{DkimOutcome, DkimReport};
use waxwing_auth::dmarc::{DmarcOutcome, DmarcRecord, Policy};
use waxwing_auth::report::aggregate::{
    AggregateReport, DkimRow, PublishedPolicy, ReportRecord, SpfRow, merged,
};
use waxwing_auth::report::tls::{TlsReport, TlsReportTarget, targets};
use waxwing_auth::report::{ReportError, ReportMail, mail_of_aggregate, mail_of_tls, pack, unpack};
use waxwing_auth::spf::{SpfOutcome, SpfResult};
use waxwing_auth::{Envelope, Results, Verdict};

fn record(count: u64) -> ReportRecord {
    let envelope = Envelope {
        client: "192.0.2.1".parse().unwrap(),
        helo: "mail.first.example",
        sender: "ann@First.example",
        receiver: "mx.waxwing.test",
    };
    let results = Results {
        spf: SpfOutcome {
            result: SpfResult::Pass,
            domain: "first.example".to_owned(),
            ..SpfOutcome::default()
        },
        dkim: DkimReport {
            signatures: vec![DkimOutcome {
                verdict: Verdict::Fail,
                domain: "first.example".to_owned(),
                selector: "one".to_owned(),
                problem: Some("the body was changed".to_owned()),
                ..DkimOutcome::default()
            }],
            unread: 0,
        },
        dmarc: DmarcOutcome {
            from_domain: "first.example".to_owned(),
            spf_aligned: true,
            ..DmarcOutcome::default()
        },
        ..Results::default()
    };
    let record = ReportRecord::of(&envelope, &results, Policy::None, Vec::new());
    ReportRecord { count, ..record }
}

fn report() -> AggregateReport {
    let published = DmarcRecord::parse(b"v=DMARC1; p=reject; adkim=s; pct=50; np=none").unwrap();
    AggregateReport {
        org_name: "Waxwing <test> & co".to_owned(),
        email: "postmaster@waxwing.test".to_owned(),
        report_id: "20270115.first.example".to_owned(),
        begin: 1_800_000_000,
        end: 1_800_086_399,
        policy: PublishedPolicy {
            domain: "first.example".to_owned(),
            ..PublishedPolicy::from(&published)
        },
        records: vec![record(2)],
        ..AggregateReport::default()
    }
}

#[test]
fn a_report_in_xml() {
    let expected = include_str!("../reports/written.xml");
    assert_eq!(report().to_xml(), expected);
    assert_eq!(
        AggregateReport::read(expected.as_bytes()).unwrap(),
        report()
    );
}

#[test]
fn a_report_as_others_write_it() {
    let read = AggregateReport::read(include_bytes!("../reports/received.xml")).unwrap();
    assert_eq!(read.org_name, "Big & Small Ltd");
    let marked = [
        b"\xef\xbb\xbf",
        include_bytes!("../reports/received.xml").as_slice(),
    ]
    .concat();
    assert_eq!(AggregateReport::read(&marked).as_ref(), Ok(&read));
    assert_eq!(read.email, "noreply@big.example");
    assert_eq!((read.begin, read.end), (1_800_000_000, 1_800_086_399));
    assert_eq!(
        (read.policy.p.as_str(), read.policy.pct),
        ("reject", Some(100))
    );
    let [record] = read.records.as_slice() else {
        panic!("{read:?}")
    };
    assert_eq!(
        (record.source_ip, record.count),
        (Some("2001:db8::1".parse().unwrap()), 3)
    );
    let reasons =
        [("forwarded", "arc=pass"), ("other", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(record.reasons, reasons);
    let scopes: Vec<_> = record
        .spf_results
        .iter()
        .map(|row| row.scope.as_str())
        .collect();
    assert_eq!(scopes, ["", "helo"]);
}

#[test]
fn messages_that_fare_alike_are_one_record() {
    let other = ReportRecord {
        disposition: "reject".to_owned(),
        ..record(1)
    };
    let all = merged([record(1), other.clone(), record(5)]);
    assert_eq!(all, [record(6), other]);
}

#[test]
fn packed_reports_are_unpacked_within_bounds() {
    let xml = report().to_xml().into_bytes();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .start_file("a.xml", zip::write::SimpleFileOptions::default())
        .unwrap();
    archive.write_all(&xml).unwrap();
    let zipped = archive.finish().unwrap().into_inner();
    for packed in [pack(&xml).unwrap(), zipped, xml.clone()] {
        assert_eq!(unpack(&packed, xml.len()).unwrap(), xml);
        assert_eq!(
            unpack(&packed, xml.len() - 1),
            Err(ReportError::TooLarge(xml.len() - 1))
        );
        assert_eq!(AggregateReport::read(&packed).unwrap(), report());
    }
    // Thirty megabytes of nothing in thirty kilobytes.
    let bomb = pack(&vec![b' '; 30 << 20]).unwrap();
    assert!(matches!(
        AggregateReport::read(&bomb),
        Err(ReportError::TooLarge(_))
    ));
    assert!(matches!(
        unpack(b"\x1f\x8bnot gzip", 1000),
        Err(ReportError::Packed(_))
    ));
}

#[test]
fn what_is_no_report_is_refused_in_words() {
    for (xml, why) in [
        ("", "it ends before its end"),
        ("<feedback>", "it ends before its end"),
        ("<html/>", "it is no feedback"),
        ("<feedback/><feedback/>", "it is no feedback"),
        (
            "<feedback><version>&evil;</version></feedback>",
            "the entity evil is not known",
        ),
        (
            "<feedback><report_metadata><date_range><begin>x</begin></date_range></report_metadata></feedback>",
            "\"x\" is no time",
        ),
    ] {
        let refused = AggregateReport::read(xml.as_bytes()).unwrap_err();
        assert_eq!(refused, ReportError::Malformed(why.to_owned()), "{xml}");
    }
    let deep = format!("<feedback>{}", "<a>".repeat(100));
    let refused = AggregateReport::read(deep.as_bytes()).unwrap_err();
    assert_eq!(
        refused,
        ReportError::Malformed("its elements are nested too deep".to_owned())
    );
    let entity =
        "<!DOCTYPE feedback [<!ENTITY a \"aaaa\">]><feedback><version>&a;</version></feedback>";
    assert!(AggregateReport::read(entity.as_bytes()).is_err());
}

#[test]
fn mail_with_an_aggregate_report() {
    let to = ["dmarc@first.example".to_owned()];
    let mail = ReportMail {
        from: "postmaster@waxwing.test",
        to: &to,
        submitter: "waxwing.test",
        message_id: "1@waxwing.test",
        date: 1_800_090_000,
    };
    let octets = mail_of_aggregate(&mail, &report()).unwrap();
    let text = String::from_utf8(octets).unwrap();
    // RFC 7489 §7.2.1.1: the form of the subject and of the file's name.
    let unfolded = text
        .replace("\r\n\t", " ")
        .replace("\r\n ", " ")
        .replace("  ", " ");
    for part in [
        "Subject: Report Domain: first.example Submitter: waxwing.test Report-ID: <20270115.first.example>",
        "waxwing.test!first.example!1800000000!1800086399!20270115.first.example.xml.gz",
        "application/gzip",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(unfolded.contains(part), "{part}: {text}");
    }
    let packed = text
        .split("\r\n\r\n")
        .find(|part| part.starts_with("H4sI"))
        .unwrap();
    let packed: String = packed
        .lines()
        .take_while(|line| !line.is_empty() && !line.starts_with("--"))
        .collect();
    use base64::Engine as _;
    let packed = base64::engine::general_purpose::STANDARD
        .decode(packed)
        .unwrap();
    assert_eq!(AggregateReport::read(&packed).unwrap(), report());
}

#[test]
fn the_tls_report_of_rfc_8460_appendix_b() {
    let example = include_bytes!("../reports/rfc8460-appendix-b.json");
    let report = TlsReport::read(example).unwrap();
    let [policy] = report.policies.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(policy.policy.mx_host, ["*.mail.company-y.example"]);
    assert_eq!(policy.summary.total_failure_session_count, 303);
    let counts: Vec<u64> = policy
        .failure_details
        .iter()
        .map(|detail| detail.failed_session_count)
        .collect();
    assert_eq!(counts, [100, 200, 3]);
    let json = report.to_json().unwrap();
    assert_eq!(TlsReport::read(&json).unwrap(), report);
    assert_eq!(TlsReport::read(&pack(&json).unwrap()).unwrap(), report);
    let without = r#"{"date-range":{"start-datetime":"","end-datetime":""},"report-id":"1","policies":[{"policy":{"policy-type":"no-policy-found","policy-domain":"a.example","mx-host":null},"summary":{"total-successful-session-count":1,"total-failure-session-count":0},"failure-details":null}]}"#;
    assert!(TlsReport::read(without.as_bytes()).is_ok());
    assert!(matches!(
        TlsReport::read(b"{}"),
        Err(ReportError::Malformed(_))
    ));

    let to = ["tls@company-y.example".to_owned()];
    let mail = ReportMail {
        from: "postmaster@company-x.example",
        to: &to,
        submitter: "company-x.example",
        message_id: "1@company-x.example",
        date: 1_459_555_200,
    };
    let text =
        String::from_utf8(mail_of_tls(&mail, "company-y.example", &report).unwrap()).unwrap();
    let unfolded = text
        .replace("\r\n\t", " ")
        .replace("\r\n ", " ")
        .replace("  ", " ");
    for part in [
        "TLS-Report-Domain: company-y.example",
        "TLS-Report-Submitter: company-x.example",
        "report-type=\"tlsrpt\"",
        "application/tlsrpt+gzip",
        "company-x.example!company-y.example!1459468800!1459555199!5065427c-23d3-47ca-b6e0-946ea0e8c4be.json.gz",
    ] {
        assert!(unfolded.contains(part), "{part}: {text}");
    }
}

#[test]
fn where_tls_reports_go() {
    let mail = |address: &str| TlsReportTarget::Mail(address.to_owned());
    // RFC 8460 §3.1: its two examples.
    assert_eq!(
        targets(b"v=TLSRPTv1;rua=mailto:reports@example.com"),
        Some(vec![mail("reports@example.com")])
    );
    let https = TlsReportTarget::Https("https://reporting.example.com/v1/tlsrpt".to_owned());
    assert_eq!(
        targets(b"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt"),
        Some(vec![https.clone()])
    );
    assert_eq!(
        targets(b"v=TLSRPTv1; rua=mailto:a@b.example,https://reporting.example.com/v1/tlsrpt"),
        Some(vec![mail("a@b.example"), https])
    );
    for none in [
        &b""[..],
        b"v=TLSRPTv1",
        b"v=TLSRPTv2; rua=mailto:a@b.example",
        b"rua=mailto:a@b.example; v=TLSRPTv1",
        b"v=TLSRPTv1; rua=ftp://x/",
        b"\xff",
    ] {
        assert_eq!(targets(none), None);
    }
}

fn text() -> impl Strategy<Value = String> {
    // What XML keeps: no control characters, no white space at the ends.
    "[^\\p{Cc}]{0,40}".prop_map(|text| text.trim().to_owned())
}

proptest! {
    #[test]
    fn what_is_written_reads_back(org_name in text(), ids in prop::collection::vec((text(), text(), text(), any::<u64>(), any::<std::net::IpAddr>()), 0..5)) {
        let records = ids.iter().map(|(a, b, c, count, ip)| ReportRecord {
            source_ip: Some(*ip),
            count: *count,
            header_from: a.clone(),
            reasons: vec![(b.clone(), c.clone())],
            dkim_results: vec![DkimRow { domain: a.clone(), selector: b.clone(), result: c.clone(), human_result: a.clone() }],
            spf_results: vec![SpfRow { domain: c.clone(), ..SpfRow::default() }],
            ..ReportRecord::default()
        });
        let report = AggregateReport { org_name, records: records.collect(), ..AggregateReport::default() };
        prop_assert_eq!(AggregateReport::read(report.to_xml().as_bytes()).unwrap(), report);
    }

    #[test]
    fn no_octets_make_reading_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let _either = AggregateReport::read(&octets);
        let _either = TlsReport::read(&octets);
    }
}
