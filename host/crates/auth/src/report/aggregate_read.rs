//! Reading aggregate reports: whatever order the elements have, and whatever namespace.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};

use super::ReportError;
use super::aggregate::{AggregateReport, DkimRow, ReportRecord, SpfRow};

/// Records of a report.
const MAX_RECORDS: usize = 100_000;
/// Signatures, SPF checks or reasons of a record, and errors of a report.
const MAX_ITEMS: usize = 100;
/// Elements within each other; the schema has five.
const MAX_DEPTH: usize = 16;
/// Octets of one element's text; what is longer is cut.
const MAX_TEXT: usize = 1024;

/// What was read so far, and where.
#[derive(Default)]
struct Reading {
    report: AggregateReport,
    path: Vec<String>,
    text: String,
    seen_root: bool,
}

pub(super) fn read(xml: &str) -> Result<AggregateReport, ReportError> {
    // Some programs begin UTF-8 with a byte order mark.
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}'));
    let mut reading = Reading::default();
    loop {
        let event = reader.read_event();
        match event.map_err(|error| malformed(&error.to_string()))? {
            Event::Start(start) => reading.open(start.local_name().as_ref())?,
            Event::Empty(start) => {
                reading.open(start.local_name().as_ref())?;
                reading.close()?;
            }
            Event::End(_) => reading.close()?,
            Event::Text(text) => reading.add(&text.xml10_content()),
            Event::CData(text) => reading.add(&text.xml10_content()),
            Event::GeneralRef(reference) => reading.add(&resolved(&reference)?),
            // Entities of a DTD are neither read nor resolved.
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    if !reading.path.is_empty() || !reading.seen_root {
        return Err(malformed("it ends before its end"));
    }
    Ok(reading.report)
}

fn malformed(why: &str) -> ReportError {
    ReportError::Malformed(why.chars().take(200).collect())
}

/// XML 1.0 §4.1, §4.6: references to characters, and the five entities that need no DTD.
fn resolved(reference: &BytesRef<'_>) -> Result<String, ReportError> {
    let character = reference.resolve_char_ref();
    if let Some(character) = character.map_err(|error| malformed(&error.to_string()))? {
        return Ok(character.to_string());
    }
    let name = reference.xml10_content();
    resolve_predefined_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| malformed(&format!("the entity {name} is not known")))
}

impl Reading {
    fn open(&mut self, name: &str) -> Result<(), ReportError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(malformed("its elements are nested too deep"));
        }
        if self.path.is_empty() && (name != "feedback" || self.seen_root) {
            return Err(malformed("it is no feedback"));
        }
        self.seen_root = true;
        self.path.push(name.chars().take(64).collect());
        self.text.clear();
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["feedback", "record"] => {
                if self.report.records.len() >= MAX_RECORDS {
                    return Err(malformed("it has too many records"));
                }
                self.report.records.push(ReportRecord::default());
            }
            ["feedback", "record", part @ ..] => {
                if let Some(record) = self.report.records.last_mut() {
                    begin(record, part);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, text: &str) {
        let left = MAX_TEXT.saturating_sub(self.text.len());
        let mut cut = left.min(text.len());
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        self.text.push_str(text.get(..cut).unwrap_or_default());
    }

    fn close(&mut self) -> Result<(), ReportError> {
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            [] => return Err(malformed("an element ends that did not begin")),
            ["feedback", "record", part @ ..] => {
                if let Some(record) = self.report.records.last_mut() {
                    into_record(record, part, text);
                }
            }
            ["feedback", part @ ..] => into_report(&mut self.report, part, text)?,
            _ => {}
        }
        self.path.pop();
        Ok(())
    }
}

/// A list gets an item as its element begins.
fn begin(record: &mut ReportRecord, part: &[&str]) {
    match part {
        ["row", "policy_evaluated", "reason"] if record.reasons.len() < MAX_ITEMS => {
            record.reasons.push((String::new(), String::new()));
        }
        ["auth_results", "dkim"] if record.dkim_results.len() < MAX_ITEMS => {
            record.dkim_results.push(DkimRow::default());
        }
        ["auth_results", "spf"] if record.spf_results.len() < MAX_ITEMS => {
            record.spf_results.push(SpfRow::default());
        }
        _ => {}
    }
}

fn into_report(report: &mut AggregateReport, part: &[&str], text: &str) -> Result<(), ReportError> {
    let own = || text.to_owned();
    let seconds = || {
        let number = text.parse::<u64>();
        number.map_err(|_| malformed(&format!("{text:?} is no time")))
    };
    match part {
        ["report_metadata", "org_name"] => report.org_name = own(),
        ["report_metadata", "email"] => report.email = own(),
        ["report_metadata", "extra_contact_info"] => report.extra_contact_info = Some(own()),
        ["report_metadata", "report_id"] => report.report_id = own(),
        ["report_metadata", "date_range", "begin"] => report.begin = seconds()?,
        ["report_metadata", "date_range", "end"] => report.end = seconds()?,
        ["report_metadata", "error"] if report.errors.len() < MAX_ITEMS => {
            report.errors.push(own());
        }
        ["policy_published", "domain"] => report.policy.domain = own(),
        ["policy_published", "adkim"] => report.policy.adkim = own(),
        ["policy_published", "aspf"] => report.policy.aspf = own(),
        ["policy_published", "p"] => report.policy.p = own(),
        ["policy_published", "sp"] => report.policy.sp = own(),
        ["policy_published", "np"] => report.policy.np = own(),
        ["policy_published", "pct"] => report.policy.pct = text.parse().ok(),
        ["policy_published", "fo"] => report.policy.fo = own(),
        _ => {}
    }
    Ok(())
}

fn into_record(record: &mut ReportRecord, part: &[&str], text: &str) {
    let own = || text.to_owned();
    match part {
        ["row", "source_ip"] => record.source_ip = text.parse().ok(),
        ["row", "count"] => record.count = text.parse().unwrap_or(0),
        ["row", "policy_evaluated", "disposition"] => record.disposition = own(),
        ["row", "policy_evaluated", "dkim"] => record.dkim = own(),
        ["row", "policy_evaluated", "spf"] => record.spf = own(),
        ["row", "policy_evaluated", "reason", field] => match (record.reasons.last_mut(), *field) {
            (Some(reason), "type") => reason.0 = own(),
            (Some(reason), "comment") => reason.1 = own(),
            _ => {}
        },
        ["identifiers", "envelope_to"] => record.envelope_to = own(),
        ["identifiers", "envelope_from"] => record.envelope_from = own(),
        ["identifiers", "header_from"] => record.header_from = own(),
        ["auth_results", "dkim", field] => match (record.dkim_results.last_mut(), *field) {
            (Some(row), "domain") => row.domain = own(),
            (Some(row), "selector") => row.selector = own(),
            (Some(row), "result") => row.result = own(),
            (Some(row), "human_result") => row.human_result = own(),
            _ => {}
        },
        ["auth_results", "spf", field] => match (record.spf_results.last_mut(), *field) {
            (Some(row), "domain") => row.domain = own(),
            (Some(row), "scope") => row.scope = own(),
            (Some(row), "result") => row.result = own(),
            _ => {}
        },
        _ => {}
    }
}
