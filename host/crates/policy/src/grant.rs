//! The rights that `policy.toml` gives to a step.

/// A right: an interface that a step's plugin may import, or what its answers may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grant {
    /// Read the content.
    Message,
    /// Change the message, choose its mailbox.
    Actions,
    /// Remember.
    Kv,
    /// See logins and verify them.
    Credentials,
    /// Domains, accounts and aliases.
    Directory,
    /// Who a message is from.
    AuthResults,
    /// Ask the DNS.
    Dns,
    /// Ask lists in the DNS.
    Dnsbl,
    /// Send requests to servers.
    Http,
    /// Hash passwords.
    Passwords,
    /// What accounts answer while somebody is away.
    Vacation,
    /// Its `accept` of a recipient that is not ours lets the message through: relaying.
    Relay,
}

impl Grant {
    /// All of them.
    pub(crate) const ALL: [Self; 12] = [
        Self::Message,
        Self::Actions,
        Self::Kv,
        Self::Credentials,
        Self::Directory,
        Self::AuthResults,
        Self::Dns,
        Self::Dnsbl,
        Self::Http,
        Self::Passwords,
        Self::Vacation,
        Self::Relay,
    ];

    /// Its name in `policy.toml`; that of an import is the name of the interface.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Actions => "actions",
            Self::Kv => "kv",
            Self::Credentials => "credentials",
            Self::Directory => "directory",
            Self::AuthResults => "auth-results",
            Self::Dns => "dns",
            Self::Dnsbl => "dnsbl",
            Self::Http => "http",
            Self::Passwords => "passwords",
            Self::Vacation => "vacation",
            Self::Relay => "relay",
        }
    }

    /// The right of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == name)
    }
}
