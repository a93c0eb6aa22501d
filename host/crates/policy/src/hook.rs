//! The hooks of this release, in the order of a message's life.

use std::fmt;

use serde::{Serialize, Serializer};

/// A hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Hook {
    /// A client connected.
    Connect,
    /// It greeted.
    Ehlo,
    /// Before and after its credentials are checked.
    Login,
    /// Its credentials.
    Authenticate,
    /// MAIL FROM.
    MailFrom,
    /// RCPT TO.
    RcptTo,
    /// DATA: the content is about to come.
    Data,
    /// The content is in.
    Message,
    /// The findings are in.
    Verdict,
    /// Where a recipient leads.
    RouteInbound,
    /// Whether there is room.
    Quota,
    /// What limits hold, to be shown.
    QuotaLimits,
    /// Final delivery.
    Deliver,
    /// A message enters the outbound queue.
    Submit,
    /// Before an attempt to deliver elsewhere.
    RouteOutbound,
    /// After it.
    DeliveryResult,
    /// Something happened in a mailbox.
    Mailbox,
    /// Time passed.
    Tick,
}

impl Hook {
    /// All of them, in order.
    pub const ALL: [Self; 18] = [
        Self::Connect,
        Self::Ehlo,
        Self::Login,
        Self::Authenticate,
        Self::MailFrom,
        Self::RcptTo,
        Self::Data,
        Self::Message,
        Self::Verdict,
        Self::RouteInbound,
        Self::Quota,
        Self::QuotaLimits,
        Self::Deliver,
        Self::Submit,
        Self::RouteOutbound,
        Self::DeliveryResult,
        Self::Mailbox,
        Self::Tick,
    ];

    /// The name in `policy.toml`, in metrics and in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Ehlo => "ehlo",
            Self::Login => "login",
            Self::Authenticate => "authenticate",
            Self::MailFrom => "mail-from",
            Self::RcptTo => "rcpt-to",
            Self::Data => "data",
            Self::Message => "message",
            Self::Verdict => "verdict",
            Self::RouteInbound => "route-inbound",
            Self::Quota => "quota",
            Self::QuotaLimits => "quota-limits",
            Self::Deliver => "deliver",
            Self::Submit => "submit",
            Self::RouteOutbound => "route-outbound",
            Self::DeliveryResult => "delivery-result",
            Self::Mailbox => "mailbox",
            Self::Tick => "tick",
        }
    }

    /// The hook of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.as_str() == name)
    }

    /// Whether it is asked before any transaction.
    pub(crate) const fn is_of_connection(self) -> bool {
        matches!(
            self,
            Self::Connect | Self::Ehlo | Self::Login | Self::Authenticate
        )
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Hook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
