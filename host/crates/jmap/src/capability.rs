//! What a client may say that it uses (RFC 8620 §2, §3.3). A capability is here when all of it works.

/// A capability that the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// `urn:ietf:params:jmap:core`
    Core,
    /// `urn:ietf:params:jmap:mail` (RFC 8621 §1.3.1)
    Mail,
    /// `urn:ietf:params:jmap:submission` (RFC 8621 §1.3.2)
    Submission,
    /// `urn:ietf:params:jmap:vacationresponse` (RFC 8621 §1.3.3)
    VacationResponse,
    /// `urn:ietf:params:jmap:blob` (RFC 9404 §3.1)
    Blob,
    /// `urn:ietf:params:jmap:quota` (RFC 9425 §2.1)
    Quota,
    /// `urn:ietf:params:jmap:mdn` (RFC 9007 §1.3)
    Mdn,
    /// `urn:ietf:params:jmap:websocket` (RFC 8887 §3)
    WebSocket,
    /// `urn:ietf:params:jmap:webpush-vapid` (RFC 9749 §3)
    Vapid,
    /// `urn:waxwing:params:jmap:why`: what policy did with a message is told, beside JMAP.
    Why,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Core,
        Self::Mail,
        Self::Submission,
        Self::VacationResponse,
        Self::Blob,
        Self::Quota,
        Self::Mdn,
        Self::WebSocket,
        Self::Vapid,
        Self::Why,
    ];

    /// Its URI.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Core => "urn:ietf:params:jmap:core",
            Self::Mail => "urn:ietf:params:jmap:mail",
            Self::Submission => "urn:ietf:params:jmap:submission",
            Self::VacationResponse => "urn:ietf:params:jmap:vacationresponse",
            Self::Blob => "urn:ietf:params:jmap:blob",
            Self::Quota => "urn:ietf:params:jmap:quota",
            Self::Mdn => "urn:ietf:params:jmap:mdn",
            Self::WebSocket => "urn:ietf:params:jmap:websocket",
            Self::Vapid => "urn:ietf:params:jmap:webpush-vapid",
            Self::Why => "urn:waxwing:params:jmap:why",
        }
    }

    /// Whether it is one of accounts, and not of the server alone (RFC 8620 §2: accountCapabilities, primaryAccounts).
    #[must_use]
    pub const fn of_accounts(self) -> bool {
        match self {
            Self::Core | Self::WebSocket | Self::Vapid => false,
            Self::Mail
            | Self::Submission
            | Self::VacationResponse
            | Self::Blob
            | Self::Quota
            | Self::Mdn
            | Self::Why => true,
        }
    }

    /// The capability of a URI.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.uri() == uri)
    }
}
