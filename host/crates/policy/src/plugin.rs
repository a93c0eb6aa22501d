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
use crate::imports::TypeSpace;
use crate::limits::Limits;
use crate::manifest::{self, Manifest};
use crate::policy_file::StepConfig;
use crate::schema::Schema;
use crate::signature::{self, PublicKey};

/// The package of the contract, and the versions of it that this server has.
const PACKAGE: &str = "waxwing:policy/";
const MINOR: &str = "0.1.";
/// The newest patch of that minor version that this server has.
const PATCH: u32 = 0;
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
    /// Who signed it.
    pub(crate) signer: Option<PublicKey>,
}

/// What a component imports and exports, and the version that it carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outline {
    pub(crate) version: String,
    pub(crate) imports: Vec<String>,
    /// Those of the imports of which it takes the types alone.
    pub(crate) types_alone: Vec<String>,
    /// The functions that it imports: `kv.get`, `message.part.text`.
    pub(crate) calls: Vec<String>,
    pub(crate) exports: Vec<String>,
    /// What it says of itself; none is a component of an older SDK, or of another tool.
    pub(crate) manifest: Option<Manifest>,
    /// It has a section of the name that signatures have.
    signature_elsewhere: bool,
}

/// What keeps a component from running in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    /// The member of the step that would have to change; none if no change of the policy helps.
    pub(crate) member: Option<&'static str>,
    /// What is wrong and what to do.
    pub(crate) text: String,
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
        let signer = signature::signer(&octets)?;
        if signer.is_none() && outline.signature_elsewhere {
            return Err("carries a signature that is not at its end: something was added after it was signed".into());
        }
        Ok(Self {
            digest: hex(&Sha256::digest(&octets)),
            octets,
            outline,
            signer,
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
        let mut types = TypeSpace::default();
        for payload in Parser::new(0).parse_all(octets) {
            let payload = payload.map_err(broken)?;
            if depth == 0 {
                types.take(&payload).map_err(broken)?;
            }
            match payload {
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
                        let import = import.map_err(broken)?;
                        let name = import.name.name.to_owned();
                        match types.import(import.ty) {
                            Some([]) => outline.types_alone.push(name.clone()),
                            Some(functions) => outline.calls.extend(called(&name, functions)),
                            None => {}
                        }
                        outline.imports.push(name);
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
                Payload::CustomSection(section)
                    if depth == 0 && section.name() == manifest::SECTION =>
                {
                    if outline.manifest.is_some() {
                        return Err("carries two manifests".into());
                    }
                    outline.manifest = Some(Manifest::parse(section.data())?);
                }
                Payload::CustomSection(section) if section.name() == signature::SECTION => {
                    outline.signature_elsewhere = true;
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    /// Whether it calls the function that tells whose an address is.
    pub(crate) fn asks_owners(&self) -> bool {
        self.calls.iter().any(|call| call == "directory.owns")
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

    /// The schema of its settings.
    pub(crate) fn schema(&self) -> Result<Option<Schema>, String> {
        let text = self
            .manifest
            .as_ref()
            .and_then(|manifest| manifest.settings_schema.as_deref());
        text.map(Schema::compile).transpose()
    }

    /// The grants that it cannot do without, by their names: what it imports, and what its manifest asks for.
    pub(crate) fn wants(&self) -> Vec<&str> {
        let imported = self.imports.iter().filter_map(|import| {
            let (interface, _) = import.strip_prefix(PACKAGE)?.split_once('@')?;
            let handles = matches!(interface, "message" | "actions");
            let alone = handles && self.types_alone.contains(import);
            (!FREE.contains(&interface) && !alone).then_some(interface)
        });
        let asked = self.manifest.iter().flat_map(|manifest| &manifest.grants);
        let mut wants: Vec<&str> = imported.chain(asked.map(String::as_str)).collect();
        wants.sort_unstable();
        wants.dedup();
        wants
    }

    /// The hooks that it exports by their names, those that this server does not have among them.
    pub(crate) fn hook_names(&self) -> impl Iterator<Item = &str> {
        self.exports.iter().filter_map(|name| {
            let (interface, _) = name.strip_prefix(PACKAGE)?.split_once('@')?;
            interface.strip_prefix("hook-")
        })
    }

    /// What keeps it from running on this server, whatever a policy grants.
    pub(crate) fn hopeless(&self) -> Vec<String> {
        let name = self
            .manifest
            .as_ref()
            .map(|manifest| manifest.name.as_str());
        let name = name.unwrap_or("?");
        let mut found: Vec<Objection> = self
            .imports
            .iter()
            .filter_map(|import| {
                let alone = self.types_alone.contains(import);
                objection(name, import, alone, |_| true)
            })
            .collect();
        found.extend(self.unfit(name));
        found.into_iter().map(|objection| objection.text).collect()
    }

    /// What keeps it from running besides its imports, its wants and its limits.
    fn unfit(&self, plugin: &str) -> Vec<Objection> {
        let mut found = Vec::new();
        if !self.exports.iter().any(|name| is_export(name, "lifecycle")) {
            found.push(Objection {
                member: None,
                text: self.no_lifecycle(plugin),
            });
        }
        if let Some(manifest) = &self.manifest {
            found.extend(self.hooks_told_wrongly(plugin, manifest));
            found.extend(too_new(plugin, &manifest.abi));
        }
        found
    }

    /// What keeps it from running in this step: one sentence for each thing.
    pub(crate) fn objections(&self, step: &StepConfig) -> Vec<Objection> {
        let plugin = &step.plugin;
        let mut objections: Vec<Objection> = self
            .imports
            .iter()
            .filter_map(|import| {
                let alone = self.types_alone.contains(import);
                objection(plugin, import, alone, |grant| step.grants.contains(&grant))
            })
            .collect();
        objections.extend(self.unfit(plugin));
        if let Some(manifest) = &self.manifest {
            objections.extend(self.ungranted(step, manifest));
            objections.extend(too_little(plugin, manifest, &step.limits));
        }
        objections
    }

    fn no_lifecycle(&self, plugin: &str) -> String {
        let other = self.exports.iter().find_map(|name| {
            let rest = name.strip_prefix(PACKAGE)?;
            rest.strip_prefix("lifecycle@")
        });
        match other {
            Some(version) => format!(
                "plugin `{plugin}` was built for {PACKAGE}lifecycle of version {version}, this server has {MINOR}x up to {MINOR}{PATCH}: build it with the SDK of this release"
            ),
            None => format!(
                "plugin `{plugin}` exports no `{PACKAGE}lifecycle`: is it built with the SDK for waxwing:policy@{MINOR}x?"
            ),
        }
    }

    /// What the manifest says of hooks must be so: an operator reads the one and runs the other.
    fn hooks_told_wrongly(&self, plugin: &str, manifest: &Manifest) -> Option<Objection> {
        let mut exported: Vec<&str> = self.hook_names().collect();
        let mut told: Vec<&str> = manifest.hooks.iter().map(String::as_str).collect();
        exported.sort_unstable();
        told.sort_unstable();
        (exported != told).then(|| Objection {
            member: None,
            text: format!(
                "plugin `{plugin}` exports the hooks {}, but its manifest says {}: build it again with `waxwing plugin build`",
                or_none(&exported),
                or_none(&told)
            ),
        })
    }

    /// Grants that the manifest asks for beyond what the component imports.
    fn ungranted<'a>(
        &'a self,
        step: &'a StepConfig,
        manifest: &'a Manifest,
    ) -> impl Iterator<Item = Objection> + 'a {
        let plugin = &step.plugin;
        let imported = |name: &str| {
            self.imports.iter().any(|import| {
                import
                    .strip_prefix(PACKAGE)
                    .and_then(|rest| rest.split_once('@'))
                    .is_some_and(|(interface, _)| interface == name)
            })
        };
        let asked = manifest.grants.iter().filter(move |name| !imported(name));
        asked.filter_map(move |name| match Grant::parse(name) {
            Some(grant) if step.grants.contains(&grant) => None,
            Some(_) => Some(Objection {
                member: Some("grants"),
                text: format!(
                    "plugin `{plugin}` wants `{name}`, which is not granted: add \"{name}\" to `grants` of this step"
                ),
            }),
            None => Some(Objection {
                member: None,
                text: format!("plugin `{plugin}` wants the grant `{name}`, which this server does not have"),
            }),
        })
    }
}

/// Functions of an interface as one writes them.
fn called(import: &str, functions: &[String]) -> impl Iterator<Item = String> {
    let interface = import.strip_prefix(PACKAGE).unwrap_or(import);
    let interface = interface
        .split_once('@')
        .map_or(interface, |(name, _)| name);
    functions.iter().map(move |function| {
        // The component model's `[method]part.text`.
        let function = function
            .split_once(']')
            .map_or(function.as_str(), |(_, name)| name);
        format!("{interface}.{function}")
    })
}

fn or_none(names: &[&str]) -> String {
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

/// A plugin may need a newer patch of the contract than this server has.
fn too_new(plugin: &str, abi: &str) -> Option<Objection> {
    let patch: u32 = abi.strip_prefix(MINOR)?.parse().ok()?;
    (patch > PATCH).then(|| Objection {
        member: None,
        text: format!(
            "plugin `{plugin}` was built for waxwing:policy@{abi}, this server has {MINOR}{PATCH}: update the server, or build it with an older SDK"
        ),
    })
}

/// Limits below what the plugin says it needs.
fn too_little<'a>(
    plugin: &'a str,
    manifest: &'a Manifest,
    limits: &'a Limits,
) -> impl Iterator<Item = Objection> + 'a {
    manifest.limits.iter().filter_map(move |(name, wanted)| {
        let (member, text) = match limits.written(name) {
            Some(given) if given >= *wanted => return None,
            Some(given) => (
                Some("limits"),
                format!("plugin `{plugin}` needs {name} = {wanted}, this step gives {given}: write `{name} = {wanted}` into `limits` of this step"),
            ),
            None => (
                None,
                format!("plugin `{plugin}` wants the limit `{name}`, which this server does not have"),
            ),
        };
        Some(Objection { member, text })
    })
}

fn objection(
    plugin: &str,
    import: &str,
    types_alone: bool,
    granted: impl Fn(Grant) -> bool,
) -> Option<Objection> {
    let hopeless = |text: String| Some(Objection { member: None, text });
    let Some((interface, version)) = import
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.split_once('@'))
    else {
        return hopeless(format!(
            "plugin `{plugin}` imports `{import}`, which plugins do not get: build it for wasm32-unknown-unknown, without WASI"
        ));
    };
    if !version.starts_with(MINOR) {
        return hopeless(format!(
            "plugin `{plugin}` wants `{interface}` of version {version}, this server has {MINOR}x up to {MINOR}{PATCH}: build it with the SDK of this release"
        ));
    }
    if FREE.contains(&interface) {
        return None;
    }
    match Grant::parse(interface) {
        Some(grant) if granted(grant) => None,
        // The handles that a hook gets, and nothing that it could do with them.
        Some(Grant::Message | Grant::Actions) if types_alone => None,
        Some(grant) => Some(Objection {
            member: Some("grants"),
            text: format!(
                "plugin `{plugin}` imports `{interface}`, which is not granted: add \"{}\" to `grants` of this step",
                grant.as_str()
            ),
        }),
        None => hopeless(format!(
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
