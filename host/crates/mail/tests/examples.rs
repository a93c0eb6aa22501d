//! Examples of the standards' own, and of what must be refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use waxwing_mail::{
    Address, AddressError, Domain, DomainError, EnvelopeId, ForwardPath, Notify, OriginalRecipient,
    PathError, Protocol, QueueId, Received, Return, ReversePath, With, return_path, xtext,
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
        priority: Some(-3),
        at: &at,
    };
    let wanted = format!(
        "Received: from client.example (client.example [192.0.2.7])\r\n\tby mx.waxwing.example with ESMTPS\
         \r\n\tid {id}\r\n\tfor <bob@waxwing.test>\r\n\ttls TLS_AES_128_GCM_SHA256\
         \r\n\tPRIORITY -3;\r\n\tTue, 14 Nov 2023 22:13:20 +0000\r\n"
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

#[test]
fn xtext_has_no_blanks_plus_and_equals() {
    // RFC 3461 §10.2: an ENVID of the example there.
    assert_eq!(xtext::decode("QQ314159").as_deref(), Some("QQ314159"));
    assert_eq!(xtext::encode("a b+c=d"), "a+20b+2Bc+3Dd");
    assert_eq!(xtext::decode("a+20b+2bc").as_deref(), Some("a b+c"));
    for bad in ["a b", "a=b", "+2", "+", "+ZZ", "+FF", "\u{e4}"] {
        assert_eq!(xtext::decode(bad), None, "{bad}");
    }
    assert_eq!(EnvelopeId::parse("a+0Db"), None);
    assert_eq!(EnvelopeId::parse(&"x".repeat(101)), None);
    // What would be too long once it is encoded is no identifier either.
    assert_eq!(EnvelopeId::new(&"+".repeat(34)), None);
    assert!(EnvelopeId::new(&"+".repeat(33)).is_some());
    assert_eq!(EnvelopeId::parse("a+20b").unwrap().as_str(), "a b");
}

#[test]
fn original_recipients_are_of_a_type() {
    let parse = |text: &str| OriginalRecipient::parse(text);
    let plain = parse("RFC822;Bob+2Bx@Example.COM").unwrap();
    assert_eq!(
        (plain.kind(), plain.address()),
        ("rfc822", "Bob+x@Example.COM")
    );
    assert_eq!(plain.encode(true), "rfc822;Bob+2Bx@Example.COM");
    // RFC 6533 §3: the same address in its forms.
    for form in [
        "utf-8;d\\x{f6}rte@example.com",
        "UTF-8;d\u{f6}rte@example.com",
    ] {
        let original = parse(form).unwrap();
        assert_eq!(original.address(), "d\u{f6}rte@example.com");
        assert_eq!(original.encode(false), "utf-8;d\\x{F6}rte@example.com");
        assert_eq!(original.encode(true), "utf-8;d\u{f6}rte@example.com");
    }
    let long = format!("rfc822;{}", "x".repeat(500));
    let bad = [
        "bob@example.com",
        ";bob",
        "rfc822;",
        "rfc822;a+0A",
        "rfc822;d\u{f6}",
        "utf-8;a+20b",
        "utf-8;\\x{0A}",
        "utf-8;\\x{D800}",
        "utf-8;\\x{1}",
        "utf-8;\\x{41",
        "a b;c",
        &long,
    ];
    for bad in bad {
        assert_eq!(parse(bad), None, "{bad}");
    }
}

#[test]
fn reports_are_asked_for_in_words() {
    let notify = Notify::parse("success,DELAY").unwrap();
    assert!(notify.success() && notify.delay() && !notify.failure());
    assert_eq!(notify.to_string(), "SUCCESS,DELAY");
    assert_eq!(Notify::parse("never"), Some(Notify::Never));
    assert_eq!(Notify::Never.to_string(), "NEVER");
    for bad in ["", "NEVER,SUCCESS", "SUCCESS,", "ALWAYS"] {
        assert_eq!(Notify::parse(bad), None, "{bad}");
    }
    assert_eq!(Return::parse("hdrs"), Some(Return::Headers));
    assert_eq!(Return::parse("BODY"), None);
}
