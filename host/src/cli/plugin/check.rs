//! `waxwing plugin check`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use waxwing_policy::{Case, Inspection};

use super::super::{Common, complain, runtime};
use super::component::{self, show};
use crate::admin::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// A component, or a project, which is built.
    #[arg(value_name = "FILE|DIR")]
    plugin: PathBuf,
    /// The settings of a step, as a TOML file.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

impl Check {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let file = component::file(&self.plugin)?;
        let inspection = Inspection::of(&file).map_err(Failure::data)?;
        let mut problems = inspection.problems;
        if problems.is_empty() {
            let workbench = component::open(&file)?;
            let settings = self.settings.as_deref();
            let ready = runtime()?.block_on(workbench.bench(&Case::default(), settings));
            if let Err(found) = ready {
                problems.extend(found.iter().map(ToString::to_string));
            }
        }
        show(
            common,
            &json!({ "file": file, "problems": problems }),
            || problems.iter().map(|text| format!("{text}\n")).collect(),
        );
        if problems.is_empty() {
            complain("no problems");
            return Ok(());
        }
        Err(Failure::data("it would not load"))
    }
}
