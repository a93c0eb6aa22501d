//! Which conversation a message belongs to, told from the message alone.
//!
//! RFC 5322 §3.6.4: a reply has in References what its parent has there and the parent's own id, so that the first is the message that a
//! conversation began with; RFC 5537 §3.4.4 lets ids be left out of the middle only. Two messages belong together if they name the same
//! beginning and have the same base subject (RFC 8621 §3). Nothing has to be looked up when a message comes, the answer never changes, and
//! it is the same for everybody and after every import.
//!
//! Deviation from RFC 8621 §3: a reply to a reply that has an In-Reply-To and no References begins a conversation of its own; no program
//! of today writes such.

use sha2::{Digest, Sha256};

use crate::base_subject::BaseSubject;
use crate::casemap::casemap;
use crate::summary::Summary;

/// Longest id that is looked for, in octets: a line (RFC 5322 §2.1.1).
const MAX_ID: usize = 998;

impl Summary {
    /// The number of the conversation that it belongs to; above 0.
    #[must_use]
    pub fn thread(&self) -> i64 {
        let envelope = &self.envelope;
        let ids = [
            Some(&self.references),
            envelope.in_reply_to.as_ref(),
            envelope.message_id.as_ref(),
        ];
        let mut hash = Sha256::new();
        match ids.into_iter().flatten().find_map(|field| first_id(field)) {
            Some(id) => hash.update(id),
            // Nothing can refer to it.
            None => {
                for field in [&envelope.date, &envelope.subject].into_iter().flatten() {
                    hash.update(field);
                }
                hash.update(self.size.to_be_bytes());
            }
        }
        hash.update([0]);
        let subject = envelope.subject.as_deref().unwrap_or_default();
        hash.update(casemap(&BaseSubject::of(subject).text.shown()));
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        (i64::from_be_bytes(*first) & i64::MAX).max(1)
    }
}

/// The first message id of a field, with its angle brackets.
fn first_id(field: &[u8]) -> Option<&[u8]> {
    let start = memchr::memchr(b'<', field)?;
    let rest = field.get(start..)?;
    let end = memchr::memchr(b'>', rest.get(..MAX_ID).unwrap_or(rest))?;
    rest.get(..=end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> i64 {
        Summary::read(format!("{header}\r\n\r\n").as_bytes()).thread()
    }

    #[test]
    fn replies_belong_to_what_they_began_with() {
        let first = of("Message-ID: <1@a>\r\nSubject: Lunch");
        assert!(first > 0);
        for reply in [
            "Message-ID: <2@b>\r\nIn-Reply-To: <1@a>\r\nSubject: Re: lunch",
            "Message-ID: <3@a>\r\nReferences: <1@a> <2@b>\r\nIn-Reply-To: <2@b>\r\nSubject: RE: [list] Lunch",
            "Message-ID: <4@a>\r\nReferences: <1@a>\r\n <3@a>\r\nSubject: Re: Re: =?utf-8?q?Lunch?=",
        ] {
            assert_eq!(of(reply), first, "{reply}");
        }
        for other in [
            "Message-ID: <5@a>\r\nSubject: Lunch",
            "Message-ID: <6@a>\r\nReferences: <1@a>\r\nSubject: Dinner (was: Lunch)",
            "Message-ID: <1@A>\r\nSubject: Lunch",
            "Subject: Lunch",
        ] {
            assert_ne!(of(other), first, "{other}");
        }
    }

    #[test]
    fn fields_that_hold_no_id_are_passed_over() {
        let own = of("Message-ID: <1@a>\r\nSubject: x");
        assert_eq!(
            of("Message-ID: <1@a>\r\nReferences: 5\r\nIn-Reply-To: your mail\r\nSubject: x"),
            own
        );
        let long = format!(
            "Message-ID: <1@a>\r\nReferences: <{}>\r\nSubject: x",
            "a".repeat(2000)
        );
        assert_eq!(of(&long), own);
        assert_ne!(of("Subject: x\r\nDate: a"), of("Subject: x\r\nDate: b"));
    }
}
