//! Authentication-Results (RFC 8601).

use super::words::Script;
use crate::check::{Envelope, Results};
use crate::dkim::DkimOutcome;
use crate::dmarc::Policy;
use crate::spf::{SpfOutcome, SpfResult};
use crate::verdict::Verdict;

/// Signatures that are told of.
const MAX_SIGNATURES: usize = 16;

/// The field, with its CRLF: which server says what of a message.
#[must_use]
pub fn authentication_results(
    authserv_id: &str,
    envelope: &Envelope<'_>,
    results: &Results,
    utf8: bool,
) -> String {
    let id = Script { utf8 }.domain(authserv_id);
    format!(
        "Authentication-Results: {id};{}\r\n",
        result_list(envelope, results, utf8)
    )
}

/// What follows the id and its semicolon, a line for each method; for ARC-Authentication-Results, too (RFC 8617 §4.1.1).
#[must_use]
pub fn result_list(envelope: &Envelope<'_>, results: &Results, utf8: bool) -> String {
    let script = Script { utf8 };
    let mut lines = vec![spf(script, envelope, &results.spf)];
    // RFC 8601 §2.7.2: the name in HELO is told for itself where it says something.
    if results.spf_helo.result != SpfResult::None && !envelope.sender.is_empty() {
        let mut line = method("spf", results.spf_helo.result.as_str());
        line.push(property("smtp.helo", &script.domain(envelope.helo)));
        lines.push(line.join(" "));
    }
    let signatures = results.dkim.signatures.iter().take(MAX_SIGNATURES);
    lines.extend(signatures.map(|one| dkim(script, one)));
    if results.dkim.signatures.is_empty() {
        lines.push("dkim=none".to_owned());
    }
    lines.push(dmarc(script, results));
    let mut arc = method("arc", results.arc.verdict.as_str());
    arc.extend(reason(script, results.arc.problem.as_ref()));
    lines.push(arc.join(" "));
    lines.push(iprev(script, envelope, results));
    lines
        .iter()
        .map(|line| format!("\r\n\t{line}"))
        .collect::<Vec<_>>()
        .join(";")
}

fn method(name: &str, result: &str) -> Vec<String> {
    vec![format!("{name}={result}")]
}

fn property(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// RFC 8601 §2.2: reasonspec comes before the properties.
fn reason(script: Script, why: Option<&String>) -> Option<String> {
    why.map(|why| format!("reason={}", script.quoted(why)))
}

fn spf(script: Script, envelope: &Envelope<'_>, spf: &SpfOutcome) -> String {
    let mut line = method("spf", spf.result.as_str());
    line.extend(reason(script, spf.problem.as_ref()));
    match envelope.sender.rsplit_once('@') {
        Some((local, domain)) => {
            line.push(property("smtp.mailfrom", &script.address(local, domain)));
        }
        None => line.push(property("smtp.helo", &script.domain(envelope.helo))),
    }
    line.join(" ")
}

fn dkim(script: Script, one: &DkimOutcome) -> String {
    let mut line = method("dkim", one.verdict.as_str());
    if one.testing {
        line.push(script.comment("the key is for testing"));
    }
    line.extend(reason(script, one.problem.as_ref()));
    let mut add = |name: &str, value: String| line.push(property(name, &value));
    if !one.domain.is_empty() {
        add("header.d", script.domain(&one.domain));
    }
    if !one.selector.is_empty() {
        add("header.s", script.domain(&one.selector));
    }
    if !one.algorithm.is_empty() {
        add("header.a", one.algorithm.to_owned());
    }
    if !one.beginning.is_empty() {
        // RFC 6008 §4: base 64 is no token.
        add("header.b", script.quoted(&one.beginning));
    }
    line.join(" ")
}

fn dmarc(script: Script, results: &Results) -> String {
    let dmarc = &results.dmarc;
    let mut line = method("dmarc", dmarc.verdict.as_str());
    if dmarc.policy != Policy::Absent {
        line.push(script.comment(&format!("p={}", dmarc.policy.as_str())));
    }
    line.extend(reason(script, dmarc.problem.as_ref()));
    if !dmarc.from_domain.is_empty() {
        line.push(property("header.from", &script.domain(&dmarc.from_domain)));
    }
    line.join(" ")
}

/// RFC 8601 §2.7.3: the property is the address.
fn iprev(script: Script, envelope: &Envelope<'_>, results: &Results) -> String {
    let iprev = &results.iprev;
    let mut line = method("iprev", iprev.verdict.as_str());
    if iprev.verdict == Verdict::None {
        return line.join(" ");
    }
    if let Some(name) = &iprev.name {
        line.push(script.comment(name));
    }
    line.extend(reason(script, iprev.problem.as_ref()));
    // An IPv6 address has colons and is no token.
    let address = envelope.client.to_canonical().to_string();
    line.push(property("policy.iprev", &script.word(&address)));
    line.join(" ")
}
