//! A plugin's file: read whole, looked through before anything is compiled, named by its digest.
//!
//! Invariants: what was digested is what is compiled; a file that is still being written is told from a broken one by nobody here, but never
//! brings anything down.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmparser::{Encoding, Parser, Payload};

use crate::capability::FREE;
use crate::code::{MAX_COMPONENT, hex};
use crate::grant::Grant;
use crate::hook::Hook;

/// The package of the contract, and the versions of it that this server has.
const PACKAGE: &str = "waxwing:policy/";
const MINOR: &str = "0.1.";
/// Modules and components inside a component.
const MAX_INNER: u32 = 200;

/// A component as it lies on disk.
pub(crate) struct PluginFile {
    /// Its octets.
    pub(crate) octets: Vec<u8>,
    /// Their SHA-256 in hexadecimal.
    pub(crate) digest: String,
    /// What it says of itself.
    pub(crate) outline: Outline,
}

/// What a component imports and exports, and the version that it carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) version: String,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Finds `NAME.wasm` in the first folder that has it.
pub(crate) fn find(name: &str, folders: &[PathBuf]) -> Result<PathBuf, String> {
    let file = format!("{name}.wasm");
    let found = folders
        .iter()
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        let places: Vec<String> = folders
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        format!(
            "plugin `{name}` has no file {file} in {}",
            places.join(", ")
        )
    })
}

impl PluginFile {
    /// Reads and looks through a file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
        let mut file = File::open(path).map_err(unreadable)?;
        let before = file.metadata().map_err(unreadable)?;
        if before.len() > MAX_COMPONENT {
            return Err(format!(
                "has {} octets, where {MAX_COMPONENT} may be",
                before.len()
            ));
        }
        let mut octets = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0));
        file.by_ref()
            .take(MAX_COMPONENT + 1)
            .read_to_end(&mut octets)
            .map_err(unreadable)?;
        let after = fs::metadata(path).map_err(unreadable)?;
        let stamp = |data: &fs::Metadata| (data.ino(), data.len(), data.mtime(), data.mtime_nsec());
        if stamp(&before) != stamp(&after) {
            return Err("is still being written".into());
        }
        let outline = Outline::of(&octets)?;
        Ok(Self {
            digest: hex(&Sha256::digest(&octets)),
            octets,
            outline,
        })
    }
}

impl Outline {
    /// Parses all of it; an error says why it is no component.
    pub(crate) fn of(octets: &[u8]) -> Result<Self, String> {
        let broken = |error: wasmparser::BinaryReaderError| {
            format!("is no whole WebAssembly component: {}", error.message())
        };
        let mut outline = Self::default();
        let mut depth = 0_u32;
        let mut inner = 0_u32;
        for payload in Parser::new(0).parse_all(octets) {
            match payload.map_err(broken)? {
                Payload::Version {
                    encoding: Encoding::Module,
                    ..
                } if depth == 0 => {
                    return Err(
                        "is a core module, not a component; `waxwing-plugin-build` makes one of it"
                            .into(),
                    );
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                    depth += 1;
                    inner += 1;
                    if inner > MAX_INNER {
                        return Err(format!("holds more than {MAX_INNER} modules"));
                    }
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        outline
                            .imports
                            .push(import.map_err(broken)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        outline
                            .exports
                            .push(export.map_err(broken)?.name.name.to_owned());
                    }
                }
                Payload::CustomSection(section)
                    if depth == 0 && section.name() == "waxwing:version" =>
                {
                    let text = String::from_utf8_lossy(section.data());
                    outline.version = crate::capability::findings::printable(&text, 64);
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    /// The hooks that it exports.
    pub(crate) fn hooks(&self) -> Vec<Hook> {
        Hook::ALL
            .into_iter()
            .filter(|hook| {
                self.exports
                    .iter()
                    .any(|name| is_export(name, &format!("hook-{hook}")))
            })
            .collect()
    }

    /// What keeps it from running with these grants: one sentence for each import.
    pub(crate) fn objections(&self, plugin: &str, granted: impl Fn(Grant) -> bool) -> Vec<String> {
        let mut objections: Vec<String> = self
            .imports
            .iter()
            .filter_map(|import| objection(plugin, import, &granted))
            .collect();
        if !self.exports.iter().any(|name| is_export(name, "lifecycle")) {
            objections.push(format!("plugin `{plugin}` exports no `{PACKAGE}lifecycle`: is it built with the SDK for waxwing:policy@{MINOR}x?"));
        }
        objections
    }
}

fn objection(plugin: &str, import: &str, granted: &impl Fn(Grant) -> bool) -> Option<String> {
    let Some((interface, version)) = import
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.split_once('@'))
    else {
        return Some(format!(
            "plugin `{plugin}` imports `{import}`, which plugins do not get: build it for wasm32-unknown-unknown, without WASI"
        ));
    };
    if !version.starts_with(MINOR) {
        return Some(format!(
            "plugin `{plugin}` wants `{interface}` of version {version}, this server has {MINOR}x: build it with the SDK of this release"
        ));
    }
    if FREE.contains(&interface) {
        return None;
    }
    match Grant::parse(interface) {
        Some(grant) if granted(grant) => None,
        Some(grant) => Some(format!(
            "plugin `{plugin}` imports `{interface}`, which is not granted: add \"{}\" to `grants` of this step",
            grant.as_str()
        )),
        None => Some(format!(
            "plugin `{plugin}` imports `{interface}`, which this server does not have"
        )),
    }
}

fn is_export(name: &str, interface: &str) -> bool {
    let rest = name
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.strip_prefix(interface));
    rest.and_then(|rest| rest.strip_prefix('@'))
        .is_some_and(|version| version.starts_with(MINOR))
}
