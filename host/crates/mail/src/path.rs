//! The paths of MAIL and RCPT.
//!
//! Standards: RFC 5321 §4.1.2 (`Reverse-path`, `Forward-path`), §3.6.1 and appendix C (source routes are taken and
//! ignored), §4.5.1 (`<Postmaster>`), §4.5.3.1.3 (256 octets).
//! Invariants: a printed path parses to itself, unless A-labels have made it longer than a path may be.

use std::fmt;

use crate::address::{Address, AddressError};
use crate::domain::Domain;
use crate::limits;

/// The value of MAIL FROM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: a report that must not be reported on (RFC 5321 §4.5.5).
    Null,
    /// Who is told of failures.
    Address(Address),
}

/// The value of RCPT TO.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain: the postmaster of this host.
    Postmaster,
    /// An address.
    Address(Address),
}

/// Why a text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The brackets are missing.
    #[error("the path is not in angle brackets")]
    Brackets,
    /// RFC 5321 §4.5.3.1.3.
    #[error("the path is too long")]
    TooLong,
    /// The source route is malformed.
    #[error("the source route is not valid")]
    Route,
    /// The address is not valid.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl ReversePath {
    /// Takes a reverse path off the front of `text`; gives it and what follows the closing bracket.
    pub fn split(text: &str) -> Result<(Self, &str), PathError> {
        let (inner, rest) = brackets(text)?;
        if inner.is_empty() {
            return Ok((Self::Null, rest));
        }
        Ok((Self::Address(Address::parse(without_route(inner)?)?), rest))
    }

    /// The address, unless this is the null path.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }
}

impl ForwardPath {
    /// Takes a forward path off the front of `text`; gives it and what follows the closing bracket.
    pub fn split(text: &str) -> Result<(Self, &str), PathError> {
        let (inner, rest) = brackets(text)?;
        // RFC 5321 §4.1.1.3: `Postmaster` in any case.
        if inner.eq_ignore_ascii_case("postmaster") {
            return Ok((Self::Postmaster, rest));
        }
        Ok((Self::Address(Address::parse(without_route(inner)?)?), rest))
    }

    /// The address, unless this is `<Postmaster>`.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Postmaster => None,
            Self::Address(address) => Some(address),
        }
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("<Postmaster>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

/// What stands between the brackets, and what follows them. A `>` in a quoted string closes nothing.
fn brackets(text: &str) -> Result<(&str, &str), PathError> {
    let inner = text.strip_prefix('<').ok_or(PathError::Brackets)?;
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => {
                if at + 2 > limits::PATH {
                    return Err(PathError::TooLong);
                }
                let (path, rest) = inner.split_at(at);
                return Ok((path, rest.get(1..).unwrap_or_default()));
            }
            _ => {}
        }
    }
    Err(PathError::Brackets)
}

/// RFC 5321 appendix C: `[ A-d-l ":" ]` is accepted and ignored.
fn without_route(inner: &str) -> Result<&str, PathError> {
    if !inner.starts_with('@') {
        return Ok(inner);
    }
    let (route, address) = split_route(inner).ok_or(PathError::Route)?;
    for hop in route.split(',') {
        let domain = hop.strip_prefix('@').ok_or(PathError::Route)?;
        Domain::parse(domain).map_err(|_| PathError::Route)?;
    }
    Ok(address)
}

/// Splits at the colon that ends the route, not at one inside an address literal.
fn split_route(inner: &str) -> Option<(&str, &str)> {
    let mut literal = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'[' => literal = true,
            b']' => literal = false,
            b':' if !literal => return Some((inner.get(..at)?, inner.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}
