//! SMTP, submission and LMTP sessions whose policy takes everything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use waxwing_mail::{Identity, Reply};
use waxwing_sasl::{Mechanism, ScramKeys, ServerPart};
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
        Ask::Authenticate { .. } | Ask::Token { .. } => {
            Answer::AuthFailed(AuthFailure::Credentials)
        }
        Ask::Keys { user, .. } => Answer::Keys(Box::new(ServerPart {
            keys: ScramKeys::pretend(b"secret", &user, 4096),
            nonce: "server".to_owned(),
            channel: None,
        })),
        Ask::Proof { proof, .. } => Answer::Authenticated(Identity {
            account: proof.user.into(),
            authorised_as: proof.authorise_as.into(),
            mechanism: "SCRAM-SHA-256".into(),
        }),
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
