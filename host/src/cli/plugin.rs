//! `waxwing plugin`: the steps of the live policy, what they are tried out against, and how one goes forth and back.

mod diff;
mod history;
mod list;

use clap::Subcommand;
use serde_json::Value;

use super::{Common, load, print, put, show};
use crate::admin::{Exit, Failure, Request, ask};

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Every step with its plugin, version and state, and what was wrong with the last change.
    List,
    /// What the steps that are tried out say, beside what serves.
    Diff {
        /// Only this step.
        step: Option<String>,
    },
    /// The generations that served: when, why, and what changed.
    History,
    /// Let a step that is tried out enforce: it takes the place of the one that it replaces.
    Promote {
        /// The step's name.
        step: String,
    },
    /// Go back to the generation before, at once; the files that serve now are not taken again until they change.
    Rollback {
        /// To this generation of the history, instead.
        #[arg(long, value_name = "GENERATION")]
        to: Option<u64>,
        /// Why, for the history.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

impl PluginCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::List => list::list(common),
            Self::Diff { step } => show(common, &Request::PluginDiff { step }, diff::print),
            Self::History => history::history(common),
            Self::Promote { step } => change(common, &Request::PluginPromote { step }),
            Self::Rollback { to, reason } => {
                change(common, &Request::PluginRollback { to, reason })
            }
        }
    }
}

/// A change of what serves takes a server that runs.
fn change(common: &Common, request: &Request) -> Result<(), Failure> {
    let config = load(common)?;
    let answer = ask(&config.admin_socket(), request).unwrap_or_else(|| {
        Err(Failure::new(
            Exit::Unavailable,
            "no server runs on this data directory; change the policy file, it is read at the next start",
        ))
    })?;
    put(&if common.json {
        print::json(&answer)
    } else {
        told(&answer)
    });
    Ok(())
}

fn told(answer: &Value) -> String {
    format!("generation {} serves\n", print::text(answer, "generation"))
}
