//! From the octets of a charset to text.

use std::borrow::Cow;

use mail_parser::decoders::charsets::map::charset_decoder;

use crate::decoded::Decoded;

/// What octets that cannot be decoded are shown as.
pub(crate) const REPLACEMENT: char = '\u{fffd}';

/// What octets are in a charset, as far as they are anything.
#[derive(Debug)]
pub(crate) struct Converted {
    pub(crate) text: String,
    /// All of them are of the charset.
    pub(crate) whole: bool,
}

impl Converted {
    /// The octets, of which this is the text, were cut: a character of which only the beginning is there does not count.
    pub(crate) fn cut(&mut self) {
        if !self.whole {
            let kept = self.text.trim_end_matches(REPLACEMENT).len();
            self.text.truncate(kept);
            self.whole = !self.text.contains(REPLACEMENT);
        }
    }

    pub(crate) fn or_octets(self, octets: &[u8]) -> Decoded {
        match self.whole {
            true => Decoded::Text(self.text),
            false => Decoded::Octets(octets.to_vec()),
        }
    }
}

/// Converts octets from a charset. Those of one that is not known are UTF-8 if they can be; what claims to be ASCII, or says nothing, is UTF-8 if it
/// can be, and else of the charset that most such mail is in, windows-1252.
pub(crate) fn convert(charset: &str, octets: &[u8]) -> Converted {
    // RFC 2045 §5.2: where no charset is named, it is US-ASCII.
    let ascii = charset.is_empty() || charset.eq_ignore_ascii_case("us-ascii");
    let decoder = charset_decoder(if ascii {
        b"us-ascii"
    } else {
        charset.as_bytes()
    });
    let plain = octets.is_ascii() && is_superset_of_ascii(charset);
    if (decoder.is_none() || ascii || plain)
        && let Ok(text) = std::str::from_utf8(octets)
    {
        return Converted {
            text: text.to_owned(),
            whole: true,
        };
    }
    let Some(decoder) = decoder else {
        return Converted {
            text: String::from_utf8_lossy(octets).into_owned(),
            whole: false,
        };
    };
    let text = decoder(octets);
    Converted {
        whole: !text.contains(REPLACEMENT),
        text,
    }
}

/// Charsets whose texts may look like ASCII and are something else.
fn is_superset_of_ascii(charset: &str) -> bool {
    let charset = charset.to_ascii_lowercase();
    !["utf-7", "utf7", "utf-16", "utf-32", "iso-2022", "hz-gb"]
        .iter()
        .any(|other| charset.starts_with(other))
}

/// What is UTF-8 in octets, as text, the rest as [`REPLACEMENT`].
pub(crate) fn lossy(octets: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(octets)
}
