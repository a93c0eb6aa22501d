//! `waxwing certificate`: what the server got from its certification authority, and what keeps it from getting more.

use std::fmt::Write;

use clap::Subcommand;
use serde_json::Value;

use super::print::{self, day, items, table, text};
use super::{Common, ask, put, show};
use crate::admin::{CertificateRequest, Exit, Failure, Request};

#[derive(Debug, Subcommand)]
pub(super) enum CertificateCommand {
    /// List the names that the server gets certificates for, and how far each is.
    List,
    /// Order now, without waiting for the time of the next try; and say what came of it.
    Order {
        /// The name; without it, all that have no certificate.
        name: Option<String>,
    },
}

impl CertificateCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let request = |request| Request::Certificate(request);
        let name = match self {
            Self::List => return show(common, &request(CertificateRequest::List), certificates),
            Self::Order { name } => name,
        };
        let answer = ask(
            common,
            &request(CertificateRequest::Order { name: name.clone() }),
        )?;
        put(&if common.json {
            print::json(&answer)
        } else {
            certificates(&answer)
        });
        let lacks = |one: &&Value| {
            let meant = name.as_ref().is_none_or(|name| text(one, "name") == *name);
            meant && !text(one, "problem").is_empty()
        };
        match items(&answer).iter().filter(lacks).count() {
            0 => Ok(()),
            1 => Err(Failure::new(
                Exit::Temporary,
                "1 certificate is missing or old",
            )),
            count => Err(Failure::new(
                Exit::Temporary,
                format!("{count} certificates are missing or old"),
            )),
        }
    }
}

/// A table, and below it what is wrong.
pub(super) fn certificates(answer: &Value) -> String {
    let row = |one: &Value| {
        vec![
            text(one, "name"),
            text(one, "state"),
            day(one.get("expires")),
            day(one.get("renewal")),
        ]
    };
    let all = items(answer);
    let rows: Vec<_> = all.iter().map(row).collect();
    let mut out = table(&["CERTIFICATE", "STATE", "EXPIRES", "RENEWAL"], &rows);
    for one in all {
        let (name, problem) = (text(one, "name"), text(one, "problem"));
        if problem.is_empty() {
            continue;
        }
        let next = one.get("next").and_then(Value::as_i64);
        let next = next.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
        let again = next.map_or_else(String::new, |at| {
            format!("; the next try is at {}", at.strftime("%Y-%m-%d %H:%M UTC"))
        });
        let _infallible = writeln!(out, "{name}: {problem}{again}");
    }
    out
}
