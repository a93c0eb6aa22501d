//! Builds Waxwing plugins: Rust crates in, WebAssembly components out.
//!
//! A plugin is a `cdylib` crate whose manifest names it:
//!
//! ```toml
//! [package.metadata.waxwing-plugin]
//! name = "access"                 # becomes access.wasm
//! default = true                  # built when no names are given; false leaves it out
//! grants = ["kv", "directory"]    # what it cannot do without
//! optional-grants = ["relay"]     # what it makes use of if it is given
//! limits = { deadline-ms = 5000 } # what a step must give it at least
//!
//! [package.metadata.waxwing-plugin.symbols.HELO_SYNTAX]
//! score = 1.5                     # what it counts where `scores` of the step does not say; 1 if left out
//! description = "The greeting is no name"
//! ```
//!
//! This, the JSON Schema in `settings.schema.json` and the files of `cases/` beside the crate's `Cargo.toml` become the component's
//! manifest; the hooks are those that the crate exports.
//!
//! [`build`] finds a toolchain for guests ([`Toolchain::find`]), compiles every wanted plugin with one
//! call of cargo, makes each core module a component and writes `NAME.wasm`.
//!
//! Invariants:
//! - A component appears at once and whole: it is written beside its place and renamed, so a server
//!   that watches the directory never reads half a plugin.
//! - A component whose bytes did not change is not written, so nothing is reloaded for nothing.
//! - Nothing of the calling process's cargo (target directory, flags, wrapper, toolchain) reaches the guest.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

mod component;
mod error;
mod guest;
mod manifest;
mod output;
mod scaffold;
mod toolchain;

pub use component::componentise;
pub use error::Error;
pub use scaffold::{Start, scaffold};
pub use toolchain::{Toolchain, Version};

use std::path::PathBuf;

/// What to build and where to put it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `Cargo.toml` of the workspace (or of the crate) that holds the plugins.
    pub manifest: PathBuf,
    /// Where `NAME.wasm` goes; a relative path counts from the workspace's root. Created if missing.
    pub out: PathBuf,
    /// Plugins by name; empty means all whose manifest does not say `default = false`.
    pub names: Vec<String>,
    /// Without names: those with `default = false`, too.
    pub all: bool,
}

impl Options {
    /// Every default plugin of the workspace at `manifest`, into its `target/plugins`.
    pub fn new(manifest: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            out: PathBuf::from("target/plugins"),
            names: Vec::new(),
            all: false,
        }
    }
}

/// One plugin that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The plugin's name.
    pub name: String,
    /// The component's file.
    pub path: PathBuf,
    /// Its size in octets.
    pub bytes: u64,
    /// False if the file held these very bytes already and was left alone.
    pub changed: bool,
}

/// Builds the wanted plugins with one cargo call, in the order of their names.
///
/// # Errors
/// A name that no crate bears, no toolchain for guests, a failed compilation, or a module that is no
/// valid component. Files are written only after every component was made.
pub fn build(options: &Options) -> Result<Vec<Built>, Error> {
    let workspace = guest::Workspace::read(&options.manifest)?;
    let wanted = workspace.select(&options.names, options.all)?;
    let toolchain = Toolchain::find(workspace.rust_version())?;
    let modules = workspace.compile(&toolchain, &wanted)?;
    let mut components = Vec::with_capacity(modules.len());
    for (plugin, module) in modules {
        let module = std::fs::read(&module).map_err(|source| Error::Io {
            path: module,
            source,
        })?;
        let mut component = componentise(&plugin.name, &plugin.version, &module)?;
        plugin.about.describe(&mut component)?;
        components.push((plugin.name, component));
    }
    output::write_all(&workspace.root().join(&options.out), components)
}
