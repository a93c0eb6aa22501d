//! SMTP, submission and LMTP sessions whose policy takes everything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use waxwing_mail::{Identity, Reply};
use waxwing_sasl::{Mechanism, Offer, ScramKeys, ServerPart};
use waxwing_session::{Session as _, Step};
use waxwing_smtp::{Answer, Ask, AuthFailure, Config, Decision, Extensions, Mode, ServerSession};

/// An SMTP session between servers, fed with any octets.
pub fn smtp(octets: &[u8]) {
    session(Mode::Transfer, octets);
}

/// A submission session, fed with any octets.
pub fn submission(octets: &[u8]) {
    session(Mode::Submission, octets);
}

/// An LMTP session, fed with any octets.
pub fn lmtp(octets: &[u8]) {
    session(Mode::Delivery, octets);
}

/// An SMTP session that has a recipient, fed with any octets: chunks, and what is none.
pub fn bdat(octets: &[u8]) {
    let Some((cut, octets)) = octets.split_first() else {
        return;
    };
    // An even first octet lets any content through, an odd one only lines.
    let body = if cut % 2 == 0 {
        "BINARYMIME"
    } else {
        "8BITMIME"
    };
    let begin = format!("EHLO a\r\nMAIL FROM:<> BODY={body}\r\nRCPT TO:<bob@waxwing.test>\r\n");
    session(
        Mode::Transfer,
        &[&[*cut], begin.as_bytes(), octets].concat(),
    );
}

/// A content after DATA, cut as the first octet says: what is taken is what a plain reading of the standard makes of it.
pub fn data(octets: &[u8]) {
    let Some((cut, content)) = octets.split_first() else {
        return;
    };
    let config = Config::new("mx.waxwing.example", Mode::Transfer);
    let (expected, now) = (plainly(content), Instant::now());
    let mut session = ServerSession::new(Arc::new(config), false, now);
    let begin = b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@waxwing.test>\r\nDATA\r\n";
    let (mut taken, mut ended) = (Vec::new(), None);
    for piece in [&b""[..], begin]
        .into_iter()
        .chain(content.chunks(usize::from(*cut) + 1))
    {
        session.receive(piece, now);
        loop {
            let answer = match session.step() {
                Step::Content(octets) => {
                    taken.extend_from_slice(&octets);
                    continue;
                }
                Step::Ask(Ask::Message(_)) => {
                    ended = Some(Some(std::mem::take(&mut taken)));
                    break;
                }
                Step::Ask(Ask::Abandon) => {
                    ended = Some(None);
                    break;
                }
                Step::Ask(_) => Answer::Decision(Decision::Pass),
                Step::Write(_) => continue,
                _ => break,
            };
            session.answer(answer, now);
        }
        if ended.is_some() {
            break;
        }
    }
    assert_eq!(ended, expected, "{}", content.escape_ascii());
}

/// RFC 5321 §4.1.1.4, §4.5.2 and §2.3.8, read plainly: none while there is no end, none inside if it is refused.
fn plainly(octets: &[u8]) -> Option<Option<Vec<u8>>> {
    let whole = [b"\r\n", octets].concat();
    let end = whole.windows(5).position(|five| five == b"\r\n.\r\n")?;
    let content = whole.get(2..end + 2).unwrap_or_default();
    let mut message = Vec::new();
    for line in content.split_inclusive(|octet| *octet == b'\n') {
        let Some(text) = line.strip_suffix(b"\r\n") else {
            return Some(None);
        };
        if text.contains(&b'\r') {
            return Some(None);
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    Some(Some(message))
}

fn session(mode: Mode, octets: &[u8]) {
    let config = Config {
        starttls: true,
        plaintext_auth: true,
        mechanisms: Mechanism::ALL.to_vec(),
        extensions: Extensions {
            binary_mime: true,
            dsn: true,
            require_tls: true,
            future_release: Some(Duration::from_secs(86_400)),
            deliver_by: Some(Duration::from_secs(60)),
            mt_priority: true,
            ..Extensions::default()
        },
        ..Config::new("mx.waxwing.example", mode)
    };
    let session = ServerSession::new(Arc::new(config), false, Instant::now())
        .at(jiff::Timestamp::UNIX_EPOCH)
        .trusting();
    super::converse(session, octets, |ask| match ask {
        // A yes to what was not proved counts for nothing.
        Ask::Authenticate {
            offer: Offer::Proof(proof),
            ..
        } => Answer::Authenticated(Identity {
            account: proof.user.into(),
            authorised_as: proof.authorise_as.into(),
            mechanism: "SCRAM-SHA-256".into(),
        }),
        Ask::Authenticate { .. } => Answer::AuthFailed(AuthFailure::Credentials),
        Ask::Keys { user, .. } => Answer::Keys(Box::new(ServerPart {
            keys: ScramKeys::pretend(b"secret", &user, 4096),
            nonce: "server".to_owned(),
            channel: None,
        })),
        Ask::Message(message) => {
            let count = if mode == Mode::Delivery {
                message.envelope.recipients.len()
            } else {
                1
            };
            Answer::Delivered((0..count).map(|_| Reply::new(250, None, "Taken")).collect())
        }
        _ => Answer::Decision(Decision::Pass),
    });
}
