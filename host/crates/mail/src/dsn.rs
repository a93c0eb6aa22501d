//! What a sender asked to be told of its message, as MAIL and RCPT say it.
//!
//! Standards: RFC 3461 §4 (RET, ENVID, NOTIFY, ORCPT), RFC 6533 §3 (addresses of type `utf-8` in ORCPT).
//! Invariants: values are decoded; an envelope id, and an original recipient of any type but `utf-8`, is printable ASCII
//! (RFC 3461 §4.2, §4.4), so that neither can break the fields of a report.

use std::fmt;

use crate::limits;
use crate::xtext;

/// NOTIFY= of RCPT (RFC 3461 §4.1): when a report is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notify {
    /// `NEVER`.
    Never,
    /// Any of the others; at least one is true.
    When {
        /// `SUCCESS`: when it was delivered.
        success: bool,
        /// `FAILURE`: when it will not be.
        failure: bool,
        /// `DELAY`: when it takes long.
        delay: bool,
    },
}

/// RET= of MAIL (RFC 3461 §4.3): how much of the message a report of failure returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Return {
    /// `FULL`.
    Full,
    /// `HDRS`.
    Headers,
}

/// ENVID= of MAIL (RFC 3461 §4.4), decoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EnvelopeId(Box<str>);

/// ORCPT= of RCPT (RFC 3461 §4.2): whom the message was first addressed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginalRecipient {
    kind: Box<str>,
    address: Box<str>,
}

impl Notify {
    /// Of the value of the parameter, in any case.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        if value.eq_ignore_ascii_case("NEVER") {
            return Some(Self::Never);
        }
        let (mut success, mut failure, mut delay) = (false, false, false);
        for word in value.split(',') {
            match word.to_ascii_uppercase().as_str() {
                "SUCCESS" => success = true,
                "FAILURE" => failure = true,
                "DELAY" => delay = true,
                _ => return None,
            }
        }
        Some(Self::When {
            success,
            failure,
            delay,
        })
    }

    /// Whether a report of success is wanted.
    #[must_use]
    pub fn success(self) -> bool {
        matches!(self, Self::When { success: true, .. })
    }

    /// The same without a report of success; nothing but that was wanted: `NEVER`.
    #[must_use]
    pub fn without_success(self) -> Self {
        match self {
            Self::When { failure, delay, .. } if failure || delay => Self::When {
                success: false,
                failure,
                delay,
            },
            _ => Self::Never,
        }
    }

    /// Whether a report of failure is wanted.
    #[must_use]
    pub fn failure(self) -> bool {
        matches!(self, Self::When { failure: true, .. })
    }

    /// Whether a report of delay is wanted.
    #[must_use]
    pub fn delay(self) -> bool {
        matches!(self, Self::When { delay: true, .. })
    }
}

impl Default for Notify {
    /// RFC 3461 §4.1: what may be taken for said where nothing is.
    fn default() -> Self {
        Self::When {
            success: false,
            failure: true,
            delay: true,
        }
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = [
            (self.success(), "SUCCESS"),
            (self.failure(), "FAILURE"),
            (self.delay(), "DELAY"),
        ];
        let words: Vec<_> = wanted
            .into_iter()
            .filter_map(|(is, word)| is.then_some(word))
            .collect();
        f.write_str(&if words.is_empty() {
            "NEVER".to_owned()
        } else {
            words.join(",")
        })
    }
}

impl Return {
    /// Of the value of the parameter, in any case.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        [Self::Full, Self::Headers]
            .into_iter()
            .find(|it| it.as_str().eq_ignore_ascii_case(value))
    }

    /// The value of the parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        }
    }
}

impl EnvelopeId {
    /// Of the value of the parameter.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > limits::ENVELOPE_ID {
            return None;
        }
        Self::new(&xtext::decode(value)?)
    }

    /// Of a text of printable ASCII whose value is no longer than RFC 3461 §4.4 allows.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = is_printable(text) && xtext::encode(text).len() <= limits::ENVELOPE_ID;
        fits.then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the parameter.
    #[must_use]
    pub fn encode(&self) -> String {
        xtext::encode(&self.0)
    }
}

impl OriginalRecipient {
    /// Of the value of the parameter: `addr-type ";" xtext`.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > limits::ORIGINAL_RECIPIENT {
            return None;
        }
        let (kind, encoded) = value.split_once(';')?;
        let address = if kind.eq_ignore_ascii_case("utf-8") {
            xtext::decode_unitext(encoded)?
        } else {
            xtext::decode(encoded)?
        };
        Self::new(kind, &address)
    }

    /// Of an address type (`rfc822`, `utf-8`) and an address.
    #[must_use]
    pub fn new(kind: &str, address: &str) -> Option<Self> {
        // addr-type = atom
        let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
        if kind.is_empty() || !kind.bytes().all(atom) || address.is_empty() {
            return None;
        }
        let clean = if kind.eq_ignore_ascii_case("utf-8") {
            !address.chars().any(char::is_control)
        } else {
            is_printable(address)
        };
        clean.then(|| Self {
            kind: kind.to_ascii_lowercase().into(),
            address: address.into(),
        })
    }

    /// The address type in lower case.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The address, decoded.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The value of the parameter, in 7-bit form unless the peer offers SMTPUTF8 (RFC 6533 §3).
    #[must_use]
    pub fn encode(&self, smtputf8: bool) -> String {
        let address = if &*self.kind == "utf-8" {
            xtext::encode_unitext(&self.address, !smtputf8)
        } else {
            xtext::encode(&self.address)
        };
        format!("{};{address}", self.kind)
    }
}

/// RFC 3461 §4.2, §4.4: printable (graphic and white space) characters of US-ASCII.
fn is_printable(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t'))
}
