//! Examples of the standards' own, and of what must be refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use waxwing_mail::{
    Address, AddressError, Domain, DomainError, ForwardPath, PathError, Protocol, QueueId,
    Received, ReversePath, With, return_path,
};

#[test]
fn domains_have_one_form() {
    let form = |text: &str| Domain::parse(text).map(|domain| domain.to_string());
    assert_eq!(form("Example.ORG").as_deref(), Ok("example.org"));
    assert_eq!(
        form("BÜCHER.example").as_deref(),
        Ok("xn--bcher-kva.example")
    );
    assert_eq!(
        form("[IPv6:2001:DB8:0:0::1]").as_deref(),
        Ok("[ipv6:2001:db8::1]")
    );
    assert_eq!(
        Domain::parse("xn--bcher-kva.example").unwrap().to_unicode(),
        "bücher.example"
    );
    assert_eq!(form(""), Err(DomainError::Empty));
    assert_eq!(form("a..b"), Err(DomainError::Empty));
    assert_eq!(form("example.org."), Err(DomainError::Empty));
    assert_eq!(form("-a.example"), Err(DomainError::Invalid));
    assert_eq!(form("a b.example"), Err(DomainError::Invalid));
    assert_eq!(form("[192.0.2]"), Err(DomainError::Literal));
    assert_eq!(form("[192.0.2.1"), Err(DomainError::Literal));
    assert_eq!(form("[x400:whatever]"), Err(DomainError::Literal));
    assert_eq!(form(&"a".repeat(64)), Err(DomainError::TooLong));
    assert_eq!(form(&"a.".repeat(130)), Err(DomainError::TooLong));
}

#[test]
fn quotes_are_no_part_of_a_local_part() {
    let address = Address::parse("\"bob\"@example.org").unwrap();
    assert_eq!(address, Address::parse("bob@example.org").unwrap());
    let address = Address::parse("\"a\\\"b\\\\ c\"@example.org").unwrap();
    assert_eq!(address.local(), "a\"b\\ c");
    assert_eq!(address.to_string(), "\"a\\\"b\\\\ c\"@example.org");
    assert_eq!(
        Address::parse("\"\"@example.org"),
        Err(AddressError::LocalPart)
    );
    assert_eq!(
        Address::parse("a b@example.org"),
        Err(AddressError::LocalPart)
    );
    assert_eq!(Address::parse("bob"), Err(AddressError::NoDomain));
    assert_eq!(
        Address::parse("a@b@example.org"),
        Err(AddressError::Domain(DomainError::Invalid))
    );
}

#[test]
fn local_parts_are_in_one_unicode_form() {
    let composed = Address::parse("jos\u{e9}@example.org").unwrap();
    assert_eq!(Address::parse("jose\u{301}@example.org").unwrap(), composed);
    assert!(!composed.is_ascii());
}

#[test]
fn source_routes_are_dropped() {
    let (path, rest) =
        ReversePath::split("<@a.example,@[IPv6:::1]:bob@example.org> SIZE=1").unwrap();
    assert_eq!(
        (path.to_string().as_str(), rest),
        ("<bob@example.org>", " SIZE=1")
    );
    assert_eq!(
        ReversePath::split("<@a.example bob@example.org>"),
        Err(PathError::Route)
    );
    assert_eq!(
        ReversePath::split("<@:bob@example.org>"),
        Err(PathError::Route)
    );
    assert_eq!(
        ForwardPath::split("<POSTMASTER>").unwrap().0,
        ForwardPath::Postmaster
    );
    assert_eq!(ReversePath::split("<>x").unwrap(), (ReversePath::Null, "x"));
}

#[test]
fn with_keywords_are_those_registered() {
    let with = |protocol, esmtp, tls, authenticated, smtputf8| {
        With {
            protocol,
            esmtp,
            tls,
            authenticated,
            smtputf8,
        }
        .keyword()
    };
    assert_eq!(with(Protocol::Smtp, false, false, false, false), "SMTP");
    assert_eq!(with(Protocol::Smtp, true, true, false, false), "ESMTPS");
    assert_eq!(
        with(Protocol::Submission, true, true, true, false),
        "ESMTPSA"
    );
    assert_eq!(
        with(Protocol::Submission, true, true, true, true),
        "UTF8SMTPSA"
    );
    assert_eq!(with(Protocol::Lmtp, true, false, false, false), "LMTP");
    assert_eq!(with(Protocol::Lmtp, true, true, false, true), "UTF8LMTPS");
}

#[test]
fn trace_fields_are_folded_and_cannot_be_broken_out_of() {
    let at = jiff::Timestamp::from_second(1_700_000_000)
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC);
    let id = QueueId::new(1_700_000_000_000, 7).to_string();
    let mut received = Received {
        helo: "client.example",
        client_name: Some("client.example"),
        client: "192.0.2.7".parse().unwrap(),
        by: "mx.waxwing.example",
        with: With {
            protocol: Protocol::Smtp,
            esmtp: true,
            tls: true,
            authenticated: false,
            smtputf8: false,
        },
        cipher: Some("TLS_AES_128_GCM_SHA256"),
        id: &id,
        recipient: Some("bob@waxwing.test"),
        at: &at,
    };
    let wanted = format!(
        "Received: from client.example (client.example [192.0.2.7])\r\n\tby mx.waxwing.example with ESMTPS\
         \r\n\tid {id}\r\n\tfor <bob@waxwing.test>\r\n\ttls TLS_AES_128_GCM_SHA256;\
         \r\n\tTue, 14 Nov 2023 22:13:20 +0000\r\n"
    );
    assert_eq!(received.to_string(), wanted);
    received.helo = "evil\r\nX-Injected: (yes";
    received.client_name = None;
    received.client = "2001:db8::7".parse().unwrap();
    let text = received.to_string();
    assert!(
        text.starts_with("Received: from evil??X-Injected:??yes ([IPv6:2001:db8::7])\r\n\t"),
        "{text}"
    );
    assert_eq!(return_path(&ReversePath::Null), "Return-Path: <>\r\n");
}
