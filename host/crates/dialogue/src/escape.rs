//! Octets as text and back, and the macros of dialogue lines.
//!
//! Invariant: `unescape(escape(x))` is `x` for all octets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Octets as one line of text: UTF-8 stays, controls and broken UTF-8 become `\xNN`.
///
/// A backslash stays as it is, so that ordinary lines read as they were sent.
#[must_use]
pub fn escape(octets: &[u8]) -> String {
    let mut text = String::new();
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer)
                    .bytes()
                    .for_each(|octet| push_hex(&mut text, octet));
            } else {
                text.push(c);
            }
        }
        chunk
            .invalid()
            .iter()
            .for_each(|octet| push_hex(&mut text, *octet));
    }
    text
}

fn push_hex(text: &mut String, octet: u8) {
    text.push_str(&format!("\\x{octet:02x}"));
}

/// Resolves `\r \n \t \0 \\ \xNN`.
///
/// # Errors
/// A backslash before anything else, or an unfinished escape.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        octets.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => hex_octet(rest.next(), rest.next())?,
            other => {
                return Err(format!(
                    "no such escape: \\{}",
                    other.map_or(' ', char::from)
                ));
            }
        });
    }
    Ok(octets)
}

fn hex_octet(high: Option<u8>, low: Option<u8>) -> Result<u8, String> {
    let digit = |octet: Option<u8>| octet.and_then(|octet| char::from(octet).to_digit(16));
    match (digit(high), digit(low)) {
        (Some(high), Some(low)) => u8::try_from(high * 16 + low).map_err(|e| e.to_string()),
        _ => Err("\\x wants two hexadecimal digits".to_owned()),
    }
}

/// Replaces `{base64:…}` and `{repeat:N:…}`; other braces stay (IMAP literals have them).
///
/// # Errors
/// A macro without its end, or with arguments that make no sense.
pub(crate) fn expand(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, brace) = rest.split_at(at);
        out.push_str(before);
        rest = if let Some(body) = brace.strip_prefix("{base64:") {
            let (body, rest) = body.split_once('}').ok_or("{base64: without }")?;
            out.push_str(&STANDARD.encode(unescape(body)?));
            rest
        } else if let Some(body) = brace.strip_prefix("{repeat:") {
            let (count, body) = body
                .split_once(':')
                .ok_or("{repeat: without a second colon")?;
            let (body, rest) = body.split_once('}').ok_or("{repeat: without }")?;
            out.push_str(&body.repeat(count.parse().map_err(|_| format!("no count: {count}"))?));
            rest
        } else {
            out.push('{');
            brace.strip_prefix('{').unwrap_or_default()
        };
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_octets_survive() -> Result<(), String> {
        let octets: Vec<u8> = (0..=255)
            .filter(|octet| *octet != b'\\')
            .chain("zwölf".bytes())
            .collect();
        assert_eq!(unescape(&escape(&octets))?, octets);
        Ok(())
    }

    #[test]
    fn macros_expand_and_literals_stay() -> Result<(), String> {
        assert_eq!(
            expand("a {base64:\\0u\\0p} {10} {repeat:3:ab}.")?,
            "a AHUAcA== {10} ababab."
        );
        assert!(expand("{base64:x").is_err());
        Ok(())
    }
}
