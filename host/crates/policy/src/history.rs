//! The history of a policy: each generation that served, when, why, and what it was made of.
//!
//! Invariants: one JSON object a line, synced before the next generation can be recorded; the last line says what serves and which files are not to be
//! taken again, so that a restart goes on where the server stopped; bounded, and a line that was torn by a crash is passed over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::step::{Step, StepInfo};

/// Events that are told; the file holds up to twice as many before it is written anew.
const KEPT: usize = 500;
/// Digests of files that are not to be taken again.
const MAX_REFUSED: usize = 50;

/// A generation that began to serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HistoryEvent {
    /// Its number.
    pub generation: u64,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Who made it serve: a user of this machine at the command line, `watch` for a change of the files, `signal` for SIGHUP, `start`, or `server` where
    /// nobody asked.
    #[serde(default)]
    pub who: String,
    /// What made it serve, and why.
    pub why: String,
    /// The generation that serves again under a new number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<u64>,
    /// What is other than in the generation before.
    pub changes: Vec<String>,
    /// Its steps, with the digests of their plugins.
    pub steps: Vec<HistoryStep>,
    /// The digest of all of its files.
    pub files: String,
    /// Digests of files that were taken back, and are not to be taken again until they change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

/// A step of a generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryStep {
    /// Name, plugin, version and digest.
    #[serde(flatten)]
    pub step: StepInfo,
    /// `enforce`, `shadow` or `canary`.
    pub mode: String,
}

impl HistoryStep {
    pub(crate) fn all(steps: &[Arc<Step>]) -> Vec<Self> {
        steps
            .iter()
            .map(|step| Self {
                step: StepInfo::clone(&step.shared.info),
                mode: step.config.mode.as_str().to_owned(),
            })
            .collect()
    }
}

/// The file.
#[derive(Debug)]
pub(crate) struct History {
    path: PathBuf,
    events: Vec<HistoryEvent>,
    lines: usize,
    /// The last line is not whole: the server was killed while it wrote.
    torn: bool,
}

impl History {
    /// Reads the history of a folder, which may have none yet, and mends it.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let mut history = Self::read(folder)?;
        if history.torn {
            history.rewrite()?;
        }
        Ok(history)
    }

    fn read(folder: &Path) -> io::Result<Self> {
        let path = folder.join("history.jsonl");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let mut history = Self {
            path,
            events: Vec::new(),
            lines: text.lines().count(),
            torn: !text.is_empty() && !text.ends_with('\n'),
        };
        for (number, line) in text.lines().enumerate() {
            match serde_json::from_str(line) {
                Ok(event) => history.push(event),
                Err(error) => {
                    tracing::warn!(path = %history.path.display(), line = number + 1, %error, "a line of the policy's history cannot be read");
                }
            }
        }
        Ok(history)
    }

    /// Oldest first.
    pub(crate) fn events(&self) -> &[HistoryEvent] {
        &self.events
    }

    pub(crate) fn last(&self) -> Option<&HistoryEvent> {
        self.events.last()
    }

    /// Adds an event; it is on disk when this returns.
    pub(crate) fn append(&mut self, mut event: HistoryEvent) -> io::Result<()> {
        let excess = event.refused.len().saturating_sub(MAX_REFUSED);
        event.refused.drain(..excess);
        let mut line = serde_json::to_vec(&event)?;
        line.push(b'\n');
        self.push(event);
        if self.lines >= 2 * KEPT {
            return self.rewrite();
        }
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)?;
        file.write_all(&line)?;
        file.sync_all()?;
        self.lines += 1;
        Ok(())
    }

    fn push(&mut self, event: HistoryEvent) {
        if self.events.len() == KEPT {
            self.events.remove(0);
        }
        self.events.push(event);
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        for event in &self.events {
            serde_json::to_writer(&mut text, event)?;
            text.push(b'\n');
        }
        write_whole(&self.path, &text)?;
        self.lines = self.events.len();
        self.torn = false;
        Ok(())
    }
}

/// The history in a folder that no server uses, oldest event first.
///
/// # Errors
/// The file cannot be read; that there is none is no error.
pub fn read_history(folder: &Path) -> io::Result<Vec<HistoryEvent>> {
    Ok(History::read(folder)?.events)
}

/// What of a generation is other than in the one before, in words.
pub(crate) fn changes(before: &[Arc<Step>], after: &[Arc<Step>]) -> Vec<String> {
    let find = |steps: &[Arc<Step>], name: &str| {
        steps.iter().find(|step| step.config.name == name).cloned()
    };
    let mut changes: Vec<String> = after
        .iter()
        .filter_map(|step| {
            let name = &step.config.name;
            match find(before, name) {
                None => Some(format!("{name}: new")),
                Some(old) if Arc::ptr_eq(&old, step) => None,
                Some(old) => Some(format!("{name}: {}", difference(&old, step))),
            }
        })
        .collect();
    let gone = before
        .iter()
        .filter(|step| find(after, &step.config.name).is_none());
    changes.extend(gone.map(|step| format!("{}: gone", step.config.name)));
    let kept = |steps: &[Arc<Step>], others: &[Arc<Step>]| -> Vec<String> {
        let names = steps.iter().map(|step| step.config.name.clone());
        names.filter(|name| find(others, name).is_some()).collect()
    };
    if kept(before, after) != kept(after, before) {
        changes.push("another order".into());
    }
    changes
}

fn difference(old: &Step, new: &Step) -> String {
    let short = |step: &Step| step.shared.info.digest.get(..12).unwrap_or("").to_owned();
    let mut parts = Vec::new();
    if old.shared.info.digest != new.shared.info.digest {
        parts.push(format!("plugin {} -> {}", short(old), short(new)));
    }
    if old.config.settings != new.config.settings {
        parts.push("settings".into());
    }
    if old.config.mode != new.config.mode {
        let (old, new) = (old.config.mode.as_str(), new.config.mode.as_str());
        parts.push(format!("mode {old} -> {new}"));
    }
    if parts.is_empty() {
        parts.push("configuration".into());
    }
    parts.join(", ")
}

/// Replaces a file so that it is there whole, the old or the new one, whatever happens.
pub(crate) fn write_whole(path: &Path, octets: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)?;
    file.write_all(octets)?;
    if let Ok(data) = fs::metadata(path) {
        file.as_file().set_permissions(data.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(generation: u64) -> HistoryEvent {
        HistoryEvent {
            generation,
            at: 1,
            who: "watch".into(),
            why: "file change".into(),
            again: None,
            changes: Vec::new(),
            steps: Vec::new(),
            files: "abc".into(),
            refused: Vec::new(),
        }
    }

    #[test]
    fn it_is_there_after_a_restart_and_a_torn_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::open(folder.path()).unwrap();
        history.append(event(1)).unwrap();
        history.append(event(2)).unwrap();
        let path = folder.path().join("history.jsonl");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"generation\":3,\"at\"");
        fs::write(&path, text).unwrap();
        let mut history = History::open(folder.path()).unwrap();
        assert_eq!(history.events(), [event(1), event(2)]);
        history.append(event(3)).unwrap();
        let history = History::open(folder.path()).unwrap();
        assert_eq!(history.last(), Some(&event(3)));
        assert_eq!(history.events().len(), 3);
    }

    #[test]
    fn it_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::open(folder.path()).unwrap();
        history.lines = 2 * KEPT - 1;
        history.events = (0..KEPT as u64).map(event).collect();
        history.append(event(1000)).unwrap();
        history.append(event(1001)).unwrap();
        let again = History::open(folder.path()).unwrap();
        assert_eq!(again.events().len(), KEPT);
        assert_eq!(again.lines, KEPT);
        assert_eq!(again.last(), Some(&event(1001)));
    }
}
