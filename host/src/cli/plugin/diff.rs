//! `waxwing plugin diff`.

use std::fmt::Write;

use serde_json::Value;

use super::super::print::{items, moment, table, text};

/// Each trial step: how its answers differ, in what, and where to look.
pub(super) fn print(answer: &Value) -> String {
    let steps: Vec<String> = items(answer).iter().map(step).collect();
    if steps.is_empty() {
        return "no step is tried out: give one `mode = \"shadow\"` or \"canary\"\n".into();
    }
    steps.join("\n")
}

fn step(report: &Value) -> String {
    let replaces = text(report, "replaces");
    let beside = if replaces.is_empty() {
        "nothing".to_owned()
    } else {
        format!("`{replaces}`")
    };
    let mode = text(report, "mode");
    let mut out = format!("{} ({mode}, beside {beside})\n", text(report, "step"));
    if mode == "canary" {
        out.push_str(&sides(report));
        return out;
    }
    let _infallible = writeln!(
        out,
        "{} calls compared, {} failed, {} not made; {} µs a call, {} µs of what serves",
        text(report, "compared"),
        text(report, "failed"),
        text(report, "missed"),
        rounded(report.pointer("/microseconds/0")),
        rounded(report.pointer("/microseconds/1")),
    );
    let cells = |row: &Value, names: &[&str]| names.iter().map(|name| text(row, name)).collect();
    let rows = |member: &str, names: &[&str]| -> Vec<Vec<String>> {
        let rows = report.get(member).map(items).unwrap_or_default();
        rows.iter().map(|row| cells(row, names)).collect()
    };
    out.push_str(&table(
        &["HOOK", "CHANGE", "COUNT"],
        &rows("changes", &["hook", "kind", "count"]),
    ));
    let symbols = rows(
        "symbols",
        &["name", "only-trial", "only-serving", "other-score"],
    );
    if !symbols.is_empty() {
        out.push_str(&table(
            &["SYMBOL", "ONLY-TRIAL", "ONLY-SERVING", "OTHER-SCORE"],
            &symbols,
        ));
    }
    for example in report.get("examples").map(items).unwrap_or_default() {
        let _infallible = writeln!(
            out,
            "{}  {}  {} {}: {}  |  {}",
            moment(example.get("at")),
            text(example, "queue-id"),
            text(example, "hook"),
            text(example, "kind"),
            text(example, "serving"),
            text(example, "trial")
        );
    }
    out
}

/// Transactions with the canary and without it, side by side.
fn sides(report: &Value) -> String {
    let row = |label: &str, side: Option<&Value>| {
        let nothing = Value::Null;
        let side = side.unwrap_or(&nothing);
        let percent = |member: &str| {
            let share = side.get(member).and_then(Value::as_f64).unwrap_or(0.0);
            format!("{:.1}%", 100.0 * share)
        };
        let score = side.get("score").and_then(Value::as_f64).unwrap_or(0.0);
        vec![
            label.to_owned(),
            text(side, "transactions"),
            percent("refused"),
            percent("deferred"),
            percent("junk"),
            percent("failed"),
            format!("{score:.2}"),
            rounded(side.get("microseconds")),
        ]
    };
    table(
        &[
            "SIDE",
            "TRANSACTIONS",
            "REFUSED",
            "DEFERRED",
            "JUNK",
            "FAILED",
            "SCORE",
            "µS",
        ],
        &[
            row("with it", report.pointer("/sides/0")),
            row("without", report.pointer("/sides/1")),
        ],
    )
}

fn rounded(number: Option<&Value>) -> String {
    format!("{:.0}", number.and_then(Value::as_f64).unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shadow_step_tells_changes_symbols_and_examples() {
        let answer = serde_json::json!([{
            "step": "rules-next", "mode": "shadow", "replaces": "rules", "compared": 12, "failed": 0, "missed": 0, "microseconds": [81.4, 40.0],
            "changes": [{ "hook": "message", "kind": "deliver -> junk", "count": 3 }],
            "symbols": [{ "name": "WATCH", "only-trial": 3, "only-serving": 0, "other-score": 0 }],
            "examples": [{ "at": 0, "queue-id": "q1", "hook": "message", "kind": "deliver -> junk", "serving": "pass", "trial": "pass WATCH=4.5" }],
        }]);
        let out = print(&answer);
        for part in [
            "rules-next (shadow, beside `rules`)",
            "12 calls compared",
            "81 µs a call, 40 µs",
            "deliver -> junk  3",
            "WATCH",
            "q1  message deliver -> junk: pass  |  pass WATCH=4.5",
        ] {
            assert!(out.contains(part), "{part}: {out}");
        }
        assert!(print(&serde_json::json!([])).contains("no step is tried out"));
    }
}
