//! The report as a message: a text for people, fields for programs, what is returned.
//!
//! Written here and not by a general builder of MIME: RFC 3464 and RFC 6533 forbid encodings that such a builder
//! chooses, and its boundaries come from the clock.

use std::fmt::Write as _;

use super::content::{Returned, message_id, returned};
use super::fields::{date, field, harmless, original, typed};
use super::{Action, ReturnContent};

/// Most recipients in one report; of more only these are named.
const MAX_REPORTS: usize = 100;

/// What is told of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The address that was tried, without `<>`.
    pub address: String,
    /// What ORCPT said, decoded; empty if nothing.
    pub orcpt: String,
    /// What became of it.
    pub action: Action,
    /// The enhanced status code, as `5.1.1`.
    pub status: String,
    /// What the other server, or we, said; empty if nothing.
    pub said: String,
    /// Whether the other server said it.
    pub by_server: bool,
    /// The host that was talked to; empty if none.
    pub remote: String,
    /// When it was last tried, milliseconds of Unix time; 0 if never.
    pub tried: i64,
    /// Until when it is tried, for a delay; 0 if unknown.
    pub retry_until: i64,
}

/// A notification to be written.
#[derive(Debug, Clone)]
pub struct Notice<'a> {
    /// The name of this server.
    pub host: &'a str,
    /// The address in From, as `MAILER-DAEMON@mx.example.org`. It is never the reverse path, which is null.
    pub from: &'a str,
    /// The addressee: see [`super::addressee`].
    pub to: &'a str,
    /// What stands before `@` in the Message-ID, and what the boundary is made of: letters and digits, never the same
    /// again.
    pub unique: &'a str,
    /// The moment of writing, milliseconds of Unix time.
    pub now: i64,
    /// When the message came; 0 if unknown.
    pub arrived: i64,
    /// `ENVID`, decoded; empty if none.
    pub envid: &'a str,
    /// `RET`
    pub ret: ReturnContent,
    /// The message, or at least its header.
    pub original: &'a [u8],
    /// Whether it came by SMTPUTF8.
    pub utf8: bool,
    /// The recipients, at least one.
    pub reports: &'a [Report],
}

/// A notification as it is to be queued: with the null reverse path, `NOTIFY=NEVER` and the priority of mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The message.
    pub content: Vec<u8>,
    /// It has octets above 127: `BODY=8BITMIME`.
    pub eight_bit: bool,
    /// Its header has them: `SMTPUTF8`. Only if the addressee's own address is not ASCII.
    pub utf8: bool,
}

/// Writes a notification.
pub fn compose(notice: &Notice<'_>) -> Composed {
    // RFC 6533 §6: who has an address of SMTPUTF8 can read the UTF-8 forms; all others get the ASCII ones.
    let utf8 = !notice.to.is_ascii();
    let failed = notice
        .reports
        .iter()
        .any(|report| report.action == Action::Failed);
    let part = returned(notice.original, notice.ret, failed, notice.utf8);
    let text = text(notice);
    let status = status(notice, utf8);
    let boundary = boundary(notice, &part.octets);
    let mut out = header(notice, utf8, &boundary);
    let mut put = |content_type: &str, text: &str| {
        let encoding = if text.is_ascii() { "7bit" } else { "8bit" };
        let _ = write!(
            out,
            "--{boundary}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{text}\r\n"
        );
    };
    put("text/plain; charset=utf-8", &text);
    put(
        match utf8 {
            true => "message/global-delivery-status",
            false => "message/delivery-status",
        },
        &status,
    );
    let Returned {
        content_type,
        octets,
        eight_bit,
    } = part;
    let encoding = if eight_bit { "8bit" } else { "7bit" };
    let _ = write!(
        out,
        "--{boundary}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    );
    let mut content = out.into_bytes();
    content.extend_from_slice(&octets);
    content.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Composed {
        eight_bit: !content.is_ascii(),
        utf8,
        content,
    }
}

/// Letters and digits.
fn plain(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(100)
        .collect()
}

/// A boundary that what is returned does not contain.
fn boundary(notice: &Notice<'_>, octets: &[u8]) -> String {
    let mut boundary = format!(
        "=_{}",
        plain(notice.unique)
            .get(..40)
            .unwrap_or(&plain(notice.unique))
    );
    // Each round makes it longer: at some length it is not in there.
    while octets
        .windows(boundary.len())
        .any(|window| window == boundary.as_bytes())
    {
        boundary.push('=');
    }
    boundary
}

fn header(notice: &Notice<'_>, utf8: bool, boundary: &str) -> String {
    let mut out = String::new();
    let subject = match worst(notice) {
        Action::Failed => "Undelivered mail returned to sender",
        Action::Delayed => "Delayed mail (still being retried)",
        _ => "Successful mail delivery report",
    };
    field(
        &mut out,
        "From",
        &format!("Mail Delivery System <{}>", harmless(notice.from, utf8)),
    );
    field(&mut out, "To", &format!("<{}>", harmless(notice.to, utf8)));
    field(&mut out, "Subject", subject);
    field(&mut out, "Date", &date(notice.now));
    let id = format!(
        "<{}@{}>",
        plain(notice.unique),
        harmless(notice.host, false)
    );
    field(&mut out, "Message-ID", &id);
    if let Some(original) = message_id(notice.original) {
        field(&mut out, "In-Reply-To", &original);
        field(&mut out, "References", &original);
    }
    // RFC 3834 §5: an answer to a message, made without anybody.
    field(&mut out, "Auto-Submitted", "auto-replied");
    field(&mut out, "MIME-Version", "1.0");
    let report = format!(
        "multipart/report; report-type={}; boundary=\"{boundary}\"",
        match utf8 {
            true => "global-delivery-status",
            false => "delivery-status",
        }
    );
    field(&mut out, "Content-Type", &report);
    out.push_str("\r\n");
    out
}

/// What the subject is about.
fn worst(notice: &Notice<'_>) -> Action {
    let any = |action| notice.reports.iter().any(|report| report.action == action);
    match (any(Action::Failed), any(Action::Delayed)) {
        (true, _) => Action::Failed,
        (_, true) => Action::Delayed,
        _ => Action::Relayed,
    }
}

/// The part for people.
fn text(notice: &Notice<'_>) -> String {
    let mut out = format!(
        "This is the mail system at {}.\r\n",
        harmless(notice.host, false)
    );
    for (action, says) in [
        (
            Action::Failed,
            "Your message could not be delivered to these recipients. It will not be tried again.",
        ),
        (
            Action::Delayed,
            "Your message has not been delivered to these recipients yet. It is still being tried;\r\nyou need not send it again.",
        ),
        (
            Action::Delivered,
            "Your message was delivered to these recipients.",
        ),
        (
            Action::Relayed,
            "Your message was handed to the mail servers of these recipients, which may not tell you more.",
        ),
        (
            Action::Expanded,
            "Your message was delivered to these recipients and sent on from there.",
        ),
    ] {
        let mut about = reports(notice)
            .filter(|report| report.action == action)
            .peekable();
        if about.peek().is_none() {
            continue;
        }
        let _ = write!(out, "\r\n{says}\r\n\r\n");
        for report in about {
            let address = harmless(&report.address, true);
            field(
                &mut out,
                &format!("<{address}>"),
                &harmless(&report.said, true),
            );
            if report.retry_until > 0 {
                let _ = write!(
                    out,
                    "  It will be tried until {}.\r\n",
                    date(report.retry_until)
                );
            }
        }
    }
    let more = notice.reports.len().saturating_sub(MAX_REPORTS);
    if more > 0 {
        let _ = write!(out, "\r\nand {more} more.\r\n");
    }
    out
}

fn reports<'a>(notice: &'a Notice<'_>) -> impl Iterator<Item = &'a Report> {
    notice.reports.iter().take(MAX_REPORTS)
}

/// The part for programs (RFC 3464 §2).
fn status(notice: &Notice<'_>, utf8: bool) -> String {
    let mut out = String::new();
    if !notice.envid.is_empty() {
        field(
            &mut out,
            "Original-Envelope-Id",
            &harmless(notice.envid, utf8),
        );
    }
    field(
        &mut out,
        "Reporting-MTA",
        &format!("dns; {}", harmless(notice.host, utf8)),
    );
    if notice.arrived > 0 {
        field(&mut out, "Arrival-Date", &date(notice.arrived));
    }
    for report in reports(notice) {
        out.push_str("\r\n");
        recipient(&mut out, report, utf8);
    }
    out
}

fn recipient(out: &mut String, report: &Report, utf8: bool) {
    if !report.orcpt.is_empty() {
        field(out, "Original-Recipient", &original(&report.orcpt, utf8));
    }
    field(out, "Final-Recipient", &typed(&report.address, utf8));
    field(out, "Action", report.action.word());
    field(out, "Status", &harmless(&report.status, false));
    if !report.remote.is_empty() {
        field(
            out,
            "Remote-MTA",
            &format!("dns; {}", harmless(&report.remote, utf8)),
        );
    }
    if !report.said.is_empty() {
        // RFC 3464 §2.3.6: smtp for what a server said; the rest is a type of our own.
        let kind = if report.by_server {
            "smtp"
        } else {
            "x-waxwing"
        };
        field(
            out,
            "Diagnostic-Code",
            &format!("{kind}; {}", harmless(&report.said, utf8)),
        );
    }
    if report.tried > 0 {
        field(out, "Last-Attempt-Date", &date(report.tried));
    }
    // RFC 3464 §2.3.9: only for what is delayed.
    if report.action == Action::Delayed && report.retry_until > 0 {
        field(out, "Will-Retry-Until", &date(report.retry_until));
    }
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders, PartType};
    use proptest::prelude::*;

    use super::*;

    fn report(address: &str, action: Action) -> Report {
        Report {
            address: address.to_owned(),
            orcpt: String::new(),
            action,
            status: "5.1.1".to_owned(),
            said: "550 5.1.1 no such user here".to_owned(),
            by_server: true,
            remote: "mx.example.net".to_owned(),
            tried: 1_700_000_100_000,
            retry_until: 0,
        }
    }

    fn notice<'a>(to: &'a str, original: &'a [u8], reports: &'a [Report]) -> Notice<'a> {
        Notice {
            host: "mx.us.example",
            from: "MAILER-DAEMON@mx.us.example",
            to,
            unique: "Q1x",
            now: 1_700_000_200_000,
            arrived: 1_700_000_000_000,
            envid: "",
            ret: ReturnContent::Full,
            original,
            utf8: false,
            reports,
        }
    }

    const ORIGINAL: &[u8] = b"Subject: hello\r\nMessage-ID: <1@a.example>\r\n\r\nbody\r\n";

    #[test]
    fn a_failure_as_a_whole() {
        let reports = [report("b@example.net", Action::Failed)];
        let composed = compose(&notice("a@example.org", ORIGINAL, &reports));
        let expected = "From: Mail Delivery System <MAILER-DAEMON@mx.us.example>\r\n\
            To: <a@example.org>\r\n\
            Subject: Undelivered mail returned to sender\r\n\
            Date: Tue, 14 Nov 2023 22:16:40 +0000\r\n\
            Message-ID: <Q1x@mx.us.example>\r\n\
            In-Reply-To: <1@a.example>\r\n\
            References: <1@a.example>\r\n\
            Auto-Submitted: auto-replied\r\n\
            MIME-Version: 1.0\r\n\
            Content-Type: multipart/report; report-type=delivery-status; boundary=\"=_Q1x\"\r\n\
            \r\n\
            --=_Q1x\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: 7bit\r\n\
            \r\n\
            This is the mail system at mx.us.example.\r\n\
            \r\n\
            Your message could not be delivered to these recipients. It will not be tried again.\r\n\
            \r\n\
            <b@example.net>: 550 5.1.1 no such user here\r\n\
            \r\n\
            --=_Q1x\r\n\
            Content-Type: message/delivery-status\r\n\
            Content-Transfer-Encoding: 7bit\r\n\
            \r\n\
            Reporting-MTA: dns; mx.us.example\r\n\
            Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\
            \r\n\
            Final-Recipient: rfc822; b@example.net\r\n\
            Action: failed\r\n\
            Status: 5.1.1\r\n\
            Remote-MTA: dns; mx.example.net\r\n\
            Diagnostic-Code: smtp; 550 5.1.1 no such user here\r\n\
            Last-Attempt-Date: Tue, 14 Nov 2023 22:15:00 +0000\r\n\
            \r\n\
            --=_Q1x\r\n\
            Content-Type: message/rfc822\r\n\
            Content-Transfer-Encoding: 7bit\r\n\
            \r\n\
            Subject: hello\r\n\
            Message-ID: <1@a.example>\r\n\
            \r\n\
            body\r\n\
            \r\n\
            --=_Q1x--\r\n";
        assert_eq!(String::from_utf8(composed.content).unwrap(), expected);
        assert!(!composed.eight_bit && !composed.utf8);
    }

    #[test]
    fn delays_and_successes_return_the_header() {
        let mut delayed = report("b@example.net", Action::Delayed);
        delayed.retry_until = 1_700_400_000_000;
        delayed.orcpt = "rfc822;list@example.net".to_owned();
        let reports = [delayed];
        let mut notice = notice("a@example.org", ORIGINAL, &reports);
        notice.envid = "QQ314159";
        let text = String::from_utf8(compose(&notice).content).unwrap();
        for line in [
            "Subject: Delayed mail (still being retried)\r\n",
            "Original-Envelope-Id: QQ314159\r\n",
            "Original-Recipient: rfc822; list@example.net\r\n",
            "Will-Retry-Until: Sun, 19 Nov 2023 13:20:00 +0000\r\n",
            "Content-Type: text/rfc822-headers\r\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(!text.contains("body"));
        let reports = [report("b@example.net", Action::Relayed)];
        let text = String::from_utf8(
            compose(&super::tests::notice("a@example.org", ORIGINAL, &reports)).content,
        )
        .unwrap();
        assert!(
            text.contains("Action: relayed\r\n")
                && text.contains("Subject: Successful mail delivery report")
        );
    }

    #[test]
    fn addresses_of_smtputf8() {
        let reports = [report("jö@exämple.net", Action::Failed)];
        let original = "Subject: grüße\r\n\r\nbody\r\n".as_bytes();
        // An ASCII sender gets ASCII fields (RFC 6533 §3), the message as it is.
        let mut ascii = notice("a@example.org", original, &reports);
        ascii.utf8 = true;
        let composed = compose(&ascii);
        let text = String::from_utf8(composed.content).unwrap();
        assert!(
            text.contains("Final-Recipient: utf-8; j\\x{F6}@ex\\x{E4}mple.net\r\n"),
            "{text}"
        );
        assert!(
            text.contains("Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n")
        );
        assert!(composed.eight_bit && !composed.utf8);
        let mut global = notice("ä@example.org", original, &reports);
        global.utf8 = true;
        let composed = compose(&global);
        let text = String::from_utf8(composed.content).unwrap();
        assert!(
            text.contains("Final-Recipient: utf-8; jö@exämple.net\r\n"),
            "{text}"
        );
        assert!(
            text.contains("message/global-delivery-status")
                && text.contains("report-type=global-delivery-status")
        );
        assert!(composed.utf8);
    }

    #[test]
    fn a_message_cannot_end_its_part() {
        let original = b"Subject: x\r\n\r\n--=_Q1x--\r\n--=_Q1x=\r\n";
        let reports = [report("b@example.net", Action::Failed)];
        let content = compose(&notice("a@example.org", original, &reports)).content;
        let parsed = MessageParser::default().parse(&content).unwrap();
        assert_eq!(parsed.parts.len(), 4);
    }

    #[test]
    fn many_recipients_are_bounded() {
        let reports = vec![report("b@example.net", Action::Failed); 300];
        let text = String::from_utf8(compose(&notice("a@example.org", ORIGINAL, &reports)).content)
            .unwrap();
        assert_eq!(text.matches("Final-Recipient").count(), 100);
        assert!(text.contains("and 200 more."));
    }

    proptest! {
        #[test]
        fn a_report_is_three_parts_whatever_was_said(
            said in ".{0,300}", address in ".{0,80}", orcpt in ".{0,80}", to in ".{1,60}", envid in ".{0,40}",
            body in prop::collection::vec(any::<u8>(), 0..400), utf8: bool,
        ) {
            let mut one = report(&address, Action::Failed);
            one.said = said;
            one.orcpt = orcpt;
            let reports = [one];
            let original = [b"Subject: x\r\n\r\n".to_vec(), body].concat();
            let mut notice = notice(&to, &original, &reports);
            notice.envid = &envid;
            notice.utf8 = utf8;
            let content = compose(&notice).content;
            let lines_end_well = content.iter().enumerate().all(|(i, byte)| match byte {
                b'\n' => i > 0 && content[i - 1] == b'\r',
                b'\r' => content.get(i + 1) == Some(&b'\n'),
                _ => true,
            });
            prop_assert!(lines_end_well);
            let parsed = MessageParser::default().parse(&content).unwrap();
            let PartType::Multipart(parts) = &parsed.parts[0].body else {
                return Err(TestCaseError::fail("not a multipart"));
            };
            prop_assert_eq!(parts.len(), 3);
            let kind = parsed.parts[0].content_type().unwrap();
            prop_assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
        }
    }
}
