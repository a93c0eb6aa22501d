//! Writing aggregate reports as XML (RFC 7489 Appendix C).

use quick_xml::escape::escape;

use super::aggregate::{AggregateReport, PublishedPolicy, ReportRecord};

/// An element that is being written.
struct Element<'o> {
    out: &'o mut String,
    depth: usize,
}

impl Element<'_> {
    fn child(&mut self, name: &str, content: impl FnOnce(&mut Element<'_>)) {
        let indent = "  ".repeat(self.depth);
        self.out.push_str(&format!("{indent}<{name}>\n"));
        content(&mut Element {
            out: self.out,
            depth: self.depth + 1,
        });
        self.out.push_str(&format!("{indent}</{name}>\n"));
    }

    fn text(&mut self, name: &str, text: &str) {
        let indent = "  ".repeat(self.depth);
        // XML 1.0 §2.2: control characters have no place in it, escaped or not.
        let clean: String = text.chars().filter(|c| !c.is_control()).collect();
        self.out
            .push_str(&format!("{indent}<{name}>{}</{name}>\n", escape(&clean)));
    }

    fn some(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.text(name, text);
        }
    }
}

pub(super) fn write(report: &AggregateReport) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let mut document = Element {
        out: &mut out,
        depth: 0,
    };
    document.child("feedback", |feedback| {
        feedback.text("version", "1.0");
        feedback.child("report_metadata", |metadata| {
            metadata.text("org_name", &report.org_name);
            metadata.text("email", &report.email);
            metadata.some(
                "extra_contact_info",
                report.extra_contact_info.as_deref().unwrap_or_default(),
            );
            metadata.text("report_id", &report.report_id);
            metadata.child("date_range", |range| {
                range.text("begin", &report.begin.to_string());
                range.text("end", &report.end.to_string());
            });
            for error in &report.errors {
                metadata.text("error", error);
            }
        });
        feedback.child("policy_published", |element| {
            policy(element, &report.policy);
        });
        for one in &report.records {
            feedback.child("record", |element| record(element, one));
        }
    });
    out
}

fn policy(element: &mut Element<'_>, policy: &PublishedPolicy) {
    element.text("domain", &policy.domain);
    element.some("adkim", &policy.adkim);
    element.some("aspf", &policy.aspf);
    element.text("p", &policy.p);
    element.some("sp", &policy.sp);
    element.some("np", &policy.np);
    if let Some(percent) = policy.pct {
        element.text("pct", &percent.to_string());
    }
    element.some("fo", &policy.fo);
}

fn record(element: &mut Element<'_>, record: &ReportRecord) {
    element.child("row", |row| {
        let address = record.source_ip.map(|address| address.to_string());
        row.text("source_ip", &address.unwrap_or_default());
        row.text("count", &record.count.to_string());
        row.child("policy_evaluated", |evaluated| {
            evaluated.text("disposition", &record.disposition);
            evaluated.text("dkim", &record.dkim);
            evaluated.text("spf", &record.spf);
            for (kind, comment) in &record.reasons {
                evaluated.child("reason", |reason| {
                    reason.text("type", kind);
                    reason.some("comment", comment);
                });
            }
        });
    });
    element.child("identifiers", |identifiers| {
        identifiers.some("envelope_to", &record.envelope_to);
        identifiers.text("envelope_from", &record.envelope_from);
        identifiers.text("header_from", &record.header_from);
    });
    element.child("auth_results", |results| {
        for one in &record.dkim_results {
            results.child("dkim", |dkim| {
                dkim.text("domain", &one.domain);
                dkim.some("selector", &one.selector);
                dkim.text("result", &one.result);
                dkim.some("human_result", &one.human_result);
            });
        }
        for one in &record.spf_results {
            results.child("spf", |spf| {
                spf.text("domain", &one.domain);
                spf.some("scope", &one.scope);
                spf.text("result", &one.result);
            });
        }
    });
}
