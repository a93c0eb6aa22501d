//! Small conveniences on the contract's plain data.

use crate::hook::{Decision, HookError};
use crate::host::types::{IpAddress, MailAddress, Protocol, SmtpReply};
use crate::host::{
    Batch, Event, actions, credentials, directory, dns, dnsbl, findings, http, kv, outbound,
    passwords, session, vacation,
};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

impl From<IpAddress> for IpAddr {
    fn from(address: IpAddress) -> Self {
        match address {
            IpAddress::Ipv4((a, b, c, d)) => Self::V4(Ipv4Addr::new(a, b, c, d)),
            IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => {
                Self::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
            }
        }
    }
}

impl From<IpAddr> for IpAddress {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                Self::Ipv4((a, b, c, d))
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h] = address.segments();
                Self::Ipv6((a, b, c, d, e, f, g, h))
            }
        }
    }
}

impl MailAddress {
    /// Splits `local@domain` at its last `@`; the domain in lower case. None without a local part.
    pub fn parse(text: &str) -> Option<Self> {
        let (local_part, domain) = text.rsplit_once('@')?;
        (!local_part.is_empty()).then(|| Self {
            local_part: local_part.to_owned(),
            domain: domain.to_ascii_lowercase(),
        })
    }

    /// The address without its detail (RFC 5233 §4): what stands before the first of the separators, any of which parts the two. None if
    /// there is none, or nothing before it.
    ///
    /// Ask the directory for the whole address first: an account or alias may well be called `info-sales` where `-` separates, and then
    /// is whose it is.
    ///
    /// ```
    /// use waxwing_plugin::prelude::*;
    ///
    /// let whole = MailAddress::parse("alice+lists@example.org").unwrap();
    /// assert_eq!(whole.without_detail("+").unwrap().to_string(), "alice@example.org");
    /// assert!(whole.without_detail("-").is_none());
    /// ```
    pub fn without_detail(&self, separators: &str) -> Option<Self> {
        let separator = self.local_part.find(|c| separators.contains(c));
        let user = self.local_part.get(..separator?)?;
        (!user.is_empty()).then(|| Self {
            local_part: user.to_owned(),
            domain: self.domain.clone(),
        })
    }
}

impl fmt::Display for MailAddress {
    /// `local@domain`; the local part alone for `<Postmaster>` without a domain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.domain.as_str() {
            "" => f.write_str(&self.local_part),
            domain => write!(f, "{}@{domain}", self.local_part),
        }
    }
}

impl PartialEq for MailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.local_part == other.local_part && self.domain == other.domain
    }
}

impl Protocol {
    /// Its name as settings write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Lmtp => "lmtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Jmap => "jmap",
            Self::Managesieve => "managesieve",
            Self::Api => "api",
        }
    }
}

impl SmtpReply {
    /// A reply with an enhanced status (RFC 3463), such as `SmtpReply::new(550, (5, 1, 1), "No such mailbox here")`.
    pub fn new(code: u16, enhanced: (u8, u16, u16), text: impl Into<String>) -> Self {
        Self {
            code,
            enhanced: Some(enhanced),
            text: text.into(),
        }
    }
}

impl Decision {
    /// Not now.
    pub fn defer(code: u16, enhanced: (u8, u16, u16), text: impl Into<String>) -> Self {
        Self::Defer(SmtpReply::new(code, enhanced, text))
    }

    /// No.
    pub fn reject(code: u16, enhanced: (u8, u16, u16), text: impl Into<String>) -> Self {
        Self::Reject(SmtpReply::new(code, enhanced, text))
    }

    /// No, and goodbye.
    pub fn disconnect(code: u16, enhanced: (u8, u16, u16), text: impl Into<String>) -> Self {
        Self::Disconnect(SmtpReply::new(code, enhanced, text))
    }
}

impl dns::Question {
    /// A question.
    pub fn new(name: impl Into<String>, kind: dns::RecordType) -> Self {
        Self {
            name: name.into(),
            kind,
        }
    }
}

impl http::Request {
    /// A request for what is at an URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: None,
        }
    }

    /// A request that hands something in.
    pub fn post(url: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let content_type = http::HeaderValue::Text(content_type.to_owned());
        Self {
            method: "POST".to_owned(),
            headers: vec![("Content-Type".to_owned(), content_type)],
            body: body.into(),
            ..Self::get(url)
        }
    }
}

impl From<dnsbl::DnsblError> for HookError {
    fn from(error: dnsbl::DnsblError) -> Self {
        Self::Internal(match error {
            dnsbl::DnsblError::NotGranted(zone) => format!("dnsbl: {zone} is not granted"),
            dnsbl::DnsblError::Invalid(text) => format!("dnsbl: {text} is no domain"),
            dnsbl::DnsblError::Limit => "dnsbl: dns-queries is used up".to_owned(),
        })
    }
}

impl From<http::HttpError> for HookError {
    fn from(error: http::HttpError) -> Self {
        use http::HttpError;
        match error {
            HttpError::Unreachable(text) | HttpError::Protocol(text) => {
                Self::Unavailable(format!("http: {text}"))
            }
            HttpError::Timeout => Self::Unavailable("http: no response in time".to_owned()),
            HttpError::TooLarge => Self::Unavailable("http: the response is too large".to_owned()),
            HttpError::NotGranted(text) => Self::Internal(format!("http: {text} is not granted")),
            HttpError::Invalid(text) => Self::Internal(format!("http: {text}")),
            HttpError::AddressRefused(text) => Self::Internal(format!("http: {text}")),
            HttpError::Limit => Self::Internal("http: http-requests is used up".to_owned()),
        }
    }
}

impl From<vacation::VacationError> for HookError {
    fn from(error: vacation::VacationError) -> Self {
        let vacation::VacationError::Unavailable(text) = error;
        Self::Unavailable(text)
    }
}

impl From<passwords::PasswordsError> for HookError {
    fn from(error: passwords::PasswordsError) -> Self {
        use passwords::PasswordsError;
        match error {
            PasswordsError::Unavailable(text) => Self::Unavailable(text),
            PasswordsError::Unsupported(text) => Self::Internal(format!("passwords: {text}")),
            PasswordsError::TooLong => Self::Internal("passwords: too long".to_owned()),
        }
    }
}

impl From<kv::KvError> for HookError {
    fn from(error: kv::KvError) -> Self {
        match error {
            kv::KvError::Unavailable(reason) => Self::Unavailable(reason),
            kv::KvError::NoDomain => Self::Internal("kv: no domain at hand".to_owned()),
            kv::KvError::TooLarge => Self::Internal("kv: key or value too large".to_owned()),
        }
    }
}

impl From<directory::DirectoryError> for HookError {
    fn from(directory::DirectoryError::Unavailable(reason): directory::DirectoryError) -> Self {
        Self::Unavailable(reason)
    }
}

impl From<credentials::CredentialsError> for HookError {
    fn from(
        credentials::CredentialsError::Unavailable(reason): credentials::CredentialsError,
    ) -> Self {
        Self::Unavailable(reason)
    }
}

impl From<findings::FindingError> for HookError {
    fn from(error: findings::FindingError) -> Self {
        match error {
            findings::FindingError::Invalid(reason) => Self::Internal(format!("finding: {reason}")),
            findings::FindingError::Limit => Self::Internal("too many findings".to_owned()),
        }
    }
}

impl From<actions::ActionError> for HookError {
    fn from(error: actions::ActionError) -> Self {
        match error {
            actions::ActionError::Limit(reason)
            | actions::ActionError::Invalid(reason)
            | actions::ActionError::Denied(reason) => Self::Internal(format!("action: {reason}")),
            actions::ActionError::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<outbound::OutboundError> for HookError {
    fn from(error: outbound::OutboundError) -> Self {
        match error {
            outbound::OutboundError::Limit(reason) | outbound::OutboundError::Invalid(reason) => {
                Self::Internal(format!("outbound: {reason}"))
            }
        }
    }
}

impl Batch {
    /// The events, in the order in which they happened.
    pub fn all(&self) -> impl Iterator<Item = Event> {
        (0..self.count()).map_while(|index| self.event(index))
    }
}

impl From<session::NoteError> for HookError {
    fn from(session::NoteError::Limit: session::NoteError) -> Self {
        Self::Internal("too many notes".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_what_follows_the_first_separator() {
        let user = |local: &str, separators| {
            let address = MailAddress {
                local_part: local.to_owned(),
                domain: "example.org".to_owned(),
            };
            let plain = address.without_detail(separators)?;
            Some(plain.to_string())
        };
        let alice = Some("alice@example.org".to_owned());
        assert_eq!(user("alice+lists+rust", "+"), alice);
        assert_eq!(user("alice-lists+rust", "+-"), alice);
        assert_eq!(
            user("\u{e4}lice+x", "+").as_deref(),
            Some("\u{e4}lice@example.org")
        );
        for (whole, separators) in [("alice", "+"), ("+x", "+"), ("alice+x", "")] {
            assert_eq!(user(whole, separators), None);
        }
    }
}
