//! The component that a command is about: a file, or the plugin of a project, which is built for it.

use std::path::{Path, PathBuf};

use serde::Serialize;
use waxwing_plugin_build::{Error, Options};
use waxwing_policy::Workbench;

use super::super::{Common, print, put};
use crate::admin::{Exit, Failure};

/// The file itself, or what a project builds.
pub(super) fn file(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let mut built = build(path, None)?;
    match (built.pop(), built.is_empty()) {
        (Some(plugin), true) => Ok(plugin.path),
        (None, _) => Err(Failure::data(format!(
            "{} has no plugin: its Cargo.toml needs [package.metadata.waxwing-plugin]",
            path.display()
        ))),
        (Some(_), false) => Err(Failure::new(
            Exit::Usage,
            format!(
                "{} has several plugins: build them with `waxwing plugin build` and name one of the files",
                path.display()
            ),
        )),
    }
}

/// Builds every plugin of a project.
pub(super) fn build(
    project: &Path,
    out: Option<PathBuf>,
) -> Result<Vec<waxwing_plugin_build::Built>, Failure> {
    let mut options = Options::new(project.join("Cargo.toml"));
    options.all = true;
    if let Some(out) = out {
        options.out = std::path::absolute(&out).unwrap_or(out);
    }
    waxwing_plugin_build::build(&options).map_err(|error| {
        let exit = match &error {
            Error::NoToolchain { .. } | Error::Start { .. } => Exit::Unavailable,
            Error::UnknownPlugin { .. } | Error::Name(_) | Error::NotEmpty(_) => Exit::Usage,
            _ => Exit::Data,
        };
        Failure::new(exit, error.to_string())
    })
}

/// The component, compiled and ready to be tried.
pub(super) fn open(path: &Path) -> Result<Workbench, Failure> {
    Workbench::open(&file(path)?).map_err(Failure::data)
}

/// Prints an answer as JSON, or for people.
pub(super) fn show(common: &Common, answer: &impl Serialize, human: impl FnOnce() -> String) {
    put(&if common.json {
        print::json(&serde_json::to_value(answer).unwrap_or_default())
    } else {
        human()
    });
}

/// Problems, a line each.
pub(super) fn refused(problems: &[waxwing_policy::Problem]) -> Failure {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::data(lines.join("\n"))
}
