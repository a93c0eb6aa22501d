//! What can be told of a component without running it: what it wants, what it is, who signed it, and what keeps it from running here.

use std::path::Path;

use serde::Serialize;
use wasmparser::{Parser, Payload};

use crate::manifest::Manifest;
use crate::plugin::PluginFile;

/// What a component shows and says of itself.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// SHA-256 in hexadecimal.
    pub digest: String,
    /// The public key of who signed it.
    pub signer: Option<String>,
    /// The version that it carries.
    pub version: String,
    /// The hooks that it exports, of this release or not.
    pub hooks: Vec<String>,
    /// Everything that it imports, with versions.
    pub imports: Vec<String>,
    /// The functions of them that it calls: `kv.get`, `message.part.text`.
    pub calls: Vec<String>,
    /// The grants that it cannot do without.
    pub grants: Vec<String>,
    /// The grants that it makes use of if it has them.
    pub optional_grants: Vec<String>,
    /// What keeps it from running on this server, whatever is granted.
    pub problems: Vec<String>,
    /// Its parts.
    pub size: Size,
    /// What it says of itself.
    pub manifest: Option<Manifest>,
}

/// Octets of a component.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Size {
    /// The whole file.
    pub file: u64,
    /// Machine-independent code.
    pub code: u64,
    /// What memory begins with.
    pub data: u64,
    /// Names, manifest and other custom sections.
    pub custom: u64,
}

impl Inspection {
    /// Looks through a component.
    ///
    /// # Errors
    /// One sentence: it cannot be read, is no component, or carries a manifest or a signature that is none.
    pub fn of(path: &Path) -> Result<Self, String> {
        let file = PluginFile::read(path).map_err(|text| format!("{} {text}", path.display()))?;
        let outline = &file.outline;
        let mut problems = outline.hopeless();
        problems.extend(outline.schema().err());
        let manifest = outline.manifest.clone();
        let optional = manifest.as_ref().map(|manifest| &manifest.optional_grants);
        Ok(Self {
            signer: file.signer.map(|key| key.to_string()),
            version: outline.version.clone(),
            hooks: outline.hook_names().map(str::to_owned).collect(),
            imports: outline.imports.clone(),
            calls: outline.calls.clone(),
            grants: outline.wants().into_iter().map(str::to_owned).collect(),
            optional_grants: optional.cloned().unwrap_or_default(),
            problems,
            size: Size::of(&file.octets),
            digest: file.digest,
            manifest,
        })
    }
}

impl Size {
    fn of(octets: &[u8]) -> Self {
        let mut size = Self {
            file: octets.len() as u64,
            ..Self::default()
        };
        let mut add = |range: std::ops::Range<u64>, to: fn(&mut Self) -> &mut u64| {
            *to(&mut size) += range.end - range.start;
        };
        // It was parsed whole before: what cannot be parsed does not come here.
        for payload in Parser::new(0).parse_all(octets).flatten() {
            match payload {
                Payload::CodeSectionEntry(body) => add(body.range(), |size| &mut size.code),
                Payload::DataSection(section) => add(section.range(), |size| &mut size.data),
                Payload::CustomSection(section) => add(section.range(), |size| &mut size.custom),
                _ => {}
            }
        }
        size
    }
}
