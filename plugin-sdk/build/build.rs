//! Gathers the SDK and the contract as text, so that a new plugin's project can be made from this program alone.
//!
//! The SDK's manifest takes versions and dependencies from its workspace; outside of it it has to say them itself.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a build script fails by panicking"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use toml_edit::{DocumentMut, Item, Table};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let sdk = here.join("../rust");
    let root = here.join("../..");
    let mut list = "pub(super) const FILES: &[(&str, &str)] = &[\n".to_owned();
    let mut add = |name: &str, path: &Path| {
        let path = path.canonicalize().expect("a file of the workspace");
        let _infallible = writeln!(list, "({name:?}, include_str!({path:?})),");
    };
    let manifest = out.join("Cargo.toml");
    fs::write(&manifest, standing_alone(&root, &sdk)).expect("OUT_DIR can be written");
    add("vendor/waxwing-plugin/rust/Cargo.toml", &manifest);
    for (folder, path) in [("rust/src", sdk.join("src")), ("wit", here.join("../wit"))] {
        println!("cargo::rerun-if-changed={}", path.display());
        for file in files(&path) {
            let name = file.strip_prefix(&path).expect("a file below it");
            add(
                &format!("vendor/waxwing-plugin/{folder}/{}", name.display()),
                &file,
            );
        }
    }
    // The versions that this release was tested with; cargo drops what the new project does not need.
    add("Cargo.lock", &root.join("Cargo.lock"));
    list.push_str("];\n");
    fs::write(out.join("sdk.rs"), list).expect("OUT_DIR can be written");
    for path in [
        sdk.join("Cargo.toml"),
        root.join("Cargo.toml"),
        root.join("Cargo.lock"),
    ] {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> DocumentMut {
    let text = fs::read_to_string(path).expect("a manifest");
    text.parse().expect("a manifest in TOML")
}

/// The SDK's manifest with all that it inherits written out.
fn standing_alone(root: &Path, sdk: &Path) -> String {
    let workspace = read(&root.join("Cargo.toml"));
    let mut manifest = read(&sdk.join("Cargo.toml"));
    let inherited = |table: &str, key: &str| workspace["workspace"][table][key].clone();
    manifest.remove("lints");
    let package = manifest["package"].as_table_mut().expect("[package]");
    fill(package, |key| inherited("package", key));
    let dependencies = manifest["dependencies"].as_table_mut();
    fill(dependencies.expect("[dependencies]"), |key| {
        inherited("dependencies", key)
    });
    let targets = manifest["target"].as_table_mut().expect("[target]");
    for (_, target) in targets.iter_mut() {
        let dependencies = target["dependencies"].as_table_mut();
        fill(dependencies.expect("dependencies of a target"), |key| {
            inherited("dependencies", key)
        });
    }
    manifest.to_string()
}

/// Puts what is inherited in the place of `workspace = true`.
fn fill(table: &mut Table, inherited: impl Fn(&str) -> Item) {
    for (key, item) in table.iter_mut() {
        let inherits = item
            .as_table_like()
            .is_some_and(|item| item.contains_key("workspace"));
        if inherits {
            let own: Option<Vec<_>> = item.as_table_like().map(|item| {
                let others = item.iter().filter(|(key, _)| *key != "workspace");
                others.map(|(key, _)| key.to_owned()).collect()
            });
            assert!(
                own.is_none_or(|own| own.is_empty()),
                "{key} inherits and says more; this build script does not join the two"
            );
            *item = inherited(key.get());
        }
    }
}
