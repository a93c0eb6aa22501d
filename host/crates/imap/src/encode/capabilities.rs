//! What CAPABILITY lists (RFC 3501 §7.2.1).

use std::fmt::Write as _;

use waxwing_sasl::Mechanism;

use crate::config::Limits;

/// What is there in every state; each is a standard that is obeyed whole.
const ALWAYS: &[&str] = &[
    "IMAP4rev1",
    "IMAP4rev2",
    "LITERAL+",
    "SASL-IR",
    "ID",
    "IDLE",
    "NAMESPACE",
    "CHILDREN",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "LIST-METADATA",
    "STATUS=SIZE",
    "COMPRESS=DEFLATE",
    "MULTIAPPEND",
    "CATENATE",
    "URL-PARTIAL",
    "BINARY",
    "PREVIEW",
    "SAVEDATE",
    "OBJECTID",
    "UIDPLUS",
    "UNSELECT",
    "MOVE",
    "ENABLE",
    "CONDSTORE",
    "QRESYNC",
    "ESEARCH",
    "SEARCHRES",
    "SEARCH=FUZZY",
    "WITHIN",
    "PARTIAL",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "CONTEXT=SEARCH",
    "CONTEXT=SORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "THREAD=REFS",
    "ACL",
    // RFC 4314 §5.1.1: those that older clients do not know.
    "RIGHTS=kxte",
    "LIST-MYRIGHTS",
    "REPLACE",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "MULTISEARCH",
    "METADATA",
    "UTF8=ACCEPT",
    "NOTIFY",
    "UIDONLY",
    "INPROGRESS",
    "I18NLEVEL=1",
];

/// `capability-data` of a session: how large messages may be (RFC 7889 §2), and how many a command may be about (RFC 9738 §3), `starttls` where it may begin TLS, and how it may log in, unless it has.
pub(crate) fn capabilities(
    limits: &Limits,
    starttls: bool,
    logins: Option<&[Mechanism]>,
) -> String {
    let mut words = String::from("CAPABILITY");
    for word in ALWAYS {
        words.push(' ');
        words.push_str(word);
    }
    let (size, messages) = (limits.append_limit(), limits.messages);
    let _ = write!(words, " APPENDLIMIT={size} MESSAGELIMIT={messages}");
    if starttls {
        words.push_str(" STARTTLS");
    }
    let Some(logins) = logins else { return words };
    // RFC 3501 §6.2.3: where LOGIN is refused, LOGINDISABLED says so.
    if !logins.iter().any(|mechanism| mechanism.says_password()) {
        words.push_str(" LOGINDISABLED");
    }
    for mechanism in logins {
        words.push_str(" AUTH=");
        words.push_str(mechanism.as_str());
    }
    words
}
