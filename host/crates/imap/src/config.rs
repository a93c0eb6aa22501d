//! What a session is told when it starts: names, TLS, limits. Shared by all sessions of a listener.

use std::time::Duration;

use waxwing_sasl::Mechanism;

/// The state of TLS on a connection when the session starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// The connection is already secured (implicit TLS).
    Active,
    /// STARTTLS is offered.
    Offered,
    /// There is no TLS on this listener.
    Unavailable,
}

/// The settings of a listener. Share one `Arc<Config>` among its sessions.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name in the greeting and BYE, e.g. `mx.example.org`.
    pub host_name: String,
    /// TLS at the start of a session.
    pub tls: Tls,
    /// Whether logins are taken without TLS; otherwise `LOGINDISABLED` (RFC 3501 §6.2.3).
    pub plaintext_auth: bool,
    /// What AUTHENTICATE offers, in this order; those tied to the TLS connection only where it can be.
    pub mechanisms: Vec<Mechanism>,
    /// Whether a client may log out and stay, to log in as somebody else (RFC 8437 §8: it can be disabled).
    pub unauthenticate: bool,
    /// A URI by which the administrator is reached (RFC 5464 §6.2.2); empty: nothing is said of that.
    pub contact: String,
    /// Fields of the ID response (RFC 2971), in order, e.g. `("name", "Waxwing")`.
    pub id: Vec<(String, String)>,
    /// Bounds on what a client can make large.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host_name: String::from("localhost"),
            tls: Tls::Unavailable,
            plaintext_auth: false,
            mechanisms: Mechanism::OFFERED
                .into_iter()
                // There is a command for it.
                .filter(|mechanism| *mechanism != Mechanism::Login)
                .collect(),
            unauthenticate: false,
            contact: String::new(),
            id: vec![(String::from("name"), String::from("Waxwing"))],
            limits: Limits::default(),
        }
    }
}

/// Bounds on what a client can make large. Sizes in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One line of a command, without its literals. RFC 2683 §3.2.1.5 asks for 8000 at least.
    pub line: usize,
    /// A whole command with its literals, APPEND's message excepted.
    pub command: usize,
    /// A message given to APPEND.
    pub message: u64,
    /// Messages that one command is about (RFC 9738 §3: no fewer than 1,000). Clients that do not know of it take what is left out for gone, so
    /// that it is to be more than any mailbox has.
    pub messages: u32,
    /// Sequence-set elements and search keys in one command.
    pub elements: usize,
    /// Parentheses, NOTs and ORs inside one another in SEARCH.
    pub nesting: usize,
    /// Commands that are not understood (BAD) in a row before the session says BYE.
    pub bad_commands: u32,
    /// LOGIN and AUTHENTICATE attempts that fail before the session says BYE.
    pub failed_logins: u32,
    /// Time from the beginning until the session ends if nobody logs in.
    pub login_timeout: Duration,
    /// Idle time after login until the session ends. RFC 3501 §5.4: 30 minutes at least.
    pub idle_timeout: Duration,
}

impl Limits {
    /// Octets of a message given to APPEND as clients are told of it (RFC 7889 §5: a number of 32 bits).
    pub(crate) fn append_limit(&self) -> u32 {
        u32::try_from(self.message).unwrap_or(u32::MAX)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 64 * 1024,
            command: 256 * 1024,
            message: 50 * 1024 * 1024,
            messages: 1_000_000,
            elements: 10_000,
            nesting: 32,
            bad_commands: 20,
            failed_logins: 5,
            login_timeout: Duration::from_secs(3 * 60),
            idle_timeout: Duration::from_secs(30 * 60),
        }
    }
}
