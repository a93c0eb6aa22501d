//! Search keys that need a message's text (RFC 3501 §6.4.4), for the answering side to evaluate.

use waxwing_message::{Decoded, Sought, casemap, header};

use crate::searched::{each_body_text, field_text, header_of};

/// A search key over text. Needles are compared as substrings, as [`Sought`] has it, after decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextKey {
    /// `BODY`: the decoded text of the body.
    Body(Sought),
    /// `TEXT`: header or body.
    Text(Sought),
    /// `HEADER name value`; an empty value asks whether the field is there.
    Header {
        /// Field name.
        name: String,
        /// What its value contains.
        value: Sought,
    },
}

impl TextKey {
    /// Which of `keys` match the message `raw`: bit n for `keys[n]`, the first 64. Pure; takes time in proportion to
    /// the message and the keys.
    #[must_use]
    pub fn matches(keys: &[Self], raw: &[u8]) -> u64 {
        let header = header_of(raw);
        let mut matched = 0;
        for (bit, key) in keys.iter().enumerate().take(64) {
            let hit = match key {
                Self::Header { name, value } => header_matches(header, name, value),
                // TEXT is in the header, or where BODY looks.
                Self::Text(needle) => any_header_matches(header, needle),
                Self::Body(_) => false,
            };
            matched |= u64::from(hit) << bit;
        }
        let in_text = |key: &Self| matches!(key, Self::Body(_) | Self::Text(_));
        if keys.iter().take(64).any(in_text) {
            matched |= Self::body_matches(keys, raw);
        }
        matched
    }

    /// Decodes each text once, for all keys.
    fn body_matches(keys: &[Self], raw: &[u8]) -> u64 {
        let mut matched = 0;
        each_body_text(raw, |text| {
            for (bit, key) in keys.iter().enumerate().take(64) {
                if let Self::Body(needle) | Self::Text(needle) = key {
                    matched |= u64::from(needle.is_in(&text)) << bit;
                }
            }
        });
        matched
    }

    /// The text that is looked for.
    #[must_use]
    pub fn sought(&self) -> &Sought {
        match self {
            Self::Body(text) | Self::Text(text) | Self::Header { value: text, .. } => text,
        }
    }

    /// The same key for another text.
    #[must_use]
    pub fn with(&self, text: &str) -> Self {
        match self {
            Self::Body(_) => Self::Body(Sought::new(text)),
            Self::Text(_) => Self::Text(Sought::new(text)),
            Self::Header { name, .. } => Self::Header {
                name: name.clone(),
                value: Sought::new(text),
            },
        }
    }

    /// The texts, mapped, that a message which it matches holds all of; see [`each_text`](crate::each_text).
    #[must_use]
    pub fn needle(&self) -> Vec<String> {
        match self {
            Self::Body(needle) | Self::Text(needle) => vec![needle.mapped().to_owned()],
            Self::Header { name, value } => vec![casemap(name), value.mapped().to_owned()],
        }
    }
}

fn header_matches(header: &[u8], name: &str, value: &Sought) -> bool {
    header::fields(header).any(|field| {
        field.is(name) && (value.is_empty() || value.is_in(&Decoded::field(field.value)))
    })
}

fn any_header_matches(header: &[u8], needle: &Sought) -> bool {
    header::fields(header).any(|field| needle.is_in(&field_text(field)))
}

#[cfg(test)]
mod tests {
    use super::{Sought, TextKey};

    #[test]
    fn text_is_found_decoded_and_in_any_case() {
        let raw = concat!(
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-List: One\r\n",
            "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            "Stra=DFe und =C4rger\r\n"
        );
        let header = |name: &str, value: &str| TextKey::Header {
            name: name.into(),
            value: Sought::new(value),
        };
        let keys = [
            TextKey::Body(Sought::new("ärger")),
            TextKey::Body(Sought::new("grüße")),
            TextKey::Text(Sought::new("gru\u{308}ße")),
            TextKey::Text(Sought::new("x-list: o")),
            header("x-list", ""),
            header("X-List", "one"),
            header("X-None", ""),
        ];
        assert_eq!(TextKey::matches(&keys, raw.as_bytes()), 0b011_1101);
    }
}
