//! `waxwing-plugin-build [--out DIRECTORY] [NAMES…]`: makes the workspace's plugins WebAssembly components.
//!
//! Prints one line a plugin. Exit codes are sysexits: 64 for a wrong call, 65 for plugins that do not
//! build, 69 where a toolchain is missing, 74 where a file could not be written.

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use waxwing_plugin_build::{Error, Options, build};

/// Builds Waxwing plugins.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Plugins to build; none means all that the workspace ships.
    names: Vec<String>,
    /// Every plugin of the workspace, those that only tests use, too.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Where the components go, counted from the workspace's root.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/plugins")]
    out: PathBuf,
    /// The workspace's manifest.
    #[arg(long, value_name = "FILE", default_value = "Cargo.toml")]
    manifest_path: PathBuf,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let wrong = error.use_stderr();
            let _ = error.print();
            return if wrong {
                ExitCode::from(64)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let options = Options {
        manifest: arguments.manifest_path,
        out: arguments.out,
        names: arguments.names,
        all: arguments.all,
    };
    match build(&options) {
        Ok(plugins) => {
            for plugin in plugins {
                let state = if plugin.changed {
                    "written"
                } else {
                    "unchanged"
                };
                println!(
                    "{} {} ({} KB, {state})",
                    plugin.name,
                    plugin.path.display(),
                    plugin.bytes.div_ceil(1024)
                );
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("waxwing-plugin-build: {error}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn exit_code(error: &Error) -> u8 {
    match error {
        Error::NoToolchain { .. } | Error::Start { .. } => 69,
        Error::UnknownPlugin { .. } | Error::Name(_) | Error::NotEmpty(_) => 64,
        Error::Io { .. } => 74,
        Error::DuplicateName { .. }
        | Error::Manifest { .. }
        | Error::Metadata(_)
        | Error::Compile { .. }
        | Error::NoModule { .. }
        | Error::Component { .. } => 65,
    }
}
