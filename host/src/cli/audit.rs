//! `waxwing audit`: what administrators did.

use clap::Args;
use serde_json::Value;

use super::print::{items, moment, table, text};
use super::{Common, show};
use crate::admin::{Failure, Request};

#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Only what this one did: a user of this machine, or `token NAME`.
    #[arg(long)]
    who: Option<String>,
    /// Only what was done to this: an address, a domain, a queue id.
    #[arg(long)]
    subject: Option<String>,
    /// The page after another one: its last line says with what.
    #[arg(long, value_name = "PLACE")]
    before: Option<String>,
    /// At most so many; 100 unless another number is given, 500 at most.
    #[arg(long)]
    limit: Option<usize>,
}

impl Audit {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let request = Request::AuditList {
            before: self.before,
            who: self.who,
            subject: self.subject,
            limit: self.limit,
        };
        show(common, &request, listing)
    }
}

fn listing(answer: &Value) -> String {
    let row = |row: &Value| {
        vec![
            moment(row.get("at")),
            text(row, "who"),
            text(row, "origin"),
            text(row, "action"),
            text(row, "subject"),
            text(row, "outcome"),
            text(row, "detail"),
        ]
    };
    let rows = answer.get("items").map(items).unwrap_or_default();
    let mut out = table(
        &["WHEN", "WHO", "FROM", "DID", "TO", "OUTCOME", "DETAIL"],
        &rows.iter().map(row).collect::<Vec<_>>(),
    );
    let next = text(answer, "next");
    if !next.is_empty() {
        out.push_str(&format!("more: --before {next}\n"));
    }
    out
}
