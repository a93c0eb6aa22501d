//! What a client may say that it uses (RFC 8620 §2, §3.3). A capability is here when all of it works.

/// A capability that the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// `urn:ietf:params:jmap:core`
    Core,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Core];

    /// Its URI.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Core => "urn:ietf:params:jmap:core",
        }
    }

    /// The capability of a URI.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.uri() == uri)
    }
}
