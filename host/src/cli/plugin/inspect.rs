//! `waxwing plugin inspect`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use waxwing_policy::Inspection;

use super::super::Common;
use super::component::{self, show};
use crate::admin::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct Inspect {
    /// A component, or a project, which is built.
    #[arg(value_name = "FILE|DIR")]
    plugin: PathBuf,
}

impl Inspect {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let file = component::file(&self.plugin)?;
        let inspection = Inspection::of(&file).map_err(Failure::data)?;
        show(common, &inspection, || told(&inspection));
        Ok(())
    }
}

fn told(inspection: &Inspection) -> String {
    let mut out = String::new();
    let mut line = |what: &str, text: &str| {
        if !text.is_empty() {
            let _infallible = writeln!(out, "{what:<11} {text}");
        }
    };
    let nothing = waxwing_policy::Manifest::default();
    let manifest = inspection.manifest.as_ref().unwrap_or(&nothing);
    line("name", &manifest.name);
    line("version", &inspection.version);
    line("about", &manifest.description);
    line("digest", &inspection.digest);
    line("signer", inspection.signer.as_deref().unwrap_or("nobody"));
    line("contract", &manifest.abi);
    line("hooks", &inspection.hooks.join(" "));
    for (hook, condition) in &manifest.when {
        line("asked", &format!("{hook} when {condition}"));
    }
    line("grants", &inspection.grants.join(" "));
    line("if granted", &inspection.optional_grants.join(" "));
    line("imports", &inspection.imports.join(" "));
    line("calls", &inspection.calls.join(" "));
    for (name, value) in &manifest.limits {
        line("limit", &format!("{name} at least {value}"));
    }
    for (name, symbol) in &manifest.symbols {
        line(
            "finding",
            &format!("{name} {}: {}", symbol.score, symbol.description),
        );
    }
    if manifest.settings_schema.is_some() {
        line("settings", "described by a schema (--json prints it)");
    }
    let cases: Vec<&str> = manifest
        .cases
        .iter()
        .map(|case| case.name.as_str())
        .collect();
    line("cases", &cases.join(" "));
    let size = inspection.size;
    let kib = |octets: u64| octets.div_ceil(1024);
    line(
        "size",
        &format!(
            "{} KiB: code {}, data {}, names and manifest {}",
            kib(size.file),
            kib(size.code),
            kib(size.data),
            kib(size.custom)
        ),
    );
    for problem in &inspection.problems {
        line("problem", problem);
    }
    out
}
