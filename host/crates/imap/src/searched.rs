//! The texts of a message that search keys look into: what an index of them is made from.

use waxwing_message::{AddressItem, Part, Summary, decode_words, fold, header};

use crate::types::SummaryField;

/// Changes whenever a message may have other texts than before: an index that was made from those has to be made again.
pub const TEXTS: u16 = 1;

/// Hands over every text, folded, of the message `raw` that a search key can find something in, its `summary` being the one that rows
/// are answered with. What a key finds lies within one of them.
pub fn each_text(raw: &[u8], summary: &Summary, mut text: impl FnMut(&str)) {
    let mut folded = |part: &str| text(&fold(part));
    for field in header::fields(header_of(raw)) {
        field_texts(field).iter().for_each(|part| folded(part));
    }
    each_body_text(raw, |part| folded(&part));
    for field in SummaryField::ALL {
        let texts = summary_texts(summary, field);
        texts.iter().for_each(|part| folded(part));
    }
}

/// The header of a message.
pub(crate) fn header_of(raw: &[u8]) -> &[u8] {
    raw.get(..header::end(raw)).unwrap_or_default()
}

/// A field's value as it reads, and the field as it stands.
pub(crate) fn field_texts(field: header::Field<'_>) -> [String; 2] {
    let stands = String::from_utf8_lossy(field.raw).into_owned();
    [decode_words(field.value), stands]
}

/// The texts of the body: its text parts, then the headers of the messages in it.
pub(crate) fn each_body_text(raw: &[u8], mut text: impl FnMut(String)) {
    let root = Part::read(raw);
    root.texts(raw).for_each(&mut text);
    for header in root.inner_headers(raw) {
        let fields = header::fields(header).map(|field| decode_words(field.value));
        text(fields.collect::<Vec<_>>().join("\n"));
    }
}

/// What a search for a field looks into that the summary holds.
pub(crate) fn summary_texts(summary: &Summary, field: SummaryField) -> Vec<String> {
    let envelope = &summary.envelope;
    let addresses = |list: &[AddressItem]| list.iter().map(address).collect();
    let raw = |octets: &[u8]| match octets {
        [] => Vec::new(),
        octets => vec![String::from_utf8_lossy(octets).into_owned()],
    };
    match field {
        SummaryField::Bcc => addresses(&envelope.bcc),
        SummaryField::Cc => addresses(&envelope.cc),
        SummaryField::From => addresses(&envelope.from),
        SummaryField::To => addresses(&envelope.to),
        SummaryField::Subject => {
            let subject = envelope.subject.iter();
            subject.map(|subject| decode_words(subject)).collect()
        }
        SummaryField::MessageId => raw(envelope.message_id.as_deref().unwrap_or_default()),
        SummaryField::InReplyTo => raw(envelope.in_reply_to.as_deref().unwrap_or_default()),
        SummaryField::References => raw(&summary.references),
    }
}

/// An address as it stands in a header, decoded.
fn address(item: &AddressItem) -> String {
    match item {
        AddressItem::Mailbox {
            name,
            local,
            domain,
            ..
        } if name.is_empty() => format!("{local}@{domain}"),
        AddressItem::Mailbox {
            name,
            local,
            domain,
            ..
        } => format!("{name} <{local}@{domain}>"),
        AddressItem::GroupStart(name) => name.clone(),
        AddressItem::GroupEnd => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of everything that texts are made from.
    const MESSAGES: [&str; 3] = [
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
            (1, 10_476_751_805_627_441_664),
            "messages have other texts than before: raise TEXTS, so that indexes are made again. Now they are: {texts}"
        );
    }
}
