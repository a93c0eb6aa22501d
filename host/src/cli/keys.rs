//! `waxwing domain key`: what a domain signs with.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::print::{items, moment, table, text};
use super::{Common, show};
use crate::admin::{Exit, Failure, Import, KeyRequest, Request};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Make the first keys of a domain, RSA and Ed25519, or take one that was made elsewhere.
    Add {
        /// The domain.
        domain: String,
        #[command(flatten)]
        import: ImportArgs,
    },
    /// List a domain's keys and where they are in their life.
    List {
        /// The domain.
        domain: String,
    },
    /// Make other keys, which take over once they are published.
    Rotate {
        /// The domain.
        domain: String,
    },
    /// Remove a key, at once: it leaked, or is not wanted.
    Remove {
        /// The domain.
        domain: String,
        /// The key's selector.
        #[arg(required_unless_present = "all")]
        selector: Option<String>,
        /// All of them: the domain signs no more.
        #[arg(long, conflicts_with = "selector")]
        all: bool,
    },
}

/// A key that was made elsewhere.
#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// The selector that it is published under.
    #[arg(long, requires = "key_file")]
    selector: Option<String>,
    /// Its file, PEM: RSA of 2048 bits or more, or Ed25519.
    #[arg(long, requires = "selector", value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl ImportArgs {
    fn read(self) -> Result<Option<Import>, Failure> {
        let (Some(selector), Some(path)) = (self.selector, self.key_file) else {
            return Ok(None);
        };
        let file = std::fs::read_to_string(&path)
            .map_err(|error| Failure::new(Exit::Data, format!("{}: {error}", path.display())))?;
        Ok(Some(Import { selector, file }))
    }
}

impl KeyCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let (request, human): (_, fn(&Value) -> String) = match self {
            Self::Add { domain, import } => {
                let import = import.read()?;
                (KeyRequest::Add { domain, import }, to_publish)
            }
            Self::List { domain } => (KeyRequest::List { domain }, listed),
            Self::Rotate { domain } => (KeyRequest::Rotate { domain }, to_publish),
            Self::Remove {
                domain, selector, ..
            } => (KeyRequest::Remove { domain, selector }, listed),
        };
        show(common, &Request::DomainKey(request), human)
    }
}

fn listed(answer: &Value) -> String {
    let row = |key: &Value| {
        let phase = text(key, "phase");
        let at = moment(key.get("at"));
        let state = match phase.as_str() {
            "published" => format!("published, signs after {at}"),
            "signing" => format!("signs, to be replaced after {at}"),
            "retired" => format!("signs no more, to stay published until {at}"),
            _ => phase,
        };
        vec![text(key, "selector"), text(key, "algorithm"), state]
    };
    let rows: Vec<_> = items(answer).iter().map(row).collect();
    table(&["SELECTOR", "ALGORITHM", "STATE"], &rows)
}

/// What the administrator does next.
fn to_publish(answer: &Value) -> String {
    let mut out = String::from(
        "Publish these records. A key signs when it was seen in the DNS and its time has passed; `waxwing domain key list` tells.\n",
    );
    let waits = |key: &&Value| text(key, "phase") == "to be published";
    for key in items(answer).iter().filter(waits) {
        let _infallible = writeln!(out, "{}", text(key, "zone"));
    }
    out
}
