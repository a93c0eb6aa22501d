//! `waxwing rules`: the rule files of the live policy, and what recent mail would come to with another text.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use super::print::{items, moment, table, text};
use super::{Common, show};
use crate::admin::{Failure, Request, RuleRequest};

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// List the files that the policy names.
    List,
    /// Judge recent mail as things are and as they would be; nothing is saved, and nothing of it counts.
    Preview {
        /// The file as the policy calls it, such as rules/basic.toml; it may be a new one.
        name: String,
        /// Where its new text is.
        file: PathBuf,
        /// So many messages, back from the last; 50 unless another number is given, 200 at most.
        #[arg(long)]
        messages: Option<usize>,
    },
}

impl RulesCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::List => show(common, &Request::Rules(RuleRequest::List), listing),
            Self::Preview {
                name,
                file,
                messages,
            } => {
                let text = std::fs::read_to_string(&file).map_err(|error| {
                    Failure::data(format!("{} cannot be read: {error}", file.display()))
                })?;
                let request = RuleRequest::Preview {
                    file: name,
                    text,
                    messages,
                };
                show(common, &Request::Rules(request), outcome)
            }
        }
    }
}

fn listing(answer: &Value) -> String {
    let row = |file: &Value| {
        let steps = file.get("steps").map(items).unwrap_or_default();
        let steps: Vec<_> = steps.iter().filter_map(Value::as_str).collect();
        vec![text(file, "name"), steps.join(", "), text(file, "octets")]
    };
    table(
        &["FILE", "STEPS", "OCTETS"],
        &items(answer).iter().map(row).collect::<Vec<_>>(),
    )
}

/// What recent mail comes to on both sides.
pub(super) fn outcome(answer: &Value) -> String {
    let count = |name: &str| text(answer, name);
    let mut out = String::new();
    let _infallible = writeln!(
        out,
        "{} messages were tried: {} come to something else, {} to another verdict",
        count("tried"),
        count("differing"),
        count("verdicts")
    );
    let untried = answer.get("untried").and_then(Value::as_object);
    for (step, hooks) in untried.into_iter().flatten() {
        let hooks: Vec<_> = items(hooks).iter().filter_map(Value::as_str).collect();
        let _infallible = writeln!(out, "not tried: {step} at {}", hooks.join(", "));
    }
    let messages = answer.get("messages").map(items).unwrap_or_default();
    if messages.is_empty() {
        return out;
    }
    let side = |message: &Value, name: &str| {
        let side = message.get(name).unwrap_or(&Value::Null);
        format!("{} {}", text(side, "verdict"), text(side, "score"))
    };
    let row = |message: &Value| {
        vec![
            text(message, "queue-id"),
            moment(message.get("at")),
            format!("<{}>", text(message, "sender")),
            side(message, "before"),
            side(message, "after"),
        ]
    };
    out + &table(
        &["QUEUE ID", "WHEN", "SENDER", "BEFORE", "AFTER"],
        &messages.iter().map(row).collect::<Vec<_>>(),
    )
}
