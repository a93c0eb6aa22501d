//! `waxwing token`: who may use the HTTP API of administration, and for what.

use clap::Subcommand;
use serde_json::Value;
use waxwing_store::{AdminScope, Area};

use super::print::{day, items, table, text};
use super::{Common, show};
use crate::admin::{Failure, Request};
use crate::config::Period;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make one, and print it: it is not shown again.
    Add {
        /// What it is called, in the list and in the audit log.
        name: String,
        /// What it lets do, with commas between: AREA:read, AREA:write (which lets read, too), *:read, or * for everything. The areas: accounts, audit, domains, flow, policy, queue, reports, status, trace.
        #[arg(long, required = true, value_name = "SCOPES", value_delimiter = ',', value_parser = scope)]
        scope: Vec<AdminScope>,
        /// For how long it is good, such as 90d; for ever if not given.
        #[arg(long, value_name = "PERIOD", value_parser = period)]
        expires: Option<Period>,
    },
    /// List them.
    List,
    /// Take one back.
    Remove {
        /// Its number in the list.
        id: i64,
    },
}

fn scope(text: &str) -> Result<AdminScope, String> {
    AdminScope::parse(text).ok_or_else(|| {
        let areas: Vec<_> = Area::ALL.iter().map(|area| area.as_str()).collect();
        format!(
            "expected *, *:read, AREA:read or AREA:write, where AREA is one of {}",
            areas.join(", ")
        )
    })
}

fn period(text: &str) -> Result<Period, String> {
    text.parse()
        .map_err(|()| "expected a period such as 90d or 12h".into())
}

impl TokenCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Add {
                name,
                scope,
                expires,
            } => {
                let expires = expires.map(|period| {
                    let period = i64::try_from(period.duration().as_millis()).unwrap_or(i64::MAX);
                    crate::answer::now_millis().saturating_add(period)
                });
                let request = Request::TokenAdd {
                    name,
                    scopes: scope,
                    expires,
                };
                show(common, &request, |answer| text(answer, "secret") + "\n")
            }
            Self::List => show(common, &Request::TokenList, listing),
            Self::Remove { id } => show(common, &Request::TokenRemove { id }, |_| String::new()),
        }
    }
}

fn listing(answer: &Value) -> String {
    let row = |token: &Value| {
        let scopes = token.get("scopes").map(items).unwrap_or_default();
        let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
        vec![
            text(token, "id"),
            text(token, "name"),
            scopes.join(","),
            day(token.get("created")),
            day(token.get("expires")),
        ]
    };
    table(
        &["ID", "NAME", "SCOPE", "SINCE", "UNTIL"],
        &items(answer).iter().map(row).collect::<Vec<_>>(),
    )
}
