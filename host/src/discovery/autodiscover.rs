//! Autodiscover in XML, which Outlook asks for: the address comes in the question.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::Event;

use super::Server;

/// The answer that mail programs know how to read; others are for phones and for Exchange.
const SCHEMA: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
const ENVELOPE: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
/// Octets of an address or the name of a schema.
const MAX_TEXT: usize = 1024;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is no question that is understood.
    Question,
    /// It wants another form of answer.
    Schema,
    /// The address is of no domain that is served here.
    UnknownAddress,
}

impl Wrong {
    fn code(self) -> (u16, &'static str) {
        match self {
            Self::Question => (600, "Invalid Request"),
            Self::Schema => (601, "Requested schema version not supported"),
            Self::UnknownAddress => (500, "The email address cannot be found."),
        }
    }
}

/// The address that the question names.
pub(super) fn read(question: &str) -> Result<String, Wrong> {
    let mut reader = Reader::from_str(question.trim_start_matches('\u{feff}'));
    let (mut address, mut schema, mut text) = (None, None, String::new());
    loop {
        match reader.read_event().map_err(|_| Wrong::Question)? {
            Event::Start(_) => text.clear(),
            Event::Text(piece) => text.push_str(&piece.xml10_content()),
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content();
                text.push_str(resolve_predefined_entity(&name).ok_or(Wrong::Question)?);
            }
            Event::End(end) => {
                let named = |name: &str| end.local_name().as_ref().eq_ignore_ascii_case(name);
                if named("EMailAddress") {
                    address = Some(text.trim().to_owned());
                } else if named("AcceptableResponseSchema") {
                    schema = Some(text.trim().to_owned());
                }
            }
            Event::Eof => break,
            _ => {}
        }
        if text.len() > MAX_TEXT {
            return Err(Wrong::Question);
        }
    }
    if schema.is_some_and(|schema| schema != SCHEMA) {
        return Err(Wrong::Schema);
    }
    address
        .filter(|address| !address.is_empty())
        .ok_or(Wrong::Question)
}

/// The services, each once: the best of its protocol.
pub(super) fn write(address: &str, servers: &[Server]) -> String {
    let address = escape(address);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover xmlns=\"{ENVELOPE}\">\n  <Response xmlns=\"{SCHEMA}\">\n    \
         <User><DisplayName>{address}</DisplayName></User>\n    <Account>\n      <AccountType>email</AccountType>\n      <Action>settings</Action>\n"
    );
    for (protocol, name) in [("imap", "IMAP"), ("pop3", "POP3"), ("smtp", "SMTP")] {
        let Some(server) = servers.iter().find(|server| server.protocol == protocol) else {
            continue;
        };
        let encryption = match server.implicit {
            true => "SSL",
            false => "TLS",
        };
        let (host, port) = (escape(&server.host), server.port);
        let _infallible = write!(
            out,
            "      <Protocol>\n        <Type>{name}</Type>\n        <Server>{host}</Server>\n        <Port>{port}</Port>\n        \
             <DomainRequired>off</DomainRequired>\n        <LoginName>{address}</LoginName>\n        <SPA>off</SPA>\n        \
             <SSL>on</SSL>\n        <Encryption>{encryption}</Encryption>\n        <AuthRequired>on</AuthRequired>\n      </Protocol>\n"
        );
    }
    out.push_str("    </Account>\n  </Response>\n</Autodiscover>\n");
    out
}

pub(super) fn write_error(wrong: Wrong) -> String {
    let (code, text) = wrong.code();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover xmlns=\"{ENVELOPE}\">\n  <Response>\n    <Error>\n      \
         <ErrorCode>{code}</ErrorCode>\n      <Message>{text}</Message>\n      <DebugData/>\n    </Error>\n  </Response>\n</Autodiscover>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(address: &str, schema: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">\
             <Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
        )
    }

    #[test]
    fn the_address_is_found() {
        assert_eq!(
            read(&question(" bob@example.org ", SCHEMA)).unwrap(),
            "bob@example.org"
        );
        let name = read(&question("o&apos;neil&amp;co@example.org", SCHEMA));
        assert_eq!(name.unwrap(), "o'neil&co@example.org");
    }

    #[test]
    fn what_is_no_question_has_its_code() {
        for (asked, wrong) in [
            (
                question("bob@example.org", "http://other.example/"),
                Wrong::Schema,
            ),
            (question("", SCHEMA), Wrong::Question),
            (question("&own;", SCHEMA), Wrong::Question),
            (question(&"a".repeat(MAX_TEXT + 1), SCHEMA), Wrong::Question),
            (String::new(), Wrong::Question),
            ("<Request><EMailAddress>".to_owned(), Wrong::Question),
            ("not XML".to_owned(), Wrong::Question),
        ] {
            assert_eq!(read(&asked), Err(wrong), "{asked}");
        }
    }
}
