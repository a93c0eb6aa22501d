//! Settings files that are changed by an administrator from afar: named, read, checked, tried, saved.
//!
//! Invariants: a file is one that the policy's `settings-files` name, or would name, and nothing else is read or written; what does not load is
//! not saved; what somebody else saved meanwhile is not overwritten unseen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

use crate::code::hex;
use crate::generation::Generation;
use crate::history::write_whole;
use crate::load::Loader;
use crate::memory::MemoryServices;
use crate::policy::Policy;
use crate::policy_file::{self, Ground, PolicyFile};
use crate::problem::Problem;
use crate::serving::{Inner, Manner};
use crate::step::Step;
use crate::workbench::Draft;

/// A settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFile {
    /// As the policy calls it.
    pub name: String,
    /// The steps that are told what it holds; none, while it cannot be read.
    pub steps: Vec<String>,
    /// What it holds.
    pub text: String,
    /// Of the text.
    pub digest: String,
}

/// Why a file was not read, or not saved.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DraftError {
    /// The policy names no such file.
    #[error(
        "the policy has no settings file {0:?}; those that it has, and what others may be called, its `settings-files` say"
    )]
    Unknown(String),
    /// Somebody changed it.
    #[error("{0} is not what it was when it was read: read it again, and make the change anew")]
    Changed(String),
    /// It cannot be done with the policy as it is.
    #[error("{0}")]
    Refused(String),
    /// The policy would not load.
    #[error("{}", listed(.0))]
    Problems(Vec<Problem>),
    /// It cannot be read or written here.
    #[error("{0}")]
    Failed(String),
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

pub(crate) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

impl Policy {
    /// The settings files that the policy names, by their names.
    pub async fn settings_files(&self) -> Result<Vec<SettingsFile>, DraftError> {
        let policy = files(&self.inner).await?;
        let mut found: Vec<SettingsFile> = Vec::new();
        for (name, path) in &policy.inputs.named {
            if found.iter().any(|known| known.name == *name) {
                continue;
            }
            found.push(file(&policy, name, path)?);
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// One of them.
    pub async fn settings_file(&self, name: &str) -> Result<SettingsFile, DraftError> {
        let policy = files(&self.inner).await?;
        let named = policy.inputs.named.iter().find(|(known, _)| known == name);
        match named {
            Some((name, path)) => file(&policy, name, path),
            None => Err(DraftError::Unknown(name.to_owned())),
        }
    }

    /// Whether the policy would load with this text in a file, which may be a new one.
    pub async fn check_draft(&self, name: &str, text: &str) -> Result<(), DraftError> {
        let path = place(&files(&self.inner).await?, name)?;
        check(&self.inner, &path, text).await.map(drop)
    }

    /// A draft that can be tried, beside what the policy is without it.
    pub async fn draft(&self, name: &str, text: &str) -> Result<Draft, DraftError> {
        let path = place(&files(&self.inner).await?, name)?;
        self.drafted(self.inner.loader.on(ground(&path, text)))
            .await
    }

    /// What a loader loads, beside what the policy is, in a pretended world.
    pub(crate) async fn drafted(&self, after: Loader) -> Result<Draft, DraftError> {
        let server = Arc::new(MemoryServices::new());
        let nothing = Generation::empty();
        let load = async |loader: Loader| {
            let loader = loader.pretending(server.clone());
            loader.load(&nothing).await.steps
        };
        let after = load(after).await.map_err(DraftError::Problems)?;
        let before = match load(self.inner.loader.on(Ground::Own)).await {
            Ok(steps) => steps,
            // The files as they are do not load: what serves is the last that did.
            Err(problems) => self
                .inner
                .serving_again(server.clone())
                .await
                .ok_or(DraftError::Problems(problems))?,
        };
        Ok(Draft::new(before, after, server))
    }

    /// Puts a text into a file, which may be a new one, because `who` wants it, and loads it; `was` is the digest of what the file was when it was read.
    /// Gives the generation that serves then, and the digest of the text.
    pub async fn save_draft(
        &self,
        name: &str,
        text: &str,
        was: Option<&str>,
        who: &str,
    ) -> Result<(u64, String), DraftError> {
        let inner = &self.inner;
        let _one = inner.loading.lock().await;
        let path = place(&files(inner).await?, name)?;
        let there = match std::fs::exists(&path) {
            Ok(true) => Some(policy_file::read_text(&path).map_err(|problem| failed(&problem))?),
            Ok(false) => None,
            Err(error) => return Err(failed(&error)),
        };
        if was.map(str::to_owned) != there.as_deref().map(digest) {
            return Err(DraftError::Changed(name.to_owned()));
        }
        check(inner, &path, text).await?;
        let (target, octets) = (path.clone(), text.to_owned());
        let written = spawn_blocking(move || {
            // A link stays a link; what it leads to is replaced.
            let target = std::fs::canonicalize(&target).unwrap_or(target);
            write_whole(&target, octets.as_bytes())
        });
        written
            .await
            .map_err(|panic| failed(&panic))?
            .map_err(|error| DraftError::Failed(format!("{}: {error}", path.display())))?;
        let why = format!("save {name}");
        let manner = Manner {
            tell: true,
            force: true,
            who,
            why: &why,
        };
        inner.load_now(manner).await;
        let problems = inner.problems();
        if problems.is_empty() {
            Ok((self.current().number(), digest(text)))
        } else {
            Err(DraftError::Problems(problems))
        }
    }
}

pub(crate) fn failed(error: &dyn std::fmt::Display) -> DraftError {
    DraftError::Failed(error.to_string())
}

/// The policy as it is written, as far as it can be read.
async fn files(inner: &Inner) -> Result<PolicyFile, DraftError> {
    let path = inner.loader.config.policy_file.clone();
    let read = spawn_blocking(move || PolicyFile::files(&path)).await;
    read.map_err(|panic| failed(&panic))?
        .map_err(DraftError::Problems)
}

fn file(policy: &PolicyFile, name: &str, path: &Path) -> Result<SettingsFile, DraftError> {
    let text = policy_file::read_text(path).map_err(|problem| failed(&problem))?;
    let told = |step: &&policy_file::Located| step.step.settings.has_file(path);
    let steps = policy.steps.iter().filter(told);
    Ok(SettingsFile {
        name: name.to_owned(),
        steps: steps.map(|step| step.step.name.clone()).collect(),
        digest: digest(&text),
        text,
    })
}

/// Where a file lies that the policy names, or would name if it were there.
fn place(policy: &PolicyFile, name: &str) -> Result<PathBuf, DraftError> {
    let inputs = &policy.inputs;
    let named = inputs.named.iter().find(|(known, _)| known == name);
    let path = named.map(|(_, path)| path.clone());
    path.or_else(|| {
        inputs
            .patterns
            .iter()
            .find_map(|pattern| pattern.path_of(name))
    })
    .ok_or_else(|| DraftError::Unknown(name.to_owned()))
}

pub(crate) fn ground(path: &Path, text: &str) -> Ground {
    Ground::Draft(Arc::new(policy_file::Draft {
        path: path.to_owned(),
        text: text.to_owned(),
    }))
}

/// What a load would say of it: the steps that it would come to.
pub(crate) async fn check(
    inner: &Inner,
    path: &Path,
    text: &str,
) -> Result<Vec<Arc<Step>>, DraftError> {
    let loader = inner.loader.on(ground(path, text));
    let loaded = loader.load(&inner.current()).await;
    loaded.steps.map_err(DraftError::Problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(folder: &Path) -> PolicyFile {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/basic.toml"), "a = 1\n").unwrap();
        std::fs::write(folder.join("rules/broken.toml"), "a = \n").unwrap();
        std::fs::write(folder.join("one.toml"), "b = 1\n").unwrap();
        std::fs::write(folder.join("secret.toml"), "c = 1\n").unwrap();
        let text =
            "[[step]]\nplugin = \"rules\"\nsettings-files = [\"rules/*.toml\", \"one.toml\"]\n";
        std::fs::write(folder.join("policy.toml"), text).unwrap();
        PolicyFile::files(&folder.join("policy.toml")).unwrap()
    }

    #[test]
    fn a_file_is_one_that_the_policy_names_or_would_name() {
        let folder = tempfile::tempdir().unwrap();
        let policy = policy(folder.path());
        for (name, path) in [
            ("rules/basic.toml", "rules/basic.toml"),
            ("rules/broken.toml", "rules/broken.toml"),
            ("rules/local.toml", "rules/local.toml"),
            ("one.toml", "one.toml"),
        ] {
            assert_eq!(place(&policy, name).unwrap(), folder.path().join(path));
        }
        for name in [
            "",
            "secret.toml",
            "policy.toml",
            "basic.toml",
            "rules/",
            "rules/.toml",
            "rules/.hidden.toml",
            "rules/x.txt",
            "rules/../secret.toml",
            "rules/../rules/x.toml",
            "rules//x.toml",
            "./one.toml",
            "/etc/passwd",
            "rules/a/b.toml",
            "rules/a\0.toml",
            "rules/a\\..\\b.toml",
            "rules/a b.toml",
            "rules/*.toml",
        ] {
            assert!(place(&policy, name).is_err(), "{name:?}");
        }
        let basic = folder.path().join("rules/basic.toml");
        let read = file(&policy, "rules/basic.toml", &basic).unwrap();
        assert_eq!(
            (read.text.as_str(), &read.steps[..]),
            ("a = 1\n", &["rules".to_owned()][..])
        );
    }
}
