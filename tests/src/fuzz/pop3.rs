//! A POP3 session with three messages.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use waxwing_pop3::{
    Answer, Ask, AuthFailure, Entry, Maildrop, Options, Pop3Session, Terms, Tls, Welcome,
};
use waxwing_sasl::{Offer, ScramKeys, ServerPart};

/// A POP3 session, fed with any octets.
pub fn pop3(octets: &[u8]) {
    let options = Options {
        tls: Tls::Available,
        plaintext_login: true,
        ..Options::default()
    };
    let session = Pop3Session::new(Arc::new(options), Instant::now());
    super::converse(session, octets, |ask| match ask {
        Ask::Connect => Answer::Welcome(Welcome::Pass(Terms::default())),
        Ask::Keys { user, .. } => Answer::Keys(Box::new(ServerPart {
            keys: ScramKeys::pretend(b"secret", &user, 4096),
            nonce: "server".to_owned(),
            channel: None,
        })),
        Ask::Authenticate {
            offer: Offer::Password(credentials),
            ..
        } if credentials.password.len() < 20 => Answer::Authenticated,
        Ask::Authenticate { .. } => Answer::NotAuthenticated(AuthFailure::Credentials),
        Ask::Open { .. } => {
            let entries = [(1, 5), (2, 0), (9, 100_000)]
                .map(|(uid, octets)| Entry { uid, octets })
                .to_vec();
            Answer::Opened(Maildrop {
                uid_validity: 7,
                entries,
            })
        }
        Ask::Read { length, .. } => {
            Answer::Octets(Bytes::from(b".\r\nx\r\n".repeat(length as usize / 6 + 1)))
        }
        Ask::Update { .. } => Answer::Updated,
    });
}
