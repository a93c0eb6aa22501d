//! Every reply of the SMTP server, one function each.
//!
//! Standards: RFC 5321 §4.2 (codes), RFC 3463 and RFC 5248 (enhanced status), RFC 4954 §4 and §6, RFC 3207 §4,
//! RFC 2033 §4, RFC 6531 §3.5, RFC 3030 §2 and §3, RFC 2852 §4, RFC 6710 §4.1.
//! Invariants: no two have the same text; none tells the peer more than it needs.

use waxwing_mail::{AddressError, EnhancedStatus, PathError, Reply};

use crate::config::Mode;

mod limits;

pub use limits::{crowded, excess, session_too_long, too_many_recipients_lately, too_slow};

fn plain(code: u16, text: impl Into<std::borrow::Cow<'static, str>>) -> Reply {
    Reply::new(code, None, text)
}

fn reply(
    code: u16,
    subject: u16,
    detail: u16,
    text: impl Into<std::borrow::Cow<'static, str>>,
) -> Reply {
    // RFC 2034 §4: the class of the status is the first digit of the code.
    let class = u8::try_from(code / 100).unwrap_or(5);
    Reply::new(code, Some(EnhancedStatus(class, subject, detail)), text)
}

// -- What the server says yes with -------------------------------------------------------------------------------

/// RFC 5321 §3.1: the greeting begins with the host's name.
#[must_use]
pub fn greeting(hostname: &str, mode: Mode) -> Reply {
    let protocol = match mode {
        Mode::Transfer | Mode::Submission => "ESMTP",
        Mode::Delivery => "LMTP",
    };
    plain(220, format!("{hostname} {protocol} Waxwing"))
}

/// The answer to HELO.
#[must_use]
pub fn hello(hostname: &str) -> Reply {
    plain(250, hostname.to_owned())
}

/// The answer to EHLO and LHLO: `ehlo-ok-rsp` with a keyword a line.
#[must_use]
pub fn extensions(hostname: &str, keywords: &[String]) -> Reply {
    let mut text = hostname.to_owned();
    for keyword in keywords {
        text.push('\n');
        text.push_str(keyword);
    }
    plain(250, text)
}

/// To MAIL.
#[must_use]
pub fn sender_accepted() -> Reply {
    reply(250, 1, 0, "Sender accepted")
}

/// To MAIL with a raised priority from a stranger (RFC 6710 §4.1: the text begins with the new one).
#[must_use]
pub fn priority_lowered() -> Reply {
    reply(250, 3, 6, "0 is the priority of this message")
}

/// To RCPT.
#[must_use]
pub fn recipient_accepted() -> Reply {
    reply(250, 1, 5, "Recipient accepted")
}

/// To DATA.
#[must_use]
pub fn send_content() -> Reply {
    plain(354, "Send the message, end it with <CRLF>.<CRLF>")
}

/// To a BDAT that is not the last (RFC 3030 §2).
#[must_use]
pub fn chunk_taken(octets: u64) -> Reply {
    reply(250, 0, 0, format!("{octets} octets received"))
}

/// After the content: the message is safe under this queue id. For the host to give.
#[must_use]
pub fn queued(id: &str) -> Reply {
    reply(250, 0, 0, format!("Queued as {id}"))
}

/// After the content, by LMTP: safe in this recipient's mailbox. For the host to give.
#[must_use]
pub fn delivered(id: &str) -> Reply {
    reply(250, 1, 5, format!("Delivered as {id}"))
}

/// To RSET.
#[must_use]
pub fn reset() -> Reply {
    reply(250, 0, 0, "Transaction forgotten")
}

/// To NOOP.
#[must_use]
pub fn noop() -> Reply {
    reply(250, 0, 0, "Nothing done, as asked")
}

/// To QUIT.
#[must_use]
pub fn goodbye(hostname: &str) -> Reply {
    reply(221, 0, 0, format!("{hostname} closes, goodbye"))
}

/// To VRFY: RFC 5321 §3.5.3, whether an address exists is not told.
#[must_use]
pub fn not_verified() -> Reply {
    reply(252, 5, 0, "Not verified; send mail and see")
}

/// To HELP.
#[must_use]
pub fn help(mode: Mode) -> Reply {
    let greeting = match mode {
        Mode::Transfer | Mode::Submission => "EHLO HELO",
        Mode::Delivery => "LHLO",
    };
    reply(
        214,
        0,
        0,
        format!("{greeting} MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP AUTH STARTTLS"),
    )
}

/// To STARTTLS.
#[must_use]
pub fn begin_tls() -> Reply {
    reply(220, 0, 0, "Begin the TLS handshake")
}

/// To an AUTH that goes on: a challenge in base64.
#[must_use]
pub fn challenge(base64: impl Into<std::borrow::Cow<'static, str>>) -> Reply {
    plain(334, base64)
}

/// To right credentials.
#[must_use]
pub fn logged_in() -> Reply {
    reply(235, 7, 0, "Logged in")
}

// -- Commands that are wrong ---------------------------------------------------------------------------------------

/// No such command, or not in this protocol.
#[must_use]
pub fn unknown_command() -> Reply {
    reply(500, 5, 1, "Unknown command")
}

/// A command of RFC 5321 or of an extension that is not offered.
#[must_use]
pub fn not_implemented() -> Reply {
    reply(502, 5, 1, "Command not implemented")
}

/// RFC 5321 §4.5.3.1.4.
#[must_use]
pub fn command_too_long() -> Reply {
    reply(500, 5, 2, "Command line too long")
}

/// RFC 4954 §4: a line of an AUTH exchange.
#[must_use]
pub fn response_too_long() -> Reply {
    reply(500, 5, 6, "Authentication response too long")
}

/// RFC 5321 §2.3.8. Followed by the close: what else such a peer sends cannot be told apart.
#[must_use]
pub fn bare_newline_in_command() -> Reply {
    reply(
        500,
        5,
        2,
        "Bare CR or LF in a command; lines end with CRLF; closing",
    )
}

/// RFC 6531 §3.3: commands are UTF-8.
#[must_use]
pub fn command_not_utf8() -> Reply {
    reply(500, 5, 2, "Command is not UTF-8")
}

/// An argument where none may be.
#[must_use]
pub fn no_argument() -> Reply {
    reply(501, 5, 4, "This command takes no argument")
}

/// EHLO, HELO or LHLO without a name, or with more than one.
#[must_use]
pub fn name_yourself() -> Reply {
    reply(501, 5, 4, "Greet with your host name")
}

/// VRFY without an argument.
#[must_use]
pub fn verify_whom() -> Reply {
    reply(501, 5, 4, "VRFY needs an address")
}

/// MAIL without its `FROM:`.
#[must_use]
pub fn mail_syntax() -> Reply {
    reply(501, 5, 4, "Use MAIL FROM:<address>")
}

/// RCPT without its `TO:`.
#[must_use]
pub fn rcpt_syntax() -> Reply {
    reply(501, 5, 4, "Use RCPT TO:<address>")
}

/// MAIL with a path that is none.
#[must_use]
pub fn bad_sender(why: PathError) -> Reply {
    reply(501, 1, 7, format!("Bad sender: {}", path_fault(why)))
}

/// RCPT with a path that is none.
#[must_use]
pub fn bad_recipient(why: PathError) -> Reply {
    reply(501, 1, 3, format!("Bad recipient: {}", path_fault(why)))
}

fn path_fault(why: PathError) -> &'static str {
    match why {
        PathError::Brackets => "it is not in <>",
        PathError::TooLong => "the path is too long",
        PathError::Route => "the source route is malformed",
        PathError::Address(AddressError::NoDomain) => "it has no domain",
        PathError::Address(AddressError::LocalPart) => "the local part is malformed",
        PathError::Address(AddressError::LocalPartTooLong) => "the local part is too long",
        PathError::Address(AddressError::Domain(_)) => "the domain is malformed",
    }
}

/// BDAT without a size. Followed by the close: what else comes may be a chunk.
#[must_use]
pub fn bdat_syntax() -> Reply {
    reply(501, 5, 4, "Use BDAT octets [LAST]; closing")
}

/// XCLIENT with what it does not know.
#[must_use]
pub fn xclient_syntax() -> Reply {
    reply(501, 5, 4, "Bad attribute of XCLIENT")
}

/// RFC 2852 §4: a message to be returned sooner than this server can tell.
#[must_use]
pub fn too_soon(shortest: u64) -> Reply {
    reply(555, 5, 4, format!("BY needs at least {shortest} seconds"))
}

/// RFC 5321 §4.1.1.11: a parameter that is not offered.
#[must_use]
pub fn unknown_parameter(name: &str) -> Reply {
    reply(555, 5, 4, format!("Unknown parameter {name}"))
}

/// A parameter with a value that it cannot have, or twice.
#[must_use]
pub fn bad_parameter(name: &str) -> Reply {
    reply(501, 5, 4, format!("Bad parameter {name}"))
}

/// What follows the path is no list of parameters.
#[must_use]
pub fn malformed_parameters() -> Reply {
    reply(501, 5, 4, "Malformed parameters")
}

/// RFC 6531 §3.5: MAIL with a non-ASCII address but without SMTPUTF8.
#[must_use]
pub fn sender_needs_smtputf8() -> Reply {
    reply(550, 6, 7, "Non-ASCII sender without SMTPUTF8")
}

/// RFC 6531 §3.5: RCPT with a non-ASCII address after MAIL without SMTPUTF8.
#[must_use]
pub fn recipient_needs_smtputf8() -> Reply {
    reply(553, 6, 7, "Non-ASCII recipient without SMTPUTF8")
}

// -- Commands out of order -----------------------------------------------------------------------------------------

/// A command that needs the greeting first.
#[must_use]
pub fn greet_first(mode: Mode) -> Reply {
    let verb = match mode {
        Mode::Transfer | Mode::Submission => "EHLO",
        Mode::Delivery => "LHLO",
    };
    reply(503, 5, 1, format!("Greet with {verb} first"))
}

/// MAIL in a transaction.
#[must_use]
pub fn nested_mail() -> Reply {
    reply(503, 5, 1, "A transaction is open already")
}

/// RCPT or DATA without MAIL.
#[must_use]
pub fn mail_first() -> Reply {
    reply(503, 5, 1, "MAIL first")
}

/// DATA where no RCPT was accepted (RFC 5321 §3.3; RFC 2033 §4.2 wants 503 too).
#[must_use]
pub fn no_recipients() -> Reply {
    reply(503, 5, 1, "No valid recipients")
}

/// RCPT after the first BDAT.
#[must_use]
pub fn content_has_begun() -> Reply {
    reply(503, 5, 1, "The content has begun; no more recipients")
}

/// DATA after BDAT (RFC 3030 §2). The transaction is forgotten.
#[must_use]
pub fn data_after_bdat() -> Reply {
    reply(503, 5, 1, "DATA after BDAT; the message is forgotten")
}

/// DATA for a message of BODY=BINARYMIME (RFC 3030 §3).
#[must_use]
pub fn binary_needs_bdat() -> Reply {
    reply(503, 5, 1, "BODY=BINARYMIME needs BDAT")
}

/// XCLIENT in a transaction.
#[must_use]
pub fn xclient_in_transaction() -> Reply {
    reply(503, 5, 1, "XCLIENT is not permitted in a transaction")
}

/// Anything but QUIT after the greeting said no (RFC 5321 §3.1).
#[must_use]
pub fn not_welcome() -> Reply {
    reply(
        503,
        5,
        1,
        "This session was refused; QUIT is all that is left",
    )
}

/// AUTH in a transaction (RFC 4954 §4).
#[must_use]
pub fn auth_in_transaction() -> Reply {
    reply(503, 5, 1, "AUTH is not permitted in a transaction")
}

/// AUTH after a login (RFC 4954 §4).
#[must_use]
pub fn already_logged_in() -> Reply {
    reply(503, 5, 1, "Already logged in")
}

/// STARTTLS under TLS.
#[must_use]
pub fn tls_already_on() -> Reply {
    reply(503, 5, 1, "TLS is on already")
}

/// STARTTLS in a transaction.
#[must_use]
pub fn tls_in_transaction() -> Reply {
    reply(503, 5, 1, "STARTTLS is not permitted in a transaction")
}

// -- Limits --------------------------------------------------------------------------------------------------------

/// RFC 5321 §4.5.3.1.10: too many for one transaction; the rest may come in another.
#[must_use]
pub fn too_many_recipients() -> Reply {
    reply(452, 5, 3, "Too many recipients for one message")
}

/// RFC 1870 §6.1: SIZE= says more than is taken.
#[must_use]
pub fn declared_too_big(limit: u64) -> Reply {
    reply(552, 3, 4, format!("Too big: the limit is {limit} octets"))
}

/// RFC 1870 §6.3: the content was more than is taken.
#[must_use]
pub fn message_too_big(limit: u64) -> Reply {
    reply(
        552,
        3,
        4,
        format!("Message too big: the limit is {limit} octets"),
    )
}

/// The content went on long after it was too big; followed by the close.
#[must_use]
pub fn message_endless() -> Reply {
    reply(552, 3, 4, "Message much too big; closing")
}

/// A bare CR or LF in the content (RFC 5321 §2.3.8, §4.1.1.4).
#[must_use]
pub fn bare_newline_in_content() -> Reply {
    reply(554, 6, 0, "Message refused: it has a bare CR or LF")
}

/// A line of content beyond the bound.
#[must_use]
pub fn text_line_too_long(limit: u64) -> Reply {
    reply(
        554,
        6,
        0,
        format!("Message refused: it has a line of over {limit} octets"),
    )
}

/// Closes: so many commands were wrong.
#[must_use]
pub fn too_many_errors() -> Reply {
    reply(421, 7, 0, "Too many errors; closing")
}

/// Closes: so many commands and no message.
#[must_use]
pub fn too_many_commands() -> Reply {
    reply(421, 7, 0, "Too many commands; closing")
}

/// Closes: a line without end.
#[must_use]
pub fn endless_line() -> Reply {
    reply(421, 5, 2, "Line without end; closing")
}

/// Closes: more was sent while the server was at work than is kept.
#[must_use]
pub fn too_fast() -> Reply {
    reply(421, 5, 0, "Too much sent before the reply; closing")
}

/// Closes: RFC 5321 §4.5.3.2.
#[must_use]
pub fn timed_out() -> Reply {
    reply(421, 4, 2, "Nothing heard in time; closing")
}

/// Closes: RFC 5321 §3.8.
#[must_use]
pub fn shutting_down(hostname: &str) -> Reply {
    reply(421, 3, 2, format!("{hostname} is going down; closing"))
}

// -- Logins --------------------------------------------------------------------------------------------------------

/// RFC 4954 §6: MAIL without a login where one is needed.
#[must_use]
pub fn login_first() -> Reply {
    reply(530, 7, 0, "Authentication required")
}

/// AUTH where it is not offered.
#[must_use]
pub fn auth_not_offered() -> Reply {
    reply(502, 5, 1, "AUTH is not offered here")
}

/// RFC 4954 §6: AUTH in clear where TLS could be had.
#[must_use]
pub fn auth_needs_tls() -> Reply {
    reply(538, 7, 11, "Encryption required: STARTTLS first")
}

/// AUTH without a mechanism, or with more than mechanism and response.
#[must_use]
pub fn auth_syntax() -> Reply {
    reply(501, 5, 4, "Use AUTH mechanism [response]")
}

/// RFC 4954 §4.
#[must_use]
pub fn unknown_mechanism() -> Reply {
    reply(504, 5, 4, "Authentication mechanism not offered")
}

/// RFC 4954 §4: the client sent `*`.
#[must_use]
pub fn auth_cancelled() -> Reply {
    reply(501, 0, 0, "Authentication cancelled")
}

/// RFC 4954 §4.
#[must_use]
pub fn not_base64() -> Reply {
    reply(501, 5, 2, "Authentication response is not base64")
}

/// Base64 of something that the mechanism does not know.
#[must_use]
pub fn malformed_response() -> Reply {
    reply(501, 5, 2, "Malformed authentication response")
}

/// RFC 4954 §6: name or password wrong, and not told which.
#[must_use]
pub fn wrong_credentials() -> Reply {
    reply(535, 7, 8, "Authentication credentials invalid")
}

/// RFC 4954 §6.
#[must_use]
pub fn auth_unavailable() -> Reply {
    reply(454, 7, 0, "Temporary authentication failure")
}

/// STARTTLS where it is not offered.
#[must_use]
pub fn tls_not_offered() -> Reply {
    reply(502, 5, 1, "STARTTLS is not offered here")
}

// -- The server's own fault ----------------------------------------------------------------------------------------

/// The server answered what makes no sense here.
#[must_use]
pub fn internal_error() -> Reply {
    reply(451, 3, 0, "Internal error, try again later")
}

/// Nothing could be kept or decided just now. For the host to give; `reference` finds the cause in the log.
#[must_use]
pub fn unavailable(reference: &str) -> Reply {
    reply(
        451,
        3,
        0,
        format!("Temporarily unable, try again later ({reference})"),
    )
}

/// The store is full. For the host to give.
#[must_use]
pub fn no_space() -> Reply {
    reply(452, 3, 1, "Insufficient storage, try again later")
}

#[cfg(test)]
mod tests;
