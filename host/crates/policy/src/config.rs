//! Where the policy is and what it may use in all.

use std::path::PathBuf;

use crate::compiler::Compiler;

/// The settings of [`crate::Policy`].
#[derive(Clone, Debug)]
pub struct PolicyConfig {
    /// `policy.toml`.
    pub policy_file: PathBuf,
    /// Where `NAME.wasm` is looked for, in this order.
    pub plugin_dirs: Vec<PathBuf>,
    /// Where compiled code is kept: a directory of this server's own, made with mode 0700.
    pub cache_dir: PathBuf,
    /// Where the history of generations and their snapshots are kept; none: nowhere, and a restart knows only the files.
    pub state_dir: Option<PathBuf>,
    /// What compiles plugins; none: this process does.
    pub compiler: Option<Compiler>,
    /// Most instances at once, of all plugins.
    pub instances: u32,
    /// Whether to watch the files and reload.
    pub watch: bool,
    /// Whether users log in to send mail here: a policy that lets them send under any name is told of.
    pub submission: bool,
}

impl PolicyConfig {
    /// The policy of a file, with plugins and cache in the given places.
    #[must_use]
    pub fn new(policy_file: PathBuf, plugin_dirs: Vec<PathBuf>, cache_dir: PathBuf) -> Self {
        Self {
            policy_file,
            plugin_dirs,
            cache_dir,
            state_dir: None,
            compiler: None,
            instances: 400,
            watch: true,
            submission: false,
        }
    }
}
