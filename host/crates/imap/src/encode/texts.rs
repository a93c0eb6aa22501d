//! Every status response and its text, in one place (RFC 3501 §7.1, RFC 5530).

use std::borrow::Cow;

use crate::encode::core::Out;
use crate::error::Error;
use crate::parse::SyntaxError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Well.
    Ok,
    /// It failed.
    No,
    /// It was not understood.
    Bad,
}

/// A status response without its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: Status,
    /// The response code without its brackets; may be empty.
    pub(crate) code: Cow<'static, str>,
    pub(crate) text: Cow<'static, str>,
}

impl Response {
    const fn new(status: Status, code: &'static str, text: &'static str) -> Self {
        Self {
            status,
            code: Cow::Borrowed(code),
            text: Cow::Borrowed(text),
        }
    }

    /// Writes it behind a tag or `*`.
    pub(crate) fn write(&self, out: &mut Out, tag: &str) {
        out.extend_from_slice(tag.as_bytes());
        out.extend_from_slice(match self.status {
            Status::Ok => b" OK ",
            Status::No => b" NO ",
            Status::Bad => b" BAD ",
        });
        if !self.code.is_empty() {
            out.push(b'[');
            out.extend_from_slice(self.code.as_bytes());
            out.extend_from_slice(b"] ");
        }
        text(out, &self.text);
        out.extend_from_slice(b"\r\n");
    }

    /// With a response code that is made up of numbers.
    pub(crate) fn with_code(mut self, code: String) -> Self {
        self.code = Cow::Owned(code);
        self
    }

    /// With the hint that messages are gone whose numbers stay for now, if it is an OK that has nothing else to say.
    pub(crate) fn with_expunges_waiting(mut self) -> Self {
        if self.status == Status::Ok && self.code.is_empty() {
            self.code = EXPUNGED.code;
        }
        self
    }
}

/// `text = 1*TEXT-CHAR`: what comes from elsewhere must not break the line.
fn text(out: &mut Out, text: &str) {
    let begins = out.len();
    out.extend(text.bytes().map(|octet| {
        if matches!(octet, b' '..=b'~') {
            octet
        } else {
            b'?'
        }
    }));
    if out.len() == begins {
        out.extend_from_slice(b"done");
    }
}

/// `OK` with what was done.
pub(crate) const fn ok(text: &'static str) -> Response {
    Response::new(Status::Ok, "", text)
}

/// `OK [code]`
pub(crate) const fn ok_with(code: &'static str, text: &'static str) -> Response {
    Response::new(Status::Ok, code, text)
}

/// A command that cannot be parsed.
pub(crate) fn syntax(error: SyntaxError) -> Response {
    Response {
        status: Status::Bad,
        code: Cow::Borrowed(""),
        text: Cow::Owned(error.to_string()),
    }
}

pub(crate) const LINE_TOO_LONG: Response =
    Response::new(Status::Bad, "TOOBIG", "the line is too long");
pub(crate) const LINE_END: Response = Response::new(
    Status::Bad,
    "",
    "lines end with CR LF and hold no other CR or LF",
);
pub(crate) const LITERAL_TOO_LARGE: Response =
    Response::new(Status::Bad, "TOOBIG", "the literal is too large");
pub(crate) const NO_TAG: Response = Response::new(Status::Bad, "", "expected a tag and a command");
pub(crate) const NOT_LOGGED_IN: Response = Response::new(Status::Bad, "", "log in first");
pub(crate) const LOGGED_IN_ALREADY: Response = Response::new(Status::Bad, "", "already logged in");
pub(crate) const COMPRESSED_ALREADY: Response =
    Response::new(Status::Bad, "", "compression is active already");
pub(crate) const WAIT_FOR_COMPRESS: Response =
    Response::new(Status::Bad, "", "wait for the answer to COMPRESS");
pub(crate) const NOT_OFFERED: Response =
    Response::new(Status::Bad, "", "that command is not offered here");
pub(crate) const NOTHING_SELECTED: Response =
    Response::new(Status::Bad, "", "no mailbox is selected");
/// RFC 7162 §3.2.3: BAD where QRESYNC is not enabled.
pub(crate) const NOT_ENABLED: Response = Response::new(Status::Bad, "", "ENABLE QRESYNC first");
/// RFC 9394 §3.3: PARTIAL is a modifier of UID FETCH.
pub(crate) const UID_REQUIRED: Response = Response::new(
    Status::Bad,
    "UIDREQUIRED",
    "messages have no numbers once UIDONLY is enabled",
);
pub(crate) const NO_FUZZY: Response =
    Response::new(Status::Bad, "", "RELEVANCY is for searches with FUZZY");
pub(crate) const PARTIAL_BY_NUMBER: Response =
    Response::new(Status::Bad, "", "PARTIAL is for UID FETCH");
/// RFC 7162 §3.2.6: VANISHED is a modifier of UID FETCH, and goes with CHANGEDSINCE.
pub(crate) const VANISHED_ALONE: Response = Response::new(
    Status::Bad,
    "",
    "VANISHED is for UID FETCH with CHANGEDSINCE",
);
pub(crate) const NO_TLS: Response = Response::new(Status::Bad, "", "TLS is not offered here");
pub(crate) const TLS_ALREADY: Response = Response::new(Status::Bad, "", "TLS is active already");
pub(crate) const NO_SUCH_MESSAGE: Response =
    Response::new(Status::Bad, "", "no message has that number");
pub(crate) const CANCELLED: Response = Response::new(Status::Bad, "", "authentication cancelled");
pub(crate) const NOT_DONE: Response = Response::new(Status::Bad, "", "expected DONE");
pub(crate) const NUL: Response =
    Response::new(Status::Bad, "", "a message must not hold the octet 0");
/// RFC 5267 §4.3.
pub(crate) const TAG_REUSED: Response = Response::new(
    Status::Bad,
    "",
    "the tag is that of a search that is kept track of",
);
/// RFC 7377 §2.2.
pub(crate) const SAVE_ELSEWHERE: Response =
    Response::new(Status::Bad, "", "SAVE is for the selected mailbox alone");
/// RFC 5465 §3.1: with the events that are supported.
pub(crate) const BAD_EVENT: Response = Response::new(
    Status::No,
    "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)",
    "an event is not supported",
);
/// RFC 6855 §4.
pub(crate) const UTF8_HEADER: Response = Response::new(
    Status::No,
    "",
    "the header is not ASCII: ENABLE UTF8=ACCEPT first",
);
/// RFC 6855 §3.
pub(crate) const CHARSET_BESIDE_UTF8: Response =
    Response::new(Status::Bad, "", "no CHARSET where UTF8=ACCEPT is enabled");
pub(crate) const NO_LOGIN: Response = Response::new(
    Status::No,
    "CANNOT",
    "passwords are not taken here: AUTHENTICATE by a mechanism that CAPABILITY lists",
);
pub(crate) const TLS_FIRST: Response = Response::new(
    Status::No,
    "PRIVACYREQUIRED",
    "passwords are not taken in clear; use STARTTLS first",
);
pub(crate) const BAD_CREDENTIALS: Response =
    Response::new(Status::No, "", "the response is not one of this mechanism");
pub(crate) const NO_MECHANISM: Response =
    Response::new(Status::No, "CANNOT", "that mechanism is not offered");
pub(crate) const BAD_CHARSET: Response = Response::new(
    Status::No,
    "BADCHARSET (US-ASCII UTF-8)",
    "that charset is not supported",
);
pub(crate) const READ_ONLY: Response =
    Response::new(Status::No, "", "the mailbox is open for reading only");
/// RFC 9208 §4.1.1
pub(crate) const NO_QUOTA_ROOT: Response =
    Response::new(Status::No, "NONEXISTENT", "there is no such quota root");
/// RFC 9208 §4.1.3: QUOTASET is not offered.
pub(crate) const NO_SETQUOTA: Response =
    Response::new(Status::No, "NOPERM", "limits are not set here");
pub(crate) const MESSAGE_TOO_LARGE: Response =
    Response::new(Status::No, "TOOBIG", "the message is too large");
pub(crate) const TOO_MANY_TEXT_KEYS: Response = Response::new(
    Status::No,
    "LIMIT",
    "too many search keys that need the text",
);
/// RFC 3516 §4.3, §4.4.
pub(crate) const UNKNOWN_CTE: Response = Response::new(
    Status::No,
    "UNKNOWN-CTE",
    "a part has a transfer encoding that is not known, or cannot be given one",
);
/// RFC 8508 §3.2: it cannot be removed.
pub(crate) const NOTHING_TO_REPLACE: Response =
    Response::new(Status::No, "NONEXISTENT", "no message has that UID");
pub(crate) const EMPTY_MESSAGE: Response =
    Response::new(Status::No, "", "an empty message cancels the append");
pub(crate) const BAD_URL: Response =
    Response::new(Status::No, "", "there is no such message or part");
pub(crate) const TOO_BIG: Response =
    Response::new(Status::No, "TOOBIG", "the message would be too large");
pub(crate) const TOO_MANY_MESSAGES: Response =
    Response::new(Status::No, "LIMIT", "too many messages in one append");
/// RFC 9738 §3.1
pub(crate) const TOO_MANY_AT_ONCE: Response =
    Response::new(Status::No, "", "too many messages at once; take fewer");
pub(crate) const MORE_TO_DO: Response = Response::new(
    Status::No,
    "",
    "there are more messages than a command may be about; go on below",
);
pub(crate) const TOO_MUCH_TO_SORT: Response = Response::new(
    Status::No,
    "LIMIT",
    "there is too much to sort; search for less",
);
/// RFC 5182 §2.5
pub(crate) const NOT_SAVED: Response = Response::new(
    Status::No,
    "NOTSAVED",
    "the result is too scattered to be saved",
);
pub(crate) const SOME_UNREADABLE: Response = Response::new(
    Status::No,
    "UNAVAILABLE",
    "some messages could not be read; try again later",
);
/// RFC 5530 §3: the client may want to issue NOOP soon.
pub(crate) const EXPUNGED: Response = Response::new(
    Status::No,
    "EXPUNGEISSUED",
    "messages among them were removed by another session",
);

pub(crate) const BYE_LOGOUT: &str = "* BYE logging out\r\n";
pub(crate) const BYE_STAYS_COMPRESSED: &str =
    "* BYE compression does not end: log in on another connection\r\n";
pub(crate) const BYE_IDLE: &str = "* BYE idle for too long\r\n";
pub(crate) const BYE_GONE: &str = "* BYE the selected mailbox was deleted\r\n";
pub(crate) const BYE_SHUTDOWN: &str = "* BYE the server is going down; come back soon\r\n";
pub(crate) const BYE_CROWDED: &str =
    "* BYE [UNAVAILABLE] too many sessions; those that are idle are closed\r\n";
pub(crate) const BYE_EXCESS: &str = "* BYE [LIMIT] too much from your network; try again later\r\n";
pub(crate) const BYE_BAD: &str = "* BYE too many commands that are not understood\r\n";
pub(crate) const BYE_LOGINS: &str = "* BYE too many failed logins\r\n";
pub(crate) const BYE_LITERAL: &str = "* BYE [TOOBIG] the literal is too large\r\n";
pub(crate) const BYE_LINE: &str = "* BYE [TOOBIG] the line does not end\r\n";
pub(crate) const BYE_FLOOD: &str = "* BYE too many commands at once\r\n";
pub(crate) const BYE_BROKEN: &str =
    "* BYE [UNAVAILABLE] a message could not be read to its end\r\n";
pub(crate) const BYE_UNCONFIRMED: &str =
    "* BYE the server's proof was not taken: log in on another connection\r\n";
pub(crate) const BYE_REFUSED: &str = "* BYE [UNAVAILABLE] not available; try again later\r\n";

/// The bound of a session that a BYE is about.
pub(crate) fn limit(bye: &str) -> Option<&'static str> {
    Some(match bye {
        BYE_IDLE => "time",
        BYE_BAD | BYE_LOGINS => "errors",
        BYE_LITERAL | BYE_LINE => "line",
        BYE_FLOOD => "backlog",
        _ => return None,
    })
}

/// `* OK [HIGHESTMODSEQ n]` (RFC 7162 §3.1.2.1)
pub(crate) fn highest_modseq(out: &mut Out, modseq: u64) {
    ok("all changes up to it are told")
        .with_code(modseq_code(modseq))
        .write(out, "*");
}

/// The response code of a modification sequence.
pub(crate) fn modseq_code(modseq: u64) -> String {
    format!("HIGHESTMODSEQ {modseq}")
}

/// BYE with a sentence from elsewhere.
pub(crate) fn bye(out: &mut Out, reason: &str) {
    out.extend_from_slice(b"* BYE ");
    text(out, reason);
    out.extend_from_slice(b"\r\n");
}

/// The greeting with its capabilities (RFC 3501 §7.1.5).
pub(crate) fn greeting(out: &mut Out, host_name: &str, capabilities: &str) {
    out.extend_from_slice(format!("* OK [{capabilities}] ").as_bytes());
    text(out, host_name);
    out.extend_from_slice(b" Waxwing\r\n");
}

/// The one conversion from an error to a response. `target`: the mailbox that is missing could be created first.
pub(crate) fn failure(error: &Error, target: bool) -> Response {
    let no = |code, text: &str| Response {
        status: Status::No,
        code: Cow::Borrowed(code),
        text: Cow::Owned(text.to_owned()),
    };
    match error {
        // RFC 3501 §7.1: TRYCREATE for APPEND and COPY.
        Error::NonExistent if target => {
            no("TRYCREATE", "there is no such mailbox; create it first")
        }
        Error::NonExistent => no("NONEXISTENT", "there is no such mailbox"),
        Error::Gone => no("NONEXISTENT", "the selected mailbox is gone"),
        Error::Expunged => EXPUNGED,
        Error::AlreadyExists => no("ALREADYEXISTS", "there is a mailbox of that name"),
        Error::HasChildren => no("HASCHILDREN", "the mailbox has others below it"),
        Error::Cannot(reason) => no("CANNOT", reason),
        Error::NoPermission => no("NOPERM", "not permitted"),
        // RFC 6154 §3.
        Error::SpecialUse(reason) => no("USEATTR", reason),
        Error::OverQuota(reason) => no("OVERQUOTA", reason),
        Error::TooLarge => MESSAGE_TOO_LARGE,
        Error::UnknownEncoding => UNKNOWN_CTE,
        Error::MetadataSize(limit) => {
            no("", "the value is too large").with_code(format!("METADATA MAXSIZE {limit}"))
        }
        Error::MetadataTooMany => no("METADATA TOOMANY", "no more can be noted"),
        Error::Limit(reason) => no("LIMIT", reason),
        Error::AuthenticationFailed => no("AUTHENTICATIONFAILED", "wrong user name or password"),
        Error::AuthorizationFailed => no("AUTHORIZATIONFAILED", "not allowed to act for that user"),
        Error::Refused(reason) => no("CONTACTADMIN", reason),
        Error::Unavailable { reference } if reference.is_empty() => {
            no("UNAVAILABLE", "not available; try again later")
        }
        Error::Unavailable { reference } => no(
            "UNAVAILABLE",
            &format!("not available; try again later (reference {reference})"),
        ),
        Error::Disconnect(reason) => no("UNAVAILABLE", reason),
    }
}
