//! What one listener's sessions have in common; shared by them all.

use std::time::Duration;

use waxwing_mail::{Protocol, limits};
use waxwing_sasl::Mechanism;

/// Which of the three protocols a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Port 25: inbound and relay.
    Transfer,
    /// Ports 587 and 465 (RFC 6409).
    Submission,
    /// LMTP (RFC 2033).
    Delivery,
}

impl Mode {
    /// The protocol as policy and trace fields name it.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Transfer => Protocol::Smtp,
            Self::Submission => Protocol::Submission,
            Self::Delivery => Protocol::Lmtp,
        }
    }
}

/// The settings of a listener.
#[derive(Clone, Debug)]
pub struct Config {
    /// This host's name, as greetings say it.
    pub hostname: Box<str>,
    /// What is spoken.
    pub mode: Mode,
    /// There is a certificate: STARTTLS is offered where TLS is not on yet.
    pub starttls: bool,
    /// AUTH is offered.
    pub auth: bool,
    /// What AUTH offers, in this order; those tied to the TLS connection only where it can be.
    pub mechanisms: Vec<Mechanism>,
    /// AUTH is offered without TLS too.
    pub plaintext_auth: bool,
    /// MAIL needs a login first (RFC 6409 §4.3).
    pub require_auth: bool,
    /// What is offered beside what always is.
    pub extensions: Extensions,
    /// Bounds on sizes and counts.
    pub limits: Limits,
    /// Bounds on time.
    pub timeouts: Timeouts,
}

impl Config {
    /// The usual settings of a mode: AUTH (with TLS only) and its need for submission, STARTTLS off.
    #[must_use]
    pub fn new(hostname: impl Into<Box<str>>, mode: Mode) -> Self {
        let submission = mode == Mode::Submission;
        Self {
            hostname: hostname.into(),
            mode,
            starttls: false,
            auth: submission,
            mechanisms: Mechanism::OFFERED.to_vec(),
            plaintext_auth: false,
            require_auth: submission,
            extensions: Extensions::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// Extensions that need more than the session to keep what they promise. Each is listed, and its parameters are taken,
/// only where it is on; the default is what needs nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Extensions {
    /// CHUNKING, the command BDAT (RFC 3030).
    pub chunking: bool,
    /// BINARYMIME (RFC 3030): whoever takes messages must keep and pass on any octets. Needs `chunking`.
    pub binary_mime: bool,
    /// DSN (RFC 3461): whoever takes messages must report.
    pub dsn: bool,
    /// REQUIRETLS (RFC 8689), listed under TLS: whoever takes messages must send them on over verified TLS only.
    pub require_tls: bool,
    /// LIMITS (RFC 9422).
    pub limits: bool,
    /// FUTURERELEASE (RFC 4865), for submission: the longest time that a message is held. Needs
    /// [`ServerSession::at`](crate::ServerSession::at).
    pub future_release: Option<Duration>,
    /// DELIVERBY (RFC 2852), not for LMTP: the shortest time after which a message may be asked back; zero: any.
    pub deliver_by: Option<Duration>,
    /// MT-PRIORITY (RFC 6710).
    pub mt_priority: bool,
}

impl Default for Extensions {
    fn default() -> Self {
        Self {
            chunking: true,
            binary_mime: false,
            dsn: false,
            require_tls: false,
            limits: true,
            future_release: None,
            deliver_by: None,
            mt_priority: false,
        }
    }
}

/// Bounds on what a peer can make large.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest message in octets, announced by SIZE (RFC 1870).
    pub message: u64,
    /// How much content beyond that is read and thrown away so that a 552 can be given, before the session closes.
    pub excess: u64,
    /// The longest line of content, CRLF included. RFC 5321 §4.5.3.1.6 asks for 1000; real mail has longer ones.
    pub text_line: u64,
    /// Recipients of a message, at least 100 (RFC 5321 §4.5.3.1.8).
    pub recipients: usize,
    /// Commands that were in error, failed logins among them, before the session closes.
    pub errors: u32,
    /// Commands other than RCPT and DATA since the last message that was complete, before the session closes.
    pub idle_commands: u32,
    /// Commands of any kind since the last message that was complete, before the session closes.
    pub commands: u32,
    /// Octets that are kept of what arrives while an ask is out.
    pub backlog: usize,
    /// Octets of content that must come each second, beyond [`Timeouts::slack`]; 0: any number.
    pub rate: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 50 << 20,
            excess: 100 << 20,
            text_line: 1 << 20,
            recipients: 10 * limits::RECIPIENTS,
            errors: 20,
            idle_commands: 200,
            commands: 10_000,
            backlog: 1 << 20,
            rate: 64,
        }
    }
}

/// Bounds on time (RFC 5321 §4.5.3.2).
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From one reply to the end of the next command: §4.5.3.2.7 says 5 minutes.
    pub command: Duration,
    /// From one piece of content to the next: §4.5.3.2.5 says 3 minutes for the sender.
    pub data_block: Duration,
    /// From the 354 to the end of the content.
    pub data: Duration,
    /// How long content may come slower than [`Limits::rate`], in all.
    pub slack: Duration,
    /// From MAIL to the end of the content.
    pub transaction: Duration,
    /// From the beginning to the last command, where nobody logs in; a running transaction is not cut.
    pub session: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            command: Duration::from_secs(5 * 60),
            data_block: Duration::from_secs(5 * 60),
            data: Duration::from_secs(60 * 60),
            slack: Duration::from_secs(5 * 60),
            transaction: Duration::from_secs(60 * 60),
            session: Duration::from_secs(2 * 60 * 60),
        }
    }
}
