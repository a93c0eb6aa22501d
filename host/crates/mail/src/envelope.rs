//! What MAIL and RCPT said, with their parameters.
//!
//! Standards: RFC 5321 §3.3, RFC 1870 (SIZE), RFC 6152 and RFC 3030 (BODY), RFC 6531 (SMTPUTF8), RFC 3461 (reports),
//! RFC 8689 (REQUIRETLS), RFC 4865 (HOLDFOR, HOLDUNTIL), RFC 2852 (BY), RFC 6710 (MT-PRIORITY).
//! Invariants: the host that keeps a message keeps exactly this beside it.

use std::time::Duration;

use crate::dsn::{EnvelopeId, Notify, OriginalRecipient, Return};
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
    /// The parameters of RCPT, all of them, those below too.
    pub params: Vec<Param>,
    /// NOTIFY= of RCPT (RFC 3461 §4.1), if it was said.
    pub notify: Option<Notify>,
    /// ORCPT= of RCPT (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
}

impl Recipient {
    /// A recipient without parameters.
    #[must_use]
    pub fn new(path: ForwardPath) -> Self {
        Self {
            path,
            params: Vec::new(),
            notify: None,
            original: None,
        }
    }
}

/// BODY= of MAIL (RFC 6152 §3, RFC 3030 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Body {
    /// `7BIT`, or nothing said.
    #[default]
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
    /// `BINARYMIME`: any octets, lines or not.
    BinaryMime,
}

impl Body {
    /// The value of the parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SevenBit => "7BIT",
            Self::EightBitMime => "8BITMIME",
            Self::BinaryMime => "BINARYMIME",
        }
    }
}

/// When a message is to be sent on at the earliest (RFC 4865).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// HOLDFOR=: so long after it was taken.
    After(Duration),
    /// HOLDUNTIL=: at this time.
    At(jiff::Timestamp),
}

/// BY= of MAIL (RFC 2852 §4): by when the message is to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliverBy {
    /// Seconds from when it was taken; may be past with [`ByMode::Notify`].
    pub seconds: i64,
    /// What happens if it is not.
    pub mode: ByMode,
    /// `T`: a report is wanted each time that it is handed on to a server that keeps the promise, too.
    pub trace: bool,
}

/// What happens to a message that was not delivered in time (RFC 2852 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByMode {
    /// `N`: a report of the delay.
    Notify,
    /// `R`: it is returned.
    Return,
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
    /// RET= of MAIL.
    pub ret: Option<Return>,
    /// ENVID= of MAIL.
    pub id: Option<EnvelopeId>,
    /// REQUIRETLS: it may be sent on over verified TLS only (RFC 8689 §4).
    pub require_tls: bool,
    /// HOLDFOR= or HOLDUNTIL= of MAIL.
    pub release: Option<Release>,
    /// BY= of MAIL.
    pub deliver_by: Option<DeliverBy>,
    /// MT-PRIORITY= of MAIL, -9 to 9 (RFC 6710 §5); whether it counts is for policy to say.
    pub priority: Option<i8>,
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
            ret: None,
            id: None,
            require_tls: false,
            release: None,
            deliver_by: None,
            priority: None,
        }
    }
}
