//! The summary of a message with everything in it: RFC 3501 §6.4.5's example of part numbers, and the fields.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use waxwing_message::{AddressItem, Body, Decoded, Section, SectionText, Summary};

const MAIL: &str = concat!(
    "From: =?utf-8?q?J=C3=B6rg?= <joerg@Example.org>\r\n",
    "To: A Group: Ed <ed@example.org>, joe@where.test;, solo@x.test\r\n",
    "Cc: undisclosed\r\n",
    "Subject: =?utf-8?q?caf=C3=A9?=\r\n folded\r\n",
    "Date: Fri, 21 Nov 1997 23:55:06 -0600\r\n",
    "Message-ID: <1@example.org>\r\n",
    "References: <a@b>\r\n <c@d>\r\n",
    "Content-Type: multipart/mixed; boundary=outer\r\n\r\n",
    "preamble\r\n--outer\r\n\r\nfirst  text\r\nsecond line\r\n",
    "--outer\r\nContent-Type: message/rfc822\r\nContent-Description: inner\r\n\r\n",
    "Subject: inside\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n",
    "--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw7xiZXI=\r\n",
    "--inner\r\nContent-Type: text/html\r\n\r\n<p>&uuml;ber</p>\r\n--inner--\r\n",
    "\r\n--outer\r\nContent-Type: application/pdf; name*=utf-8''%C3%BC.pdf\r\n",
    "Content-Disposition: attachment; filename=\"a b.pdf\"\r\nContent-Language: de, en\r\nContent-ID: <x@y>\r\n\r\n",
    "xyz\r\n--outer--\r\nepilogue",
);

fn section(path: &[u32], text: SectionText) -> Option<String> {
    let summary = Summary::read(MAIL.as_bytes());
    let section = Section {
        path: path.to_vec(),
        text,
    };
    let located = summary.locate(&section)?;
    Some(String::from_utf8(located.span.of(MAIL.as_bytes()).to_vec()).unwrap())
}

#[test]
fn sections_are_ranges() {
    assert_eq!(section(&[], SectionText::All).unwrap(), MAIL);
    assert_eq!(
        section(&[1], SectionText::All).unwrap(),
        "first  text\r\nsecond line"
    );
    assert_eq!(section(&[1], SectionText::Mime).unwrap(), "\r\n");
    assert_eq!(
        section(&[2], SectionText::Mime).unwrap(),
        "Content-Type: message/rfc822\r\nContent-Description: inner\r\n\r\n"
    );
    assert!(
        section(&[2], SectionText::Header)
            .unwrap()
            .starts_with("Subject: inside\r\n")
    );
    assert!(
        section(&[2], SectionText::Text)
            .unwrap()
            .starts_with("--inner\r\n")
    );
    assert_eq!(section(&[2, 1], SectionText::All).unwrap(), "w7xiZXI=");
    assert_eq!(
        section(&[2, 2], SectionText::All).unwrap(),
        "<p>&uuml;ber</p>"
    );
    assert_eq!(section(&[3], SectionText::All).unwrap(), "xyz");
    for path in [&[4][..], &[0], &[1, 1], &[2, 3], &[2, 1, 1]] {
        assert_eq!(section(path, SectionText::All), None, "{path:?}");
    }
    assert_eq!(section(&[1], SectionText::Header), None);
    assert_eq!(section(&[], SectionText::Mime), None);
}

#[test]
fn the_envelope_keeps_subject_and_date_as_they_are_and_decodes_names() {
    let envelope = Summary::read(MAIL.as_bytes()).envelope;
    assert_eq!(envelope.subject.unwrap(), b"=?utf-8?q?caf=C3=A9?= folded");
    assert_eq!(envelope.date.unwrap(), b"Fri, 21 Nov 1997 23:55:06 -0600");
    let sent = envelope.sent.unwrap();
    assert_eq!((sent.timestamp, sent.offset), (880_178_106, -360));
    assert_eq!(
        sent.day(),
        10_186,
        "21 November in its own zone, 22 November in UTC"
    );
    assert_eq!(
        envelope.from,
        [AddressItem::Mailbox {
            name: "Jörg".into(),
            route: String::new(),
            local: "joerg".into(),
            domain: "Example.org".into()
        }]
    );
    assert_eq!(envelope.to.len(), 5);
    assert_eq!(envelope.to[0], AddressItem::GroupStart("A Group".into()));
    assert_eq!(envelope.to[3], AddressItem::GroupEnd);
    assert_eq!(
        envelope.cc,
        [AddressItem::Mailbox {
            name: String::new(),
            route: String::new(),
            local: "undisclosed".into(),
            domain: String::new()
        }]
    );
}

#[test]
fn source_routes_and_empty_fields() {
    let mail = b"From: Old <@one,@two:user@domain>\r\nTo: <@route:user@domain>, b@c\r\nSubject:\r\nDate: \r\n\r\n";
    let summary = Summary::read(mail);
    assert_eq!(Summary::decode(&summary.encode()).as_ref(), Ok(&summary));
    let address = |name: &str, route: &str, local: &str, domain: &str| AddressItem::Mailbox {
        name: name.into(),
        route: route.into(),
        local: local.into(),
        domain: domain.into(),
    };
    let envelope = summary.envelope;
    assert_eq!(
        envelope.from,
        [address("Old", "@one,@two", "user", "domain")]
    );
    let to = [
        address("", "@route", "user", "domain"),
        address("", "", "b", "c"),
    ];
    assert_eq!(envelope.to, to);
    assert_eq!(
        (envelope.subject, envelope.date, envelope.message_id),
        (Some(Vec::new()), Some(Vec::new()), None)
    );
}

#[test]
fn of_fields_that_are_there_twice_the_last_counts() {
    let raw = concat!(
        "From: a@a.test\r\nTo: b@b.test\r\nSubject: one\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <1@a>\r\n",
        "References: <0@a>\r\nFROM: c@c.test\r\nTo: d@d.test\r\nSubject: two\r\nDate: Sat, 22 Nov 1997 09:55:06 -0600\r\n",
        "Message-ID: <2@a>\r\nReferences: <9@a>\r\n\r\n",
    );
    let summary = Summary::read(raw.as_bytes());
    let envelope = &summary.envelope;
    let address = |domain: &str| AddressItem::Mailbox {
        name: String::new(),
        route: String::new(),
        local: domain[..1].into(),
        domain: domain.into(),
    };
    assert_eq!(envelope.from, [address("c.test")]);
    assert_eq!(envelope.to, [address("d.test")]);
    assert_eq!(envelope.subject.as_deref(), Some(&b"two"[..]));
    assert_eq!(envelope.message_id.as_deref(), Some(&b"<2@a>"[..]));
    assert_eq!(summary.references, b"<9@a>");
    assert_eq!(envelope.sent.unwrap().timestamp, 880_214_106);
}

#[test]
fn parts_have_their_fields() {
    let summary = Summary::read(MAIL.as_bytes());
    assert_eq!(summary.preview, "first text second line");
    assert_eq!(summary.references, b"<a@b> <c@d>");
    let Body::Multipart(parts) = &summary.root.content else {
        panic!("not a multipart");
    };
    assert_eq!(parts.len(), 3);
    assert_eq!(
        (parts[0].lines, parts[0].param("charset")),
        (1, Some("us-ascii"))
    );
    assert_eq!(parts[1].description, b"inner");
    let Body::Message { envelope, part } = &parts[1].content else {
        panic!("not a message");
    };
    assert_eq!(envelope.subject.as_deref(), Some(&b"inside"[..]));
    assert!(part.is("multipart", "alternative"));
    let pdf = &parts[2];
    assert_eq!(pdf.param("name"), Some("ü.pdf"));
    assert_eq!(
        (
            pdf.disposition.as_str(),
            pdf.disposition_params[0].value.as_str()
        ),
        ("attachment", "a b.pdf")
    );
    assert_eq!(pdf.languages, ["de", "en"]);
    assert_eq!(pdf.id, b"<x@y>");
    let texts = summary.root.texts(MAIL.as_bytes());
    let texts: Vec<String> = texts.map(|text| text.shown().into_owned()).collect();
    assert_eq!(texts[1], "über");
    assert!(texts[2].contains("über"));
}

#[test]
fn a_message_without_header_or_body_has_a_summary() {
    for raw in [
        "",
        "\r\n",
        "no colon",
        "Subject: x",
        "Content-Type: multipart/mixed\r\n\r\nno boundary",
    ] {
        let summary = Summary::read(raw.as_bytes());
        assert!(summary.root.is("text", "plain"), "{raw:?}");
        assert_eq!(summary.size as usize, raw.len());
    }
}

#[test]
fn names_that_cannot_be_decoded_keep_their_octets() {
    let raw = [
        b"From: =?utf-8?q?J=F6rg,_A?= <a@b.example>, \"J\xf6rg, B\" <c@d.example>, =?utf-8?b?SsO2cmc=?= <e@f.example>\r\n".as_slice(),
        b"To: G\xfc: =?koi8-r?b?4Q==?= <g@h.example>;\r\nCc: \xfc@b.example\r\n\r\n",
    ]
    .concat();
    let envelope = Summary::read(&raw).envelope;
    let shown = |items: &[AddressItem]| -> Vec<(Vec<u8>, String)> {
        let shown = items.iter().map(|item| match item {
            AddressItem::Mailbox {
                name,
                local,
                domain,
                ..
            } => (name.as_str(), format!("{local}@{domain}")),
            AddressItem::GroupStart(name) => (name.as_str(), ":".into()),
            AddressItem::GroupEnd => ("", ";".into()),
        });
        shown
            .map(|(name, rest)| (Decoded::name(name).octets().to_vec(), rest))
            .collect()
    };
    let item = |name: &[u8], rest: &str| (name.to_vec(), rest.to_owned());
    assert_eq!(
        shown(&envelope.from),
        [
            item(b"J\xf6rg, A", "a@b.example"),
            item(b"J\xf6rg, B", "c@d.example"),
            item("Jörg".as_bytes(), "e@f.example")
        ]
    );
    assert_eq!(
        shown(&envelope.to),
        [
            item(b"G\xfc", ":"),
            item(b"\xd0\x90", "g@h.example"),
            item(b"", ";")
        ]
    );
    assert_eq!(shown(&envelope.cc), [item(b"", "\u{fffd}@b.example")]);
}
