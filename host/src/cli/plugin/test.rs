//! `waxwing plugin test`.

use std::path::{Path, PathBuf};

use clap::Args;
use waxwing_policy::{CaseFile, CaseOutcome, Workbench};

use super::super::{Common, runtime};
use super::component::{self, show};
use crate::admin::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct Test {
    /// A component, which carries its cases, or a project, which is built.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    plugin: PathBuf,
    /// Run these cases instead: a file, or a folder of *.toml.
    #[arg(long, value_name = "FILE|DIR")]
    cases: Option<PathBuf>,
}

impl Test {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let workbench = component::open(&self.plugin)?;
        let files = match &self.cases {
            Some(path) => read(path).map_err(Failure::data)?,
            None => workbench.own_cases().to_vec(),
        };
        let outcomes = runtime()?.block_on(run(&workbench, &files));
        let failed = outcomes
            .iter()
            .filter(|outcome| outcome.failure.is_some())
            .count();
        show(common, &outcomes, || {
            let mut lines: String = outcomes.iter().map(line).collect();
            lines.push_str(&format!("{} cases, {failed} failed\n", outcomes.len()));
            lines
        });
        match (outcomes.len(), failed) {
            (0, _) => Err(Failure::data("there are no cases")),
            (_, 0) => Ok(()),
            (_, failed) => Err(Failure::data(format!("{failed} cases failed"))),
        }
    }
}

async fn run(workbench: &Workbench, files: &[CaseFile]) -> Vec<CaseOutcome> {
    let mut outcomes = Vec::new();
    for file in files {
        outcomes.extend(workbench.cases(file).await);
    }
    outcomes
}

fn line(outcome: &CaseOutcome) -> String {
    match &outcome.failure {
        None => format!("ok      {}: {}\n", outcome.file, outcome.name),
        Some(failure) => format!("FAILED  {}: {}: {failure}\n", outcome.file, outcome.name),
    }
}

/// The case files at a path, by name.
fn read(path: &Path) -> Result<Vec<CaseFile>, String> {
    let unreadable =
        |path: &Path, error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let mut paths = vec![path.to_owned()];
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, error))?;
        paths = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|kind| kind == "toml"));
        paths.sort();
    }
    let file = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        Ok(CaseFile {
            name: name.to_string_lossy().into_owned(),
            text: std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?,
        })
    };
    paths.iter().map(file).collect()
}
