//! `waxwing trace`: the life of a message, step by step.

use std::fmt::Write;

use serde_json::Value;

use super::print::{items, moment, text};
use crate::answer::tried::TRIED;

/// All records of a message, oldest first.
pub(super) fn print(answer: &Value) -> String {
    let mut out = String::new();
    for row in items(answer) {
        // What was tried out is told below the message that it was tried out on.
        if text(row, "outcome") == TRIED {
            out.push_str("tried out, and nothing of it counted:\n");
            steps(&mut out, row.get("record").unwrap_or(&Value::Null));
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&message(row));
    }
    out
}

fn message(row: &Value) -> String {
    let nothing = Value::Null;
    let record = row.get("record").unwrap_or(&nothing);
    let envelope = record.get("envelope").unwrap_or(&nothing);
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _infallible = writeln!(out, "{name:<11} {value}");
        }
    };
    line("queue id", text(row, "queue-id"));
    line("message-id", text(row, "message-id"));
    line("at", moment(row.get("at")));
    line("outcome", text(row, "outcome"));
    line("from", text(envelope, "sender"));
    if let Some(attempt) = record.get("attempt") {
        line(
            "attempt",
            format!("{} at {}", text(attempt, "number"), text(attempt, "host")),
        );
        line("tls", text(attempt, "tls"));
    }
    if envelope.is_null() {
        recipients(&mut line, record);
    } else {
        arrival(&mut line, envelope, record);
    }
    if let Value::String(cut) = record {
        // The record was too large to be kept whole.
        let _infallible = writeln!(out, "{cut}");
        return out;
    }
    let policy = record.get("policy").unwrap_or(&nothing);
    let _infallible = writeln!(
        out,
        "{:<11} generation {}, score {}",
        "policy",
        text(policy, "generation"),
        score(policy.get("score"))
    );
    steps(&mut out, record);
    out
}

fn steps(out: &mut String, record: &Value) {
    let steps = record.get("policy").and_then(|policy| policy.get("steps"));
    for step in steps.map(items).unwrap_or_default() {
        step_lines(out, step);
    }
}

/// What is known of a message that came.
fn arrival(line: &mut impl FnMut(&str, String), envelope: &Value, record: &Value) {
    line(
        "client",
        format!(
            "{} as {:?} at {} (session {})",
            text(envelope, "client"),
            text(envelope, "helo"),
            text(envelope, "listener"),
            text(envelope, "session")
        ),
    );
    line("tls", text(envelope, "tls"));
    line("login", text(envelope, "login"));
    line("size", format!("{} octets", text(envelope, "size")));
    recipients(line, record);
}

fn recipients(line: &mut impl FnMut(&str, String), record: &Value) {
    for recipient in record.get("recipients").map(items).unwrap_or_default() {
        line("to", recipient_line(recipient));
    }
}

fn recipient_line(recipient: &Value) -> String {
    let mut line = format!(
        "{}: {} {}",
        text(recipient, "address"),
        text(recipient, "verdict"),
        text(recipient, "fate")
    );
    // An attempt has no verdict.
    line = line.replace(":  ", ": ");
    let filed = recipient.get("filed").map(items).unwrap_or_default();
    if !filed.is_empty() {
        line.push_str(&format!(
            " into {}",
            filed
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    let onward = recipient.get("onward").map(items).unwrap_or_default();
    if !onward.is_empty() {
        let addresses: Vec<_> = onward.iter().filter_map(Value::as_str).collect();
        line.push_str(&format!(" on to {}", addresses.join(", ")));
    }
    let reply = text(recipient, "reply");
    if !reply.is_empty() {
        line.push_str(&format!(" ({reply})"));
    }
    line
}

/// `  12 µs  rules 0.1.0  message  pass`, and below it what was found, done and said.
fn step_lines(out: &mut String, step: &Value) {
    let mut add = |line: String| {
        out.push_str(&line);
        out.push('\n');
    };
    let about = text(step, "about");
    let about = if about.is_empty() {
        about
    } else {
        format!(" ({about})")
    };
    let name = match (text(step, "step"), text(step, "plugin")) {
        (name, plugin) if name == plugin || plugin.is_empty() => name,
        (name, plugin) => format!("{name}={plugin}"),
    };
    let mode = text(step, "mode");
    let mode = if mode.is_empty() {
        mode
    } else {
        format!(" ({mode})")
    };
    let calls = text(step, "host-calls");
    let (micros, version, hook, verdict) = (
        text(step, "microseconds"),
        text(step, "version"),
        text(step, "hook"),
        text(step, "verdict"),
    );
    add(format!(
        "{micros:>7} µs  {name} {version}{mode}  {hook}{about}: {verdict}  [{calls} host calls]"
    ));
    let fault = text(step, "fault");
    if !fault.is_empty() {
        add(format!("            failed: {fault}"));
    }
    for finding in step.get("findings").map(items).unwrap_or_default() {
        let options = finding.get("options").map(items).unwrap_or_default();
        let options = options
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let options = if options.is_empty() {
            options
        } else {
            format!("  {options}")
        };
        add(format!(
            "            {:>6}  {} (weight {}){options}",
            score(finding.get("would").or_else(|| finding.get("score"))),
            text(finding, "name"),
            score(finding.get("weight"))
        ));
    }
    for said in ["actions", "explained"]
        .iter()
        .flat_map(|list| step.get(*list).map(items).unwrap_or_default())
    {
        add(format!("            {}", said.as_str().unwrap_or_default()));
    }
}

fn score(of: Option<&Value>) -> String {
    of.and_then(Value::as_f64).map_or_else(
        || "0".into(),
        |score| format!("{}", (score * 100.0).round() / 100.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_of_a_message_is_readable() {
        let answer = serde_json::json!([{
            "queue-id": "q1", "message-id": "a@b", "at": 0, "generation": 3, "outcome": "delivered",
            "record": {
                "envelope": { "session": 7, "listener": "mx", "client": "192.0.2.1:5", "helo": "h", "tls": null, "login": null, "sender": "<a@b>", "size": 10 },
                "recipients": [{ "address": "c@d", "verdict": "junk", "fate": "filed", "filed": ["c@d \\Junk"], "reply": null }],
                "policy": { "generation": 3, "score": 5.1, "steps": [{
                    "step": "rules", "plugin": "rules", "version": "0.1.0", "hook": "message", "verdict": "pass", "microseconds": 12, "host-calls": 2,
                    "findings": [{ "name": "SPAM", "weight": 1.0, "score": 5.1, "options": ["viagra"] }],
                }] },
            },
        }, {
            "queue-id": "q1", "message-id": "a@b", "at": 0, "generation": 3, "outcome": "tried",
            "record": { "policy": { "generation": 3, "score": 0.0, "steps": [{
                "step": "next", "plugin": "next", "version": "0.2.0", "hook": "message", "mode": "shadow", "verdict": "pass", "microseconds": 9, "host-calls": 1,
            }] } },
        }]);
        let expected = "queue id    q1\nmessage-id  a@b\nat          1970-01-01 00:00:00Z\noutcome     delivered\nfrom        <a@b>\n\
            client      192.0.2.1:5 as \"h\" at mx (session 7)\nsize        10 octets\nto          c@d: junk filed into c@d \\Junk\n\
            policy      generation 3, score 5.1\n     12 µs  rules 0.1.0  message: pass  [2 host calls]\n               5.1  SPAM (weight 1)  viagra\n\
            tried out, and nothing of it counted:\n      9 µs  next 0.2.0 (shadow)  message: pass  [1 host calls]\n";
        assert_eq!(print(&answer), expected);
    }
}
