//! `waxwing plugin list`.

use std::fmt::Write;

use serde_json::Value;

use super::super::print::{self, items, moment, problems, table, text};
use super::super::{Common, load, put, runtime};
use crate::admin::{self, Failure, Request};

/// Where no server runs, the policy is loaded to be shown.
pub(super) fn list(common: &Common) -> Result<(), Failure> {
    let config = load(common)?;
    let answer = match admin::ask(&config.admin_socket(), &Request::PluginList) {
        Some(answer) => answer?,
        None => runtime()?.block_on(crate::wiring::policy_status(&config))?,
    };
    put(&if common.json {
        print::json(&answer)
    } else {
        print(&answer)
    });
    Ok(())
}

fn print(answer: &Value) -> String {
    let mut out = format!(
        "{}: generation {}, since {}\n",
        text(answer, "file"),
        text(answer, "generation"),
        moment(answer.get("since"))
    );
    out.push_str(&problems(answer));
    for note in answer.get("notes").map(items).unwrap_or_default() {
        let _infallible = writeln!(out, "note: {}", note.as_str().unwrap_or_default());
    }
    let steps = answer.get("steps").map(items).unwrap_or_default();
    out.push_str(&table(
        &[
            "STEP", "PLUGIN", "VERSION", "DIGEST", "MODE", "ON-ERROR", "CALLS", "FAULTS", "HOOKS",
        ],
        &steps.iter().map(row).collect::<Vec<_>>(),
    ));
    for step in steps {
        let (name, signer) = (text(step, "name"), text(step, "signer"));
        if !signer.is_empty() {
            let _infallible = writeln!(out, "{name}: signed by {signer}");
        }
        let (fault, breaker) = (text(step, "last-fault"), text(step, "breaker"));
        if !fault.is_empty() {
            let _infallible = writeln!(out, "{name}: last fault: {fault}");
        }
        if breaker != "closed" {
            let _infallible = writeln!(
                out,
                "{name}: its breaker is {breaker} at {}: it keeps failing there, and on-error decides in its place",
                words(step, "broken-hooks")
            );
        }
    }
    out.push_str(&costs(steps));
    out
}

/// What the steps cost, for each hook and for the domains that cost most.
fn costs(steps: &[Value]) -> String {
    let mut rows = Vec::new();
    for step in steps {
        for (member, label) in [("cost", "hook"), ("domains", "domain")] {
            for cost in step.get(member).map(items).unwrap_or_default() {
                let number = |member| cost.get(member).and_then(Value::as_u64).unwrap_or(0);
                let (calls, microseconds) = (number("calls"), number("microseconds"));
                rows.push(vec![
                    text(step, "name"),
                    text(cost, label),
                    calls.to_string(),
                    microseconds.checked_div(calls).unwrap_or(0).to_string(),
                ]);
            }
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    table(&["STEP", "HOOK OR DOMAIN", "CALLS", "US/CALL"], &rows)
}

fn row(step: &Value) -> Vec<String> {
    vec![
        text(step, "name"),
        text(step, "plugin"),
        text(step, "version"),
        text(step, "digest").chars().take(12).collect(),
        mode(step),
        text(step, "on-error"),
        text(step, "calls"),
        text(step, "faults"),
        words(step, "hooks"),
    ]
}

fn words(step: &Value, member: &str) -> String {
    let words = step.get(member).map(items).unwrap_or_default();
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    words.join(" ")
}

/// `canary 10% for rules`.
fn mode(step: &Value) -> String {
    let mut mode = text(step, "mode");
    let (percent, replaces) = (text(step, "percent"), text(step, "replaces"));
    if !percent.is_empty() {
        let _infallible = write!(mode, " {percent}%");
    }
    if !replaces.is_empty() {
        let _infallible = write!(mode, " for {replaces}");
    }
    mode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_out_and_what_is_broken_can_be_seen() {
        let answer = serde_json::json!({ "file": "policy.toml", "generation": 3, "since": 0, "problems": [], "notes": ["any sender"], "steps": [
            { "name": "next", "plugin": "rules", "version": "1", "digest": "0123456789abcdef", "mode": "canary", "percent": 5, "replaces": "rules",
              "on-error": "skip", "calls": 9, "faults": 9, "hooks": ["message"], "last-fault": "message: trapped", "breaker": "open", "broken-hooks": ["message"] },
        ] });
        let out = print(&answer);
        assert!(out.contains("note: any sender\n"), "{out}");
        assert!(out.contains("canary 5% for rules"), "{out}");
        assert!(
            out.contains("next: its breaker is open at message"),
            "{out}"
        );
    }
}
