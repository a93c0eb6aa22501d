//! A letter that the server writes in somebody's name: plain, as a text or as HTML, or as both.

use super::super::ask::Piece;
use super::{Content, Part, Writer, folded, words};

/// What such a letter says, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter<'a> {
    /// Name and address of its author; the name may be empty.
    pub from: (&'a str, &'a str),
    /// The address of its reader.
    pub to: &'a str,
    /// One line.
    pub subject: &'a str,
    /// Other fields, of which the values are ASCII and can be folded where they have a space.
    pub fields: &'a [(&'static str, String)],
    /// The body as a text.
    pub text: Option<&'a str>,
    /// The body as HTML.
    pub html: Option<&'a str>,
    /// What no part has in it: nobody knows it before.
    pub mark: String,
}

impl Letter<'_> {
    /// The message.
    #[must_use]
    pub fn written(self) -> Vec<u8> {
        let (name, address) = self.from;
        let from = match name.is_empty() {
            true => address.to_owned(),
            false => format!("{} <{address}>", words::phrase(name)),
        };
        let own = [
            ("From", from),
            ("To", self.to.to_owned()),
            ("Subject", words::text(self.subject)),
            ("MIME-Version", "1.0".to_owned()),
        ];
        let mut fields = String::new();
        for (name, value) in own.iter().chain(self.fields) {
            // One that cannot be written within lines is left out: none of these is as long.
            fields.push_str(&folded(name, value).unwrap_or_default());
        }
        let part = |kind: &str, text: &str| Part {
            kind: kind.to_owned(),
            fields: String::new(),
            content: Content::Text(text.to_owned()),
        };
        let text = self.text.map(|text| part("text/plain", text));
        let html = self.html.map(|html| part("text/html", html));
        let root = match (text, html) {
            (Some(text), Some(html)) => Part {
                kind: "multipart/alternative".to_owned(),
                fields: String::new(),
                content: Content::Parts(vec![text, html]),
            },
            (text, html) => text.or(html).unwrap_or_else(|| part("text/plain", "")),
        };
        let pieces = Writer::new(self.mark, &fields).finish(&root);
        let octets = pieces.into_iter().filter_map(|piece| match piece {
            Piece::Octets(octets) => Some(octets),
            Piece::Blob(..) => None,
        });
        let mut octets: Vec<u8> = octets.flatten().collect();
        // RFC 5321 §2.3.8: lines that are sent end.
        if !octets.ends_with(b"\r\n") {
            octets.extend_from_slice(b"\r\n");
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_a_message() {
        let letter = Letter {
            from: ("Jörg, Dr.", "joerg@example.org"),
            to: "bob@example.net",
            subject: "Bin im Frühling zurück",
            fields: &[("Auto-Submitted", "auto-replied".to_owned())],
            text: Some("Bis bald.\nJörg"),
            html: None,
            mark: "mark".into(),
        };
        let text = String::from_utf8(letter.clone().written()).unwrap();
        assert!(text.is_ascii() && text.ends_with("J=C3=B6rg\r\n"), "{text}");
        assert!(text.starts_with("From: =?utf-8?Q?J=C3=B6rg=2C_Dr=2E?= <joerg@example.org>\r\nTo: bob@example.net\r\nSubject: Bin im =?utf-8?Q?"), "{text}");
        assert!(
            text.contains("\r\nAuto-Submitted: auto-replied\r\n"),
            "{text}"
        );
        let both = Letter {
            html: Some("<p>Bis bald.</p>"),
            ..letter
        };
        let text = String::from_utf8(both.written()).unwrap();
        assert!(
            text.contains("Content-Type: multipart/alternative; boundary=\"=_mark_0\"\r\n"),
            "{text}"
        );
        assert!(
            text.ends_with("\r\n<p>Bis bald.</p>\r\n--=_mark_0--\r\n"),
            "{text}"
        );
    }
}
