//! Search keys that need a message's text (RFC 3501 §6.4.4), for the answering side to evaluate.

use waxwing_message::{contains_folded, decode_words, fold, header};

use crate::searched::{each_body_text, field_texts, header_of};

/// A search key over text. Needles are compared as substrings, in any case, after decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextKey {
    /// `BODY`: the decoded text of the body. The needle is folded.
    Body(String),
    /// `TEXT`: header or body. The needle is folded.
    Text(String),
    /// `HEADER name value`; an empty value asks whether the field is there.
    Header {
        /// Field name.
        name: String,
        /// What its value contains, folded.
        value: String,
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
                    matched |= u64::from(contains_folded(&text, needle)) << bit;
                }
            }
        });
        matched
    }

    /// The text that is looked for, folded.
    #[must_use]
    pub fn sought(&self) -> &str {
        match self {
            Self::Body(text) | Self::Text(text) | Self::Header { value: text, .. } => text,
        }
    }

    /// The same key for another text, which is folded.
    #[must_use]
    pub fn with(&self, text: &str) -> Self {
        match self {
            Self::Body(_) => Self::Body(text.to_owned()),
            Self::Text(_) => Self::Text(text.to_owned()),
            Self::Header { name, .. } => Self::Header {
                name: name.clone(),
                value: text.to_owned(),
            },
        }
    }

    /// The texts, folded, that a message which it matches holds all of.
    #[must_use]
    pub fn needle(&self) -> Vec<String> {
        match self {
            Self::Body(needle) | Self::Text(needle) => vec![needle.clone()],
            Self::Header { name, value } => vec![fold(name), value.clone()],
        }
    }
}

fn header_matches(header: &[u8], name: &str, value: &str) -> bool {
    header::fields(header).any(|field| {
        field.is(name) && (value.is_empty() || contains_folded(&decode_words(field.value), value))
    })
}

fn any_header_matches(header: &[u8], needle: &str) -> bool {
    header::fields(header).any(|field| {
        let mut texts = field_texts(field).into_iter();
        texts.any(|text| contains_folded(&text, needle))
    })
}

#[cfg(test)]
mod tests {
    use super::TextKey;

    #[test]
    fn text_is_found_decoded_and_in_any_case() {
        let raw = concat!(
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-List: One\r\n",
            "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            "Stra=DFe und =C4rger\r\n"
        );
        let header = |name: &str, value: &str| TextKey::Header {
            name: name.into(),
            value: value.into(),
        };
        let keys = [
            TextKey::Body("ärger".into()),
            TextKey::Body("grüße".into()),
            TextKey::Text("grüße".into()),
            TextKey::Text("x-list: o".into()),
            header("x-list", ""),
            header("X-List", "one"),
            header("X-None", ""),
        ];
        assert_eq!(TextKey::matches(&keys, raw.as_bytes()), 0b011_1101);
    }
}
