//! `waxwing plugin build`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::super::Common;
use super::component;
use crate::admin::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct Build {
    /// The project: a folder with a Cargo.toml.
    #[arg(value_name = "DIR", default_value = ".")]
    project: PathBuf,
    /// Where NAME.wasm goes; target/plugins of the project if left out.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Build {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let built = component::build(&self.project, self.out)?;
        let rows: Vec<Value> = built
            .iter()
            .map(|plugin| {
                json!({ "name": plugin.name, "file": plugin.path, "size": plugin.bytes, "changed": plugin.changed })
            })
            .collect();
        component::show(common, &rows, || {
            let line = |plugin: &waxwing_plugin_build::Built| {
                let state = if plugin.changed {
                    "written"
                } else {
                    "unchanged"
                };
                let size = plugin.bytes.div_ceil(1024);
                format!("{} ({size} KiB, {state})\n", plugin.path.display())
            };
            built.iter().map(line).collect()
        });
        Ok(())
    }
}
