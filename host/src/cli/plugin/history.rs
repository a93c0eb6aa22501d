//! `waxwing plugin history`.

use std::fmt::Write;

use serde_json::Value;

use super::super::print::{self, items, moment, text};
use super::super::{Common, load, put};
use crate::admin::{self, Failure, Request};

/// Where no server runs, the history is read from its file.
pub(super) fn history(common: &Common) -> Result<(), Failure> {
    let config = load(common)?;
    let answer = match admin::ask(&config.admin_socket(), &Request::PluginHistory) {
        Some(answer) => answer?,
        None => crate::wiring::policy_history(&config)?,
    };
    put(&if common.json {
        print::json(&answer)
    } else {
        print(&answer)
    });
    Ok(())
}

/// The generations, the newest last, with who made them serve and why, each with what changed below it.
fn print(answer: &Value) -> String {
    let mut out = String::new();
    for event in items(answer) {
        let again = text(event, "again");
        let again = if again.is_empty() {
            again
        } else {
            format!(" (generation {again} again)")
        };
        let _infallible = writeln!(
            out,
            "generation {}  {}  {:<8}  {}{again}",
            text(event, "generation"),
            moment(event.get("at")),
            text(event, "who"),
            text(event, "why")
        );
        for change in event.get("changes").map(items).unwrap_or_default() {
            let _infallible = writeln!(out, "    {}", change.as_str().unwrap_or_default());
        }
    }
    if out.is_empty() {
        out.push_str("none\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_says_why() {
        let answer = serde_json::json!([
            { "generation": 1, "at": 0, "who": "start", "why": "start", "changes": ["rules: new"] },
            { "generation": 3, "at": 0, "who": "server", "why": "rolled back by itself from generation 2: refusals 0 % -> 100 % of 60 transactions", "again": 1, "changes": [] },
        ]);
        assert_eq!(
            print(&answer),
            "generation 1  1970-01-01 00:00:00Z  start     start\n    rules: new\n\
             generation 3  1970-01-01 00:00:00Z  server    rolled back by itself from generation 2: refusals 0 % -> 100 % of 60 transactions (generation 1 again)\n"
        );
    }
}
