//! What a listener sets for its POP3 sessions.

use std::time::Duration;

use waxwing_sasl::{Channel, Mechanism};

/// Settings shared by all sessions of a listener.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's own name, in the greeting.
    pub host: String,
    /// What this listener can do about TLS.
    pub tls: Tls,
    /// Whether logins are taken without TLS. Only for loopback and development.
    pub plaintext_login: bool,
    /// What AUTH offers, in this order; those tied to the TLS connection only where it can be.
    pub mechanisms: Vec<Mechanism>,
    /// Bounds.
    pub limits: Limits,
}

impl Options {
    /// The mechanisms that fit a connection.
    pub(crate) fn offered(&self, channel: Channel) -> impl Iterator<Item = Mechanism> {
        let offered = self.mechanisms.iter().copied();
        offered.filter(move |mechanism| mechanism.fits(channel))
    }

    /// Whether USER and PASS are as good as a mechanism that is offered.
    pub(crate) fn takes_passwords(&self) -> bool {
        let mut offered = self.mechanisms.iter();
        offered.any(|mechanism| mechanism.says_password())
    }
}

/// The state of TLS when a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Neither active nor to be had.
    Absent,
    /// STLS is offered (RFC 2595 §4).
    Available,
    /// The connection began with TLS (RFC 8314 §3.2).
    Active,
}

/// Bounds on one session.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest command line with its CRLF. RFC 2449 §4: 255 octets; login names may be longer
    /// than that today, so more is taken.
    pub line: usize,
    /// Longest line of a SASL exchange with its CRLF. RFC 5034 §4 sets no number; that of
    /// RFC 4954 §4 is used.
    pub sasl_line: usize,
    /// Octets buffered while an ask is outstanding or an answer is being written.
    pub pending: usize,
    /// Messages in a snapshot; the oldest come first.
    pub messages: usize,
    /// Octets of a message in memory at a time.
    pub chunk: u32,
    /// Failed logins before the session is closed.
    pub failed_logins: u8,
    /// Commands in a row that make no sense before the session is closed.
    pub bad_commands: u8,
    /// Time from the beginning until the session ends if nobody logs in.
    pub login: Duration,
    /// RFC 1939 §3: the inactivity timer is at least ten minutes.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            line: 1024,
            sasl_line: 12_288,
            pending: 64 * 1024,
            messages: 100_000,
            chunk: 64 * 1024,
            failed_logins: 5,
            bad_commands: 20,
            login: Duration::from_secs(180),
            idle: Duration::from_secs(600),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            host: "localhost".to_owned(),
            tls: Tls::Absent,
            plaintext_login: false,
            mechanisms: Mechanism::OFFERED
                .into_iter()
                // USER and PASS do the same.
                .filter(|mechanism| *mechanism != Mechanism::Login)
                .collect(),
            limits: Limits::default(),
        }
    }
}
