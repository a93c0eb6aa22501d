//! `local-part@domain`: parsed from and printed as RFC 5321 §4.1.2 writes it.
//!
//! Standards: RFC 5321 §4.1.2 (`Mailbox`), RFC 6531 §3.3 (UTF-8 in both halves).
//! Invariants: the local part is kept without quotes and escapes, in NFC where it is not ASCII, and is never
//! empty; it holds no control character. Print and parse are inverse.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::domain::{Domain, DomainError};
use crate::limits;

/// A mail address, its local part unquoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: Box<str>,
    domain: Domain,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@` after the local part.
    #[error("the address has no domain")]
    NoDomain,
    /// The local part is empty or is neither a Dot-string nor a Quoted-string.
    #[error("the local part is not valid")]
    LocalPart,
    /// Longer than [`limits::LOCAL_PART`].
    #[error("the local part is too long")]
    LocalPartTooLong,
    /// The domain or address literal is not valid.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl Address {
    /// An address of an unquoted local part and a domain.
    pub fn new(local: &str, domain: Domain) -> Result<Self, AddressError> {
        // RFC 5321 §4.1.2: qtextSMTP and quoted-pairSMTP have no control characters.
        if local.is_empty() || local.chars().any(char::is_control) {
            return Err(AddressError::LocalPart);
        }
        // RFC 6532 §3.1: NFC is what mail is normalised to.
        let local: Box<str> = if local.is_ascii() {
            local.into()
        } else {
            local.nfc().collect()
        };
        if local.len() > limits::LOCAL_PART {
            return Err(AddressError::LocalPartTooLong);
        }
        Ok(Self { local, domain })
    }

    /// Parses a whole `Mailbox`: `bob@example.org`, `"bob smith"@example.org`, `bob@[192.0.2.1]`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, rest) = local_part(text)?;
        let domain = rest.strip_prefix('@').ok_or(AddressError::NoDomain)?;
        Self::new(&local, Domain::parse(domain)?)
    }

    /// The local part without quotes, in the case in which it was written.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain, lower-case A-labels or a literal.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Whether a server without SMTPUTF8 can take this address (RFC 6531 §3.2).
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii()
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local) {
            return write!(f, "{}@{}", self.local, self.domain);
        }
        f.write_str("\"")?;
        for c in self.local.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        write!(f, "\"@{}", self.domain)
    }
}

/// Splits the local part, unquoted, from what follows it.
pub(crate) fn local_part(text: &str) -> Result<(std::borrow::Cow<'_, str>, &str), AddressError> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (local, rest) = quoted_string(quoted)?;
        return Ok((local.into(), rest));
    }
    // The `@` ends a Dot-string: it may not stand in one.
    let end = text.find('@').ok_or(AddressError::NoDomain)?;
    let (local, rest) = text.split_at(end);
    if !is_dot_string(local) {
        return Err(AddressError::LocalPart);
    }
    Ok((local.into(), rest))
}

/// `Dot-string = Atom *("." Atom)`, with UTF-8 as RFC 6531 §3.3 adds it to `atext`.
fn is_dot_string(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(c)
        || (!c.is_ascii() && !c.is_control())
}

/// `Quoted-string` after its opening quote.
fn quoted_string(text: &str) -> Result<(String, &str), AddressError> {
    let mut local = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((local, text.get(at + 1..).unwrap_or_default())),
            '\\' => match chars.next() {
                // quoted-pairSMTP = %d92 %d32-126
                Some((_, c @ ' '..='~')) => local.push(c),
                _ => return Err(AddressError::LocalPart),
            },
            c if c.is_control() => return Err(AddressError::LocalPart),
            c => local.push(c),
        }
    }
    Err(AddressError::LocalPart)
}
