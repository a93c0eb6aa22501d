//! Mail that carries reports.
//!
//! Standards: RFC 7489 §7.2.1.1; RFC 8460 §5.3, §5.4.

use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

use super::aggregate::AggregateReport;
use super::tls::TlsReport;
use super::{ReportError, pack};

/// Who sends a report to whom.
#[derive(Clone, Copy, Debug)]
pub struct ReportMail<'a> {
    /// The From address.
    pub from: &'a str,
    /// Where it goes.
    pub to: &'a [String],
    /// The domain of the reporter, for the subject and the name of the file.
    pub submitter: &'a str,
    /// Without its brackets.
    pub message_id: &'a str,
    /// Seconds since 1970.
    pub date: u64,
}

/// A DMARC aggregate report as a message (RFC 7489 §7.2.1.1).
pub fn mail_of_aggregate(
    mail: &ReportMail<'_>,
    report: &AggregateReport,
) -> Result<Vec<u8>, ReportError> {
    let domain = &report.policy.domain;
    let ReportMail { submitter, .. } = mail;
    let AggregateReport {
        begin,
        end,
        report_id,
        ..
    } = report;
    let name = file_name(
        &[
            submitter,
            domain,
            &begin.to_string(),
            &end.to_string(),
            report_id,
        ],
        "xml.gz",
    );
    let text = format!(
        "This is a DMARC aggregate report of {submitter} for {domain}.\r\nThe period is {} to {}.\r\n",
        day(*begin),
        day(*end)
    );
    let packed = pack(report.to_xml().as_bytes())?;
    let parts = vec![
        MimePart::new("text/plain", BodyPart::Text(text.into())),
        MimePart::new("application/gzip", BodyPart::Binary(packed.into()))
            .header("Content-Disposition", attached(&name)),
    ];
    let builder = headed(mail, domain, report_id);
    let body = MimePart::new(
        ContentType::new("multipart/mixed"),
        BodyPart::Multipart(parts),
    );
    written(builder.body(body))
}

/// An SMTP TLS report as a message (RFC 8460 §5.3).
pub fn mail_of_tls(
    mail: &ReportMail<'_>,
    domain: &str,
    report: &TlsReport,
) -> Result<Vec<u8>, ReportError> {
    let ReportMail { submitter, .. } = mail;
    let time = |text: &str| {
        let read = text.parse::<jiff::Timestamp>();
        read.map_or(0, jiff::Timestamp::as_second).to_string()
    };
    let begin = time(&report.date_range.start_datetime);
    let end = time(&report.date_range.end_datetime);
    let name = file_name(
        &[submitter, domain, &begin, &end, &report.report_id],
        "json.gz",
    );
    let text = format!(
        "This is a TLS report of {submitter} for {domain}.\r\nThe period is {} to {}.\r\n",
        report.date_range.start_datetime, report.date_range.end_datetime
    );
    let packed = pack(&report.to_json()?)?;
    let parts = vec![
        MimePart::new("text/plain", BodyPart::Text(text.into())),
        MimePart::new("application/tlsrpt+gzip", BodyPart::Binary(packed.into()))
            .header("Content-Disposition", attached(&name)),
    ];
    // RFC 8460 §5.3: the type says which report it is; two fields say of whom and by whom.
    let kind = ContentType::new("multipart/report").attribute("report-type", "tlsrpt");
    let builder = headed(mail, domain, &report.report_id)
        .header("TLS-Report-Domain", Raw::new(one_line(domain)))
        .header("TLS-Report-Submitter", Raw::new(one_line(submitter)));
    written(builder.body(MimePart::new(kind, BodyPart::Multipart(parts))))
}

/// What takes reports apart by machine looks for the name in one piece, so that it is not cut as RFC 2231 §3 would have it.
fn attached(name: &str) -> Raw<'static> {
    Raw::new(format!("attachment; filename=\"{name}\""))
}

/// RFC 7489 §7.2.1.1, RFC 8460 §5.3: both have subjects of one form, which stays as it is: machines read it.
fn headed<'a>(mail: &ReportMail<'a>, domain: &str, report_id: &str) -> MessageBuilder<'a> {
    let subject = format!(
        "Report Domain: {} Submitter: {} Report-ID: <{}>",
        one_line(domain),
        one_line(mail.submitter),
        one_line(report_id)
    );
    let to: Vec<&'a str> = mail.to.iter().map(String::as_str).collect();
    MessageBuilder::new()
        .from(mail.from)
        .to(to)
        .header("Subject", Raw::new(subject))
        .date(i64::try_from(mail.date).unwrap_or_default())
        .message_id(mail.message_id)
        // RFC 3834 §5: nobody answers a report by machine.
        .header("Auto-Submitted", Raw::new("auto-generated"))
}

fn written(builder: MessageBuilder<'_>) -> Result<Vec<u8>, ReportError> {
    builder
        .write_to_vec()
        .map_err(|error| ReportError::Mail(error.to_string()))
}

/// RFC 7489 §7.2.1.1: parts with exclamation marks between; what could lead elsewhere in a file system is left out.
fn file_name(parts: &[&str], extension: &str) -> String {
    let clean = |part: &&str| -> String {
        let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        part.chars().filter(fits).take(100).collect()
    };
    let parts: Vec<String> = parts.iter().map(clean).collect();
    format!("{}.{extension}", parts.join("!"))
}

fn one_line(text: &str) -> String {
    let visible = text
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '<' | '>'));
    visible.take(200).collect()
}

fn day(seconds: u64) -> String {
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|at| jiff::Timestamp::from_second(at).ok());
    time.unwrap_or_default().to_string()
}
