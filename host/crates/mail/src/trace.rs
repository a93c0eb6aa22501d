//! Trace fields: what this server writes on top of a message that it takes.
//!
//! Standards: RFC 5321 §4.4 (Received, Return-Path), RFC 3848 and RFC 6531 §4.3 (`with`), RFC 8314 §4.3 (`tls`),
//! RFC 6710 §4.1 (`PRIORITY`).
//! Invariants: what a peer said cannot end a field or open a comment; lines stay under 998 octets.

use std::fmt;
use std::net::IpAddr;

use crate::identity::Protocol;
use crate::path::ReversePath;

/// The facts behind the `with` clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct With {
    /// SMTP and submission are told apart by nothing here; LMTP is.
    pub protocol: Protocol,
    /// The peer greeted with EHLO or LHLO.
    pub esmtp: bool,
    /// TLS was on.
    pub tls: bool,
    /// The peer had logged in.
    pub authenticated: bool,
    /// MAIL had SMTPUTF8.
    pub smtputf8: bool,
}

impl With {
    /// The registered keyword: `ESMTPSA`, `UTF8SMTPS`, `LMTP` …
    #[must_use]
    pub fn keyword(self) -> &'static str {
        let lmtp = self.protocol == Protocol::Lmtp;
        // RFC 6531 §4.3 for the names with UTF8, RFC 3848 for the others.
        match (lmtp, self.smtputf8, self.tls, self.authenticated) {
            (true, true, false, false) => "UTF8LMTP",
            (true, true, false, true) => "UTF8LMTPA",
            (true, true, true, false) => "UTF8LMTPS",
            (true, true, true, true) => "UTF8LMTPSA",
            (true, false, false, false) => "LMTP",
            (true, false, false, true) => "LMTPA",
            (true, false, true, false) => "LMTPS",
            (true, false, true, true) => "LMTPSA",
            (false, _, _, _) if !self.esmtp => "SMTP",
            (false, true, false, false) => "UTF8SMTP",
            (false, true, false, true) => "UTF8SMTPA",
            (false, true, true, false) => "UTF8SMTPS",
            (false, true, true, true) => "UTF8SMTPSA",
            (false, false, false, false) => "ESMTP",
            (false, false, false, true) => "ESMTPA",
            (false, false, true, false) => "ESMTPS",
            (false, false, true, true) => "ESMTPSA",
        }
    }
}

/// A Received field; [`fmt::Display`] gives it folded, with name and final CRLF.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// What the peer called itself, as it wrote it.
    pub helo: &'a str,
    /// The name that the peer's address resolves to and back, if it does.
    pub client_name: Option<&'a str>,
    /// The peer's address.
    pub client: IpAddr,
    /// The name of this host.
    pub by: &'a str,
    /// The `with` clause.
    pub with: With,
    /// The cipher suite as IANA registers it, if TLS was on (RFC 8314 §4.3).
    pub cipher: Option<&'a str>,
    /// The queue id.
    pub id: &'a str,
    /// The one recipient, if there is exactly one: with several, `for` would tell each of the others (RFC 5321 §7.6).
    pub recipient: Option<&'a str>,
    /// The priority that MAIL asked for, if it did (RFC 6710 §4.1).
    pub priority: Option<i8>,
    /// When it was received, with the offset to print.
    pub at: &'a jiff::Zoned,
}

impl fmt::Display for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received: from {} (", word(self.helo))?;
        if let Some(name) = self.client_name {
            write!(f, "{} ", word(name))?;
        }
        match self.client {
            IpAddr::V4(v4) => write!(f, "[{v4}])")?,
            IpAddr::V6(v6) => write!(f, "[IPv6:{v6}])")?,
        }
        write!(f, "\r\n\tby {} with {}", word(self.by), self.with.keyword())?;
        write!(f, "\r\n\tid {}", word(self.id))?;
        if let Some(recipient) = self.recipient {
            write!(f, "\r\n\tfor <{}>", printable(recipient))?;
        }
        // RFC 5321 §4.4: additional clauses come last.
        if let Some(cipher) = self.cipher {
            write!(f, "\r\n\ttls {}", word(cipher))?;
        }
        // RFC 6710 §7: Pri = CFWS "PRIORITY" FWS priority-value.
        if let Some(priority) = self.priority {
            write!(f, "\r\n\tPRIORITY {priority}")?;
        }
        write!(
            f,
            ";\r\n\t{}\r\n",
            self.at.strftime("%a, %-d %b %Y %H:%M:%S %z")
        )
    }
}

/// The Return-Path field of final delivery (RFC 5321 §4.4), with its CRLF.
#[must_use]
pub fn return_path(sender: &ReversePath) -> String {
    format!("Return-Path: {sender}\r\n")
}

/// A token that cannot break the syntax around it: blanks, brackets, quotes, controls and what is not ASCII become `?`,
/// since the message around the field may not be one of RFC 6532.
fn word(text: &str) -> String {
    let safe = |c: char| {
        if !c.is_ascii() || c.is_control() || " ()<>\"\\;,".contains(c) {
            '?'
        } else {
            c
        }
    };
    let text: String = text.chars().take(255).map(safe).collect();
    if text.is_empty() {
        "unknown".to_owned()
    } else {
        text
    }
}

fn printable(text: &str) -> String {
    text.chars().take(320).filter(|c| !c.is_control()).collect()
}
