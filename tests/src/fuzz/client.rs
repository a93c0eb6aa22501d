//! A client session with messages to send, to which a peer says any octets.

use std::time::Instant;

use bytes::Bytes;
use waxwing_mail::{Body, Envelope, ForwardPath, Recipient, ReversePath};
use waxwing_sasl::{Credentials, Login};
use waxwing_smtp::client::{Answer, Ask, ClientConfig, ClientSession, Outgoing, Protocol, TlsUse};

const CONTENT: &[u8] = b"Subject: x\r\n\r\n.\n.\r\n";

/// A client session, told any octets: the bits of the first say what it is to do.
pub fn client(octets: &[u8]) {
    let flags = octets.first().copied().unwrap_or_default();
    let config = ClientConfig {
        protocol: if flags & 1 == 0 {
            Protocol::Smtp
        } else {
            Protocol::Lmtp
        },
        tls: if flags & 2 == 0 {
            TlsUse::Opportunistic
        } else {
            TlsUse::Never
        },
        login: (flags & 4 != 0).then(|| Login {
            credentials: Credentials::new("alice", "secret"),
            nonce: "client".to_owned(),
        }),
        clear_passwords: true,
        chunk: 8,
        group: 2,
        ..ClientConfig::new("out.waxwing.example")
    };
    let (mut handed_out, mut settled) = (0, 0);
    let session = ClientSession::new(config, Instant::now());
    super::converse(session, octets, |ask| match ask {
        Ask::Next(_) if handed_out < 3 => {
            handed_out += 1;
            Answer::Send(Box::new(outgoing(handed_out)))
        }
        Ask::Next(_) => Answer::Quit,
        Ask::Content { offset, most } => {
            let start = usize::try_from(offset).map_or(CONTENT.len(), |at| at.min(CONTENT.len()));
            let end = CONTENT.len().min(start + most);
            Answer::Content(Bytes::from_static(&CONTENT[start..end]))
        }
        Ask::Done(outcome) => {
            assert_eq!(outcome.fates.len(), 3, "a fate for each recipient");
            settled += 1;
            assert_eq!(settled, handed_out, "an outcome for each message");
            Answer::Noted
        }
        Ask::Failed(_) => {
            assert_eq!(handed_out, 0, "a connection that came to something");
            Answer::Noted
        }
    });
}

fn outgoing(number: usize) -> Outgoing {
    let mut envelope = Envelope::new(ReversePath::Null);
    envelope.body = if number == 2 {
        Body::BinaryMime
    } else {
        Body::SevenBit
    };
    envelope.recipients = vec![Recipient::new(ForwardPath::Postmaster); 3];
    Outgoing {
        envelope,
        size: CONTENT.len() as u64,
    }
}
