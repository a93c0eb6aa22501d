//! All that a POP3 session says, one function or constant each.
//!
//! Standards: RFC 1939 §3 (`+OK`, `-ERR`, at most 512 octets a line), RFC 2449 §8 (response codes), RFC 3206 (`AUTH`,
//! `SYS/TEMP`, `SYS/PERM`).
//! Invariants: no two replies have the same text; what comes from elsewhere is made to fit a line.

use bytes::BytesMut;
use waxwing_sasl::Channel;

use crate::ask::{Failure, Terms};
use crate::command::Mistake;
use crate::options::{Options, Tls};

/// RFC 1939 §3: a reply is at most 512 octets long, CRLF included; what comes from elsewhere leaves room for the rest.
const TEXT: usize = 400;

pub(crate) const BYE: &str = "+OK Bye";
pub(crate) const NOOP: &str = "+OK Nothing done";
pub(crate) const BEGIN_TLS: &str = "+OK Begin TLS now";
pub(crate) const UTF8: &str = "+OK UTF-8 it is";
pub(crate) const USER: &str = "+OK Send the password";
pub(crate) const CAPABILITIES: &str = "+OK Capabilities follow";
pub(crate) const NO_TLS: &str = "-ERR This server offers no TLS here";
pub(crate) const TLS_ALREADY: &str = "-ERR TLS is active already";
pub(crate) const TLS_FIRST: &str = "-ERR Passwords are only taken under TLS: STLS first";
pub(crate) const NO_PASSWORDS: &str =
    "-ERR Passwords are not taken here: AUTH by a mechanism that CAPA lists";
pub(crate) const USER_FIRST: &str = "-ERR USER must come before PASS";
pub(crate) const LOGIN_FIRST: &str = "-ERR Log in first";
pub(crate) const LOGGED_IN: &str = "-ERR You are logged in already";
pub(crate) const UNCONFIRMED: &str = "-ERR The server's proof was not taken";
pub(crate) const TLS_BEFORE_UTF8: &str = "-ERR STLS comes before UTF8";
/// RFC 6856 §2.2, RFC 4013 §2.3.
pub(crate) const NOT_ALLOWED: &str = "-ERR Names and passwords have no such characters";
pub(crate) const NO_MECHANISM: &str = "-ERR No such mechanism: CAPA lists them";
/// RFC 3206 §3.
pub(crate) const WRONG_CREDENTIALS: &str = "-ERR [AUTH] Wrong name or password";
pub(crate) const TOO_MANY_LOGINS: &str = "-ERR [AUTH] Wrong name or password, too many times";
pub(crate) const NO_MESSAGE: &str = "-ERR There is no such message";
/// RFC 6856 §5.
pub(crate) const NEEDS_UTF8: &str =
    "-ERR [UTF8] The message has addresses that are not of ASCII: say UTF8 before logging in";
pub(crate) const GONE: &str = "-ERR The message was removed by another session";
pub(crate) const LINE_TOO_LONG: &str = "-ERR The line is too long";
pub(crate) const BARE_NEWLINE: &str = "-ERR Lines end with CR LF and hold no other CR or LF";
pub(crate) const TOO_MANY_MISTAKES: &str = "-ERR Too many lines that make no sense";
pub(crate) const TOO_MUCH: &str = "-ERR Too much was sent ahead";
pub(crate) const GOING_DOWN: &str = "-ERR [SYS/TEMP] The server is going down; come back soon";
pub(crate) const CROWDED: &str =
    "-ERR [SYS/TEMP] Too many sessions; those that are idle are closed";
pub(crate) const EXCESS: &str = "-ERR [SYS/TEMP] Too much from your network; try again later";
pub(crate) const OUT_OF_STEP: &str = "-ERR [SYS/TEMP] The server lost its thread; try again later";

/// The end of a multi-line reply (RFC 1939 §3).
pub(crate) const END: &str = ".";

pub(crate) fn greeting(host: &str) -> String {
    format!("+OK {} POP3 ready", clean(host))
}

pub(crate) fn refused(text: &str) -> String {
    format!("-ERR [SYS/PERM] {}", clean(text))
}

pub(crate) fn deferred(text: &str) -> String {
    format!("-ERR [SYS/TEMP] {}", clean(text))
}

/// Policy's word; no code of RFC 3206 fits: `[AUTH]` would make clients ask for another password.
pub(crate) fn blocked(text: &str) -> String {
    format!("-ERR {}", clean(text))
}

pub(crate) fn login_unavailable(reference: &str) -> String {
    format!(
        "-ERR [SYS/TEMP] Logins cannot be checked now; reference {}",
        clean(reference)
    )
}

pub(crate) fn failed(failure: &Failure) -> String {
    match failure {
        Failure::Unavailable(reference) => {
            format!(
                "-ERR [SYS/TEMP] That cannot be done now; reference {}",
                clean(reference)
            )
        }
        Failure::Permanent(text) => refused(text),
    }
}

/// RFC 1939 §6: the answer to QUIT when not everything could be removed.
pub(crate) fn not_removed(failure: &Failure) -> String {
    match failure {
        Failure::Unavailable(reference) => {
            format!(
                "-ERR [SYS/TEMP] Deleted messages were not removed; reference {}",
                clean(reference)
            )
        }
        Failure::Permanent(text) => format!(
            "-ERR [SYS/PERM] Deleted messages were not removed: {}",
            clean(text)
        ),
    }
}

pub(crate) fn opened(count: usize, octets: u64) -> String {
    format!("+OK Logged in: {count} messages ({octets} octets)")
}

/// RFC 1939 §5: two numbers with one space between, for clients that read them.
pub(crate) fn totals(count: usize, octets: u64) -> String {
    format!("+OK {count} {octets}")
}

pub(crate) fn list_follows(count: usize, octets: u64) -> String {
    format!("+OK {count} messages ({octets} octets)")
}

pub(crate) fn unique_ids_follow(count: usize) -> String {
    format!("+OK Unique-ids of {count} messages")
}

pub(crate) fn scan_listing(number: usize, octets: u64) -> String {
    format!("+OK {number} {octets}")
}

pub(crate) fn unique_id(number: usize, id: &str) -> String {
    format!("+OK {number} {id}")
}

pub(crate) fn message_follows(octets: u64) -> String {
    format!("+OK {octets} octets")
}

pub(crate) fn top_follows(number: usize) -> String {
    format!("+OK Top of message {number}")
}

pub(crate) fn deleted(number: usize) -> String {
    format!("+OK Message {number} is marked as deleted")
}

pub(crate) fn reset(count: usize, octets: u64) -> String {
    format!("+OK Nothing is marked as deleted: {count} messages ({octets} octets)")
}

pub(crate) fn mistake(mistake: &Mistake) -> String {
    match mistake {
        Mistake::Unknown => "-ERR No such command".to_owned(),
        Mistake::Usage(usage) => format!("-ERR Use it so: {usage}"),
        Mistake::NotUtf8 => "-ERR The line is not UTF-8".to_owned(),
    }
}

pub(crate) fn sasl(error: waxwing_sasl::SaslError) -> String {
    format!("-ERR No login: {error}")
}

/// RFC 5034 §4: `continue-req = "+" SP [base64] CRLF`.
pub(crate) fn challenge(text: &str) -> String {
    format!("+ {text}")
}

/// Appends the lines of CAPA (RFC 2449 §6), the same in both states but for TLS.
pub(crate) fn capabilities(out: &mut BytesMut, options: &Options, tls: Tls, channel: Channel) {
    let login = tls == Tls::Active || options.plaintext_login;
    let mut sasl = "SASL".to_owned();
    for mechanism in options.offered(channel) {
        sasl.push(' ');
        sasl.push_str(mechanism.as_str());
    }
    let lines = [
        Some("TOP"),
        (login && options.takes_passwords()).then_some("USER"),
        // RFC 2449 §6.3: at least one mechanism.
        (login && sasl.contains(' ')).then_some(&*sasl),
        // RFC 2595 §4: offered only until TLS is active.
        (tls == Tls::Available).then_some("STLS"),
        Some("UIDL"),
        // RFC 6856 §2.2: names and passwords may be UTF-8, too.
        Some("UTF8 USER"),
        Some("PIPELINING"),
        Some("RESP-CODES"),
        Some("AUTH-RESP-CODE"),
        Some("IMPLEMENTATION Waxwing"),
    ];
    for line in lines.into_iter().flatten() {
        push(out, line);
    }
}

/// RFC 2449 §6.7.
pub(crate) fn expire(terms: Terms) -> String {
    match terms.expire_days {
        Some(days) => format!("EXPIRE {days}"),
        None => "EXPIRE NEVER".to_owned(),
    }
}

/// RFC 2449 §6.5.
pub(crate) fn login_delay(terms: Terms) -> String {
    format!("LOGIN-DELAY {}", terms.login_delay)
}

/// Appends a line and its CRLF.
pub(crate) fn push(out: &mut BytesMut, line: &str) {
    out.reserve(line.len() + 2);
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Text from elsewhere as part of one line.
fn clean(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > TEXT {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_elsewhere_stays_on_its_line() {
        let reply = blocked(&format!("a\r\n+OK {}", "ü".repeat(1000)));
        assert!(reply.starts_with("-ERR a  +OK ü"));
        assert!(reply.len() <= 510);
        assert!(!reply.contains('\n'));
    }
}
