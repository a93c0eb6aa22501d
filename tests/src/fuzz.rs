//! What fuzzers call, one function a target; plain tests call them with the corpora.
//!
//! Each takes any octets and must end without a panic, in memory that is in proportion. The first octet says how the rest is cut.

mod auth;
mod client;
mod dsn;
mod imap;
mod jmap;
mod jmap_mail;
mod names;
mod pop3;
mod smtp;

use std::time::{Duration, Instant};

use waxwing_session::{Session, Step};

pub use auth::{dmarc, report, signatures, spf, sts};
pub use client::client;
pub use dsn::dsn;
pub use imap::imap;
pub use jmap::jmap;
pub use names::{addresses, parameters};
pub use pop3::pop3;
pub use smtp::{bdat, data, lmtp, smtp, submission};

/// A function that a fuzzer calls.
pub type Target = fn(&[u8]);

/// All targets by the names of their corpora.
pub const TARGETS: [(&str, Target); 18] = [
    ("smtp", smtp),
    ("submission", submission),
    ("lmtp", lmtp),
    ("bdat", bdat),
    ("data", data),
    ("client", client),
    ("addresses", addresses),
    ("dsn", dsn),
    ("proxy", proxy),
    ("imap", imap),
    ("pop3", pop3),
    ("jmap", jmap),
    ("summary", summary),
    ("signatures", signatures),
    ("spf", spf),
    ("dmarc", dmarc),
    ("report", report),
    ("sts", sts),
];

/// A message's summary: its ranges lie in the message, and its encoding reads back.
pub fn summary(octets: &[u8]) {
    let summary = waxwing_message::Summary::read(octets);
    let encoded = summary.encode();
    assert_eq!(
        waxwing_message::Summary::decode(&encoded).ok().as_ref(),
        Some(&summary),
        "what is encoded reads back"
    );
    if let Ok(converted) = waxwing_message::seven_bit(octets) {
        assert!(converted.is_ascii(), "7 bits");
        let again = waxwing_message::seven_bit(&converted);
        assert_eq!(again.as_ref(), Ok(&converted), "nothing is left to be done");
    }
    // What is kept may be damaged: reading it fails, and does no more.
    let _damaged = waxwing_message::Summary::decode(octets);
}

/// A header of the PROXY protocol: what has come of it does not change what it is, and it is never waited for in vain.
pub fn proxy(octets: &[u8]) {
    use waxwing_session::proxy::{LONGEST, read};
    let whole = read(octets);
    for end in 0..octets.len().min(LONGEST) {
        let part = read(octets.get(..end).unwrap_or_default());
        match part {
            Ok(None) => {}
            other => assert_eq!(other, whole, "{end} octets"),
        }
    }
    assert!(
        octets.len() < LONGEST || whole != Ok(None),
        "more is wanted than there may be"
    );
}

/// How many deadlines a session may have one after the other in which nothing happens.
const DEADLINES: usize = 3;

/// Feeds octets into a session, cut as the first of them says, and answers what it asks.
fn converse<S: Session>(
    mut session: S,
    octets: &[u8],
    mut answer: impl FnMut(S::Ask) -> S::Answer,
) {
    let Some((cut, octets)) = octets.split_first() else {
        return;
    };
    let now = Instant::now();
    if !settle(&mut session, now, &mut answer) {
        return;
    }
    for piece in octets.chunks(usize::from(*cut) * 4 + 1) {
        session.receive(piece, now);
        if !settle(&mut session, now, &mut answer) {
            return;
        }
    }
    session.wake();
    let mut open = settle(&mut session, now, &mut answer);
    // What is put off comes first, and then the end.
    for _ in 0..DEADLINES {
        let (true, Some(deadline)) = (open, session.deadline()) else {
            return;
        };
        session.expire(deadline + Duration::from_secs(1));
        open = settle(&mut session, now, &mut answer);
    }
    assert!(!open, "a session that expired closes");
}

/// Steps until the session reads (true) or closes (false).
fn settle<S: Session>(
    session: &mut S,
    now: Instant,
    answer: &mut impl FnMut(S::Ask) -> S::Answer,
) -> bool {
    loop {
        match session.step() {
            Step::Write(octets) => assert!(!octets.is_empty(), "nothing was written"),
            Step::Content(_) | Step::Compress => {}
            Step::Ask(ask) => {
                let answer = answer(ask);
                session.answer(answer, now);
            }
            Step::StartTls => session.secured(now),
            Step::Read => return true,
            Step::Close => return false,
        }
    }
}
