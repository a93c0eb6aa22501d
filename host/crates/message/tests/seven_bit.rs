//! Conversion to 7 bits: examples, what must be refused, and that nothing is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use proptest::prelude::*;
use waxwing_message::{Body, Part, Summary, Unconvertible, seven_bit};

fn converted(message: &str) -> String {
    String::from_utf8(seven_bit(message.as_bytes()).unwrap()).unwrap()
}

#[test]
fn text_becomes_quoted_printable() {
    let message = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nSubject: x\r\n\r\nWie schön = gut \r\nPlain\r\n";
    assert_eq!(
        converted(message),
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nSubject: x\r\n\r\nWie sch=C3=B6n =3D gut=20\r\nPlain\r\n"
    );
}

#[test]
fn a_message_of_before_mime_says_what_it_is() {
    assert_eq!(
        converted("Subject: x\r\n\r\nschön\r\n"),
        "MIME-Version: 1.0\r\nSubject: x\r\nContent-Type: text/plain; charset=unknown-8bit\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nsch=C3=B6n\r\n"
    );
}

#[test]
fn each_part_has_its_encoding() {
    let message = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\nprämbel\r\n--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\nä\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\u{0}\u{1}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: text/plain\r\n\r\nö\r\n--b--\r\nend\r\n";
    assert_eq!(
        converted(message),
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n\r\npr??mbel\r\n--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAE=\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=B6\r\n--b--\r\nend\r\n"
    );
}

#[test]
fn what_needs_nothing_stays() {
    for message in [
        "Subject: x\r\n\r\nplain\r\n",
        "Subject: x\r\n",
        "",
        "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n\r\nsig\r\n--b--\r\n",
        "Content-Transfer-Encoding: base64\r\n\r\nAAE=\r\n",
    ] {
        assert_eq!(converted(message), message);
    }
    let relabelled = converted("Content-Transfer-Encoding: 8bit\r\n\r\nplain\r\n");
    assert_eq!(
        relabelled,
        "Content-Transfer-Encoding: 7bit\r\n\r\nplain\r\n"
    );
}

#[test]
fn what_must_not_be_touched_is_refused() {
    let refused = |message: &str| seven_bit(message.as_bytes()).unwrap_err();
    assert_eq!(refused("Subject: schön\r\n\r\n"), Unconvertible::Header);
    assert_eq!(refused("Subject: a\0b\r\n\r\n"), Unconvertible::Header);
    for kind in ["signed", "encrypted"] {
        let sealed =
            format!("Content-Type: multipart/{kind}; boundary=b\r\n\r\n--b\r\n\r\nö\r\n--b--\r\n");
        assert_eq!(refused(&sealed), Unconvertible::Sealed);
        let inside = format!(
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n{sealed}\r\n--a--\r\n"
        );
        assert_eq!(refused(&inside), Unconvertible::Sealed);
    }
    for part in [
        "Content-Transfer-Encoding: base64\r\n\r\nö\r\n",
        "Content-Transfer-Encoding: x-uuencode\r\n\r\nö\r\n",
        "Content-Type: message/partial; id=1; number=1\r\n\r\nö\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\nno delimiter ö\r\n",
    ] {
        assert_eq!(refused(part), Unconvertible::Part, "{part}");
    }
}

#[test]
fn parts_that_were_not_counted_are_not_lost() {
    let mut message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned();
    message.push_str(&"--b\r\n\r\nx\r\n".repeat(1_100));
    let plain = format!("{message}--b--\r\n");
    assert_eq!(converted(&plain), plain);
    let beyond = format!("{message}--b\r\n\r\n\u{f6}\r\n--b--\r\n");
    assert_eq!(seven_bit(beyond.as_bytes()), Err(Unconvertible::Part));
}

/// The decoded bodies of all leaves.
fn leaves(raw: &[u8], part: &Part, out: &mut Vec<Vec<u8>>) {
    match &part.content {
        Body::Multipart(parts) => parts.iter().for_each(|part| leaves(raw, part, out)),
        Body::Message { part, .. } => leaves(raw, part, out),
        Body::Leaf => {
            let body = part.body.of(raw);
            out.push(match part.encoding.to_ascii_lowercase().as_str() {
                "base64" => base64_decode(body).unwrap(),
                "quoted-printable" => quoted_printable_decode(body).unwrap(),
                _ => body.to_vec(),
            });
        }
    }
}

fn all(raw: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    leaves(raw, &Summary::read(raw).root, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(
        text in "(\\PC{0,90}(\r\n| \r\n|=\t)){0,6}",
        binary in prop::collection::vec(any::<u8>(), 0..200),
        long in 0..1200_usize,
    ) {
        let binary = [binary.as_slice(), b"\0"].concat();
        let message = [
            b"Content-Type: multipart/mixed; boundary=0123456789abcdef\r\n\r\n--0123456789abcdef\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n".as_slice(),
            text.as_bytes(),
            b"\r\n--0123456789abcdef\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n",
            &binary,
            b"\r\n--0123456789abcdef\r\nContent-Type: text/html\r\n\r\n",
            &vec![b'x'; long],
            b"\r\n--0123456789abcdef--\r\n",
        ]
        .concat();
        let out = seven_bit(&message).unwrap();
        prop_assert!(out.is_ascii() && !out.contains(&0));
        prop_assert!(out.split(|octet| *octet == b'\n').all(|line| line.len() <= 999));
        prop_assert_eq!(all(&out), all(&message));
        prop_assert_eq!(seven_bit(&out).unwrap(), out);
    }

    #[test]
    fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let framed = [b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n".as_slice(), &octets, b"\r\n--b--"].concat();
        for message in [octets, framed] {
            if let Ok(out) = seven_bit(&message) {
                prop_assert!(out.is_ascii());
            }
        }
    }
}
