//! PROXY headers: the protocol's own examples, what must be refused, and any octets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;
use waxwing_session::proxy::{Header, LONGEST, ProxyError, read};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn proxied(source: &str, destination: &str) -> Header {
    Header::Proxied {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    }
}

/// A header of version 2 with its length.
fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, body].concat()
}

fn v4_body(vectors: &[u8]) -> Vec<u8> {
    let addresses = [192, 0, 2, 1, 203, 0, 113, 9, 0x12, 0x67, 0, 25];
    [addresses.as_slice(), vectors].concat()
}

/// The whole header is one header; each part of it needs more; what follows it is left.
fn is(header: &[u8], wanted: Header) {
    for end in 0..header.len() {
        assert_eq!(read(&header[..end]), Ok(None), "{end} octets");
    }
    let more = [header, b"EHLO a\r\n"].concat();
    assert_eq!(read(header), Ok(Some((wanted, header.len()))));
    assert_eq!(read(&more), Ok(Some((wanted, header.len()))));
}

#[test]
fn lines_of_version_1() {
    is(
        b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        proxied("255.255.255.255:65535", "255.255.255.255:65535"),
    );
    is(
        b"PROXY TCP6 2001:db8::1 ::1 4711 25\r\n",
        proxied("[2001:db8::1]:4711", "[::1]:25"),
    );
    is(b"PROXY UNKNOWN\r\n", Header::Local);
    is(
        b"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        Header::Local,
    );
}

#[test]
fn lines_that_are_none() {
    let malformed: [&[u8]; 14] = [
        b"PROXY \r\n",
        b"PROXY TCP4\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        b"PROXY TCP4 192.0.2.1\r192.0.2.2 1 2\r\n",
    ];
    for bytes in malformed {
        assert_eq!(read(bytes), Err(ProxyError::Malformed), "{bytes:?}");
    }
    let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 100]].concat();
    assert_eq!(read(&long), Err(ProxyError::TooLong));
    for bytes in [
        b"EHLO a\r\n".as_slice(),
        b"PROXY\r\n",
        b"proxy TCP4",
        b"\r\n\r\nQ",
        b"\x16\x03\x01",
    ] {
        assert_eq!(read(bytes), Err(ProxyError::Absent), "{bytes:?}");
    }
}

#[test]
fn headers_of_version_2() {
    let v4 = proxied("192.0.2.1:4711", "203.0.113.9:25");
    is(&v2(0x21, 0x11, &v4_body(b"")), v4);
    is(&v2(0x21, 0x12, &v4_body(b"")), v4);
    is(&v2(0x20, 0x11, &v4_body(b"")), Header::Local);
    is(&v2(0x20, 0x00, b""), Header::Local);
    is(&v2(0x21, 0x00, b"whatever"), Header::Local);
    is(&v2(0x21, 0x31, &[b'/'; 216]), Header::Local);
    let mut v6 = [0; 36];
    (v6[15], v6[31], v6[33], v6[35]) = (1, 2, 3, 4);
    is(&v2(0x21, 0x21, &v6), proxied("[::1]:3", "[::2]:4"));
    // Vectors are passed over: no operation, a unique id, an empty one of no known type.
    let vectors = b"\x04\x00\x02xx\x05\x00\x03abc\xee\x00\x00";
    is(&v2(0x21, 0x11, &v4_body(vectors)), v4);
}

#[test]
fn headers_of_version_2_that_are_none() {
    for (bytes, wanted) in [
        (v2(0x11, 0x11, &v4_body(b"")), ProxyError::Malformed),
        (v2(0x22, 0x11, &v4_body(b"")), ProxyError::Malformed),
        (v2(0x21, 0x11, b"short"), ProxyError::Malformed),
        (v2(0x21, 0x41, &v4_body(b"")), ProxyError::Malformed),
        (v2(0x21, 0x13, &v4_body(b"")), ProxyError::Malformed),
        (v2(0x21, 0x11, &v4_body(b"\x04\x00")), ProxyError::Malformed),
        (
            v2(0x21, 0x11, &v4_body(b"\x04\x00\x05abc")),
            ProxyError::Malformed,
        ),
        (
            v2(0x21, 0x11, &v4_body(b"\x03\x00\x02ab")),
            ProxyError::Malformed,
        ),
        (v2(0x21, 0x11, &v4_body(&[0; LONGEST])), ProxyError::TooLong),
    ] {
        assert_eq!(read(&bytes), Err(wanted), "{bytes:?}");
    }
}

#[test]
fn checksums_are_checked() {
    // Computed with another implementation of CRC-32C over the header with four zeroes in its place.
    let sum = 0xf297_6402_u32.to_be_bytes();
    let header = |sum: [u8; 4]| {
        let vectors = [b"\x03\x00\x04".as_slice(), &sum, b"\x05\x00\x01a"].concat();
        v2(0x21, 0x11, &v4_body(&vectors))
    };
    is(&header(sum), proxied("192.0.2.1:4711", "203.0.113.9:25"));
    for bit in 0..32 {
        let wrong = (u32::from_be_bytes(sum) ^ (1 << bit)).to_be_bytes();
        assert_eq!(read(&header(wrong)), Err(ProxyError::Checksum));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_octets_panic_and_none_waits_for_ever(rest in prop::collection::vec(any::<u8>(), 0..300), begin in 0..3_usize) {
        let begin = [b"".as_slice(), b"PROXY TCP4 ", SIGNATURE][begin];
        let bytes = [begin, &rest].concat();
        for end in 0..bytes.len() {
            if let Ok(Some((header, length))) = read(&bytes[..end]) {
                prop_assert!(length <= end);
                prop_assert_eq!(read(&bytes), Ok(Some((header, length))));
            }
        }
        let padded = [bytes.as_slice(), &[0; LONGEST]].concat();
        prop_assert_ne!(read(&padded), Ok(None));
    }
}
