//! SMTP, submission and LMTP sessions whose policy takes everything.

use std::sync::Arc;
use std::time::Instant;

use waxwing_mail::Reply;
use waxwing_smtp::{Answer, Ask, AuthFailure, Config, Decision, Mode, ServerSession};

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

fn session(mode: Mode, octets: &[u8]) {
    let config = Config {
        starttls: true,
        plaintext_auth: true,
        ..Config::new("mx.waxwing.example", mode)
    };
    let session = ServerSession::new(Arc::new(config), false, Instant::now());
    super::converse(session, octets, |ask| match ask {
        Ask::Authenticate { .. } => Answer::AuthFailed(AuthFailure::Credentials),
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
