//! Where things are: the repository, the binary under test, the plugins.

use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the repository")
        .to_owned()
}

/// The `tests` folder.
#[must_use]
pub fn tests() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The target folder that the running test was built into.
#[must_use]
pub fn target() -> PathBuf {
    let exe = std::env::current_exe().expect("a running program has a path");
    // target/debug/deps/suite-…: up to the folder that holds the profiles.
    exe.ancestors()
        .nth(3)
        .expect("tests run from target/PROFILE/deps")
        .to_owned()
}

/// The `waxwing` binary: `WAXWING_BIN`, or the one that was built beside the running test.
///
/// # Panics
/// If it has not been built; says how to.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("WAXWING_BIN") {
        return path.into();
    }
    let exe = std::env::current_exe().expect("a running program has a path");
    let profile = exe
        .ancestors()
        .nth(2)
        .expect("tests run from target/PROFILE/deps");
    let path = profile.join("waxwing");
    assert!(
        path.exists(),
        "{} is not there: run `cargo build -p waxwing` first (`make test` does)",
        path.display()
    );
    path
}

/// The folder of compiled plugins.
///
/// # Panics
/// If there is none; says how to make it.
#[must_use]
pub fn plugins() -> PathBuf {
    let path = target().join("plugins");
    assert!(
        path.is_dir(),
        "{} is not there: run `make plugins` first (`make test` does)",
        path.display()
    );
    path
}

/// The folder of the compiled example plugins that are not in Rust.
///
/// # Panics
/// If there is none; says how to make it.
#[must_use]
pub fn language_plugins() -> PathBuf {
    let path = target().join("language-plugins");
    assert!(
        path.is_dir(),
        "{} is not there: run `tools/languages.sh` first (`make test` does)",
        path.display()
    );
    path
}
