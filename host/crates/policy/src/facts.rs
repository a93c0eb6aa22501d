//! What the driver tells policy of a connection, a login and a transaction.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use waxwing_mail::{Identity, Param, Protocol, Recipient, Reply, ReversePath};

/// A connection, when it begins.
#[derive(Clone, Debug)]
pub struct ConnectionFacts {
    /// Unique among the sessions of this server.
    pub id: String,
    /// What is spoken.
    pub protocol: Protocol,
    /// The listener's name.
    pub listener: Arc<str>,
    /// The client's end.
    pub client: SocketAddr,
    /// This server's end.
    pub local: SocketAddr,
    /// What TLS settled, if the connection began with it.
    pub tls: Option<TlsFacts>,
}

/// What a TLS handshake settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.3` and the like.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// The server name that the client asked for (RFC 6066 §3).
    pub server_name: Option<String>,
}

/// Credentials to be verified.
#[derive(Clone)]
pub struct LoginAttempt {
    /// The mechanism, or the command that carried them: `PLAIN`, `LOGIN`, `USER`.
    pub mechanism: String,
    /// The authentication identity.
    pub user: String,
    /// The authorisation identity, empty if none was given.
    pub authorise_as: String,
    /// What is to show it.
    pub offered: Offered,
}

/// What a client offers to show that it is who it says.
#[derive(Clone, PartialEq, Eq)]
pub enum Offered {
    /// The password.
    Password(String),
    /// A proof that is to come: whose password it is to be of is what policy is asked. The name that it looked for is
    /// kept here.
    Sought(OnceLock<String>),
    /// A proof of a password.
    Proof {
        /// Whose, as policy said before.
        account: String,
        /// Whether it is right. If not, nobody is asked who it is.
        proved: bool,
    },
    /// What somebody vouches for whom the server trusts: of this account, or of none (a token, a certificate).
    Vouched(Option<String>),
}

impl Offered {
    /// The password, if one was said.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        match self {
            Self::Password(password) => Some(password),
            _ => None,
        }
    }
}

impl Offered {
    /// Whether it is known already to be nobody's, whatever a step would say.
    pub(crate) fn is_disproved(&self) -> bool {
        matches!(
            self,
            Self::Proof { proved: false, .. } | Self::Vouched(None)
        )
    }

    /// The only account that it proves anything of.
    pub(crate) fn proves(&self) -> Option<&str> {
        match self {
            Self::Proof { account, .. } | Self::Vouched(Some(account)) => Some(account),
            _ => None,
        }
    }
}

impl LoginAttempt {
    /// The name that policy looked for, or the one that was given.
    pub(crate) fn name(&self) -> String {
        let looked_for = match &self.offered {
            Offered::Sought(name) => name.get(),
            _ => None,
        };
        looked_for.unwrap_or(&self.user).to_lowercase()
    }
}

impl std::fmt::Debug for LoginAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the password.
        f.debug_struct("LoginAttempt")
            .field("mechanism", &self.mechanism)
            .field("user", &self.user)
            .field("authorise_as", &self.authorise_as)
            .finish_non_exhaustive()
    }
}

/// A transaction, when MAIL begins it.
#[derive(Clone, Debug)]
pub struct TransactionFacts {
    /// Under which the message is traced.
    pub queue_id: String,
    /// The value of MAIL FROM.
    pub sender: ReversePath,
    /// Its parameters.
    pub params: Vec<Param>,
    /// SIZE= in octets.
    pub declared_size: Option<u64>,
    /// SMTPUTF8 was asked for.
    pub smtputf8: bool,
}

/// A message in the outbound queue, or on its way into it.
#[derive(Clone, Debug)]
pub struct OutboundFacts {
    /// As of the transaction that it came with.
    pub transaction: TransactionFacts,
    /// Who had logged in there.
    pub identity: Option<Identity>,
    /// Whom it goes to, in the order of their numbers.
    pub recipients: Vec<Recipient>,
    /// The tags that the plugins of that transaction put on it.
    pub tags: Vec<(String, String)>,
}

/// Why a message leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody who had logged in sent it.
    Submitted,
    /// A client that may do so without a login sent it to another server.
    Relayed,
    /// It came for an address here that leads elsewhere.
    Forwarded,
    /// This server wrote it: a report.
    Reported,
}

/// An attempt to deliver to a recipient elsewhere; the default is the one before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// How long the message had been in the queue.
    pub queued: Duration,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The host that was talked to.
    pub host: Option<String>,
    /// What it replied.
    pub reply: Option<Reply>,
    /// Why there is no reply.
    pub failure: String,
    /// `TLSv1.3` and the like.
    pub tls: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// It has not been made.
    #[default]
    None,
    /// The next hop has the message.
    Delivered,
    /// Not now.
    Deferred,
    /// No.
    Refused,
}

impl AttemptOutcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
        }
    }
}

/// Something that happened in a mailbox, or with an account.
#[derive(Clone, Debug)]
pub struct MailboxEvent {
    /// In milliseconds since 1970.
    pub at: u64,
    /// The account's address.
    pub account: Arc<str>,
    /// Over what.
    pub protocol: Protocol,
    /// The id of the connection.
    pub session: String,
    /// What.
    pub change: MailboxChange,
}

/// What happened. UIDs are ranges, first and last, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxChange {
    /// Somebody logged in.
    Login,
    /// A session that was logged in ended.
    Logout,
    /// A message arrived.
    Deliver(Placed),
    /// A client stored a message.
    Append(Placed),
    /// Copies were made.
    Copy(Moved),
    /// Messages went elsewhere.
    Move(Moved),
    /// Flags changed.
    Flag {
        /// Where.
        mailbox: String,
        /// Which messages.
        uids: Vec<(u32, u32)>,
        /// `add`, `remove` or `set`.
        operation: &'static str,
        /// System flags (`\Seen`) and keywords.
        flags: Vec<String>,
    },
    /// Messages are gone.
    Expunge {
        /// Where.
        mailbox: String,
        /// Which messages.
        uids: Vec<(u32, u32)>,
    },
}

/// A message that came into a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Where.
    pub mailbox: String,
    /// Its UID there.
    pub uid: u32,
    /// Its flags.
    pub flags: Vec<String>,
}

/// Messages that came from another mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// From where.
    pub source: String,
    /// Where to.
    pub mailbox: String,
    /// Their UIDs there.
    pub uids: Vec<(u32, u32)>,
}

impl MailboxChange {
    /// The word for it in the contract.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Deliver(_) => "deliver",
            Self::Append(_) => "append",
            Self::Copy(_) => "copy",
            Self::Move(_) => "move",
            Self::Flag { .. } => "flag",
            Self::Expunge { .. } => "expunge",
        }
    }

    /// Where the messages are.
    pub(crate) fn mailbox(&self) -> &str {
        match self {
            Self::Login | Self::Logout => "",
            Self::Deliver(placed) | Self::Append(placed) => &placed.mailbox,
            Self::Copy(moved) | Self::Move(moved) => &moved.mailbox,
            Self::Flag { mailbox, .. } | Self::Expunge { mailbox, .. } => mailbox,
        }
    }

    /// Where they came from.
    pub(crate) fn source(&self) -> Option<&str> {
        match self {
            Self::Copy(moved) | Self::Move(moved) => Some(&moved.source),
            _ => None,
        }
    }

    /// Their UIDs.
    pub(crate) fn uids(&self) -> Vec<(u32, u32)> {
        match self {
            Self::Login | Self::Logout => Vec::new(),
            Self::Deliver(placed) | Self::Append(placed) => vec![(placed.uid, placed.uid)],
            Self::Copy(moved) | Self::Move(moved) => moved.uids.clone(),
            Self::Flag { uids, .. } | Self::Expunge { uids, .. } => uids.clone(),
        }
    }

    /// What was done to the flags.
    pub(crate) const fn flag_operation(&self) -> &'static str {
        match self {
            Self::Flag { operation, .. } => operation,
            _ => "",
        }
    }

    /// The flags.
    pub(crate) fn flags(&self) -> &[String] {
        match self {
            Self::Deliver(placed) | Self::Append(placed) => &placed.flags,
            Self::Flag { flags, .. } => flags,
            _ => &[],
        }
    }
}
