//! Hostile and broken messages: any octets have a summary, within bounds, and it survives its encoding.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::fmt::Write as _;

use proptest::prelude::*;
use waxwing_message::{Addresses, Body, EnvelopeView, Part, Section, SectionText, Summary, header};

/// Fragments that lead a parser astray when they come in any order.
fn mail() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        Just("Content-Type: multipart/mixed; boundary=a\r\n".to_owned()),
        Just("Content-Type: multipart/digest; boundary=\"aa\"\r\n".to_owned()),
        Just("Content-Type: message/rfc822\r\n".to_owned()),
        Just("Content-Transfer-Encoding: base64\r\n".to_owned()),
        Just("Content-Type: text/html; charset=utf-16; name*0*=x''%ff; name*1=\"\r\n ".to_owned()),
        Just("From: \"a, <b@(c\r\n".to_owned()),
        Just("To: g: a@b, <@x:c@d>;, =?utf-8?q?=ff?= <\r\n".to_owned()),
        Just("Date: Fri, 31 Feb 99999 25:61:61 +9999\r\n".to_owned()),
        Just("Subject: =?utf-8?b?////".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("--a\r\n".to_owned()),
        Just("--aa\n".to_owned()),
        Just("--a--\r\n".to_owned()),
        Just("\r\n--a".to_owned()),
        "\\PC{0,12}",
    ];
    let bytes = proptest::collection::vec(any::<u8>(), 0..12);
    proptest::collection::vec(
        prop_oneof![4 => fragment.prop_map(String::into_bytes), 1 => bytes],
        0..40,
    )
    .prop_map(|fragments| fragments.concat())
}

fn ranges_hold(raw: &[u8], part: &Part) {
    assert!(part.header.start <= part.header.end && part.header.end == part.body.start);
    assert!(part.body.start <= part.body.end && part.body.end as usize <= raw.len());
    match &part.content {
        Body::Leaf => {}
        Body::Multipart(parts) => parts.iter().for_each(|child| ranges_hold(raw, child)),
        Body::Message { part, .. } => ranges_hold(raw, part),
    }
}

fn lists<'a>(view: &EnvelopeView<'a>) -> [Addresses<'a>; 6] {
    [
        view.from,
        view.sender,
        view.reply_to,
        view.to,
        view.cc,
        view.bcc,
    ]
}

fn views_agree(one: &EnvelopeView<'_>, other: &EnvelopeView<'_>) -> Result<(), TestCaseError> {
    let fields = |view: &EnvelopeView<'_>| -> Vec<Option<Vec<u8>>> {
        let all = [view.date, view.subject, view.in_reply_to, view.message_id];
        all.map(|field| field.map(<[u8]>::to_vec)).to_vec()
    };
    prop_assert_eq!(fields(one), fields(other));
    for (one, other) in lists(one).into_iter().zip(lists(other)) {
        prop_assert_eq!(one.is_empty(), other.is_empty());
        prop_assert!(one.eq(other));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_octets_have_a_summary(raw in mail(), path in proptest::collection::vec(0u32..4, 0..4)) {
        let summary = Summary::read(&raw);
        ranges_hold(&raw, &summary.root);
        prop_assert_eq!(&Part::read(&raw), &summary.root);
        prop_assert_eq!(Summary::decode(&summary.encode()), Ok(summary.clone()));
        let fields = Summary::decode_fields(&summary.encode()).unwrap();
        prop_assert_eq!((&fields.envelope, &fields.references), (&summary.envelope, &summary.references));
        let encoded = summary.encode();
        views_agree(&EnvelopeView::of(&encoded).unwrap(), &EnvelopeView::from(&summary.envelope))?;
        for text in [SectionText::All, SectionText::Header, SectionText::Text, SectionText::Mime] {
            if let Some(located) = summary.locate(&Section { path: path.clone(), text }) {
                prop_assert!(located.span.end as usize <= raw.len());
                let _ = header::select(located.span.of(&raw), &[String::from("to")], true);
            }
        }
        for text in summary.root.texts(&raw) {
            prop_assert!(text.octets().len() <= raw.len() * 8 + 64);
        }
    }

    #[test]
    fn damaged_summaries_are_errors(mut octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(version) = octets.first_mut() {
            *version = 1;
        }
        let _ = Summary::decode(&octets);
        prop_assert_eq!(EnvelopeView::of(&octets).err(), Summary::decode_fields(&octets).err());
    }

    #[test]
    fn cut_and_changed_summaries_are_errors(raw in mail(), at in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let mut encoded = Summary::read(&raw).encode();
        let index = at.index(encoded.len());
        prop_assert!(Summary::decode(&encoded[..index]).is_err());
        encoded[index] = octet;
        let _ = Summary::decode(&encoded);
        // What is read without a copy is what is read with one; References, which are behind it, may be damaged.
        match (EnvelopeView::of(&encoded), Summary::decode_fields(&encoded)) {
            (Ok(view), Ok(fields)) => views_agree(&view, &EnvelopeView::from(&fields.envelope))?,
            (view, fields) => prop_assert!(fields.is_err(), "{view:?}"),
        }
    }
}

fn depth(part: &Part) -> usize {
    match &part.content {
        Body::Leaf => 0,
        Body::Multipart(parts) => 1 + parts.iter().map(depth).max().unwrap_or(0),
        Body::Message { part, .. } => 1 + depth(part),
    }
}

#[test]
fn messages_nested_without_end_are_cut() {
    let raw = b"Content-Type: message/rfc822\r\n\r\n".repeat(300_000);
    let summary = Summary::read(&raw);
    assert_eq!(depth(&summary.root), 32);
    assert!(Summary::decode(&summary.encode()).is_ok());
}

#[test]
fn multiparts_whose_boundary_is_missing_are_looked_for_once_each_within_a_budget() {
    let mut raw = String::from("Content-Type: multipart/mixed; boundary=x\r\n\r\n");
    for part in 0..100_000 {
        write!(
            raw,
            "--x\r\nContent-Type: multipart/mixed; boundary=missing{part}\r\n\r\n"
        )
        .unwrap();
    }
    let summary = Summary::read(raw.as_bytes());
    let Body::Multipart(parts) = &summary.root.content else {
        panic!("not a multipart");
    };
    assert_eq!(parts.len(), 999, "the part limit");
}

#[test]
fn a_header_of_addresses_without_end_stays_small() {
    let raw = format!(
        "To: {}\r\nSubject: {}\r\n\r\n",
        "a@b.example, ".repeat(500_000),
        "x".repeat(1_000_000)
    );
    let summary = Summary::read(raw.as_bytes());
    assert!(summary.envelope.to.len() > 1_000);
    assert!(summary.encode().len() < 256 * 1024);
}
