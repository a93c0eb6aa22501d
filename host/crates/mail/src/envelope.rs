//! What MAIL and RCPT said, with their parameters.
//!
//! Standards: RFC 5321 §3.3, RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8).
//! Invariants: the host that keeps a message keeps exactly this beside it.

use crate::path::{ForwardPath, ReversePath};

/// An esmtp-param of MAIL or RCPT (RFC 5321 §4.1.2), kept as the peer wrote its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Param {
    /// The keyword in upper case.
    pub name: Box<str>,
    /// What stood after `=`, if it did.
    pub value: Option<Box<str>>,
}

/// An accepted RCPT.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recipient {
    /// To whom.
    pub path: ForwardPath,
    /// The parameters of RCPT.
    pub params: Vec<Param>,
}

/// BODY= of MAIL (RFC 6152 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Body {
    /// `7BIT`, or nothing said.
    #[default]
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
}

/// A reverse path, recipients and what the peer said about the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The value of MAIL FROM.
    pub sender: ReversePath,
    /// The parameters of MAIL, all of them, those below too.
    pub params: Vec<Param>,
    /// The accepted recipients in the order of their RCPT.
    pub recipients: Vec<Recipient>,
    /// Whether MAIL had SMTPUTF8 (RFC 6531 §3.4).
    pub smtputf8: bool,
    /// BODY= of MAIL.
    pub body: Body,
    /// SIZE= of MAIL in octets (RFC 1870 §6), a hint.
    pub declared_size: Option<u64>,
}

impl Envelope {
    /// An envelope with a sender and nothing else.
    #[must_use]
    pub fn new(sender: ReversePath) -> Self {
        Self {
            sender,
            params: Vec::new(),
            recipients: Vec::new(),
            smtputf8: false,
            body: Body::default(),
            declared_size: None,
        }
    }
}
