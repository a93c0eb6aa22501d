//! Changes of `policy.toml` that administrators ask for, and what the policy would be with another build.
//!
//! The file is the operator's: what is not asked for stays as it was written, comments too.
//!
//! Invariants: nothing is written that does not load; what somebody else saved meanwhile is not overwritten; what was taken back does not come
//! again by a change beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::draft::{DraftError, check, digest, failed, ground};
use crate::history::write_whole;
use crate::load::Loader;
use crate::plugin::PluginFile;
use crate::policy::Policy;
use crate::policy_file::{self, Mode, exchanged, moded, plugin_of, promoted, tried, withdrawn};
use crate::serving::{Inner, Manner};
use crate::step::Step;
use crate::workbench::Draft;

/// What a file that is tried is called, beside the plugins that have names.
const CANDIDATE: &str = "replay-candidate";

/// A change of the policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amendment {
    /// A build of a plugin is tried out in a step's place.
    Try {
        /// The step that enforces.
        step: String,
        /// The plugin's file name without `.wasm`.
        plugin: String,
        /// What the trial is called; the plugin's name, unless that is taken.
        name: Option<String>,
        /// The share that a canary decides; a shadow if there is none.
        percent: Option<u8>,
        /// The digest of the build that was looked at: another one is not tried.
        build: Option<String>,
    },
    /// A step counts more or less than before.
    Mode {
        /// The step.
        step: String,
        /// How much.
        mode: Mode,
        /// The digest of the build that was looked at.
        build: Option<String>,
    },
    /// A trial takes the place of the step that it replaces.
    Promote {
        /// The trial.
        step: String,
        /// The digest of the build that was looked at.
        build: Option<String>,
    },
    /// A trial ends.
    Withdraw {
        /// The trial.
        step: String,
    },
    /// The file becomes that of the generation that serves: after going back, so that changes can be made again.
    Restore,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Amended {
    /// The generation that serves then.
    pub generation: u64,
    /// Of the file as it is then.
    pub policy_digest: String,
}

/// What a policy may become, to be tried on mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "candidate", rename_all = "kebab-case")]
pub enum Candidate {
    /// A trial step enforces.
    Trial {
        /// Its name.
        step: String,
    },
    /// A step has another build.
    Build {
        /// The step.
        step: String,
        /// The plugin's file name without `.wasm`, in the plugin folders.
        plugin: String,
    },
    /// A step has a build that lies elsewhere.
    File {
        /// The step.
        step: String,
        /// The component.
        path: PathBuf,
    },
    /// The policy file has another text.
    Policy {
        /// The text.
        text: String,
    },
}

/// A plugin as it lies in the plugin folders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Build {
    /// Its file name without `.wasm`.
    pub name: String,
    /// The version that it carries.
    pub version: String,
    /// SHA-256 of its octets, in hexadecimal; empty if it cannot be read.
    pub digest: String,
    /// How many octets it has.
    pub octets: usize,
    /// The steps of the serving generation that run it, as it is now.
    pub steps: Vec<String>,
    /// Why it would not load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Amendment {
    fn why(&self) -> String {
        match self {
            Self::Try {
                step,
                plugin,
                percent,
                ..
            } => match percent {
                None => format!("shadow {plugin} beside {step}"),
                Some(percent) => format!("try {plugin} beside {step} at {percent} %"),
            },
            Self::Mode { step, mode, .. } => format!("mode {} of {step}", mode.as_str()),
            Self::Promote { step, .. } => format!("promote {step}"),
            Self::Withdraw { step } => format!("withdraw {step}"),
            Self::Restore => "restore the policy file".to_owned(),
        }
    }

    /// The text with the change.
    fn of(&self, text: &str, inner: &Inner) -> Result<String, String> {
        match self {
            Self::Try {
                step,
                plugin,
                name,
                percent,
                ..
            } => {
                let mode = percent.map_or(Mode::Shadow, Mode::Canary);
                let given = name.as_deref();
                let trial = given.unwrap_or(if plugin == step { "" } else { plugin });
                match trial {
                    "" => tried(text, step, plugin, &format!("{step}-trial"), mode),
                    trial => tried(text, step, plugin, trial, mode),
                }
            }
            Self::Mode { step, mode, .. } => moded(text, step, *mode),
            Self::Promote { step, .. } => promoted(text, step).map(|promoted| promoted.text),
            Self::Withdraw { step } => withdrawn(text, step),
            Self::Restore => serving_text(inner),
        }
    }

    /// The plugin and the digest of the build that it must be, if that was said; `text` is the file before the change.
    fn build(&self, text: &str) -> Result<Option<Looked>, String> {
        let (plugin, digest) = match self {
            Self::Try { plugin, build, .. } => (Ok(plugin.clone()), build),
            Self::Mode { step, build, .. } | Self::Promote { step, build } => {
                (plugin_of(text, step), build)
            }
            Self::Withdraw { .. } | Self::Restore => return Ok(None),
        };
        let looked = digest.as_ref().map(|digest| {
            let digest = digest.to_ascii_lowercase();
            plugin.map(|plugin| Looked { plugin, digest })
        });
        looked.transpose()
    }
}

/// A build that somebody looked at before he decided.
struct Looked {
    plugin: String,
    digest: String,
}

impl Looked {
    /// Refuses where the plugin has another build by now.
    fn is_in(&self, steps: &[Arc<Step>]) -> Result<(), DraftError> {
        let found = steps.iter().any(|step| {
            let info = &step.shared.info;
            info.plugin == self.plugin && info.digest == self.digest
        });
        if found {
            return Ok(());
        }
        Err(DraftError::Changed(format!("the build `{}`", self.plugin)))
    }
}

impl Policy {
    /// The digest of the policy file as it is now.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn file_digest(&self) -> Result<String, DraftError> {
        let path = self.inner.loader.config.policy_file.clone();
        Ok(digest(&read(path).await?))
    }

    /// Changes the policy file because `who` wants it, and loads it; `was` is the digest of what the file was when somebody decided that.
    ///
    /// # Errors
    /// The file or the build is another one, the change does not fit, or the policy would not load: then nothing is written. What was written
    /// and does not load after all is taken back.
    pub async fn amend(
        &self,
        amendment: &Amendment,
        was: Option<&str>,
        who: &str,
    ) -> Result<Amended, DraftError> {
        let inner = &self.inner;
        let _one = inner.loading.lock().await;
        let path = inner.loader.config.policy_file.clone();
        let text = read(path.clone()).await?;
        if was.is_some_and(|was| was != digest(&text)) {
            return Err(changed());
        }
        if *amendment != Amendment::Restore {
            not_taken_back(inner)?;
        }
        let told = |error: String| DraftError::Refused(format!("{}: {error}", path.display()));
        let amended = amendment.of(&text, inner).map_err(told)?;
        let looked = amendment.build(&text).map_err(told)?;
        let steps = check(inner, &path, &amended).await?;
        if let Some(looked) = &looked {
            looked.is_in(&steps)?;
        }
        let policy_digest = digest(&amended);
        exchange(&path, &text, &amended).await?;
        let why = amendment.why();
        let manner = Manner {
            tell: true,
            force: true,
            who,
            why: &why,
        };
        inner.load_now(manner).await;
        if let Err(error) = serves(inner, looked.as_ref()) {
            // Something else changed between the check and the load. What somebody saved meanwhile stays; so does a file that cannot be
            // written now, and what is wrong with it is told with the policy's problems.
            if exchange(&path, &amended, &text).await.is_ok() {
                let why = format!("{why} did not load");
                let back = Manner {
                    force: false,
                    why: &why,
                    ..manner
                };
                inner.load_now(back).await;
            }
            return Err(error);
        }
        let generation = self.current().number();
        Ok(Amended {
            generation,
            policy_digest,
        })
    }

    /// Lets a trial step enforce because `who` asked for it. Gives the number that serves then.
    ///
    /// # Errors
    /// As for [`Policy::amend`].
    pub async fn promote(&self, step: &str, who: &str) -> Result<u64, DraftError> {
        let step = step.to_owned();
        let promote = Amendment::Promote { step, build: None };
        let amended = self.amend(&promote, None, who).await?;
        Ok(amended.generation)
    }

    /// What the policy may become, beside what it is, to be tried on mail.
    ///
    /// # Errors
    /// It would not load, or there is no such step.
    pub async fn candidate(&self, candidate: &Candidate) -> Result<Draft, DraftError> {
        let loader = &self.inner.loader;
        let path = &loader.config.policy_file;
        let told = |error: String| DraftError::Refused(format!("{}: {error}", path.display()));
        let own = read(path.clone()).await?;
        let text = match candidate {
            Candidate::Trial { step } => promoted(&own, step).map(|promoted| promoted.text),
            Candidate::Build { step, plugin } => exchanged(&own, step, plugin),
            Candidate::File { step, .. } => exchanged(&own, step, CANDIDATE),
            Candidate::Policy { text } => Ok(text.clone()),
        };
        let mut after = loader.on(ground(path, &text.map_err(told)?));
        // Kept until it is compiled.
        let _folder = match candidate {
            Candidate::File { path, .. } => Some(lay_out(&mut after, path.clone()).await?),
            _ => None,
        };
        self.drafted(after).await
    }

    /// What lies in the plugin folders, by name.
    pub async fn builds(&self) -> Vec<Build> {
        let folders = self.inner.loader.config.plugin_dirs.clone();
        let found = spawn_blocking(move || found(&folders)).await;
        let mut builds = found.unwrap_or_default();
        let generation = self.current();
        for build in &mut builds {
            let running = generation.steps().iter().filter(|step| {
                let info = &step.shared.info;
                info.plugin == build.name && info.digest == build.digest
            });
            build.steps = running.map(|step| step.config.name.clone()).collect();
        }
        builds
    }
}

/// Whether what was just loaded serves, with the build that was looked at.
fn serves(inner: &Inner, looked: Option<&Looked>) -> Result<(), DraftError> {
    let problems = inner.problems();
    if !problems.is_empty() {
        return Err(DraftError::Problems(problems));
    }
    looked.map_or(Ok(()), |looked| looked.is_in(inner.current().steps()))
}

fn changed() -> DraftError {
    DraftError::Changed("policy.toml".to_owned())
}

/// A change beside what was taken back would let that serve again.
fn not_taken_back(inner: &Inner) -> Result<(), DraftError> {
    let report = inner.report();
    if report.refused.is_empty() || report.problems.is_empty() {
        return Ok(());
    }
    Err(DraftError::Refused(
        "policy.toml still is what was taken back: mend it, or let it become what serves (`waxwing plugin restore`)".to_owned(),
    ))
}

/// The policy file of the generation that serves.
fn serving_text(inner: &Inner) -> Result<String, String> {
    let number = inner.current().number();
    let kept = inner.archive.as_ref().map(|archive| &archive.snapshots);
    let place = kept
        .filter(|kept| kept.has(number))
        .map(|kept| kept.generation(number).join("policy.toml"));
    let place = place.ok_or_else(|| format!("the files of generation {number} are not kept"))?;
    policy_file::read_text(&place).map_err(|problem| problem.to_string())
}

async fn read(path: PathBuf) -> Result<String, DraftError> {
    let read = spawn_blocking(move || policy_file::read_text(&path)).await;
    read.map_err(|panic| failed(&panic))?
        .map_err(|problem| failed(&problem))
}

/// Puts a text in the place of another, unless there is a third one by now.
async fn exchange(path: &Path, was: &str, text: &str) -> Result<(), DraftError> {
    let (path, was, text) = (path.to_owned(), was.to_owned(), text.to_owned());
    let written = spawn_blocking(move || write(&path, &was, &text)).await;
    written.map_err(|panic| failed(&panic))?
}

/// Writes the file whole, if it still is what it was.
fn write(path: &Path, was: &str, text: &str) -> Result<(), DraftError> {
    if policy_file::read_text(path).map_err(|problem| failed(&problem))? != was {
        return Err(changed());
    }
    // A link stays a link; what it leads to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    write_whole(&target, text.as_bytes())
        .map_err(|error| DraftError::Failed(format!("{}: {error}", path.display())))
}

/// Puts a component where the loader finds it under the candidate's name.
async fn lay_out(loader: &mut Loader, file: PathBuf) -> Result<tempfile::TempDir, DraftError> {
    let put = spawn_blocking(move || {
        let folder = tempfile::tempdir()?;
        let place = folder.path().join(format!("{CANDIDATE}.wasm"));
        match std::fs::copy(&file, place) {
            Ok(_) => Ok(folder),
            Err(error) => Err(std::io::Error::new(
                error.kind(),
                format!("{} cannot be read: {error}", file.display()),
            )),
        }
    });
    let folder = put
        .await
        .map_err(|panic| failed(&panic))?
        .map_err(|error| DraftError::Refused(error.to_string()))?;
    loader
        .config
        .plugin_dirs
        .insert(0, folder.path().to_owned());
    Ok(folder)
}

/// The plugins of all folders; of two with one name the first counts, as at a load.
fn found(folders: &[PathBuf]) -> Vec<Build> {
    let mut known = BTreeSet::new();
    let mut builds = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_stem().and_then(|stem| stem.to_str());
            let wasm = path.extension().is_some_and(|kind| kind == "wasm");
            let Some(name) = name.filter(|name| wasm && !name.starts_with('.')) else {
                continue;
            };
            if known.insert(name.to_owned()) {
                builds.push(build(name, &path));
            }
        }
    }
    builds.sort_by(|one, other| one.name.cmp(&other.name));
    builds
}

fn build(name: &str, path: &Path) -> Build {
    let read = PluginFile::read(path);
    let (version, digest, octets, problem) = match read {
        Ok(file) => (file.outline.version, file.digest, file.octets.len(), None),
        Err(problem) => (String::new(), String::new(), 0, Some(problem)),
    };
    Build {
        name: name.to_owned(),
        version,
        digest,
        octets,
        steps: Vec::new(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_did_not_load_is_taken_back_unless_somebody_saved_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        let there = || std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, "old\n").unwrap();
        exchange(&path, "old\n", "new\n").await.unwrap();
        assert_eq!(there(), "new\n");
        exchange(&path, "new\n", "old\n").await.unwrap();
        assert_eq!(there(), "old\n");
        std::fs::write(&path, "theirs\n").unwrap();
        assert!(exchange(&path, "new\n", "old\n").await.is_err());
        assert_eq!(there(), "theirs\n");
    }
}
