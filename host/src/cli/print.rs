//! Answers as tables for people.

use std::fmt::Write;

use serde_json::Value;

use crate::config::Size;

/// One document, indented.
pub(super) fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A member as text that is safe to show; nothing for what is absent.
pub(super) fn text(value: &Value, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => harmless(text),
        Some(other) => harmless(&other.to_string()),
    }
}

/// What strangers wrote, as a terminal may have it: what would move its cursor, change its colours or turn the direction of writing is
/// spelled out. Lines stay lines.
pub(super) fn harmless(text: &str) -> String {
    let unseen = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(unseen) {
        return text.to_owned();
    }
    let spelled = |c: char| match unseen(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(spelled).collect()
}

pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Columns of the width that their content needs; the last one is left alone.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "none\n".into();
    }
    let width = |column: usize, name: &str| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells.max().unwrap_or(0).max(name.chars().count())
    };
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(column, name)| width(column, name))
        .collect();
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            // A line break in a cell would look like another row.
            let cell = cell.replace('\n', "\\n");
            let _infallible = write!(text, "{cell:<width$}  ");
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(&mut header.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    out
}

pub(super) fn domains(answer: &Value) -> String {
    let row = |domain: &Value| {
        vec![
            text(domain, "name"),
            day(domain.get("created")),
            limits(domain.get("quota")),
        ]
    };
    table(
        &["DOMAIN", "SINCE", "QUOTA"],
        &items(answer).iter().map(row).collect::<Vec<_>>(),
    )
}

pub(super) fn accounts(answer: &Value) -> String {
    let row = |account: &Value| {
        let usage = account.get("usage").unwrap_or(&Value::Null);
        vec![
            text(account, "address"),
            text(usage, "messages"),
            size(usage.get("bytes")),
            limits(account.get("quota")),
            day(account.get("created")),
        ]
    };
    table(
        &["ADDRESS", "MESSAGES", "SIZE", "QUOTA", "SINCE"],
        &items(answer).iter().map(row).collect::<Vec<_>>(),
    )
}

pub(super) fn credentials(answer: &Value) -> String {
    let row = |credential: &Value| {
        let scopes = credential.get("scopes").map(items).unwrap_or_default();
        let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
        vec![
            text(credential, "id"),
            text(credential, "name"),
            scopes.join(","),
            day(credential.get("created")),
            day(credential.get("expires")),
        ]
    };
    table(
        &["ID", "NAME", "SCOPE", "SINCE", "UNTIL"],
        &items(answer).iter().map(row).collect::<Vec<_>>(),
    )
}

pub(super) fn aliases(answer: &Value) -> String {
    let row = |alias: &Value| {
        let targets = alias.get("targets").map(items).unwrap_or_default();
        vec![
            text(alias, "address"),
            targets
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        ]
    };
    table(
        &["ALIAS", "LEADS TO"],
        &items(answer).iter().map(row).collect::<Vec<_>>(),
    )
}

pub(super) fn quota(name: &str, answer: &Value) -> String {
    let usage = answer.get("usage").unwrap_or(&Value::Null);
    let row = vec![
        text(answer, name),
        text(usage, "messages"),
        size(usage.get("bytes")),
        limits(answer.get("quota")),
    ];
    table(&[&name.to_uppercase(), "MESSAGES", "SIZE", "QUOTA"], &[row])
}

pub(super) fn status(answer: &Value) -> String {
    let mut out = String::new();
    for (name, label) in [
        ("version", "version"),
        ("pid", "process"),
        ("since", "since"),
        ("store", "store"),
        ("queue-depth", "queue"),
    ] {
        let _infallible = writeln!(out, "{label:<10} {}", text(answer, name));
    }
    let policy = answer.get("policy").unwrap_or(&Value::Null);
    let _infallible = writeln!(
        out,
        "{:<10} generation {}",
        "policy",
        text(policy, "generation")
    );
    out.push_str(&problems(policy));
    let certificates = answer.get("certificates").unwrap_or(&Value::Null);
    if !items(certificates).is_empty() {
        out.push('\n');
        out.push_str(&super::certificate::certificates(certificates));
    }
    let listener = |listener: &Value| {
        ["name", "protocol", "tls", "address"]
            .iter()
            .map(|member| text(listener, member))
            .collect()
    };
    let listeners: Vec<_> = answer
        .get("listeners")
        .map(items)
        .unwrap_or_default()
        .iter()
        .map(listener)
        .collect();
    let session = |session: &Value| vec![text(session, "protocol"), text(session, "sessions")];
    let sessions: Vec<_> = answer
        .get("sessions")
        .map(items)
        .unwrap_or_default()
        .iter()
        .map(session)
        .collect();
    out + "\n"
        + &table(&["LISTENER", "PROTOCOL", "TLS", "ADDRESS"], &listeners)
        + "\n"
        + &table(&["SESSIONS OF", "NOW"], &sessions)
}

pub(super) fn verification(answer: &Value) -> String {
    let count = |name: &str| text(answer, name);
    let mut out = format!(
        "{} accounts, {} mailboxes, {} messages, {} contents checked\n",
        count("accounts"),
        count("mailboxes"),
        count("messages"),
        count("blobs")
    );
    for problem in answer.get("problems").map(items).unwrap_or_default() {
        let _infallible = writeln!(out, "{}", problem.as_str().unwrap_or_default());
    }
    out
}

/// Why the newest files do not serve.
pub(super) fn problems(policy: &Value) -> String {
    let problems = policy.get("problems").map(items).unwrap_or_default();
    if problems.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "the files as they are now do not serve (found {}):\n",
        moment(policy.get("failed-at"))
    );
    for problem in problems {
        let line = text(problem, "line");
        let place = if line.is_empty() {
            text(problem, "file")
        } else {
            format!("{}:{line}", text(problem, "file"))
        };
        let _infallible = writeln!(out, "  {place}: {}", text(problem, "text"));
    }
    out
}

fn size(bytes: Option<&Value>) -> String {
    let Some(bytes) = bytes.and_then(Value::as_u64) else {
        return String::new();
    };
    let scale = |unit: u64| bytes as f64 / unit as f64;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", scale(1 << 10)),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", scale(1 << 20)),
        _ => format!("{:.1} GiB", scale(1 << 30)),
    }
}

fn limits(quota: Option<&Value>) -> String {
    let of = |member: &str| {
        quota
            .and_then(|quota| quota.get(member))
            .and_then(Value::as_u64)
    };
    match (of("bytes"), of("messages")) {
        (None, None) => "none".into(),
        (Some(bytes), None) => Size::new(bytes).to_string(),
        (None, Some(messages)) => format!("{messages} messages"),
        (Some(bytes), Some(messages)) => format!("{}, {messages} messages", Size::new(bytes)),
    }
}

/// A moment given in milliseconds of Unix time.
pub(super) fn moment(millis: Option<&Value>) -> String {
    let at = millis
        .and_then(Value::as_i64)
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
        .unwrap_or_default()
}

pub(super) fn day(millis: Option<&Value>) -> String {
    let at = millis
        .and_then(Value::as_i64)
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    at.map(|at| at.strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = vec![
            vec!["a".into(), "long".into()],
            vec!["bcd".into(), "x".into()],
        ];
        assert_eq!(
            table(&["N", "VALUE"], &rows),
            "N    VALUE\na    long\nbcd  x\n"
        );
        assert_eq!(table(&["N"], &[]), "none\n");
    }

    #[test]
    fn a_terminal_is_told_nothing_by_strangers() {
        let said = serde_json::json!({ "said": "\u{1b}[2J550 \u{202e}gone\r\nbye" });
        assert_eq!(text(&said, "said"), "\\u{1b}[2J550 \\u{202e}gone\\r\nbye");
    }

    #[test]
    fn accounts_are_readable() {
        let answer = serde_json::json!([
            { "address": "a@b.test", "created": 0, "quota": { "bytes": 1_073_741_824_u64, "messages": null }, "usage": { "bytes": 1536, "messages": 2 } },
        ]);
        assert_eq!(
            accounts(&answer),
            "ADDRESS   MESSAGES  SIZE     QUOTA  SINCE\na@b.test  2         1.5 KiB  1GiB   1970-01-01\n"
        );
    }
}
