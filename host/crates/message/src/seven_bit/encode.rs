//! The two encodings of RFC 2045 §6.7 and §6.8, in lines of 76 characters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// RFC 2045 §6.7 (5), §6.8: the longest encoded line.
const LINE: usize = 76;

/// Text: its CRLFs stay line ends, what else is not plain is written in hexadecimal.
pub(super) fn quoted_printable(body: &[u8], out: &mut Vec<u8>) {
    let mut rest = body;
    let mut column = 0;
    while let Some((octet, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\r\n") {
            out.extend_from_slice(b"\r\n");
            column = 0;
            rest = after;
            continue;
        }
        // RFC 2045 §6.7 (3): a blank at the end of a line would get lost.
        let line_ends = after.is_empty() || after.starts_with(b"\r\n");
        let plain = match octet {
            b' ' | b'\t' => !line_ends,
            b'!'..=b'~' => *octet != b'=',
            _ => false,
        };
        let width = if plain { 1 } else { 3 };
        // Room for the `=` of a soft line break, which the last character of a line does not need.
        if column + width > LINE - usize::from(!line_ends) {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        column += width;
        if plain {
            out.push(*octet);
        } else {
            out.push(b'=');
            out.push(digit(octet >> 4));
            out.push(digit(octet & 15));
        }
        rest = after;
    }
}

/// Any octets. The last line is left open.
pub(super) fn base64(body: &[u8], out: &mut Vec<u8>) {
    for (index, line) in body.chunks(LINE / 4 * 3).enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(STANDARD.encode(line).as_bytes());
    }
}

/// RFC 2045 §6.7 (1): upper case.
fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'A' + value - 10,
    }
}
