//! `waxwing queue`: what waits to be sent on, and what operators do about it.

use std::fmt::Write;

use clap::{Args, Subcommand};
use serde_json::Value;
use waxwing_store::QueueAction;

use super::print::{items, moment, table, text};
use super::{Common, show};
use crate::admin::{Failure, QueueRequest, QueueSelection, Request};

#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// List what waits; a message has an entry for each of its destinations.
    List {
        #[command(flatten)]
        which: Which,
        /// Only what is held.
        #[arg(long, conflicts_with = "waiting")]
        held: bool,
        /// Only what is not held.
        #[arg(long)]
        waiting: bool,
        /// Only entries after this number: the last of the page before.
        #[arg(long, value_name = "ENTRY")]
        after: Option<i64>,
        /// At most so many; 100 unless another number is given, 500 at most.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Show a message with its recipients and attempts.
    Show {
        /// Its queue id, or the number of an entry.
        id: String,
    },
    /// Do not send until it is released.
    Hold(Which),
    /// Send what was held.
    Release(Which),
    /// Try now.
    Retry(Which),
    /// Remove without a word to the sender; reports of recipients that failed before are still sent.
    Remove(Which),
}

/// Which entries are meant.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Which {
    /// A queue id, or the number of an entry.
    id: Option<String>,
    /// All.
    #[arg(long)]
    all: bool,
    /// Those of this sender; empty for reports.
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
    /// Those to this destination.
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Those that have this in an address, a name, the id or the last words.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

impl Which {
    fn selection(self) -> Option<QueueSelection> {
        match self {
            Self { all: true, .. } => Some(QueueSelection::All),
            Self { id: Some(id), .. } => Some(QueueSelection::Id(id)),
            Self {
                sender: Some(sender),
                ..
            } => Some(QueueSelection::Sender(sender)),
            Self {
                search: Some(text), ..
            } => Some(QueueSelection::Text(text)),
            Self { destination, .. } => destination.map(QueueSelection::Destination),
        }
    }
}

impl QueueCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let (action, which) = match self {
            Self::List {
                which,
                held,
                waiting,
                after,
                limit,
            } => {
                let request = QueueRequest::List {
                    which: which.selection().unwrap_or(QueueSelection::All),
                    held: (held || waiting).then_some(held),
                    after,
                    limit,
                };
                return show(common, &Request::Queue(request), listing);
            }
            Self::Show { id } => {
                return show(common, &Request::Queue(QueueRequest::Show { id }), shown);
            }
            Self::Hold(which) => (QueueAction::Hold, which),
            Self::Release(which) => (QueueAction::Release, which),
            Self::Retry(which) => (QueueAction::Retry, which),
            Self::Remove(which) => (QueueAction::Remove, which),
        };
        let Some(which) = which.selection() else {
            return Err(Failure::new(
                crate::admin::Exit::Usage,
                "say which: a queue id, --sender, --destination, --search or --all",
            ));
        };
        let request = QueueRequest::Act { action, which };
        show(common, &Request::Queue(request), |answer| {
            format!("{} changed\n", text(answer, "changed"))
        })
    }
}

fn listing(answer: &Value) -> String {
    let row = |entry: &Value| {
        vec![
            text(entry, "entry"),
            text(entry, "queue-id"),
            text(entry, "state"),
            text(entry, "attempts"),
            moment(entry.get("due")),
            format!("<{}>", text(entry, "sender")),
            text(entry, "destination"),
            text(entry, "said"),
        ]
    };
    table(
        &[
            "ENTRY",
            "QUEUE ID",
            "STATE",
            "TRIES",
            "DUE",
            "SENDER",
            "DESTINATION",
            "LAST WORDS",
        ],
        &items(answer).iter().map(row).collect::<Vec<_>>(),
    )
}

fn shown(answer: &Value) -> String {
    let nothing = Value::Null;
    let entries = answer.get("entries").unwrap_or(&nothing);
    let mut out = listing(entries);
    for entry in items(entries) {
        for recipient in items(entry.get("recipients").unwrap_or(&nothing)) {
            let owed = match recipient.get("owed").and_then(Value::as_bool) {
                Some(true) => " (its sender is still to be told)",
                _ => "",
            };
            let _infallible = writeln!(
                out,
                "{} <{}> {}{owed} {}",
                text(entry, "entry"),
                text(recipient, "address"),
                text(recipient, "state"),
                text(recipient, "said")
            );
        }
    }
    out.push_str(&attempts(answer.get("attempts").unwrap_or(&nothing)));
    out
}

/// A line an attempt.
fn attempts(of: &Value) -> String {
    let mut out = String::new();
    for attempt in items(of) {
        let _infallible = writeln!(
            out,
            "{} at {} {}: {}",
            text(attempt, "entry"),
            moment(attempt.get("at")),
            text(attempt, "host"),
            text(attempt, "said")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_readable() {
        let answer = serde_json::json!([{
            "entry": 7, "queue-id": "q1", "state": "waiting", "attempts": 2, "due": 0, "sender": "a@b.test",
            "destination": "c.test", "said": "451 later",
        }]);
        assert_eq!(
            listing(&answer),
            "ENTRY  QUEUE ID  STATE    TRIES  DUE                   SENDER      DESTINATION  LAST WORDS\n\
             7      q1        waiting  2      1970-01-01 00:00:00Z  <a@b.test>  c.test       451 later\n"
        );
        assert_eq!(listing(&serde_json::json!([])), "none\n");
    }
}
