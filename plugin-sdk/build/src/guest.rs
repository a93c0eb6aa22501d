//! The workspace's plugins: which there are, and their compilation in one call of cargo.

use crate::Error;
use crate::manifest::{About, Table};
use crate::toolchain::{TARGET, Toolchain, Version};
use cargo_metadata::{CargoOpt, Message, MetadataCommand, PackageId};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A crate that is a plugin.
#[derive(Debug, Clone)]
pub(crate) struct Plugin {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) about: About,
    package: String,
    id: PackageId,
    default: bool,
}

/// A cargo workspace with plugins in it.
#[derive(Debug)]
pub(crate) struct Workspace {
    manifest: PathBuf,
    root: PathBuf,
    plugins: BTreeMap<String, Plugin>,
    rust_version: Option<Version>,
}

impl Workspace {
    /// Reads the workspace of this `Cargo.toml`.
    pub(crate) fn read(manifest: &Path) -> Result<Self, Error> {
        let metadata = MetadataCommand::new()
            .manifest_path(manifest)
            .features(CargoOpt::AllFeatures)
            .no_deps()
            .exec()?;
        let mut plugins: BTreeMap<String, Plugin> = BTreeMap::new();
        let mut rust_version = None;
        for package in &metadata.packages {
            let Some(table) = package.metadata.get("waxwing-plugin") else {
                continue;
            };
            let table = read_table(&package.name, table)?;
            let plugin = Plugin {
                name: table.name.clone(),
                version: package.version.to_string(),
                package: package.name.to_string(),
                id: package.id.clone(),
                default: table.default,
                about: About {
                    package: package.name.to_string(),
                    version: package.version.to_string(),
                    description: package.description.clone().unwrap_or_default(),
                    folder: folder_of(package),
                    table,
                },
            };
            let name = plugin.name.clone();
            rust_version = rust_version.max(package.rust_version.clone());
            if let Some(other) = plugins.insert(name.clone(), plugin) {
                return Err(Error::DuplicateName {
                    name,
                    first: other.package,
                    second: package.name.to_string(),
                });
            }
        }
        Ok(Self {
            manifest: manifest.to_owned(),
            root: metadata.workspace_root.into_std_path_buf(),
            plugins,
            rust_version,
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The newest Rust that any plugin asks for.
    pub(crate) fn rust_version(&self) -> Option<&Version> {
        self.rust_version.as_ref()
    }

    /// The plugins of these names; if there are none, all default ones, or `all`.
    pub(crate) fn select(&self, names: &[String], all: bool) -> Result<Vec<Plugin>, Error> {
        if names.is_empty() {
            return Ok(self
                .plugins
                .values()
                .filter(|plugin| all || plugin.default)
                .cloned()
                .collect());
        }
        let mut wanted = BTreeMap::new();
        for name in names {
            let plugin = self.plugins.get(name).ok_or_else(|| Error::UnknownPlugin {
                name: name.clone(),
                known: self
                    .plugins
                    .keys()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(", "),
            })?;
            wanted.insert(name.clone(), plugin.clone());
        }
        Ok(wanted.into_values().collect())
    }

    /// Compiles the plugins with one call of cargo; the core module of each, in the order given.
    ///
    /// Guests have a target directory of their own, so a server's build and a guest's never wait for
    /// each other nor throw away each other's work.
    pub(crate) fn compile(
        &self,
        toolchain: &Toolchain,
        plugins: &[Plugin],
    ) -> Result<Vec<(Plugin, PathBuf)>, Error> {
        if plugins.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = toolchain.command();
        command.args(["build", "--lib", "--profile", "plugin", "--target", TARGET]);
        command.args(["--message-format", "json-render-diagnostics"]);
        command.arg("--manifest-path").arg(&self.manifest);
        command
            .arg("--target-dir")
            .arg(self.root.join("target/guest"));
        if toolchain.build_std {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        for plugin in plugins {
            command.args(["--package", &plugin.package]);
        }
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| Error::Start {
                program: toolchain.cargo.clone(),
                source,
            })?;
        if !output.status.success() {
            return Err(Error::Compile {
                status: output.status,
            });
        }
        let modules = modules(&output.stdout);
        plugins
            .iter()
            .map(|plugin| {
                let module = modules.get(&plugin.id.repr);
                let module = module.ok_or_else(|| Error::NoModule {
                    package: plugin.package.clone(),
                })?;
                Ok((plugin.clone(), module.clone()))
            })
            .collect()
    }
}

fn folder_of(package: &cargo_metadata::Package) -> PathBuf {
    let manifest = package.manifest_path.as_std_path();
    manifest.parent().unwrap_or(Path::new(".")).to_owned()
}

fn read_table(package: &str, table: &serde_json::Value) -> Result<Table, Error> {
    let wrong = |reason: String| Error::Manifest {
        package: package.to_owned(),
        reason,
    };
    let table = Table::deserialize(table).map_err(|error| wrong(error.to_string()))?;
    // The name becomes a file's name and a key in the store.
    let fits = (1..=48).contains(&table.name.len())
        && table
            .name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !fits {
        return Err(wrong(format!(
            "name \"{}\" must be 1 to 48 of a-z, 0-9 and -",
            table.name
        )));
    }
    Ok(table)
}

/// Cargo's JSON messages: package id to the `.wasm` it made.
fn modules(messages: &[u8]) -> BTreeMap<String, PathBuf> {
    Message::parse_stream(messages)
        .filter_map(|message| match message {
            Ok(Message::CompilerArtifact(artifact)) => {
                let module = artifact
                    .filenames
                    .iter()
                    .find(|file| file.extension() == Some("wasm"))?;
                Some((
                    artifact.package_id.repr.clone(),
                    module.clone().into_std_path_buf(),
                ))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A workspace of empty crates with these manifest tails.
    fn workspace(crates: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let members: Vec<String> = crates
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        fs::write(
            home.path().join("Cargo.toml"),
            format!(
                "[workspace]\nresolver = \"3\"\nmembers = [{}]\n",
                members.join(", ")
            ),
        )
        .unwrap();
        for (name, tail) in crates {
            fs::create_dir_all(home.path().join(name).join("src")).unwrap();
            fs::write(home.path().join(name).join("src/lib.rs"), "").unwrap();
            let manifest = format!(
                "[package]\nname = \"{name}\"\nversion = \"2.0.1\"\nedition = \"2024\"\n{tail}\n"
            );
            fs::write(home.path().join(name).join("Cargo.toml"), manifest).unwrap();
        }
        home
    }

    fn read(home: &tempfile::TempDir) -> Result<Workspace, Error> {
        Workspace::read(&home.path().join("Cargo.toml"))
    }

    #[test]
    fn names_select_and_the_default_leaves_out_what_says_so() {
        let home = workspace(&[
            ("one", "[package.metadata.waxwing-plugin]\nname = \"first\""),
            (
                "two",
                "[package.metadata.waxwing-plugin]\nname = \"second\"\ndefault = false",
            ),
            ("three", ""),
        ]);
        let found = read(&home).unwrap();
        let names = |selected: Vec<Plugin>| {
            selected
                .into_iter()
                .map(|plugin| plugin.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(found.select(&[], false).unwrap()), ["first"]);
        assert_eq!(names(found.select(&[], true).unwrap()), ["first", "second"]);
        assert_eq!(
            names(
                found
                    .select(&["second".into(), "first".into()], false)
                    .unwrap()
            ),
            ["first", "second"]
        );
        assert_eq!(
            found
                .select(&["third".into()], true)
                .unwrap_err()
                .to_string(),
            "there is no plugin \"third\" here; there are: first, second"
        );
    }

    #[test]
    fn two_crates_of_one_name_are_told() {
        let table = "[package.metadata.waxwing-plugin]\nname = \"same\"";
        let error = read(&workspace(&[("one", table), ("two", table)]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("both call their plugin \"same\""), "{error}");
    }

    #[test]
    fn a_name_that_is_no_file_name_is_refused() {
        let home = workspace(&[("one", "[package.metadata.waxwing-plugin]\nname = \"../x\"")]);
        let error = read(&home).unwrap_err().to_string();
        assert!(
            error.contains("must be 1 to 48 of a-z, 0-9 and -"),
            "{error}"
        );
    }
}
