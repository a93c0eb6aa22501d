//! A domain name or address literal, in the one form in which two of them may be compared.
//!
//! Standards: RFC 5321 §4.1.2 and §4.1.3, RFC 1035 §2.3.4, RFC 5890 (A-labels), UTS #46 by the `idna` crate.
//! Invariants: lower case; names are A-labels; a literal keeps its brackets, its address in canonical text.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits;

/// A lower-case A-label domain (`xn--bcher-kva.example`) or an address literal (`[192.0.2.1]`, `[ipv6:2001:db8::1]`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

/// Why a text is no domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Nothing, or an empty label.
    #[error("the domain has an empty label")]
    Empty,
    /// RFC 5321 §4.5.3.1.2 or RFC 1035 §2.3.4.
    #[error("the domain is too long")]
    TooLong,
    /// A character or a hyphen where none may be, or no valid U-label.
    #[error("the domain is not valid")]
    Invalid,
    /// Brackets around what is no address (RFC 5321 §4.1.3).
    #[error("the address literal is not valid")]
    Literal,
}

impl Domain {
    /// Takes a name of A-labels or U-labels, in any case, or an address literal with its brackets.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        if let Some(inner) = text.strip_prefix('[') {
            return literal(inner.strip_suffix(']').ok_or(DomainError::Literal)?);
        }
        if text.is_empty() {
            return Err(DomainError::Empty);
        }
        if text.len() > limits::DOMAIN {
            return Err(DomainError::TooLong);
        }
        if text.is_ascii() {
            check_labels(text)?;
            return Ok(Self(text.to_ascii_lowercase().into()));
        }
        // RFC 6531 §3.3: a U-label is one that IDNA takes.
        let ascii = idna::domain_to_ascii(text).map_err(|_| DomainError::Invalid)?;
        check_labels(&ascii)?;
        Ok(Self(ascii.into()))
    }

    /// The lower-case A-label form, or the literal with its brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an address literal.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.0.starts_with('[')
    }

    /// The U-label form, for people to read; the same as [`Domain::as_str`] where there is none.
    #[must_use]
    pub fn to_unicode(&self) -> String {
        if !self.0.contains("xn--") {
            return self.0.to_string();
        }
        match idna::domain_to_unicode(&self.0) {
            (text, Ok(())) => text,
            (_, Err(_)) => self.0.to_string(),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 5321 §4.1.2: `sub-domain = Let-dig [Ldh-str]`.
/// Deviation: the underscore is taken too, since hosts that send real mail have it in their names.
fn check_labels(name: &str) -> Result<(), DomainError> {
    if name.len() > limits::DOMAIN {
        return Err(DomainError::TooLong);
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(DomainError::Empty);
        }
        if label.len() > limits::LABEL {
            return Err(DomainError::TooLong);
        }
        let letters = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !letters || label.starts_with('-') || label.ends_with('-') {
            return Err(DomainError::Invalid);
        }
    }
    Ok(())
}

/// RFC 5321 §4.1.3. General-address-literal is refused: no tag but `IPv6` was ever registered.
fn literal(inner: &str) -> Result<Domain, DomainError> {
    let bytes = inner.as_bytes();
    let address: IpAddr = if bytes
        .get(..5)
        .is_some_and(|tag| tag.eq_ignore_ascii_case(b"IPv6:"))
    {
        let text = inner.get(5..).unwrap_or_default();
        text.parse::<Ipv6Addr>()
            .map_err(|_| DomainError::Literal)?
            .into()
    } else {
        inner
            .parse::<Ipv4Addr>()
            .map_err(|_| DomainError::Literal)?
            .into()
    };
    Ok(address.into())
}

impl From<IpAddr> for Domain {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self(format!("[{v4}]").into()),
            IpAddr::V6(v6) => Self(format!("[ipv6:{v6}]").into()),
        }
    }
}
