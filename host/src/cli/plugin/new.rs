//! `waxwing plugin new`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use waxwing_plugin_build::{Error, Start, scaffold};

use super::super::Common;
use super::component::show;
use crate::admin::{Exit, Failure};

#[derive(Debug, Args)]
pub(in crate::cli) struct New {
    /// The plugin's name: 1 to 48 of a-z, 0-9 and -.
    name: String,
    /// The hook that it begins with: message, connect, ehlo, mail-from or rcpt-to.
    #[arg(long, value_name = "HOOK", default_value = "message", value_parser = start)]
    hook: Start,
    /// Where the project goes; a folder of the plugin's name if left out.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn start(name: &str) -> Result<Start, String> {
    let found = Start::ALL.into_iter().find(|start| start.as_str() == name);
    found.ok_or_else(|| {
        let known = Start::ALL.map(Start::as_str).join(", ");
        format!("a project begins with one of {known}; other hooks are added to it later")
    })
}

impl New {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let folder = self.dir.unwrap_or_else(|| PathBuf::from(&self.name));
        let files = scaffold(&self.name, self.hook, &folder).map_err(|error| {
            let exit = match error {
                Error::Io { .. } => Exit::Unavailable,
                _ => Exit::Usage,
            };
            Failure::new(exit, error.to_string())
        })?;
        show(common, &json!({ "folder": folder, "files": files }), || {
            format!(
                "{0} is a plugin at the hook {1}: change {0}/src/logic.rs, then `waxwing plugin test {0}`\n",
                folder.display(),
                self.hook.as_str()
            )
        });
        Ok(())
    }
}
