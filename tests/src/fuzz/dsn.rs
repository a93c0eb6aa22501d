//! Reports to senders: whatever other servers and messages say, a report is one well-formed message.

use waxwing_queue::dsn::{Action, Notice, Report, ReturnContent, compose};

/// A report of which all texts are from outside; the first octet says what is asked for.
pub fn dsn(octets: &[u8]) {
    super::parameters(octets);
    let Some((flags, rest)) = octets.split_first() else {
        return;
    };
    let mut pieces = rest.splitn(6, |octet| *octet == 0xff);
    let mut text = || String::from_utf8_lossy(pieces.next().unwrap_or_default()).into_owned();
    let report = Report {
        address: text(),
        orcpt: text(),
        action: if flags & 1 == 0 {
            Action::Failed
        } else {
            Action::Delayed
        },
        status: "5.0.0".to_owned(),
        said: text(),
        by_server: flags & 2 == 0,
        remote: text(),
        tried: 0,
        retry_until: 0,
    };
    let envid = text();
    let original = pieces.next().unwrap_or_default();
    let composed = compose(&Notice {
        host: "mx.waxwing.example",
        from: "MAILER-DAEMON@mx.waxwing.example",
        to: if flags & 4 == 0 {
            "alice@waxwing.test"
        } else {
            "\u{e4}lice@waxwing.test"
        },
        unique: "u1",
        now: 0,
        arrived: 0,
        envid: &envid,
        ret: if flags & 8 == 0 {
            ReturnContent::Full
        } else {
            ReturnContent::Headers
        },
        original,
        utf8: flags & 16 != 0,
        reports: &[report],
    });
    let content = String::from_utf8_lossy(&composed.content);
    let lines = content.replace("\r\n", "");
    assert!(!lines.contains(['\r', '\n', '\0']), "only whole line ends");
    assert_eq!(composed.eight_bit, !composed.content.is_ascii());
    // No text of others adds a field to the header, nor a part.
    let header = content.split("\r\n\r\n").next().unwrap_or_default();
    for field in ["From:", "To:", "Subject:", "Content-Type:"] {
        let found = header.lines().filter(|line| line.starts_with(field));
        assert_eq!(found.count(), 1, "{field} in {header}");
    }
    let boundary = header
        .split_once("boundary=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("", |(boundary, _)| boundary);
    let delimiters = content
        .lines()
        .filter(|line| line.starts_with(&format!("--{boundary}")));
    assert_eq!(delimiters.count(), 4, "three parts and the end: {content}");
}
