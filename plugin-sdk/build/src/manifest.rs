//! The manifest of a plugin: what its crate says of it, and what its component shows, as the custom section `waxwing:manifest` (TOML).
//!
//! A server reads there what the plugin wants before it runs any of it, and what its settings may be; the author's tools find the cases. It
//! travels inside the component, so it cannot be lost or belong to another.

use crate::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use wasm_encoder::{ComponentSection as _, CustomSection};

/// The name of the section.
const SECTION: &str = "waxwing:manifest";
/// The package of the contract.
const PACKAGE: &str = "waxwing:policy/";
/// Octets of a manifest, its schema and cases among them.
const MAX_MANIFEST: usize = 1 << 20;

/// `[package.metadata.waxwing-plugin]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Table {
    pub(crate) name: String,
    #[serde(default = "yes")]
    pub(crate) default: bool,
    /// What its exports must be; left out, they are taken as they are.
    hooks: Option<Vec<String>>,
    /// By the name of a hook, what has to be so for the plugin to have anything to say there.
    #[serde(default)]
    when: BTreeMap<String, Condition>,
    #[serde(default)]
    grants: Vec<String>,
    #[serde(default)]
    optional_grants: Vec<String>,
    #[serde(default)]
    limits: BTreeMap<String, u64>,
    #[serde(default)]
    symbols: BTreeMap<String, Symbol>,
}

fn yes() -> bool {
    true
}

/// What a hook may wait for: one of these facts, or a setting.
const FACTS: [&str; 8] = [
    "authenticated",
    "auth-results",
    "found",
    "judged",
    "detail",
    "limited",
    "deferred",
    "away",
];
/// What stands between facts.
const OR: &str = " or ";
/// What stands before the name of a setting that is to be there.
const SETTING: &str = "setting ";

/// What a hook waits for: facts with ` or ` between them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String")]
struct Condition(String);

impl TryFrom<String> for Condition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = |fact: &str| FACTS.contains(&fact) || fact.starts_with(SETTING);
        match text.split(OR).find(|fact| !known(fact)) {
            Some(fact) => Err(format!(
                "{fact:?} is nothing that a hook waits for: write one of {FACTS:?}, `setting NAME`, or several with \" or \" between them"
            )),
            None => Ok(Self(text)),
        }
    }
}

/// A finding that the plugin may report.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Symbol {
    /// What it counts where `scores` of a step does not say.
    #[serde(default = "one")]
    score: f64,
    description: String,
}

fn one() -> f64 {
    1.0
}

/// A manifest as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest<'a> {
    name: &'a str,
    version: &'a str,
    abi: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    hooks: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    when: &'a BTreeMap<String, Condition>,
    grants: &'a [String],
    optional_grants: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    settings_schema: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    limits: &'a BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    symbols: &'a BTreeMap<String, Symbol>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cases: Vec<CaseFile>,
}

#[derive(Debug, Serialize)]
struct CaseFile {
    name: String,
    text: String,
}

/// What a crate says of its plugin.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) table: Table,
    /// Where `settings.schema.json` and `cases/` are.
    pub(crate) folder: std::path::PathBuf,
}

impl About {
    /// Puts the manifest into the component.
    pub(crate) fn describe(&self, component: &mut Vec<u8>) -> Result<(), Error> {
        let text = self.manifest(component)?;
        CustomSection {
            name: SECTION.into(),
            data: text.as_bytes().into(),
        }
        .append_to_component(component);
        Ok(())
    }

    fn manifest(&self, component: &[u8]) -> Result<String, Error> {
        let exports = exports(component).map_err(|error| self.wrong(error.to_string()))?;
        let hooks = hooks(&exports);
        if let Some(declared) = &self.table.hooks {
            let mut declared = declared.clone();
            declared.sort();
            if declared != hooks {
                return Err(self.wrong(format!(
                    "`hooks` are {declared:?}, but the crate exports {hooks:?}: make them the same, or leave `hooks` out"
                )));
            }
        }
        if let Some(hook) = self.table.when.keys().find(|hook| !hooks.contains(hook)) {
            return Err(self.wrong(format!(
                "`when` speaks of the hook {hook:?}, but the crate exports {hooks:?}"
            )));
        }
        let schema = self.schema()?;
        if let Some(setting) = self.unknown_setting(schema.as_ref()) {
            return Err(self.wrong(format!(
                "`when` waits for the setting {setting:?}, which settings.schema.json does not have: the hook would never be asked"
            )));
        }
        let manifest = Manifest {
            name: &self.table.name,
            version: &self.version,
            abi: abi(&exports),
            description: &self.description,
            hooks,
            when: &self.table.when,
            grants: &self.table.grants,
            optional_grants: &self.table.optional_grants,
            settings_schema: schema.map(|schema| schema.to_string()),
            limits: &self.table.limits,
            symbols: &self.table.symbols,
            cases: self.cases()?,
        };
        let text = toml::to_string(&manifest).map_err(|error| self.wrong(error.to_string()))?;
        if text.len() > MAX_MANIFEST {
            return Err(self.wrong(format!(
                "with its schema and cases the manifest has {} octets, where {MAX_MANIFEST} may be",
                text.len()
            )));
        }
        Ok(text)
    }

    /// A setting that a hook waits for and that can never be there.
    fn unknown_setting(&self, schema: Option<&serde_json::Value>) -> Option<&str> {
        let has = |setting: &&str| {
            schema.is_some_and(|schema| schema["properties"].get(*setting).is_some())
        };
        let facts = self.table.when.values().flat_map(|when| when.0.split(OR));
        let mut settings = facts.filter_map(|fact| fact.strip_prefix(SETTING));
        settings.find(|setting| !has(setting))
    }

    fn wrong(&self, reason: String) -> Error {
        Error::Manifest {
            package: self.package.clone(),
            reason,
        }
    }

    /// The JSON Schema beside `Cargo.toml`, without what only people need to read it.
    fn schema(&self) -> Result<Option<serde_json::Value>, Error> {
        let path = self.folder.join("settings.schema.json");
        if !path.is_file() {
            return Ok(None);
        }
        let schema = serde_json::from_str(&read(&path)?)
            .map_err(|error| self.wrong(format!("{}: {error}", path.display())))?;
        Ok(Some(schema))
    }

    fn cases(&self) -> Result<Vec<CaseFile>, Error> {
        let Ok(entries) = std::fs::read_dir(self.folder.join("cases")) else {
            return Ok(Vec::new());
        };
        let mut cases = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let text = read(&path)?;
                cases.push(CaseFile { name, text });
            }
        }
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(cases)
    }
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

/// The names that a component exports.
fn exports(component: &[u8]) -> Result<Vec<String>, wasmparser::BinaryReaderError> {
    let mut names = Vec::new();
    let mut depth = 0_u32;
    for payload in wasmparser::Parser::new(0).parse_all(component) {
        match payload? {
            wasmparser::Payload::ModuleSection { .. }
            | wasmparser::Payload::ComponentSection { .. } => depth += 1,
            wasmparser::Payload::End(_) => depth = depth.saturating_sub(1),
            wasmparser::Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// `waxwing:policy/hook-rcpt-to@0.1.0` is the hook `rcpt-to`.
fn hooks(exports: &[String]) -> Vec<String> {
    let hook = |name: &String| {
        let (interface, _) = name.strip_prefix(PACKAGE)?.split_once('@')?;
        Some(interface.strip_prefix("hook-")?.to_owned())
    };
    let mut hooks: Vec<String> = exports.iter().filter_map(hook).collect();
    hooks.sort();
    hooks
}

/// The version of the contract that the component was built for.
fn abi(exports: &[String]) -> String {
    let version = |name: &String| Some(name.strip_prefix(PACKAGE)?.split_once('@')?.1.to_owned());
    exports.iter().find_map(version).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(folder: &Path, table: &str) -> About {
        About {
            package: "waxwing-plugin-words".to_owned(),
            version: "1.2.3".to_owned(),
            description: "Looks for words".to_owned(),
            table: toml::from_str(table).unwrap(),
            folder: folder.to_owned(),
        }
    }

    /// A component that exports an instance under each of these names.
    fn component(names: &[&str]) -> Vec<u8> {
        let mut component = wasm_encoder::Component::new();
        let mut instances = wasm_encoder::ComponentInstanceSection::new();
        let none: [(&str, wasm_encoder::ComponentExportKind, u32); 0] = [];
        instances.export_items(none);
        component.section(&instances);
        let mut exports = wasm_encoder::ComponentExportSection::new();
        for name in names {
            exports.export(*name, wasm_encoder::ComponentExportKind::Instance, 0, None);
        }
        component.section(&exports);
        component.finish()
    }

    fn section(component: &[u8]) -> toml::Table {
        let found =
            wasmparser::Parser::new(0)
                .parse_all(component)
                .find_map(|payload| match payload.unwrap() {
                    wasmparser::Payload::CustomSection(section) if section.name() == SECTION => {
                        Some(String::from_utf8(section.data().to_vec()).unwrap())
                    }
                    _ => None,
                });
        toml::from_str(&found.expect("a manifest")).unwrap()
    }

    const HOOKS: [&str; 2] = [
        "waxwing:policy/lifecycle@0.1.0",
        "waxwing:policy/hook-message@0.1.0",
    ];

    #[test]
    fn what_the_crate_says_and_what_the_component_shows_are_in_the_section() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("cases")).unwrap();
        std::fs::write(home.path().join("cases/b.toml"), "[[case]]\nname = \"b\"\n").unwrap();
        std::fs::write(home.path().join("cases/a.toml"), "# one").unwrap();
        std::fs::write(
            home.path().join("settings.schema.json"),
            "{ \"type\":\n\"object\" }",
        )
        .unwrap();
        let about = about(
            home.path(),
            "name = \"words\"\ngrants = [\"message\"]\noptional-grants = [\"kv\"]\nlimits.cpu-ms = 50\nsymbols.WORD = { score = 2.5, description = \"A word\" }",
        );
        let mut component = component(&HOOKS);
        about.describe(&mut component).unwrap();
        let manifest = section(&component);
        let expected: toml::Table = toml::from_str(
            r##"
name = "words"
version = "1.2.3"
abi = "0.1.0"
description = "Looks for words"
hooks = ["message"]
grants = ["message"]
optional-grants = ["kv"]
settings-schema = '{"type":"object"}'
limits = { cpu-ms = 50 }
symbols.WORD = { score = 2.5, description = "A word" }
cases = [{ name = "a.toml", text = "# one" }, { name = "b.toml", text = "[[case]]\nname = \"b\"\n" }]
"##,
        )
        .unwrap();
        assert_eq!(manifest, expected);
    }

    #[test]
    fn hooks_that_are_not_those_of_the_component_fail_the_build() {
        let home = tempfile::tempdir().unwrap();
        let about = about(home.path(), "name = \"words\"\nhooks = [\"connect\"]");
        let error = about.describe(&mut component(&HOOKS)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "[package.metadata.waxwing-plugin] of waxwing-plugin-words: `hooks` are [\"connect\"], but the crate exports [\"message\"]: make them the same, or leave `hooks` out"
        );
    }

    #[test]
    fn a_hook_that_is_not_there_waits_for_nothing() {
        let home = tempfile::tempdir().unwrap();
        let when = |when: &str| {
            let about = about(
                home.path(),
                &format!("name = \"words\"\nwhen = {{ {when} }}"),
            );
            let mut component = component(&HOOKS);
            about.describe(&mut component).map(|()| section(&component))
        };
        assert_eq!(
            when("message = \"auth-results\"").unwrap()["when"]["message"].as_str(),
            Some("auth-results")
        );
        assert_eq!(
            when("message = \"authenticated or found\"").unwrap()["when"]["message"].as_str(),
            Some("authenticated or found")
        );
        assert_eq!(
            when("connect = \"authenticated\"").unwrap_err().to_string(),
            "[package.metadata.waxwing-plugin] of waxwing-plugin-words: `when` speaks of the hook \"connect\", but the crate exports [\"message\"]"
        );
    }

    #[test]
    fn a_hook_waits_for_no_setting_that_can_never_be_there() {
        let home = tempfile::tempdir().unwrap();
        let schema = home.path().join("settings.schema.json");
        let built = |when: &str| {
            let table = format!("name = \"words\"\nwhen = {{ message = \"{when}\" }}");
            about(home.path(), &table).describe(&mut component(&HOOKS))
        };
        assert!(built("setting limit").is_err(), "there is no schema");
        std::fs::write(schema, r#"{ "properties": { "limit": {} } }"#).unwrap();
        built("found or setting limit").unwrap();
        assert_eq!(
            built("found or setting limti").unwrap_err().to_string(),
            "[package.metadata.waxwing-plugin] of waxwing-plugin-words: `when` waits for the setting \"limti\", which settings.schema.json does not have: the hook would never be asked"
        );
    }

    #[test]
    fn a_schema_that_is_no_json_is_told_with_its_file() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("settings.schema.json"), "{").unwrap();
        let about = about(home.path(), "name = \"words\"");
        let error = about.describe(&mut component(&HOOKS)).unwrap_err();
        assert!(
            error.to_string().contains("settings.schema.json: EOF"),
            "{error}"
        );
    }
}
