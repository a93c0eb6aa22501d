//! The texts of a message that search keys look into: what an index of them is made from.

use waxwing_message::{AddressItem, Decoded, Part, Summary, casemap, header, searched};

use crate::types::SummaryField;

/// Changes whenever a message may have other texts than before: an index that was made from those has to be made again.
pub const TEXTS: u16 = 3;

/// Hands over every text, mapped, of the message `raw` that a search key can find something in, its `summary` being the one that rows
/// are answered with. What a key finds, mapped, lies within one of them: also what it finds in a text that could not be decoded, whose octets are
/// handed over as far as they are text, since a needle is.
pub fn each_text(raw: &[u8], summary: &Summary, mut text: impl FnMut(&str)) {
    let mut mapped = |part: &Decoded| text(&casemap(&part.shown()));
    for field in header::fields(header_of(raw)) {
        mapped(&field_text(field));
    }
    each_body_text(raw, |part| mapped(&part));
    for field in SummaryField::ALL {
        let texts = summary_texts(summary, field);
        texts.iter().for_each(&mut mapped);
    }
}

/// The header of a message.
pub(crate) fn header_of(raw: &[u8]) -> &[u8] {
    raw.get(..header::end(raw)).unwrap_or_default()
}

/// A field as it reads: RFC 5255 §4.6 (a) has MIME's encoding removed.
pub(crate) fn field_text(field: header::Field<'_>) -> Decoded {
    let name = String::from_utf8_lossy(field.name);
    prefixed(&format!("{name}: "), Decoded::field(field.value))
}

/// A text behind another one.
fn prefixed(prefix: &str, text: Decoded) -> Decoded {
    match text {
        Decoded::Text(text) => Decoded::Text(format!("{prefix}{text}")),
        Decoded::Octets(octets) => Decoded::Octets([prefix.as_bytes(), &octets].concat()),
    }
}

/// The texts of the body: its text parts, then the headers of the messages in it.
pub(crate) fn each_body_text(raw: &[u8], mut text: impl FnMut(Decoded)) {
    let root = Part::read(raw);
    root.texts(raw).for_each(&mut text);
    for header in root.inner_headers(raw) {
        let mut whole = String::new();
        for field in header::fields(header) {
            match Decoded::field(field.value) {
                Decoded::Text(value) => {
                    whole.push_str(&value);
                    whole.push('\n');
                }
                octets => text(octets),
            }
        }
        text(Decoded::Text(whole));
    }
}

/// What a search for a field looks into that the summary holds.
pub(crate) fn summary_texts(summary: &Summary, field: SummaryField) -> Vec<Decoded> {
    let envelope = &summary.envelope;
    let addresses = |list: &[AddressItem]| list.iter().flat_map(searched::address).collect();
    let raw = |octets: &[u8]| match octets {
        [] => Vec::new(),
        octets => vec![Decoded::utf_8(octets)],
    };
    match field {
        SummaryField::Bcc => addresses(&envelope.bcc),
        SummaryField::Cc => addresses(&envelope.cc),
        SummaryField::From => addresses(&envelope.from),
        SummaryField::To => addresses(&envelope.to),
        SummaryField::Subject => {
            let subject = envelope.subject.iter();
            subject.map(|subject| Decoded::field(subject)).collect()
        }
        SummaryField::MessageId => raw(envelope.message_id.as_deref().unwrap_or_default()),
        SummaryField::InReplyTo => raw(envelope.in_reply_to.as_deref().unwrap_or_default()),
        SummaryField::References => raw(&summary.references),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of everything that texts are made from.
    const MESSAGES: [&str; 4] = [
        concat!(
            "From: =?iso-8859-1?q?J=F6rg?= <joerg@example.org>\r\nTo: friends: a@example.org, \"B, C\" <b@example.net>;\r\n",
            "Subject: =?utf-8?b?R3LDvMOfZQ==?= und\r\n mehr\r\nMessage-ID: <1@example.org>\r\nReferences: <0@example.org>\r\n",
            "X-Odd \t: \u{dc}ber\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n",
            "--x\r\nContent-Type: text/plain; charset=iso-8859-15\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            "Stra=DFe f=FCr 5 =A4=\r\n, weich\r\n--x\r\nContent-Type: text/html\r\n\r\n",
            "<p>H&uuml;te <b>dich</b><br>vor</p><style>p {}</style>\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n",
            "Subject: innen\r\nX-More: =?utf-8?q?=CE=A3?=\r\n\r\ndrin\r\n--x\r\nContent-Type: text/plain\r\n",
            "Content-Disposition: attachment; filename=a.txt\r\nContent-Transfer-Encoding: base64\r\n\r\nQW5oYW5n\r\n--x--\r\n"
        ),
        "Subject: plain\r\n\r\nONE\r\ntwo\r\n",
        "From: A  B  <a@example.org>\r\nFrom: C  D  <c@example.org>\r\n\r\n",
        "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\u{1b}$B4A;z\u{1b}(B\r\n",
    ];

    #[test]
    fn the_number_changes_with_the_texts() {
        let mut texts = String::new();
        for raw in MESSAGES {
            let raw = raw.as_bytes();
            each_text(raw, &Summary::read(raw), |text| {
                texts.push_str(text);
                texts.push('|');
            });
        }
        let hash = texts
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, octet| {
                (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3)
            });
        assert_eq!(
            (TEXTS, hash),
            (3, 1_993_843_837_102_121_682),
            "messages have other texts than before: raise TEXTS, so that indexes are made again. Now they are: {texts}"
        );
    }
}
