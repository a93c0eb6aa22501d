//! `waxwing report`: what is counted of other domains, and told to them once a day.

use clap::Subcommand;
use serde_json::Value;

use super::print::{items, table, text};
use super::{Common, show};
use crate::admin::{Failure, Request};

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// List what has been counted and not been told yet.
    List,
    /// Tell it now, of the day that is not over, too.
    Send,
}

impl ReportCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::List => show(common, &Request::ReportList, list),
            Self::Send => show(common, &Request::ReportSend, sent),
        }
    }
}

fn list(value: &Value) -> String {
    let row = |row: &Value| {
        ["kind", "day", "domain", "well", "failed"]
            .map(|key| text(row, key))
            .to_vec()
    };
    let rows: Vec<Vec<String>> = items(value).iter().map(row).collect();
    table(&["KIND", "DAY", "DOMAIN", "WELL", "FAILED"], &rows)
}

fn sent(value: &Value) -> String {
    format!("{} reports sent\n", text(value, "sent"))
}
