//! What policy says of mail that leaves.

use std::fmt;
use std::time::Duration;

use waxwing_mail::Reply;

use super::{HeaderEdit, Notice};

/// What becomes of a message that enters the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitOutcome {
    /// Whether it does.
    pub fate: SubmitFate,
    /// The keys to sign with, in the order in which the steps named them.
    pub signatures: Vec<DkimKey>,
    /// The key to seal with what was found out about the message when it came (RFC 8617).
    pub seal: Option<DkimKey>,
    /// -9 to 9 (RFC 6710 §4.1), in the place of what the message came with.
    pub priority: Option<i8>,
    /// Changes to the header, to be made before anything is signed.
    pub edits: Vec<HeaderEdit>,
    /// All tags of the message.
    pub tags: Vec<(String, String)>,
}

/// Whether a message enters the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitFate {
    /// It does.
    Queue,
    /// It does, and stays until somebody lets it go; the text says why.
    Hold(String),
    /// It does not: a reply of 4yz or 5yz.
    Refuse(Reply),
    /// It is dropped, silently.
    Discard,
}

/// A DKIM key of this server (RFC 6376), or all of a domain that sign at the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKey {
    /// `d=`, lower-case A-labels.
    pub domain: String,
    /// `s=`; empty for all.
    pub selector: String,
}

impl fmt::Display for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.selector.as_str() {
            "" => f.write_str(&self.domain),
            selector => write!(f, "{} {selector}", self.domain),
        }
    }
}

/// What is to be done about a recipient elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboundOutcome {
    /// Attempt it like this.
    Attempt(Box<Plan>),
    /// Not until somebody lets it go; the text says why.
    Hold(String),
    /// Ask again after this time.
    Later(Duration),
    /// Give it up and tell the sender this (5yz).
    Bounce(Reply),
}

/// How an attempt is made; what is empty is as the server's configuration has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Where to.
    pub hop: NextHop,
    /// What of TLS is demanded.
    pub tls: Option<TlsPolicy>,
    /// The configured source to send from.
    pub source: Option<String>,
    /// Waits between attempts; the last of them stays.
    pub retry_after: Vec<Duration>,
    /// When it is given up, from its entry into the queue.
    pub expire_after: Option<Duration>,
    /// Connections to the next hop at once.
    pub connections: Option<u32>,
    /// Messages a minute to the next hop.
    pub rate: Option<u32>,
}

/// Where an attempt goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum NextHop {
    /// To the MX hosts of the recipient's domain.
    #[default]
    Mx,
    /// To those of another domain.
    MxOf(String),
    /// To these, in their order.
    Relay(Vec<RelayHost>),
    /// By LMTP to `host:port` or the path of a socket.
    Lmtp(String),
}

/// A host to send through.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelayHost {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS from the first octet (RFC 8314).
    pub implicit_tls: bool,
    /// The name of the credentials to log in with.
    pub secret: Option<String>,
}

/// How the connection to the next hop is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsPolicy {
    /// Never.
    Never,
    /// If it is offered, whoever it is.
    Opportunistic,
    /// Always, whoever it is.
    Encrypt,
    /// Always, with a certificate that names the hop.
    Verify,
    /// By DANE (RFC 7672).
    Dane,
    /// By MTA-STS (RFC 8461).
    MtaSts,
    /// By DANE or MTA-STS where the domain publishes one.
    Published,
}

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultOutcome {
    /// What the outcome and the schedule say.
    AsUsual,
    /// Another attempt.
    Retry {
        /// After this time.
        after: Duration,
        /// Whether the sender is told of the delay.
        notice: Notice,
    },
    /// No further attempt.
    GiveUp(Notice),
}

impl fmt::Display for Plan {
    /// As the ledger tells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hop {
            NextHop::Mx => f.write_str("to its MX")?,
            NextHop::MxOf(domain) => write!(f, "to the MX of {domain}")?,
            NextHop::Lmtp(address) => write!(f, "by LMTP to {address}")?,
            NextHop::Relay(hosts) => {
                f.write_str("through")?;
                for host in hosts {
                    write!(f, " {}:{}", host.host, host.port)?;
                }
            }
        }
        if let Some(tls) = self.tls {
            write!(f, ", TLS {}", tls.as_str())?;
        }
        if let Some(source) = &self.source {
            write!(f, ", from {source}")?;
        }
        Ok(())
    }
}

impl TlsPolicy {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Opportunistic => "opportunistic",
            Self::Encrypt => "encrypt",
            Self::Verify => "verify",
            Self::Dane => "dane",
            Self::MtaSts => "mta-sts",
            Self::Published => "published",
        }
    }
}
