//! Received-SPF (RFC 7208 §9.1).

use super::words::Script;
use crate::check::Envelope;
use crate::spf::{SpfOutcome, SpfResult};

/// The field, with its CRLF, for the check of the reverse-path or, without one, of the name in HELO.
#[must_use]
pub fn received_spf(
    receiver: &str,
    envelope: &Envelope<'_>,
    outcome: &SpfOutcome,
    utf8: bool,
) -> String {
    let script = Script { utf8 };
    let client = envelope.client.to_canonical();
    let (identity, about) = match envelope.sender {
        "" => ("helo", envelope.helo.to_owned()),
        sender => ("mailfrom", format!("domain of {sender}")),
    };
    let says = match outcome.result {
        SpfResult::Pass => format!("designates {client} as permitted sender"),
        SpfResult::Fail => format!("does not designate {client} as permitted sender"),
        SpfResult::SoftFail => format!("probably does not designate {client} as permitted sender"),
        SpfResult::Neutral => format!("says nothing about {client}"),
        SpfResult::None => "does not say who is a permitted sender".to_owned(),
        SpfResult::TempError | SpfResult::PermError => "could not be checked".to_owned(),
    };
    let mut pairs = vec![
        ("client-ip", client.to_string()),
        ("helo", envelope.helo.to_owned()),
        ("identity", identity.to_owned()),
    ];
    if identity == "mailfrom" {
        pairs.insert(1, ("envelope-from", envelope.sender.to_owned()));
    }
    // RFC 7208 §9.1: the mechanism that matched, or what is wrong.
    if let Some(mechanism) = &outcome.mechanism {
        pairs.push(("mechanism", mechanism.clone()));
    }
    if let Some(problem) = &outcome.problem {
        pairs.push(("problem", problem.clone()));
    }
    let comment = script.comment(&format!("{receiver}: {about} {says}"));
    let result = outcome.result.as_str();
    let mut field = format!(
        "Received-SPF: {result}\r\n\t{comment}\r\n\treceiver={};",
        script.domain(receiver)
    );
    for (key, value) in pairs {
        let value = match key {
            "helo" => script.domain(&value),
            _ => script.word(&value),
        };
        field.push_str(&format!("\r\n\t{key}={value};"));
    }
    field + "\r\n"
}
