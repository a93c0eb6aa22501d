//! Transfer encodings undone piece by piece (RFC 2045 §6).
//!
//! Invariants: how the octets were cut into pieces changes nothing that comes out; what is held is bounded.

/// White space before a line end that is held back; more of it is no padding of a gateway.
const MAX_BLANKS: usize = 256;

/// An encoding that is being undone.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// 7bit, 8bit, binary.
    Identity,
    Base64 {
        /// Bits that are no whole octet yet, and how many they are.
        bits: u32,
        count: u32,
    },
    QuotedPrintable {
        /// What may be padding at the end of a line, or the beginning of `=XY`.
        held: Vec<u8>,
    },
}

impl Decoder {
    /// `None` for an encoding that is not known.
    pub(crate) fn new(encoding: &str) -> Option<Self> {
        Some(match encoding.to_ascii_lowercase().as_str() {
            // RFC 2045 §6.1: none is 7bit.
            "" | "7bit" | "8bit" | "binary" => Self::Identity,
            "base64" => Self::Base64 { bits: 0, count: 0 },
            "quoted-printable" => Self::QuotedPrintable { held: Vec::new() },
            _ => return None,
        })
    }

    pub(crate) fn decode(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Identity => out.extend_from_slice(piece),
            Self::Base64 { bits, count } => {
                for &octet in piece {
                    base64(octet, bits, count, out);
                }
            }
            Self::QuotedPrintable { held } => {
                for &octet in piece {
                    quoted_printable(octet, held, out);
                }
            }
        }
    }

    /// There is no more.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if let Self::QuotedPrintable { held } = self {
            // White space at the end is padding; an unfinished `=` is a soft line break without its line.
            if let [b'=', digit] = held.as_slice()
                && !is_blank(*digit)
            {
                out.extend_from_slice(&[b'=', *digit]);
            }
            held.clear();
        }
    }
}

/// RFC 2045 §6.8: what is not of the alphabet is ignored; `=` ends what it pads.
fn base64(octet: u8, bits: &mut u32, count: &mut u32, out: &mut Vec<u8>) {
    let value = match octet {
        b'A'..=b'Z' => octet - b'A',
        b'a'..=b'z' => octet - b'a' + 26,
        b'0'..=b'9' => octet - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => {
            (*bits, *count) = (0, 0);
            return;
        }
        _ => return,
    };
    *bits = (*bits << 6 | u32::from(value)) & 0xFFFF;
    *count += 6;
    if *count >= 8 {
        *count -= 8;
        out.extend((*bits >> *count).to_le_bytes().first());
    }
}

/// RFC 2045 §6.7: `=XY` is an octet, `=` at the end of a line joins it with the next, white space before a line end is
/// padding. What is malformed stays as it is.
fn quoted_printable(octet: u8, held: &mut Vec<u8>, out: &mut Vec<u8>) {
    let padded = held.iter().skip(1).all(|&it| is_blank(it));
    match (held.first().copied(), octet) {
        // A soft line break, perhaps padded.
        (Some(b'='), b'\n') if padded => held.clear(),
        (Some(b'='), b'\r' | b' ' | b'\t') if padded => hold(octet, held, out),
        (_, b'=') => {
            release(held, out);
            held.push(octet);
        }
        (Some(b'='), digit) => {
            held.push(digit);
            if let [_, high, low] = held.as_slice() {
                if let (Some(high), Some(low)) = (hex(*high), hex(*low)) {
                    out.push(high << 4 | low);
                    held.clear();
                } else {
                    release(held, out);
                }
            } else if hex(digit).is_none() || held.len() > 3 {
                release(held, out);
            }
        }
        // A line end: what was held before it was padding.
        (Some(_), b'\r' | b'\n') => {
            held.clear();
            out.push(octet);
        }
        (_, b' ' | b'\t') => hold(octet, held, out),
        (_, other) => {
            release(held, out);
            out.push(other);
        }
    }
}

fn hold(octet: u8, held: &mut Vec<u8>, out: &mut Vec<u8>) {
    if held.len() >= MAX_BLANKS {
        release(held, out);
    }
    held.push(octet);
}

fn release(held: &mut Vec<u8>, out: &mut Vec<u8>) {
    out.append(held);
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r')
}

fn hex(digit: u8) -> Option<u8> {
    // RFC 2045 §6.7: small letters are taken, too.
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::Decoder;

    fn decode(encoding: &str, octets: &[u8], piece: usize) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding).unwrap();
        let mut out = Vec::new();
        for piece in octets.chunks(piece.max(1)) {
            decoder.decode(piece, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn quoted_printable_of_all_forms() {
        let cases = [
            ("Gr=C3=BC=c3=9fe\r\n", "Grüße\r\n"),
            ("one =\r\ntwo", "one two"),
            ("soft= \t\r\nbreak", "softbreak"),
            ("padded \t \r\nline ", "padded\r\nline"),
            ("a  b", "a  b"),
            ("1=2", "1=2"),
            ("=ZZ=4", "=ZZ=4"),
            ("==41", "=A"),
            ("=\r\n=\r\n", ""),
            ("end=", "end"),
            ("x =41", "x A"),
        ];
        for (encoded, decoded) in cases {
            for piece in 1..=encoded.len() {
                let found = decode("Quoted-Printable", encoded.as_bytes(), piece);
                assert_eq!(String::from_utf8_lossy(&found), decoded, "{encoded:?}");
            }
        }
    }

    #[test]
    fn encodings_that_are_not_known_have_no_decoder() {
        assert!(Decoder::new("x-uuencode").is_none());
        assert!(Decoder::new("BINARY").is_some());
    }

    proptest! {
        #[test]
        fn base64_comes_back(octets in proptest::collection::vec(any::<u8>(), 0..300), piece in 1usize..80) {
            let mut encoded = String::new();
            for line in STANDARD.encode(&octets).as_bytes().chunks(76) {
                encoded.push_str(std::str::from_utf8(line).unwrap());
                encoded.push_str("\r\n");
            }
            prop_assert_eq!(decode("BASE64", encoded.as_bytes(), piece), octets);
        }

        #[test]
        fn cuts_change_nothing(octets in "[=A-F0-9 \t\r\nx]{0,120}", piece in 1usize..20) {
            for encoding in ["base64", "quoted-printable", "8bit"] {
                let whole = decode(encoding, octets.as_bytes(), usize::MAX);
                prop_assert_eq!(decode(encoding, octets.as_bytes(), piece), whole);
            }
        }
    }
}
