//! Why a plugin could not be built, and what to do about it.

use std::path::PathBuf;

/// Every way a build can fail. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No compiler on this machine makes WebAssembly guests.
    #[error(
        "no Rust toolchain for WebAssembly guests found ({looked}); install one with `tools/setup.sh guest`, \
         or by hand: `rustup target add wasm32-unknown-unknown`, or Debian's rustc-web, cargo-web, rust-web-src and lld"
    )]
    NoToolchain {
        /// What was looked at, and why it would not do.
        looked: String,
    },
    /// A name that no plugin bears.
    #[error("there is no plugin \"{name}\" here; there are: {known}")]
    UnknownPlugin {
        /// The name asked for.
        name: String,
        /// The names there are, comma-separated.
        known: String,
    },
    /// Two crates claim one name.
    #[error(
        "{first} and {second} both call their plugin \"{name}\"; rename one in [package.metadata.waxwing-plugin]"
    )]
    DuplicateName {
        /// The name.
        name: String,
        /// One crate.
        first: String,
        /// The other crate.
        second: String,
    },
    /// A manifest's plugin table that makes no sense.
    #[error("[package.metadata.waxwing-plugin] of {package}: {reason}")]
    Manifest {
        /// The crate.
        package: String,
        /// What is wrong.
        reason: String,
    },
    /// `cargo metadata` failed.
    #[error("cannot read the workspace: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// Cargo could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The compilation failed; the compiler's own words went to standard error.
    #[error("the plugins do not compile (see above; {status})")]
    Compile {
        /// How cargo ended.
        status: std::process::ExitStatus,
    },
    /// Cargo ended well and named no module.
    #[error(
        "cargo built {package} but named no .wasm file; its manifest needs [lib] crate-type = [\"cdylib\", \"rlib\"]"
    )]
    NoModule {
        /// The crate.
        package: String,
    },
    /// The module does not become a component.
    #[error("{plugin} is not a valid plugin: {reason}")]
    Component {
        /// The plugin.
        plugin: String,
        /// The encoder's chain of reasons.
        reason: String,
    },
    /// A name that no plugin can bear.
    #[error("\"{0}\" names no plugin: 1 to 48 of a-z, 0-9 and -, a letter first")]
    Name(String),
    /// A new project would overwrite something.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}
