//! What a user's program left for the server to do: a date, an identification, and hiding who got a blind copy.
//!
//! Standards: RFC 6409 §8.1 and §8.3 (Date and Message-ID are added), RFC 5322 §3.6.3 and §3.6.6 (Bcc is removed, and Resent-Bcc).
//! Invariant: what is there stays as it is, but for Bcc.

use bytes::{Bytes, BytesMut};
use waxwing_message::header;

/// Who got a blind copy.
fn is_blind(field: &header::Field<'_>) -> bool {
    field.is("Bcc") || field.is("Resent-Bcc")
}

/// Completes a submitted message. `host` is the right side of a new Message-ID.
pub(crate) fn complete(content: Bytes, host: &str) -> Bytes {
    let end = header::end(&content);
    let block = content.get(..end).unwrap_or_default();
    let has = |name: &str| header::fields(block).any(|field| field.is(name));
    let blind = header::fields(block).any(|field| is_blind(&field));
    let (dated, identified) = (has("Date"), has("Message-ID"));
    if dated && identified && !blind {
        return content;
    }
    let mut whole = BytesMut::with_capacity(content.len() + 160);
    if !dated {
        let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
        let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
        whole.extend_from_slice(format!("Date: {date}\r\n").as_bytes());
    }
    if !identified {
        let id = format!("Message-ID: <{:032x}@{host}>\r\n", rand::random::<u128>());
        whole.extend_from_slice(id.as_bytes());
    }
    if blind {
        let start = block.as_ptr() as usize;
        let mut copied = 0;
        for field in header::fields(block).filter(is_blind) {
            let from = (field.raw.as_ptr() as usize).saturating_sub(start);
            whole.extend_from_slice(content.get(copied..from).unwrap_or_default());
            copied = from + field.raw.len();
        }
        whole.extend_from_slice(content.get(copied..).unwrap_or_default());
    } else {
        whole.extend_from_slice(&content);
    }
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(content: &str) -> String {
        String::from_utf8(complete(content.to_owned().into(), "mx.test").to_vec()).unwrap()
    }

    #[test]
    fn what_is_whole_stays() {
        let whole = "Date: x\r\nmessage-id: <y>\r\nSubject: z\r\n\r\nBcc: in the body\r\n";
        assert_eq!(completed(whole), whole);
    }

    #[test]
    fn date_and_message_id_are_added_once() {
        let text = completed("Subject: z\r\n\r\nbody\r\n");
        assert!(text.starts_with("Date: ") && text.ends_with("Subject: z\r\n\r\nbody\r\n"));
        assert!(text.contains("\r\nMessage-ID: <") && text.contains("@mx.test>\r\n"));
        assert_eq!(completed(&text), text);
    }

    #[test]
    fn blind_copies_are_hidden_with_their_folded_lines() {
        let text = "Date: x\r\nBCC: a@b,\r\n c@d\r\nMessage-ID: <y>\r\nBcc: e@f\r\nResent-Bcc: g@h\r\n\r\nbody\r\n";
        assert_eq!(
            completed(text),
            "Date: x\r\nMessage-ID: <y>\r\n\r\nbody\r\n"
        );
    }
}
