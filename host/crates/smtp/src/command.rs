//! Command lines, and the parameters of MAIL and RCPT.
//!
//! Standards: RFC 5321 §4.1.1 (commands), §4.1.2 (`esmtp-param`), §4.5.3.1.4 with the growth of RFC 1870 §3,
//! RFC 4954 §3 and §4, RFC 6152 §2, RFC 6531 §3.1, RFC 3030 §2 (BDAT), RFC 3461 §4.
//! Invariants: verbs and keywords are compared without case; trailing blanks are ignored (§4.1.1).

use waxwing_mail::{Param, limits};

/// The verbs that mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Ehlo,
    Helo,
    Lhlo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Help,
    Auth,
    StartTls,
    XClient,
    /// Known, and not done here: RFC 5321 §4.2.4 wants 502 rather than 500.
    NotImplemented,
    Unknown,
}

const VERBS: [(&str, Verb); 22] = [
    ("RCPT", Verb::Rcpt),
    ("MAIL", Verb::Mail),
    ("DATA", Verb::Data),
    ("BDAT", Verb::Bdat),
    ("EHLO", Verb::Ehlo),
    ("QUIT", Verb::Quit),
    ("RSET", Verb::Rset),
    ("NOOP", Verb::Noop),
    ("AUTH", Verb::Auth),
    ("STARTTLS", Verb::StartTls),
    ("HELO", Verb::Helo),
    ("LHLO", Verb::Lhlo),
    ("VRFY", Verb::Vrfy),
    ("HELP", Verb::Help),
    ("EXPN", Verb::NotImplemented),
    ("XCLIENT", Verb::XClient),
    ("ETRN", Verb::NotImplemented),
    ("TURN", Verb::NotImplemented),
    ("ATRN", Verb::NotImplemented),
    ("SEND", Verb::NotImplemented),
    ("SOML", Verb::NotImplemented),
    ("SAML", Verb::NotImplemented),
];

/// A command line: the verb, and what follows it without blanks around.
pub(crate) fn split(line: &str) -> (Verb, &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let word = word.trim_end();
    let verb = VERBS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map_or(Verb::Unknown, |(_, verb)| *verb);
    (verb, rest.trim_matches([' ', '\t']))
}

impl Verb {
    /// The longest line of this command, CRLF included.
    pub(crate) fn longest(self) -> usize {
        let growth = match self {
            // RFC 1870 §3 (5): 26. RFC 6152 §2, and RFC 3030 §3 (8) in its place: 17. RFC 6531 §3.1: 10.
            // RFC 4954 §3: 500. RFC 8689 §2: 11. RFC 4865 §3: 34. RFC 2852 §3: 17. RFC 6710 §3 (6): 15.
            // RFC 3461 §4.3 and §4.4: ` RET=HDRS ENVID=` and 100.
            Self::Mail => 26 + 17 + 10 + 500 + 11 + 34 + 17 + 15 + 9 + 7 + limits::ENVELOPE_ID,
            // RFC 3461 §4.1 and §4.2: ` NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=` and 500.
            Self::Rcpt => 29 + 7 + limits::ORIGINAL_RECIPIENT,
            // RFC 6531 §3.1: 10.
            Self::Vrfy => 10,
            Self::Auth => return limits::AUTH_LINE,
            _ => 0,
        };
        limits::COMMAND_LINE + growth
    }
}

/// `chunk-size [ SP end-marker ]` of BDAT (RFC 3030 §2): octets, and whether they are the last.
pub(crate) fn chunk(argument: &str) -> Option<(u64, bool)> {
    let mut words = argument.split(' ').filter(|word| !word.is_empty());
    let size = words.next()?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return None,
    };
    if words.next().is_some() || !size.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // chunk-size ::= 1*DIGIT. What does not fit is as good as endless.
    Some((size.parse().unwrap_or(u64::MAX), last))
}

/// Takes `FROM:` or `TO:` off an argument, in any case.
/// Deviation from RFC 5321 §3.3: blanks after the colon are taken, since common clients send one.
pub(crate) fn strip_keyword<'a>(argument: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword)
        .then(|| rest.trim_start_matches(' '))
}

/// `esmtp-param *(SP esmtp-param)` after a path; `None` if that is not what stands there.
pub(crate) fn parameters(rest: &str) -> Option<Vec<Param>> {
    if rest.is_empty() {
        return Some(Vec::new());
    }
    rest.strip_prefix(' ')?
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(parameter)
        .collect()
}

/// `esmtp-keyword ["=" esmtp-value]`
fn parameter(word: &str) -> Option<Param> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let keyword = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if name.is_empty() || name.starts_with('-') || !keyword {
        return None;
    }
    // esmtp-value = 1*(%d33-60 / %d62-126 / UTF8-non-ascii)
    let printable =
        |value: &str| !value.is_empty() && !value.chars().any(|c| c == '=' || c.is_control());
    if !value.is_none_or(printable) {
        return None;
    }
    Some(Param {
        name: name.to_ascii_uppercase().into(),
        value: value.map(Into::into),
    })
}
