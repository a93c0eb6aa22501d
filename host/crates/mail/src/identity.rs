//! Who is logged in, and by which protocol a session speaks.
//!
//! Standards: RFC 4422 §3.4.1 (authentication and authorisation identities).
//! Invariants: an [`Identity`] exists only after a policy step granted it.

use std::fmt;

/// The protocol of a session, as policy and trace fields name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Port 25: inbound and relay.
    Smtp,
    /// Ports 587 and 465.
    Submission,
    /// RFC 2033.
    Lmtp,
    /// RFC 3501, RFC 9051.
    Imap,
    /// RFC 1939.
    Pop3,
    /// RFC 8620.
    Jmap,
    /// RFC 5804.
    ManageSieve,
    /// The administration API.
    Api,
}

impl Protocol {
    /// The name in lower case, as in the policy contract and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Lmtp => "lmtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Jmap => "jmap",
            Self::ManageSieve => "managesieve",
            Self::Api => "api",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The outcome of a login.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Whose credentials were right.
    pub account: Box<str>,
    /// As whom the session acts; the account itself unless it asked for another and was allowed.
    pub authorised_as: Box<str>,
    /// The mechanism, such as `PLAIN`.
    pub mechanism: Box<str>,
}
