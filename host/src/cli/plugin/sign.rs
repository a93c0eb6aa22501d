//! `waxwing plugin sign`: keys and signatures.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use waxwing_policy::{Inspection, SigningKey};

use super::super::Common;
use super::component::show;
use crate::admin::{Exit, Failure};

#[derive(Debug, Args)]
pub(in crate::cli) struct Sign {
    /// The component; its file is replaced by the signed one.
    #[arg(value_name = "FILE", required_unless_present = "new_key")]
    plugin: Option<PathBuf>,
    /// The key to sign with.
    #[arg(long, value_name = "KEYFILE", required_unless_present = "new_key")]
    key: Option<PathBuf>,
    /// Make a key in this file, readable by you alone, and print its public half.
    #[arg(long, value_name = "KEYFILE", conflicts_with = "key")]
    new_key: Option<PathBuf>,
}

impl Sign {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let key = match (&self.new_key, &self.key) {
            (Some(path), _) => new_key(path)?,
            (None, Some(path)) => read_key(path)?,
            (None, None) => return Err(Failure::new(Exit::Usage, "--key or --new-key is needed")),
        };
        if let Some(plugin) = &self.plugin {
            sign(plugin, &key)?;
        }
        let public = key.public().to_string();
        show(
            common,
            &json!({ "public-key": public, "signed": self.plugin }),
            || format!("{public}\n"),
        );
        Ok(())
    }
}

fn new_key(path: &Path) -> Result<SigningKey, Failure> {
    let unwritable = |error: std::io::Error| {
        Failure::data(format!("{} cannot be made: {error}", path.display()))
    };
    let key = SigningKey::generate()
        .map_err(|error| Failure::new(Exit::Unavailable, error.to_string()))?;
    // Never over a key that is there: what it signed would be nobody's.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(unwritable)?;
    file.write_all(key.to_text().as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(unwritable)?;
    Ok(key)
}

fn read_key(path: &Path) -> Result<SigningKey, Failure> {
    let told = |reason: String| Failure::data(format!("{} {reason}", path.display()));
    let text =
        fs::read_to_string(path).map_err(|error| told(format!("cannot be read: {error}")))?;
    SigningKey::parse(&text).map_err(|error| told(error.to_string()))
}

fn sign(path: &Path, key: &SigningKey) -> Result<(), Failure> {
    // What is no plugin is not signed by mistake.
    Inspection::of(path).map_err(Failure::data)?;
    let unwritable = |error: std::io::Error| {
        Failure::data(format!("{} cannot be signed: {error}", path.display()))
    };
    let signed = key.sign(&fs::read(path).map_err(unwritable)?);
    // At once and whole: a server may be watching.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    fs::write(&beside, signed)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|error| {
            let _absent = fs::remove_file(&beside);
            unwritable(error)
        })
}
