//! `waxwing plugin builds`.

use serde_json::Value;

use super::super::print::{items, table, text};
use super::super::{Common, show};
use crate::admin::{Failure, PluginRequest, Request};

pub(super) fn builds(common: &Common) -> Result<(), Failure> {
    show(common, &Request::Plugin(PluginRequest::Builds), print)
}

fn print(answer: &Value) -> String {
    let row = |build: &Value| {
        let steps = build.get("steps").map(items).unwrap_or_default();
        let steps: Vec<_> = steps.iter().filter_map(Value::as_str).collect();
        let digest = text(build, "digest");
        let state = match build.get("problem").and_then(Value::as_str) {
            Some(problem) => format!("{} {problem}", text(build, "name")),
            None => steps.join(", "),
        };
        vec![
            text(build, "name"),
            text(build, "version"),
            digest.chars().take(12).collect(),
            text(build, "octets"),
            state,
        ]
    };
    table(
        &["BUILD", "VERSION", "DIGEST", "OCTETS", "STEPS"],
        &items(answer).iter().map(row).collect::<Vec<_>>(),
    )
}
