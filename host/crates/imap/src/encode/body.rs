//! BODY and BODYSTRUCTURE (RFC 3501 §7.4.2) from the stored summary.

use std::fmt::Write as _;

use waxwing_message::{Body, Param, Part};

use crate::encode::core::{Out, nstring, number, string};
use crate::encode::envelope::envelope;

/// In which form a structure is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// BODYSTRUCTURE, not BODY.
    pub(crate) extended: bool,
    /// The client knows that a message/global holds a message (RFC 9051 §9: `media-message`).
    pub(crate) global: bool,
}

/// `body`. Parts nest no deeper than a summary does.
pub(crate) fn body(out: &mut Out, part: &Part, shape: Shape) {
    out.push(b'(');
    match &part.content {
        Body::Multipart(parts) => {
            for child in parts {
                body(out, child, shape);
            }
            out.push(b' ');
            media(out, &part.media_subtype);
            if shape.extended {
                out.push(b' ');
                params(out, &part.params);
                extension(out, part);
            }
        }
        Body::Message {
            envelope: inner,
            part: message,
        } if shape.global || part.media_subtype.eq_ignore_ascii_case("rfc822") => {
            basic(out, part);
            out.push(b' ');
            envelope(out, (&**inner).into());
            out.push(b' ');
            body(out, message, shape);
            out.push(b' ');
            number(out, part.lines);
            single_extension(out, part, shape.extended);
        }
        Body::Leaf | Body::Message { .. } => {
            basic(out, part);
            // `body-type-text` has lines, `body-type-basic` does not.
            if part.media_type.eq_ignore_ascii_case("text") {
                out.push(b' ');
                number(out, part.lines);
            }
            single_extension(out, part, shape.extended);
        }
    }
    out.push(b')');
}

/// `media-basic SP body-fields`
fn basic(out: &mut Out, part: &Part) {
    media(out, &part.media_type);
    out.push(b' ');
    media(out, &part.media_subtype);
    out.push(b' ');
    params(out, &part.params);
    out.push(b' ');
    nstring(out, &part.id);
    out.push(b' ');
    nstring(out, &part.description);
    out.push(b' ');
    let encoding = if part.encoding.is_empty() {
        "7BIT"
    } else {
        &part.encoding
    };
    media(out, encoding);
    out.push(b' ');
    number(out, part.body.len());
}

/// Media types and encodings are case-insensitive; upper case is what old clients compare with.
fn media(out: &mut Out, name: &str) {
    string(out, name.to_ascii_uppercase().as_bytes());
}

/// `body-ext-1part` begins with the MD5 sum.
fn single_extension(out: &mut Out, part: &Part, extended: bool) {
    if extended {
        out.push(b' ');
        nstring(out, &part.md5);
        extension(out, part);
    }
}

/// `SP body-fld-dsp SP body-fld-lang SP body-fld-loc`
fn extension(out: &mut Out, part: &Part) {
    if part.disposition.is_empty() {
        out.extend_from_slice(b" NIL");
    } else {
        out.extend_from_slice(b" (");
        media(out, &part.disposition);
        out.push(b' ');
        params(out, &part.disposition_params);
        out.push(b')');
    }
    match part.languages.as_slice() {
        [] => out.extend_from_slice(b" NIL"),
        languages => {
            out.extend_from_slice(b" (");
            for (index, language) in languages.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                string(out, language.as_bytes());
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(out, &part.location);
}

/// `body-fld-param`
fn params(out: &mut Out, params: &[Param]) {
    if params.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for (index, param) in params.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        let printable = param
            .value
            .bytes()
            .all(|octet| matches!(octet, b' '..=b'~'));
        if printable {
            media(out, &param.name);
            out.push(b' ');
            string(out, param.value.as_bytes());
        } else {
            media(out, &format!("{}*", param.name));
            out.push(b' ');
            string(out, extended_value(&param.value).as_bytes());
        }
    }
    out.push(b')');
}

/// RFC 2231 §4: the value with its charset, percent-encoded.
fn extended_value(value: &str) -> String {
    let mut encoded = String::from("utf-8''");
    for octet in value.bytes() {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_') {
            encoded.push(char::from(octet));
        } else {
            let _ = write!(encoded, "%{octet:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use waxwing_message::Summary;

    use super::*;

    fn structure(mail: &str, extended: bool) -> String {
        let shape = Shape {
            extended,
            global: false,
        };
        shaped(mail, shape)
    }

    fn shaped(mail: &str, shape: Shape) -> String {
        let mut out = Out::new();
        body(&mut out, &Summary::read(mail.as_bytes()).root, shape);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_in_utf_8_is_one_for_those_who_know_of_such() {
        let shape = |global| Shape {
            extended: false,
            global,
        };
        let mail = "Content-Type: message/global\r\n\r\nSubject: in\r\n\r\nhi\r\n";
        assert_eq!(
            shaped(mail, shape(true)),
            concat!(
                r#"("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" 19 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) "#,
                r#"("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 4 1) 3)"#
            )
        );
        assert_eq!(
            shaped(mail, shape(false)),
            r#"("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" 19)"#
        );
        let encoded = format!("Content-Transfer-Encoding: base64\r\n{mail}");
        assert_eq!(
            shaped(&encoded, shape(true)),
            r#"("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 19)"#
        );
    }

    #[test]
    fn a_plain_text_has_lines_and_defaults() {
        let mail = "Subject: x\r\n\r\none\r\ntwo\r\n";
        assert_eq!(
            structure(mail, true),
            r#"("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 10 2 NIL NIL NIL NIL)"#
        );
        assert_eq!(
            structure(mail, false),
            r#"("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 10 2)"#
        );
    }

    #[test]
    fn a_multipart_has_its_parts_and_a_message_its_envelope() {
        let mail = concat!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
            "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhi\r\n--b\r\n",
            "Content-Type: image/png; name*=utf-8''%C3%BC\r\nContent-Transfer-Encoding: BASE64\r\n",
            "Content-Disposition: inline\r\n\r\nAAAA\r\n--b--\r\n"
        );
        assert_eq!(
            structure(mail, true),
            concat!(
                r#"(("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 17 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) "#,
                r#"("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 2 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)"#,
                r#"("IMAGE" "PNG" ("NAME*" "utf-8''%C3%BC") NIL NIL "BASE64" 4 NIL ("INLINE" NIL) NIL NIL)"#,
                r#" "MIXED" ("BOUNDARY" "b") NIL NIL NIL)"#
            )
        );
    }
}
