//! Finds a Rust toolchain that makes guests for `wasm32-unknown-unknown`.
//!
//! In this order: the toolchain in use, if it has the target; any other rustup toolchain that has it,
//! the newest first; Debian's packages, whose standard library is built from source where the target's
//! is not packaged. A toolchain older than the plugins ask for is passed over.

use crate::Error;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A compiler for guests, with all that it takes to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The cargo to call.
    pub cargo: PathBuf,
    /// The compiler it must use.
    pub rustc: PathBuf,
    /// Build the standard library from source: the target's is not installed.
    pub build_std: bool,
    /// The linker, where the toolchain does not bring its own.
    pub linker: Option<PathBuf>,
}

impl Toolchain {
    /// The first toolchain that will do for crates asking for at least Rust `wanted`.
    ///
    /// # Errors
    /// [`Error::NoToolchain`] with what was looked at.
    pub fn find(wanted: Option<&Version>) -> Result<Self, Error> {
        let mut looked = Vec::new();
        for candidate in candidates() {
            match candidate.examine(wanted) {
                Ok(toolchain) => return Ok(toolchain),
                Err(reason) => looked.push(format!("{}: {reason}", candidate.rustc.display())),
            }
        }
        if looked.is_empty() {
            looked.push("no rustc at all".to_owned());
        }
        Err(Error::NoToolchain {
            looked: looked.join("; "),
        })
    }

    /// A call of this toolchain's cargo that takes nothing over from the calling process's cargo.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(belongs_to_the_caller) {
                command.env_remove(&name);
            }
        }
        command.env("RUSTC", &self.rustc);
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", STACK_SIZE);
        if let Some(linker) = &self.linker {
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        if self.build_std {
            // -Zbuild-std is unstable; the release compiler takes it only so.
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }
}

/// What a guest's stack takes. It lies at the beginning of the memory, all of which each fresh instance has to be given: with the linker's
/// own 1 MiB an instance is larger and slower to make, and a plugin that recurses so deep is on its way to a trap.
const STACK_SIZE: &str = "-Clink-arg=-zstack-size=131072";

/// A Rust release, as in `rust-version`.
pub type Version = cargo_metadata::semver::Version;

/// Variables that a running cargo, a test runner or a developer set for the *host's* build.
fn belongs_to_the_caller(name: &str) -> bool {
    const KEPT: [&str; 2] = ["CARGO_HOME", "CARGO_NET_OFFLINE"];
    const PREFIXES: [&str; 3] = ["CARGO", "RUSTC", "RUSTFLAGS"];
    let registry = name.starts_with("CARGO_REGISTR")
        || name.starts_with("CARGO_SOURCE")
        || name.starts_with("CARGO_HTTP");
    !KEPT.contains(&name)
        && !registry
        && (PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || name == "RUSTUP_TOOLCHAIN"
            || name == "RUSTDOCFLAGS")
}

/// A place where a toolchain may be.
#[derive(Debug)]
struct Candidate {
    cargo: PathBuf,
    rustc: PathBuf,
    /// Outside rustup: the standard library may be built from source, and the linker is `wasm-ld`.
    packaged: bool,
}

impl Candidate {
    fn in_directory(bin: &Path, packaged: bool) -> Self {
        Self {
            cargo: bin.join("cargo"),
            rustc: bin.join("rustc"),
            packaged,
        }
    }

    /// Whether it will do; otherwise the reason, for a person.
    fn examine(&self, wanted: Option<&Version>) -> Result<Toolchain, String> {
        let version = answer(Command::new(&self.rustc).arg("-vV")).ok_or("does not run")?;
        let release = version
            .lines()
            .find_map(|line| line.strip_prefix("release: "))
            .unwrap_or_default();
        if let (Some(wanted), Ok(release)) = (wanted, Version::parse(release))
            && release.cmp_precedence(wanted).is_lt()
        {
            return Err(format!("is {release}, the plugins ask for {wanted}"));
        }
        if !self.cargo.is_file() {
            return Err("has no cargo beside it".to_owned());
        }
        let sysroot = answer(Command::new(&self.rustc).args(["--print", "sysroot"]))
            .ok_or("names no sysroot")?;
        let library = Path::new(sysroot.trim()).join("lib/rustlib");
        let installed = library.join(TARGET).join("lib").is_dir();
        if !self.packaged {
            return installed
                .then(|| self.with(false, None))
                .ok_or_else(|| format!("has no target {TARGET}"));
        }
        if !installed && !library.join("src/rust/library").is_dir() {
            return Err(format!(
                "has neither the target {TARGET} nor the library's source"
            ));
        }
        let linker = on_path("wasm-ld").ok_or("there is no wasm-ld (package lld)")?;
        Ok(self.with(!installed, Some(linker)))
    }

    fn with(&self, build_std: bool, linker: Option<PathBuf>) -> Toolchain {
        Toolchain {
            cargo: self.cargo.clone(),
            rustc: self.rustc.clone(),
            build_std,
            linker,
        }
    }
}

/// The toolchain in use, rustup's others from new to old, Debian's.
fn candidates() -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut add = |bin: &Path, packaged: bool| {
        let candidate = Candidate::in_directory(bin, packaged);
        if candidate.rustc.is_file()
            && !found
                .iter()
                .any(|known: &Candidate| known.rustc == candidate.rustc)
        {
            found.push(candidate);
        }
    };
    // The sysroot, not the rustc on the path: that one may be rustup's proxy, which chooses again.
    let current = env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
    if let Some(sysroot) = answer(Command::new(current).args(["--print", "sysroot"])) {
        let bin = Path::new(sysroot.trim()).join("bin");
        add(&bin, bin == Path::new("/usr/bin"));
    }
    for bin in rustup_toolchains() {
        add(&bin, false);
    }
    add(Path::new("/usr/bin"), true);
    found
}

/// The `bin` folders of rustup's toolchains: numbered releases from new to old, then the channels.
fn rustup_toolchains() -> Vec<PathBuf> {
    let home = env::var_os("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".rustup")));
    let Some(Ok(entries)) = home.map(|home| std::fs::read_dir(home.join("toolchains"))) else {
        return Vec::new();
    };
    let mut names: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    names.sort_by_key(|path| std::cmp::Reverse(release_of(path)));
    names.into_iter().map(|path| path.join("bin")).collect()
}

/// `1.95.0-x86_64-unknown-linux-gnu` is 1.95.0; a channel's name (`stable-…`) is none and sorts last.
fn release_of(toolchain: &Path) -> Option<Version> {
    let name = toolchain.file_name()?.to_str()?;
    Version::parse(name.split('-').next()?).ok()
}

/// What a program prints on standard output, if it runs and ends well.
fn answer(command: &mut Command) -> Option<String> {
    let output = command.stderr(std::process::Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A toolchain of links to one script, whose answers lie beside it. Nothing that is run here was written here: a file that another
    /// test's child process still holds open for writing cannot be run (ETXTBSY).
    fn fake(home: &Path, release: &str) -> Candidate {
        let bin = home.join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("-vV"), format!("release: {release}\n")).unwrap();
        std::fs::write(bin.join("--print"), format!("{}\n", home.display())).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake-rustc");
        for name in ["rustc", "cargo"] {
            std::os::unix::fs::symlink(&script, bin.join(name)).unwrap();
        }
        Candidate::in_directory(&bin, false)
    }

    #[test]
    fn a_toolchain_needs_the_target() {
        let home = tempfile::tempdir().unwrap();
        let candidate = fake(home.path(), "1.95.0");
        assert_eq!(
            candidate.examine(None).unwrap_err(),
            "has no target wasm32-unknown-unknown"
        );
        std::fs::create_dir_all(home.path().join("lib/rustlib").join(TARGET).join("lib")).unwrap();
        let toolchain = candidate.examine(None).unwrap();
        assert_eq!((toolchain.build_std, toolchain.linker), (false, None));
    }

    #[test]
    fn an_old_toolchain_is_passed_over() {
        let home = tempfile::tempdir().unwrap();
        let candidate = fake(home.path(), "1.80.1");
        let reason = candidate
            .examine(Some(&Version::new(1, 95, 0)))
            .unwrap_err();
        assert_eq!(reason, "is 1.80.1, the plugins ask for 1.95.0");
    }

    #[test]
    fn a_packaged_toolchain_needs_the_target_or_the_source() {
        let home = tempfile::tempdir().unwrap();
        let candidate = Candidate {
            packaged: true,
            ..fake(home.path(), "1.96.0")
        };
        let reason = candidate
            .examine(Some(&Version::new(1, 95, 0)))
            .unwrap_err();
        assert_eq!(
            reason,
            "has neither the target wasm32-unknown-unknown nor the library's source"
        );
    }

    #[test]
    fn the_callers_cargo_does_not_reach_the_guest() {
        for name in [
            "CARGO_TARGET_DIR",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(belongs_to_the_caller(name), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "PATH",
            "HOME",
            "CARGO_REGISTRIES_MIRROR_INDEX",
            "RUSTUP_HOME",
        ] {
            assert!(!belongs_to_the_caller(name), "{name}");
        }
    }

    #[test]
    fn releases_sort_before_channels() {
        let newest = release_of(Path::new("/t/1.96.1-x86_64-unknown-linux-gnu"));
        assert!(newest > release_of(Path::new("/t/1.95.0-x86_64-unknown-linux-gnu")));
        assert_eq!(
            release_of(Path::new("/t/nightly-x86_64-unknown-linux-gnu")),
            None
        );
    }
}
